/**
 * What a real keeper records when its command ends, and the conclusions: when it ended, and whether
 * the machine was shutting down.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { apply } from '../../../daemon/core/apply.ts';
import type { Target } from '../../../daemon/core/catalog.ts';
import type { CommandInput } from '../../../daemon/core/command.ts';
import type { Event } from '../../../daemon/core/event.ts';
import { REAL_SPAWN, type Spawn } from '../../../daemon/keepers/fork-server.ts';
import { KEEPER_SCRIPT } from '../../../daemon/keepers/perl.ts';
import { ProcessKeepers } from '../../../daemon/keepers/process-keepers.ts';
import { RunDirectories } from '../../../daemon/keepers/run-directories.ts';
import { foundIn, readStatusFile, type StatusRecord } from '../../../daemon/keepers/status-file.ts';
import type { KeeperId, RunId } from '../../../daemon/shared/run.ts';
import { SystemClock } from '../../../daemon/system/clock.ts';
import { childrenOf, seemsAlive } from '../../../daemon/system/proc.ts';
import { TERM_MS_MAX } from '../../../daemon/system/shutdown.ts';
import { directory } from '../../support/config.ts';
import { Core, exit, stamp, target } from '../../support/core.ts';
import { ManualClock, SpokenLog } from '../../support/parts.ts';

const NONCE = 'nonce';
const STATUS = `status.1.${NONCE}`;
const RUN = { run: 1, target: 'job', merged: true, startNonce: NONCE };

/** Keepers in real time; `take` creates others, as in the next daemon. */
function stage(t: TestContext) {
  const state = directory(t);
  const runs = join(state, 'runs');
  const clock = new SystemClock({ offsetMs: 0 });
  const log = new SpokenLog();
  const posts: CommandInput[] = [];
  const directories = new RunDirectories({ directory: state, nonce: NONCE, log: log.pino });
  const take = (): ProcessKeepers =>
    new ProcessKeepers({ directories, clock, log: log.pino, post: (input) => posts.push(input) });
  const posted = async <T extends CommandInput['type']>(
    type: T,
  ): Promise<Extract<CommandInput, { type: T }>> => {
    for (;;) {
      const found = posts.find(
        (input): input is Extract<CommandInput, { type: T }> => input.type === type,
      );
      if (found !== undefined) return found;
      await sleep(2);
    }
  };
  const keepers = take();
  /** Starts a shell script and resolves when it has reported that it is up. */
  const start = async (script: string): Promise<KeeperId> => {
    const args: [string, ...string[]] = ['/bin/sh', '-c', script];
    await keepers.start(RUN, 1, { keeper: 'process', env: {}, args });
    const { keeper } = await posted('kept');
    t.after(() => {
      if (seemsAlive(keeper)) process.kill(keeper.pid, 'SIGKILL');
    });
    keepers.go(1);
    while (!existsSync(join(runs, '1', 'up'))) await sleep(2);
    return keeper;
  };
  return { runs, own: join(runs, '1'), clock, log, keepers, take, posts, posted, start };
}

const UP = ': > "$BATON_RUN_DIR/up"';
const WAIT = 'while [ ! -e "$BATON_RUN_DIR/go" ]; do sleep .01; done';

test('a run that ended while there was no daemon ended when its keeper says, not when it is found', async (t) => {
  const { own, clock, keepers, take, posts, posted, start } = stage(t);
  const keeper = await start(`${UP}; ${WAIT}; exit 3`);
  const beganMs = clock.now().steadyMs;
  keepers.drop(1);
  writeFileSync(join(own, 'go'), '');
  while (seemsAlive(keeper)) await sleep(2);
  const goneMs = clock.now().steadyMs;
  await sleep(300); // the time without a daemon
  take().adopt(RUN, 1, keeper);
  const { report } = await posted('reported');
  const { ended } = report;
  assert.equal(report.code, 3);
  assert.ok(ended?.steadyMs !== undefined);
  assert.ok(ended.steadyMs >= beganMs && ended.steadyMs <= goneMs, 'not the time of the look');
  assert.ok(ended.wallMs <= Date.now() - 250 && ended.wallMs > Date.now() - 60_000);
  assert.ok(ended.tookMs >= 0 && ended.tookMs <= goneMs);
  assert.equal(posts.filter(({ type }) => type === 'reported').length, 1);
});

const NOT_TOLD: StatusRecord = {
  ...{ started: true, code: null, signal: 15, core: false, stage: null, errno: null },
  ...{ tookMs: 5_000, steadyMs: 70_000, wallMs: 1_700_000_000_000, termMs: null, down: false },
};
const TOLD = { ...NOT_TOLD, termMs: 20 };

