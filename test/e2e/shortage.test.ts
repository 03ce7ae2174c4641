/**
 * Too many open files, too many processes: the daemon stays and reports the problem, runs continue,
 * and what could not be started is started once the shortage is over.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { chownSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Puppets } from '../support/puppet.ts';
import { BATOND, Rig, type Session } from '../support/rig.ts';
import { skipWithout } from '../support/tools.ts';

const LIMIT = { timeout: 60_000 };

async function stage(t: TestContext): Promise<{ rig: Rig; puppets: Puppets }> {
  const puppets = await Puppets.open();
  const rig = new Rig();
  t.after(async () => {
    await rig.close();
    puppets.close();
  });
  rig.configure({ targets: { long: { runner: { type: 'local', args: puppets.args('long') } } } });
  return { rig, puppets };
}

/** Keeps the daemon from opening more files; the result permits it again. */
async function exhaustFiles(rig: Rig): Promise<() => void> {
  const pid = String(rig.daemon?.pid);
  const open = (): number => readdirSync(`/proc/${pid}/fd`).length;
  const limit = open() + 4;
  execFileSync('prlimit', ['--pid', pid, `--nofile=${limit}:`]);
  const others: Session[] = [];
  // One more than the limit waits in the kernel's queue.
  while (open() < limit) {
    others.push(await rig.open());
    await sleep(5);
  }
  return () => {
    execFileSync('prlimit', ['--pid', pid, '--nofile=1024:']);
    for (const other of others) other.close();
  };
}

test(
  'without a free file descriptor nothing starts and nothing is lost, and then it goes on',
  LIMIT,
  async (t) => {
    const { rig, puppets } = await stage(t);
    await rig.boot();
    const first = await rig.open();
    const { run } = await first.ask({ type: 'run', target: 'long' }, 'accepted');
    const running = await puppets.next();
    // Another daemon learns about the run only by observing it.
    await rig.end('SIGKILL');
    await rig.boot();
    const session = await rig.open();
    const waiting = session.send({ type: 'wait', run });
    await session.reply('started', waiting);
    const relax = await exhaustFiles(rig);
    const unseen = await rig.logged('run cannot be checked now');
    assert.deepEqual([unseen['run'], unseen['errno']], [run, 'EMFILE']);
    const second = session.send({ type: 'run', target: 'long', wait: true });
    const { run: later } = await session.reply('accepted', second);
    const again = await rig.logged('start is retried');
    assert.deepEqual([again['run'], again['errno']], [later, 'EMFILE']);
    const { targets } = await session.ask({ type: 'status' }, 'status');
    assert.deepEqual(
      targets[0]?.active.map((view) => [view.run, view.state]),
      [
        [run, 'running'],
        [later, 'starting'],
      ],
    );
    // It ends while nobody can see that.
    running.exit(7);
    await running.gone();
    relax();
    assert.equal((await session.reply('ended', waiting)).exit, 7);
    (await puppets.next()).exit(0);
    assert.equal((await session.reply('ended', second)).exit, 0);
  },
);

/** Used by nobody else. */
const UID = 54_321;
const PROCESSES_MAX = 60;

/** Processes of this user, up to one below the limit for the daemon; the result ends them. */
async function exhaustProcesses(): Promise<() => void> {
  const script = `$| = 1; for (1 .. ${PROCESSES_MAX}) { if (!fork) { sleep 600; exit } } print "full\\n"; <STDIN>; kill 'KILL', -$$`;
  const crowd = spawn('setpriv', [`--reuid=${UID}`, '--clear-groups', 'perl', '-e', script], {
    detached: true,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await new Promise((resolve) => crowd.stdout.once('data', resolve));
  return () => crowd.stdin.end();
}

test(
  'where the user of the daemon may have no further process a run starts later',
  LIMIT,
  async (t) => {
    if (skipWithout(t, 'root', 'setpriv', 'prlimit')) return;
    const { rig, puppets } = await stage(t);
    mkdirSync(rig.state);
    for (const path of [rig.directory, rig.configFile, rig.state]) chownSync(path, UID, 0);
    // As another user, because the limit does not apply to root; it may read what root may.
    const chain = ['prlimit', `--nproc=${PROCESSES_MAX}:`, 'setpriv', `--reuid=${UID}`];
    const caps = ['--inh-caps=+dac_override', '--ambient-caps=+dac_override', '--clear-groups'];
    const own = ['--config', rig.configFile, '--socket', rig.socket, '--state', rig.state];
    const ended = rig.spawn([...chain, ...caps, process.execPath, BATOND, ...own]);
    await Promise.race([rig.logged('ready'), ended]);
    const status = readFileSync(`/proc/${rig.daemon?.pid}/status`, 'utf8');
    assert.match(status, new RegExp(`^Uid:\\s+${UID}\\s`, 'm'));
    const session = await rig.open();
    const relax = await exhaustProcesses();
    t.after(relax);
    const id = session.send({ type: 'run', target: 'long', wait: true });
    const { run } = await session.reply('accepted', id);
    const again = await rig.logged('start is retried');
    assert.deepEqual([again['run'], again['errno']], [run, 'EAGAIN']);
    await session.ask({ type: 'status' }, 'status');
    relax();
    (await puppets.next()).exit(5);
    assert.equal((await session.reply('ended', id)).exit, 5);
  },
);
