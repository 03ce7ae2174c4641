/**
 * The common supervisor, with a kind of keeper of its own, which takes only a few lines: it
 * provides everything that the supervisor needs to know about any kind.
 */
import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CommandInput } from '../../../daemon/core/command.ts';
import { RunDirectories } from '../../../daemon/keepers/run-directories.ts';
import { type Kept, Supervisor } from '../../../daemon/keepers/supervision.ts';
import type { KeeperId } from '../../../daemon/shared/run.ts';
import { bootId, statOf } from '../../../daemon/system/proc.ts';
import { directory } from '../../support/config.ts';
import { ManualClock, SpokenLog } from '../../support/parts.ts';

const NONCE = 'nonce';
const SELF: KeeperId = {
  ...{ pid: process.pid, startTime: statOf(process.pid)?.startTime ?? 0 },
  ...{ bootId: bootId(), nonce: NONCE },
};
const GONE: KeeperId = { ...SELF, startTime: 1 };
const EXIT_7 = { started: true, code: 7, signal: null, core: false, stage: null, errno: null };

/** Supervises one run of keepers that show only their process and their status file. */
function stage(t: TestContext, keeper: KeeperId) {
  const [clock, log, posts]: [ManualClock, SpokenLog, CommandInput[]] = [
    new ManualClock(),
    new SpokenLog(),
    [],
  ];
  const directories = new RunDirectories({ directory: directory(t), nonce: NONCE, log: log.pino });
  const own = directories.of(1);
  mkdirSync(own, { recursive: true });
  let fails = 0;
  const supervisor = new Supervisor<Kept>(
    { directories, clock, log: log.pino, post: (input) => posts.push(input) },
    {
      signs: () => ({ tells: () => true, leaves: () => [] }),
      ended: () => {
        if (fails-- > 0) throw Object.assign(new Error('EMFILE'), { code: 'EMFILE' });
        return {};
      },
      forgotten: () => {},
    },
  );
  const kept: Kept = {
    run: 1,
    target: 'third',
    merged: true,
    attempt: 1,
    life: { state: 'released', keeper },
  };
  supervisor.add(kept);
  const said = (msg: string) => log.lines.filter((line) => line['msg'] === msg).length;
  const status = join(own, `status.1.${NONCE}`);
  return {
    ...{ supervisor, kept, clock, posts, said, own, status },
    failToSee: (times: number) => {
      fails = times;
    },
  };
}

test('a run is looked at until its end is recorded, and told of once, whatever hints come', (t) => {
  const { supervisor, kept, clock, posts, status } = stage(t, SELF);
  for (let hint = 0; hint < 3; hint++) supervisor.watch(kept);
  clock.advance(10_000);
  assert.equal(posts.length, 0, 'its keeper lives');
  writeFileSync(status, JSON.stringify(EXIT_7));
  clock.advance(250);
  clock.advance(10_000);
  supervisor.watch(kept);
  assert.deepEqual(
    posts.map((input) => input.type === 'reported' && input.report.code),
    [7],
  );
  assert.equal(supervisor.runs.size, 0);
});

test('a run whose keeper is gone is lost, unless its keeper was not let go: then it starts again', (t) => {
  const lost = stage(t, GONE);
  lost.supervisor.watch(lost.kept);
  assert.deepEqual(lost.posts, [
    {
      ...{ type: 'gone', run: 1, attempt: 1, rebooted: false },
      ...{ survivors: [], startTimes: [] },
    },
  ]);
  const idle = stage(t, GONE);
  idle.kept.life = { state: 'ready', keeper: GONE };
  idle.supervisor.watch(idle.kept);
  const types = (): readonly string[] => idle.posts.map(({ type }) => type);
  assert.deepEqual(types(), []);
  idle.clock.advance(1_000);
  assert.deepEqual(types(), ['reported']);
  const [first] = idle.posts;
  assert.ok(first?.type === 'reported' && !first.report.started);
});

test('what cannot be looked at now is not lost: that is said once, and it is looked at again', (t) => {
  const { supervisor, kept, clock, posts, said, own, status } = stage(t, GONE);
  // A path through a file fails like a bad disk: it shows neither a file nor its absence.
  renameSync(own, `${own}.away`);
  writeFileSync(own, '');
  supervisor.watch(kept);
  clock.advance(5_000);
  assert.deepEqual([posts, said('run cannot be checked now')], [[], 1]);
  rmSync(own);
  renameSync(`${own}.away`, own);
  writeFileSync(status, JSON.stringify(EXIT_7));
  clock.advance(250);
  assert.deepEqual(
    posts.map(({ type }) => type),
    ['reported'],
  );
});

test('an end of which not all can be seen now is no end of the daemon, and is looked at again', (t) => {
  const { supervisor, kept, clock, posts, said, status, failToSee } = stage(t, SELF);
  failToSee(3);
  writeFileSync(status, JSON.stringify(EXIT_7));
  supervisor.watch(kept);
  clock.advance(500);
  assert.deepEqual([posts.length, said('run cannot be checked now')], [0, 1]);
  clock.advance(250);
  assert.deepEqual(
    posts.map(({ type }) => type),
    ['reported'],
  );
});

test('a status file that makes no sense is told of once, and no end', (t) => {
  const { supervisor, kept, clock, posts, said, status } = stage(t, SELF);
  writeFileSync(status, 'null');
  supervisor.watch(kept);
  clock.advance(5_000);
  assert.deepEqual([posts, said('unreadable status')], [[], 1]);
});

const TOLD_TO_END = { ...EXIT_7, code: null, signal: 15, termMs: 10 };

test('an end that may be the doing of a shutdown is held back until it is known that there is none', async (t) => {
  const { supervisor, kept, clock, posts, status } = stage(t, SELF);
  writeFileSync(status, JSON.stringify(TOLD_TO_END));
  supervisor.watch(kept);
  clock.advance(1_900);
  rmSync(status);
  assert.deepEqual([posts, kept.life.state], [[], 'doubted']);
  clock.advance(100);
  while (posts.length === 0) await sleep(1);
  assert.deepEqual(
    posts.map((input) => input.type === 'reported' && input.report.signal),
    [15],
  );
});

test('an end in doubt of which not all can be seen then is looked at anew, and a dropped one is not', async (t) => {
  const unseen = stage(t, SELF);
  writeFileSync(unseen.status, JSON.stringify(TOLD_TO_END));
  unseen.supervisor.watch(unseen.kept);
  unseen.failToSee(1);
  unseen.clock.advance(2_000);
  while (unseen.said('run cannot be checked now') === 0) await sleep(1);
  assert.deepEqual([unseen.posts, unseen.kept.life.state], [[], 'doubted']);
  unseen.clock.advance(2_000);
  while (unseen.posts.length === 0) await sleep(1);
  const dropped = stage(t, SELF);
  writeFileSync(dropped.status, JSON.stringify(TOLD_TO_END));
  dropped.supervisor.watch(dropped.kept);
  dropped.supervisor.forget(dropped.kept);
  dropped.clock.advance(10_000);
  await sleep(1);
  assert.deepEqual(dropped.posts, []);
});

test('of a run that was dropped nothing is told', (t) => {
  const { supervisor, kept, clock, posts, status } = stage(t, SELF);
  supervisor.watch(kept);
  supervisor.forget(kept);
  writeFileSync(status, JSON.stringify(EXIT_7));
  clock.advance(5_000);
  assert.deepEqual(posts, []);
});