for (const [what, record, rebooted, isDown, isDoubtful] of [
  ['a command killed alone', NOT_TOLD, false, false, false],
  ['a command killed alone, before a boot', NOT_TOLD, true, false, false],
  ['a command killed with its keeper', TOLD, false, false, true],
  ['a command killed with its keeper, before a boot', TOLD, true, true, false],
  [
    'a command that caught the TERM, before a boot',
    { ...TOLD, signal: null, code: 1 },
    true,
    true,
    false,
  ],
  [
    'a command whose keeper was told long before',
    { ...TOLD, termMs: TERM_MS_MAX + 1 },
    true,
    false,
    false,
  ],
  ['the same within the limit', { ...TOLD, termMs: TERM_MS_MAX }, true, true, false],
  ['a command that succeeded in time', { ...TOLD, signal: null, code: 0 }, false, false, false],
  ['a command whose keeper saw systemd shut down', { ...NOT_TOLD, down: true }, false, true, false],
] as const) {
  test(`${what}: ${isDown ? 'the machine went down' : isDoubtful ? 'doubtful' : 'no shutdown'}`, () => {
    const found = foundIn(record, rebooted, new ManualClock(), undefined);
    assert.deepEqual(
      [found.report.isDown === true, found.isDoubtful === true],
      [isDown, isDoubtful],
    );
    const steady = rebooted ? undefined : 70_000;
    assert.deepEqual([found.report.ended?.tookMs, found.report.ended?.steadyMs], [5_000, steady]);
  });
}

test('the record of an older keeper is read, and tells no time', () => {
  const { started, code, signal, core, stage: at, errno } = NOT_TOLD;
  const found = foundIn(
    { started, code, signal, core, stage: at, errno },
    true,
    new ManualClock(),
    undefined,
  );
  assert.deepEqual(found, { report: { started: true, code: null, signal: 15, core: false } });
});

test('a command killed with its keeper by hand is killed, after a moment in which no shutdown shows', async (t) => {
  const { own, posted, start, clock } = stage(t);
  const keeper = await start(`${UP}; exec sleep 60`);
  const [child] = childrenOf(keeper.pid);
  assert.ok(child !== undefined);
  const killedMs = clock.now().steadyMs;
  for (const { pid } of [keeper, child]) process.kill(pid, 'SIGTERM');
  const { report } = await posted('reported');
  assert.deepEqual([report.signal, report.isDown], [15, undefined]);
  assert.ok(
    (report.ended?.steadyMs ?? 0) < killedMs + 1_000,
    'the moment is not a part of the run',
  );
  const record = readStatusFile(join(own, STATUS));
  assert.ok(typeof record === 'object' && typeof record.termMs === 'number');
});

test('a daemon that finds such an end after a boot knows that the machine went down', async (t) => {
  const { keepers, take, posted, start, posts } = stage(t);
  const keeper = await start(`trap 'exit 1' TERM; ${UP}; while :; do sleep .01; done`);
  const [child] = childrenOf(keeper.pid);
  assert.ok(child !== undefined);
  for (const { pid } of [keeper, child]) process.kill(pid, 'SIGTERM');
  while (seemsAlive(keeper)) await sleep(2);
  keepers.drop(1);
  assert.equal(
    posts.some(({ type }) => type === 'reported'),
    false,
    'it was held back',
  );
  take().adopt(RUN, 1, { ...keeper, bootId: 'the boot before' });
  const { report } = await posted('reported');
  assert.deepEqual([report.code, report.isDown, report.ended?.steadyMs], [1, true, undefined]);
});

for (const [what, obstacle] of [
  ['a directory', `mkdir "$BATON_RUN_DIR/${STATUS}"; : > "$BATON_RUN_DIR/${STATUS}/x"`],
  ['a FIFO', `mkfifo "$BATON_RUN_DIR/${STATUS}"`],
  ['a link to nowhere', `ln -s /nowhere/at/all "$BATON_RUN_DIR/${STATUS}"`],
  ['nonsense', `echo nonsense > "$BATON_RUN_DIR/${STATUS}"`],
  ['a directory at its temporary name', `mkdir "$BATON_RUN_DIR/${STATUS}.tmp"`],
  ['a FIFO at its temporary name', `mkfifo "$BATON_RUN_DIR/${STATUS}.tmp"`],
] as const) {
  test(`${what} in place of the status file does not hide how the command ended`, async (t) => {
    const { own, keepers, take, posted, start } = stage(t);
    const keeper = await start(`${obstacle}; ${UP}; ${WAIT}; exit 6`);
    // Another daemon checks while it is there: it neither waits for it nor takes it for an end.
    keepers.drop(1);
    const next = take();
    next.adopt(RUN, 1, keeper);
    writeFileSync(join(own, 'go'), '');
    assert.equal((await posted('reported')).report.code, 6);
    while (seemsAlive(keeper)) await sleep(2);
    assert.match(readFileSync(join(own, STATUS), 'utf8'), /"code":6/);
  });
}

