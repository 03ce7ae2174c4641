/**
 * A full disk with the state directory: new work is refused with the reason, running runs continue,
 * and nothing that happened meanwhile is forgotten. Needs root, for a small file system of its own.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  fstatSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmdirSync,
  rmSync,
  watch,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { RequestInput } from '../../daemon/protocol/request-schema.ts';
import { OutputWriter } from '../../runners/ssh-keeper/output-writer.ts';
import { Puppets } from '../support/puppet.ts';
import { Rig, type Session } from '../support/rig.ts';
import { skipWithout } from '../support/tools.ts';

const PAGE_BYTES = 4_096;
/** Below the runner's limit, which would leave the file system mounted. */
const LIMIT = { timeout: 60_000 };
const NEEDS = ['root', 'a mount namespace', 'mount', 'umount'];

interface Stage {
  readonly rig: Rig;
  readonly puppets: Puppets;
  readonly filler: string;
}

/** A rig on a disk of 256 KiB, or undefined if the test was skipped. */
async function stage(t: TestContext): Promise<Stage | undefined> {
  if (skipWithout(t, ...NEEDS)) return undefined;
  const state = mkdtempSync(join(tmpdir(), 'baton-disk-'));
  const options = ['-t', 'tmpfs', '-o', 'size=256k,mode=0700', 'tmpfs', state];
  const mounted = spawnSync('mount', options, { encoding: 'utf8' });
  assert.equal(mounted.status, 0, mounted.stderr);
  const puppets = await Puppets.open();
  const rig = new Rig();
  t.after(async () => {
    rmSync(join(state, 'filler'), { force: true });
    await rig.close();
    puppets.close();
    spawnSync('umount', ['-l', state]);
    rmdirSync(state);
  });
  Object.assign(rig, { state });
  const policies = [{ type: 'cardinality' }];
  rig.configure({
    targets: {
      one: { runner: { type: 'local', args: puppets.args('one') }, policies },
      told: { runner: { type: 'local', args: puppets.args('told') } },
      loud: { runner: { type: 'local', args: puppets.args('loud') }, onFailure: 'told' },
    },
  });
  await rig.boot();
  return { rig, puppets, filler: join(state, 'filler') };
}

/** Uses all free space. */
function fill(filler: string): void {
  const file = openSync(filler, 'a');
  try {
    for (;;) writeSync(file, Buffer.alloc(PAGE_BYTES));
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
  }
  closeSync(file);
}

/** Frees one page of it. */
function makeRoom(filler: string): void {
  const file = openSync(filler, 'r+');
  const { size } = fstatSync(file);
  ftruncateSync(file, size - (size % PAGE_BYTES || PAGE_BYTES));
  closeSync(file);
}

/** Repeats a request until the journal's last page has no room for it; resolves with the count. */
async function exhaust(session: Session, ...requests: readonly RequestInput[]): Promise<number> {
  for (let count = 0; ; count++) {
    const request = requests[count % requests.length];
    assert.ok(request !== undefined && count < 1_000);
    const id = session.send(request);
    const answer = await Promise.any([
      session.reply('accepted', id),
      session.reply('done', id),
      session.reply('error', id),
    ]);
    if (answer.type !== 'error') continue;
    assert.deepEqual([answer.code, answer.exit], ['disk-full', 75]);
    assert.match(answer.message, /the journal cannot be written \(ENOSPC\)/);
    return count;
  }
}

async function activeRuns(rig: Rig): Promise<readonly number[]> {
  const { targets } = await rig.status();
  return targets.flatMap(({ active }) => active.map(({ run }) => run));
}

