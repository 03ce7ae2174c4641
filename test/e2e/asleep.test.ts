/**
 * A real daemon on a machine that sleeps, as far as it can tell: the kernel's uptime and the wall
 * clock advance, the monotonic clock does not. Once while it runs, once between two daemons, in a
 * time namespace.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { uptime } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Puppets } from '../support/puppet.ts';
import { BATOND, Rig } from '../support/rig.ts';
import { skipWithout } from '../support/tools.ts';

const HOUR_S = 3_600;
const HOUR_MS = HOUR_S * 1_000;

interface Stage {
  readonly rig: Rig;
  readonly puppets: Puppets;
}

async function stage(t: TestContext): Promise<Stage> {
  const puppets = await Puppets.open();
  const rig = new Rig();
  t.after(async () => {
    await rig.close();
    puppets.close();
  });
  const policies = [{ type: 'cardinality', group: 'disk' }];
  const runner = (name: string) => ({ type: 'local', args: puppets.args(name) });
  rig.configure({
    targets: {
      first: { runner: runner('first'), policies, timeout: '1h' },
      second: { runner: runner('second'), policies, maxWait: '2h' },
      daily: { runner: runner('daily'), lateAfter: '2h', onLate: 'tell' },
      tell: { runner: runner('tell') },
      free: { runner: runner('free') },
    },
  });
  return { rig, puppets };
}

/** The daemon's own command line. */
function batond({ configFile, socket, state }: Rig): readonly string[] {
  const own = ['--config', configFile, '--socket', socket, '--state', state];
  return [process.execPath, BATOND, ...own];
}

/** The library that `faketime` preloads. */
function library(): string {
  const { stdout } = spawnSync('faketime', ['-f', '+0', 'printenv', 'LD_PRELOAD']);
  return `${stdout}`.trim();
}

interface Sleeper {
  /** Puts the machine to sleep, once. */
  readonly sleep: (seconds: number) => void;
  /** For another process on the same machine. */
  readonly env: Readonly<Record<string, string>>;
}

/** Starts a daemon whose clocks are controlled by two files. */
async function bootSleeper(rig: Rig): Promise<Sleeper> {
  const [up, wall] = [join(rig.directory, 'uptime'), join(rig.directory, 'wall')];
  const write = (asleep: number): void => {
    writeFileSync(up, `${(uptime() + asleep).toFixed(2)} 0.00\n`);
    writeFileSync(wall, `+${asleep}\n`);
  };
  write(0);
  const bind = 'mount --bind "$1" /proc/uptime && shift && exec "$@"';
  const command = ['unshare', '--mount', 'sh', '-c', bind, 'sh', up, ...batond(rig)];
  const env = {
    LD_PRELOAD: library(),
    FAKETIME_TIMESTAMP_FILE: wall,
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  };
  await Promise.race([rig.spawn(command, env), rig.logged('ready')]);
  return { sleep: write, env };
}

test('a daemon whose machine sleeps gives up what waited too long, and ends nothing that runs', async (t) => {
  if (skipWithout(t, 'root', 'a mount namespace', 'faketime')) return;
  const { rig, puppets } = await stage(t);
  const { sleep } = await bootSleeper(rig);
  const session = await rig.open();
  const first = await session.ask({ type: 'run', target: 'first', wait: false }, 'accepted');
  const command = await puppets.next();
  const second = await session.ask({ type: 'run', target: 'second', wait: false }, 'accepted');
  sleep(3 * HOUR_S);
  const ended = session.ask({ type: 'wait', run: second.run }, 'ended');
  // Anything that makes the daemon look saves this test the minute until it looks by itself.
  await session.ask({ type: 'run', target: 'free', wait: false }, 'accepted');
  const { outcome, exit } = await ended;
  assert.ok(outcome.kind === 'expired' && outcome.waitedMs >= 3 * HOUR_MS, JSON.stringify(outcome));
  assert.equal(exit, 75);
  const others = [await puppets.next(), await puppets.next()];
  assert.deepEqual(others.map(({ name }) => name).sort(), ['free', 'tell']);
  for (const puppet of others) puppet.exit(0);
  command.exit(0);
  const done = await session.ask({ type: 'wait', run: first.run }, 'ended');
  assert.deepEqual([done.outcome, done.exit], [{ kind: 'exited', code: 0 }, 0]);
  const { runs } = await session.ask({ type: 'history', target: 'first', limit: 1 }, 'history');
  assert.ok((runs[0]?.tookMs ?? HOUR_MS) < HOUR_MS, 'how long it took is without the sleep');
  session.close();
});

test('wait --all tells of a failure from before a sleep', async (t) => {
  if (skipWithout(t, 'root', 'a mount namespace', 'faketime')) return;
  const { rig, puppets } = await stage(t);
  const { sleep, env } = await bootSleeper(rig);
  const session = await rig.open();
  await session.ask({ type: 'run', target: 'first', wait: false }, 'accepted');
  const held = await puppets.next();
  const before = (await rig.status()).requests;
  const client = rig.client(['wait', '--all'], env);
  // The history, the query, and the wait for the first run; our own requests count as well.
  for (let own = 1; (await rig.status()).requests < before + own + 3; own++);
  const failing = session.ask({ type: 'run', target: 'free', wait: true }, 'ended');
  (await puppets.next()).exit(4);
  const { run } = await failing;
  sleep(3 * HOUR_S);
  held.exit(0);
  const hook = await puppets.next();
  assert.equal(hook.name, 'tell', 'the next target is late');
  hook.exit(0);
  const { status, errors } = await client.ended;
  assert.deepEqual([status, errors], [4, `baton: free: run ${run} exited with 4\n`]);
  session.close();
});

test('a daemon that is started after a sleep finds what became due in it', async (t) => {
  if (skipWithout(t, 'root', 'a time namespace')) return;
  const { rig, puppets } = await stage(t);
  await rig.boot();
  const session = await rig.open();
  await session.ask({ type: 'pause', target: 'second' }, 'done');
  const second = await session.ask({ type: 'run', target: 'second', wait: false }, 'accepted');
  session.close();
  await rig.end('SIGTERM');
  // In this namespace the uptime is three hours ahead of the monotonic clock.
  const later = ['unshare', '--time', '--boottime', String(3 * HOUR_S), '--kill-child=SIGKILL'];
  const since = rig.log.length;
  await Promise.race([rig.spawn([...later, ...batond(rig)]), rig.logged('ready', since)]);
  const again = await rig.open();
  const { outcome } = await again.ask({ type: 'wait', run: second.run }, 'ended');
  assert.ok(outcome.kind === 'expired' && outcome.waitedMs >= 3 * HOUR_MS, JSON.stringify(outcome));
  const hook = await puppets.next();
  assert.equal(hook.name, 'tell');
  hook.exit(0);
  await again.ask({ type: 'wait', run: hook.run }, 'ended');
  again.close();
});