test('what is no plain file is no status file, and is not waited for', (t) => {
  const own = directory(t);
  const path = join(own, STATUS);
  assert.equal(readStatusFile(path), undefined);
  mkdirSync(path);
  assert.equal(readStatusFile(path), 'unreadable');
  symlinkSync(path, join(own, 'status.2'));
  assert.equal(readStatusFile(join(own, 'status.2')), 'unreadable');
});

const ENDED = { started: true, code: 0, signal: null, core: false, stage: null, errno: null };

test('a status file that no keeper writes is unreadable, and nothing throws', (t) => {
  const path = join(directory(t), STATUS);
  for (const text of ['null', '[]', '"x"', '{}', '7', '', '{"started":true']) {
    writeFileSync(path, text);
    assert.equal(readStatusFile(path), 'unreadable', text);
  }
  for (const wrong of [{ errno: 0 }, { errno: -2 }, { errno: 1e9 }, { errno: 1.5 }, { code: -1 }]) {
    writeFileSync(path, JSON.stringify({ ...ENDED, stage: 'system', ...wrong }));
    assert.equal(readStatusFile(path), 'unreadable', JSON.stringify(wrong));
  }
  writeFileSync(path, JSON.stringify(ENDED));
  assert.deepEqual(readStatusFile(path), ENDED);
});

test('where the number of clock_gettime is not known, a keeper still tells the time since the boot', async (t) => {
  const text = readFileSync(KEEPER_SCRIPT, 'utf8');
  const without = text.replace('= system_calls();', '$&\n$clock = 0;');
  assert.notEqual(without, text);
  const script = join(directory(t), 'keeper.pl');
  writeFileSync(script, without);
  const clock = new SystemClock({ offsetMs: 0 });
  const log = new SpokenLog().pino;
  const directories = new RunDirectories({ directory: directory(t), nonce: NONCE, log });
  const posts: CommandInput[] = [];
  const spawnIt: Spawn = (file, [, ...args], options) =>
    REAL_SPAWN(file, [script, ...args], options);
  const keepers = new ProcessKeepers({
    ...{ directories, clock, log, spawn: spawnIt },
    post: (input) => {
      posts.push(input);
      if (input.type === 'kept') keepers.go(1);
    },
  });
  const beganMs = Number(readFileSync('/proc/uptime', 'utf8').split('.')[0]) * 1_000;
  await keepers.start(RUN, 1, { keeper: 'process', env: {}, args: ['/bin/true'] });
  for (;;) {
    const input = posts.find((one) => one.type === 'reported');
    if (input?.type === 'reported') {
      assert.ok((input.report.ended?.steadyMs ?? 0) >= beganMs);
      break;
    }
    await sleep(2);
  }
});

const HOUR = 3_600_000;
/** The machine lost its power, and was restarted nine hours after the run. */
const BOOTED: Event = { type: 'booted', bootId: 'the next', offsetMs: 9 * HOUR };

/** A run of the previous boot, found ten minutes after the new one began. */
function afterPowerCut(booted: Event, more: Partial<Target> = {}): { core: Core; run: RunId } {
  const core = new Core([target('nightly', [], more)]);
  const run = core.ask('nightly');
  core.advance(9 * HOUR + 600_000);
  apply(core.state, booted);
  return { core, run };
}

test('a run that nobody saw end has ended when the machine was started at the latest', () => {
  const { core, run } = afterPowerCut(BOOTED);
  core.wallShiftMs = 5_000;
  core.lose(run, [], true);
  const { ended, outcome } = core.expect(run, 'ended');
  assert.deepEqual(outcome, { kind: 'interrupted' });
  assert.deepEqual(ended, { steadyMs: 9 * HOUR, wallMs: stamp(9 * HOUR).wallMs + 5_000 });
  assert.deepEqual(
    core.state.targetStates.get('nightly')?.tookMs,
    [],
    'it tells nothing of others',
  );
});

test('the record of an older keeper, which tells no time, is bounded by the boot as well', () => {
  const { core, run } = afterPowerCut(BOOTED);
  core.end(run, exit(3));
  assert.equal(core.expect(run, 'ended').ended.steadyMs, 9 * HOUR);
});

test('a run of this boot that is lost ends when that is seen', () => {
  const { core, run } = afterPowerCut({ ...BOOTED, bootId: 'boot' });
  core.lose(run);
  assert.equal(core.expect(run, 'ended').ended.steadyMs, 9 * HOUR + 600_000);
});

test('after a boot with a wrong clock no run ends before it has begun', () => {
  const { core, run } = afterPowerCut({ ...BOOTED, offsetMs: -HOUR });
  core.lose(run, [], true);
  const { ended, started } = core.expect(run, 'ended');
  assert.deepEqual(ended, started);
});

test('an interrupted run that is tried again is so from now on', () => {
  const { core, run } = afterPowerCut(BOOTED, { onLost: 'retry' });
  core.lose(run, [], true);
  const { started, attempt } = core.expect(run, 'running');
  assert.deepEqual([started.steadyMs, attempt], [9 * HOUR + 600_000, 2]);
});