test(
  'on a full disk requests are refused with 75, what runs goes on, and its end is recorded once there is room',
  LIMIT,
  async (t) => {
    const staged = await stage(t);
    if (staged === undefined) return;
    const { rig, puppets, filler } = staged;
    const session = await rig.open();
    const first = session.send({ type: 'run', target: 'one', wait: true });
    const { run } = await session.reply('accepted', first);
    const puppet = await puppets.next();
    fill(filler);
    const waiting = await exhaust(session, { type: 'run', target: 'one' });
    await exhaust(session, { type: 'pause', target: 'one' }, { type: 'resume', target: 'one' });
    await exhaust(session, { type: 'cancel', of: run });
    await exhaust(session, { type: 'cancel', of: 'one' });
    const refused = await rig.baton('run', 'one');
    assert.equal(refused.status, 75);
    assert.match(refused.errors, /^baton: one: .*\(ENOSPC\); free space on its disk\n$/);
    const { errno } = await rig.logged('journal cannot be written; new requests are refused');
    assert.equal(errno, 'ENOSPC');

    // The command continues and ends, but its keeper has no room to record that.
    assert.equal(await puppet.tell('umask'), '0022');
    puppet.exit(23);
    await puppet.gone();
    // It is known nevertheless, and reported to everybody; no later request overwrites it.
    const said = /exited with 23, but the journal cannot be written \(ENOSPC\); free space/;
    assert.match((await session.reply('notice', first)).text, said);
    const { targets } = await rig.status();
    assert.match(targets[0]?.active[0]?.unrecorded ?? '', said);
    const told = await rig.baton('why', 'one');
    assert.match(`${told.text}${told.errors}`, /exited with 23/);
    await rig.logged('end of a run cannot be recorded');
    await rig.logged('keeper cannot write how its run ended');
    assert.equal((await rig.baton('cancel', String(run))).status, 75);
    assert.deepEqual(await activeRuns(rig), [run]);

    // Now the keeper has room, but the journal has not.
    const directory = join(rig.state, 'runs', String(run));
    const recorded = new Promise<void>((resolve) => {
      const look = (): void => {
        if (!readdirSync(directory).some((name) => /^status\.1\.[\w-]+$/.test(name))) return;
        watcher.close();
        resolve();
      };
      const watcher = watch(directory, look);
      // It may never be recorded: the journal may be faster.
      t.after(() => watcher.close());
      look();
    });
    const since = rig.log.length;
    let isOver = false;
    const ended = session.reply('ended', first).finally(() => {
      isOver = true;
    });
    makeRoom(filler);
    // There is room for only one: if the journal is faster, the keeper has nothing to record.
    await Promise.race([recorded, ended]);
    if (!isOver) assert.deepEqual(await activeRuns(rig), [run]);

    rmSync(filler);
    assert.equal((await ended).exit, 23);
    await rig.logged('journal can be written again', since);
    await session.ask({ type: 'resume', target: 'one' }, 'done');
    for (let count = 0; count < waiting; count++) (await puppets.next()).exit(0);
    const last = session.send({ type: 'run', target: 'one', wait: true });
    (await puppets.next()).exit(5);
    assert.equal((await session.reply('ended', last)).exit, 5);
    assert.equal(puppets.order.length, waiting + 2, 'what was refused never ran');
  },
);

test(
  'a daemon starts on a full disk, takes over what runs, and says what it cannot do',
  LIMIT,
  async (t) => {
    const staged = await stage(t);
    if (staged === undefined) return;
    const { rig, puppets, filler } = staged;
    const before = await rig.open();
    const { run } = await before.ask({ type: 'run', target: 'one' }, 'accepted');
    const puppet = await puppets.next();
    fill(filler);
    await exhaust(before, { type: 'run', target: 'one' });
    await exhaust(before, { type: 'pause', target: 'one' }, { type: 'resume', target: 'one' });
    await rig.end('SIGKILL');
    await rig.boot();
    const session = await rig.open();
    assert.deepEqual(await activeRuns(rig), [run]);
    await exhaust(session, { type: 'run', target: 'one' });
    const ended = session.send({ type: 'wait', run });
    rmSync(filler);
    puppet.exit(9);
    assert.equal((await session.reply('ended', ended)).exit, 9);
  },
);

test('a run for whose files there is no room starts once there is some', LIMIT, async (t) => {
  const staged = await stage(t);
  if (staged === undefined) return;
  const { rig, puppets, filler } = staged;
  const session = await rig.open();
  // Room in the journal's page, none for the run's status file or output.
  fill(filler);
  const id = session.send({ type: 'run', target: 'one', wait: true });
  await session.reply('accepted', id);
  const puppet = await puppets.next();
  puppet.exit(4);
  await puppet.gone();
  rmSync(filler);
  assert.equal((await session.reply('ended', id)).exit, 4);
});

test(
  'a command is not held up by a full disk; how much of its output is missing is told to the byte',
  LIMIT,
  async (t) => {
    const staged = await stage(t);
    if (staged === undefined) return;
    const { rig, puppets, filler } = staged;
    const client = rig.client(['run', 'told', '--wait']);
    const puppet = await puppets.next();
    fill(filler);
    const printed = 200_000;
    await puppet.print('out', Buffer.alloc(printed, 'x'));
    puppet.exit(0);
    await puppet.gone();
    rmSync(filler);
    const { status, stdout, errors } = await client.ended;
    assert.equal(status, 0);
    const [, missing] =
      /^baton: told: run 1 .*; (\d+) bytes of its output are missing/.exec(errors) ?? [];
    assert.ok(Number(missing) > 0);
    assert.equal(stdout.length + Number(missing), printed);
    const said = `; ${missing} bytes of its output are missing, because they could not be written`;
    for (const verb of ['status', 'history', 'why']) {
      const { text } = await rig.baton(verb, ...(verb === 'status' ? [] : ['told']));
      assert.ok(text.replace(/\s+/g, ' ').includes(said), `${verb}: ${text}`);
    }
    const logs = await rig.baton('logs', 'told');
    assert.deepEqual([logs.status, logs.stdout.length], [0, stdout.length]);
    assert.ok(logs.errors.startsWith(`baton: told: run 1 has ended${said}`), logs.errors);
    assert.equal(logs.errors.match(/\n/g)?.length, 1);
  },
);

test(
  'an end for which only the journal has room is told at once, and no cancel comes after it',
  LIMIT,
  async (t) => {
    const staged = await stage(t);
    if (staged === undefined) return;
    const { rig, puppets, filler } = staged;
    const session = await rig.open();
    const id = session.send({ type: 'run', target: 'one', wait: true });
    const { run } = await session.reply('accepted', id);
    const puppet = await puppets.next();
    fill(filler);
    puppet.exit(6);
    const { exit, outcome } = await session.reply('ended', id);
    assert.deepEqual([exit, outcome], [6, { kind: 'exited', code: 6 }]);
    const { errno } = await rig.logged('keeper cannot write how its run ended');
    assert.equal(errno, 'ENOSPC');
    const { runs } = await session.ask({ type: 'cancel', of: run }, 'done');
    assert.deepEqual(runs, []);
  },
);

test(
  'a hook whose run ended while the disk was full runs once, when there is room',
  LIMIT,
  async (t) => {
    const staged = await stage(t);
    if (staged === undefined) return;
    const { rig, puppets, filler } = staged;
    const session = await rig.open();
    const id = session.send({ type: 'run', target: 'loud', wait: true });
    const { run } = await session.reply('accepted', id);
    const puppet = await puppets.next();
    fill(filler);
    await exhaust(session, { type: 'pause', target: 'one' }, { type: 'resume', target: 'one' });
    puppet.exit(7);
    await puppet.gone();
    assert.equal(puppets.unasked, 0);
    rmSync(filler);
    assert.equal((await session.reply('ended', id)).exit, 7);
    const told = await puppets.next();
    assert.equal(told.name, 'told');
    const waits = session.ask({ type: 'wait', run: told.run }, 'ended');
    told.exit(0);
    assert.equal((await waits).exit, 0);
    assert.deepEqual(puppets.order, ['loud', 'told']);
    const { runs } = await session.ask({ type: 'history' }, 'history');
    assert.deepEqual(
      runs.map((it) => [it.run, it.cause?.run]),
      [
        [told.run, run],
        [run, undefined],
      ],
    );
  },
);

test('output files for which there is no room are made once there is some', LIMIT, async (t) => {
  if (skipWithout(t, ...NEEDS)) return;
  const directory = mkdtempSync(join(tmpdir(), 'baton-disk-'));
  const mount = (options: string) =>
    spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', directory], { encoding: 'utf8' });
  const mounted = mount('size=256k,nr_inodes=1');
  t.after(() => {
    spawnSync('umount', ['-l', directory]);
    rmdirSync(directory);
  });
  assert.equal(mounted.status, 0, mounted.stderr);
  assert.throws(() => openSync(join(directory, 'out'), 'a'), { code: 'ENOSPC' });
  const opening = OutputWriter.open(directory, false);
  assert.equal(mount('remount,size=256k,nr_inodes=16').status, 0);
  await (await opening).close();
  assert.deepEqual(readdirSync(directory).toSorted(), ['err', 'out']);
});
