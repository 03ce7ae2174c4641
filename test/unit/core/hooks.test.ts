/**
 * Hooks and lateness: runs that start because of how another run ended, or because none succeeded.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Target, WAITING_PER_TARGET_MAX } from '../../../daemon/core/catalog.ts';
import type { Report } from '../../../daemon/core/command.ts';
import { causeEnv } from '../../../daemon/core/hooks.ts';
import { Runs } from '../../../daemon/core/run-set.ts';
import { accepted, load, mistakesOf } from '../../support/config.ts';
import { Core, exit, target } from '../../support/core.ts';

const HOUR = 3_600_000;
const ALL = { onSuccess: 'good', onWarning: 'odd', onFailure: 'bad', onLate: 'missed' };
const HOOKS = Object.values(ALL).map((name) => target(name, []));

function job(more: Partial<Target> = {}): Target {
  return { ...target('job', []), warnExit: [2], hooks: ALL, ...more };
}

function coreOf(more: Partial<Target> = {}, hooks = HOOKS): Core {
  const core = new Core([job(more), ...hooks]);
  core.configure([job(more), ...hooks]);
  return core;
}

/** The runs started by hooks, in order. */
function called(core: Core) {
  return [...core.state.runs.values()].flatMap(({ target: name, cause }) =>
    cause === undefined ? [] : [{ name, why: cause.why, of: cause.run }],
  );
}

for (const [name, report, why] of [
  ['good', exit(0), 'success'],
  ['odd', exit(2), 'warning'],
  ['bad', exit(1), 'failure'],
] as const) {
  test(`a run that ends with ${report.code} calls the hook for ${why}, once`, () => {
    const core = coreOf();
    const run = core.ask('job');
    core.end(run, report);
    core.end(run, report);
    assert.deepEqual(called(core), [{ name, why, of: run }]);
  });
}

test('a run that begins calls the hook for starts once, in the decision that begins it', () => {
  const hooks = { onStart: 'begun' };
  const jobs = [job({ hooks, onLost: 'retry' }), target('begun', [])];
  const core = new Core(jobs);
  core.configure(jobs);
  const run = core.ask('job');
  const at = core.events.findIndex(({ type }) => type === 'started');
  assert.equal(core.events[at + 1]?.type, 'accepted');
  core.lose(run);
  assert.equal(core.runs('running').filter((it) => it.run === run).length, 1, 'is tried again');
  core.end(run, exit(1));
  assert.deepEqual(called(core), [{ name: 'begun', why: 'start', of: run }]);
  core.end(core.ask('begun'));
  assert.equal(called(core).length, 1);
});

test('a target that may fail so often calls its hook from that many failures in a row on', () => {
  const core = coreOf({ onFailureAfter: 3 });
  const fail = (): void => core.end(core.ask('job'), exit(1));
  const failures = (): number => called(core).filter(({ name }) => name === 'bad').length;
  fail();
  fail();
  assert.equal(failures(), 0);
  core.end(core.ask('job'), exit(2));
  fail();
  fail();
  core.send({ type: 'cancel', runs: [core.ask('job')] });
  assert.equal(
    failures(),
    0,
    'what ends with a warning has not failed, and what is cancelled counts for nothing',
  );
  core.compact();
  core.restart();
  fail();
  assert.equal(failures(), 1);
  fail();
  assert.equal(failures(), 2);
  core.end(core.ask('job'));
  fail();
  assert.equal(failures(), 2);
});

test('the end and the run of its hook are one decision: a crash leaves both or neither', () => {
  const core = coreOf();
  core.end(core.ask('job'), exit(1));
  const at = core.events.findIndex(({ type }) => type === 'ended');
  assert.equal(core.events[at + 1]?.type, 'accepted');
  core.restart();
  core.compact();
  assert.equal(called(core).length, 1);
});

test('a run that never started calls its hook too; one that was cancelled calls none', () => {
  const core = coreOf({ maxWaitMs: 1_000 });
  core.send({ type: 'pause', target: 'job' });
  const waiting = core.ask('job');
  core.advance(1_000);
  assert.deepEqual(called(core), [{ name: 'bad', why: 'failure', of: waiting }]);
  const cancelled = core.ask('job');
  core.send({ type: 'cancel', runs: [cancelled] });
  assert.equal(called(core).length, 1);
});

test('what a hook does calls no hook', () => {
  const bad = { ...target('bad', []), hooks: { onFailure: 'job' } };
  const core = coreOf({}, [...HOOKS.filter(({ name }) => name !== 'bad'), bad]);
  core.end(core.ask('job'), exit(1));
  const hook = [...core.state.runs.values()].find(({ cause }) => cause !== undefined);
  core.end(hook?.run ?? 0, exit(1));
  assert.equal(called(core).length, 1);
  core.end(core.ask('bad'), exit(1));
  assert.equal(called(core).length, 2);
});

test('no token that a client chooses is in the way of a hook', () => {
  const core = coreOf();
  const run = core.ask('job');
  for (let dots = 0; dots < 3; dots++) {
    core.submit('missed', `hook of ${run}, run ${run + 4}${'.'.repeat(dots)}`);
  }
  core.end(run, exit(1));
  assert.equal(called(core).length, 1);
});

test('a hook for which as many runs wait as ever may is not called, and that is counted', () => {
  const core = coreOf();
  core.send({ type: 'pause', target: 'bad' });
  core.submit('bad', 'first');
  const queue = new Runs(core.state.targetStates.get('bad')?.queue);
  const size = WAITING_PER_TARGET_MAX;
  for (let n = 1; queue.size < size; n++) queue.add(-n);
  const targetState = core.state.targetStates.get('bad');
  assert.ok(targetState);
  core.state.targetStates.set('bad', { ...targetState, queue });
  core.end(core.ask('job'), exit(1));
  assert.deepEqual(called(core), []);
  assert.equal(core.state.targetStates.get('bad')?.ignored, 1);
  queue.delete(-1);
  core.end(core.ask('job'), exit(1));
  assert.equal(called(core).length, 1);
});

test('a hook is told the facts, and nothing where there is none', () => {
  const core = coreOf();
  const run = core.ask('job');
  core.nowMs += 61_000;
  const killed: Report = { ...exit(0), code: null, signal: 9 };
  core.end(run, killed);
  const cause = [...core.state.runs.values()].flatMap((it) => it.cause ?? [])[0];
  assert.ok(cause);
  assert.deepEqual(causeEnv(cause, '/runs/2/tail'), {
    BATON_EVENT: 'failure',
    BATON_EVENT_TARGET: 'job',
    BATON_EVENT_RUN: String(run),
    BATON_EVENT_OUTCOME: 'signalled',
    BATON_EVENT_EXIT: '137',
    BATON_EVENT_TEXT: 'was killed by signal 9 (SIGKILL)',
    BATON_EVENT_SECONDS: '61',
    BATON_EVENT_OUTPUT: '/runs/2/tail',
  });
  assert.deepEqual(causeEnv({ why: 'late', target: 'job', text: 'x' }, undefined), {
    BATON_EVENT: 'late',
    BATON_EVENT_TARGET: 'job',
    BATON_EVENT_TEXT: 'x',
  });
});

const DAILY = { lateAfterMs: 26 * HOUR };

test('a target is late when its last success is too long ago, once, until it succeeds', () => {
  const core = coreOf(DAILY);
  core.end(core.ask('job'));
  const late = (): boolean | undefined => core.state.targetStates.get('job')?.late;
  const missed = (): number => called(core).filter(({ name }) => name === 'missed').length;
  core.advance(core.nowMs + 25 * HOUR);
  core.end(core.ask('job'), exit(1));
  assert.deepEqual([late(), missed()], [false, 0]);
  core.advance(core.nowMs + HOUR);
  assert.deepEqual([late(), missed()], [true, 1]);
  core.restart();
  core.advance(core.nowMs + 100 * HOUR);
  assert.deepEqual([late(), missed()], [true, 1]);
  core.end(core.ask('job'), exit(2));
  assert.equal(late(), false);
  core.advance(core.nowMs + 26 * HOUR);
  assert.deepEqual([late(), missed()], [true, 2]);
});

test('a target that has never run is late too; restarts do not put it off', () => {
  const core = coreOf(DAILY);
  for (let hour = 0; hour < 26; hour++) {
    assert.equal(core.state.targetStates.get('job')?.late, false);
    core.advance(core.nowMs + HOUR);
    core[hour % 2 === 0 ? 'restart' : 'compact']();
  }
  assert.equal(core.state.targetStates.get('job')?.late, true);
  assert.deepEqual(called(core), [{ name: 'missed', why: 'late', of: undefined }]);
});

test('lateness is counted from the last success where lateAfter is new, and ends with it', () => {
  const core = new Core([job(), ...HOOKS]);
  core.end(core.ask('job'));
  core.advance(core.nowMs + 30 * HOUR);
  core.configure([job(DAILY), ...HOOKS]);
  core.advance(core.nowMs);
  assert.equal(core.state.targetStates.get('job')?.late, true);
  core.configure([job(), ...HOOKS]);
  assert.deepEqual(
    [core.state.targetStates.get('job')?.late, core.state.targetStates.get('job')?.freshAt],
    [false, undefined],
  );
  core.configure(HOOKS);
  core.restart();
  assert.equal(core.state.runs.size, 3);
});

test('of two runs at once the later success counts, though it was told of first', () => {
  const core = coreOf({ lateAfterMs: HOUR });
  const [one, two] = [core.ask('job'), core.ask('job')];
  core.advance(10_000);
  core.end(two);
  const ended = { tookMs: 4_000, wallMs: 0, steadyMs: 4_000 };
  core.end(one, { ...exit(0), ended });
  assert.equal(core.state.targetStates.get('job')?.freshAt?.steadyMs, 10_000);
  core.configure([job(), ...HOOKS]);
  core.configure([job({ lateAfterMs: HOUR }), ...HOOKS]);
  assert.equal(core.state.targetStates.get('job')?.freshAt?.steadyMs, 10_000);
  core.advance(HOUR + 9_999);
  assert.equal(core.state.targetStates.get('job')?.late, false);
  core.advance(HOUR + 10_000);
  assert.equal(core.state.targetStates.get('job')?.late, true);
});

test('whatever happens, every failure that nobody cancelled has exactly one run of its hook', () => {
  const step = fc.constantFrom('ask', 'ok', 'fail', 'lose', 'restart', 'compact', 'cancel');
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const core = coreOf();
      for (const it of steps) {
        const [running] = core.runs('running');
        if (it === 'ask') core.submit('job');
        else if (it === 'restart') core.restart();
        else if (it === 'compact') core.compact();
        else if (running === undefined) continue;
        else if (it === 'ok') core.end(running.run);
        else if (it === 'fail') core.end(running.run, exit(1));
        else if (it === 'lose') core.lose(running.run);
        else core.send({ type: 'cancel', runs: [running.run] });
      }
      const failed = core.runs('ended').filter((run) => {
        const wasCancelled = run.outcome.kind === 'cancelled';
        return run.target === 'job' && run.verdict === 'failed' && !wasCancelled;
      });
      const hooks = called(core).filter(({ why }) => why === 'failure');
      assert.deepEqual(hooks.map(({ of }) => of).sort(), failed.map(({ run }) => run).sort());
    }),
    { numRuns: 300 },
  );
});

test('hooks are targets of the same file, others than their own, without arguments', () => {
  const runner = { type: 'local', args: ['true'] };
  const mistakes = (more: object, others: object = {}): unknown => {
    return mistakesOf(load({ targets: { job: { runner, ...more }, ...others } }));
  };
  assert.deepEqual(mistakes({ onFailure: 'job' }), [
    'targets.job.onFailure: names the target itself; expected another target',
  ]);
  assert.deepEqual(mistakes({ onFailure: 'mial' }, { mail: { runner } }), [
    'targets.job.onFailure: there is no target "mial"; expected a target of the configuration; did you mean "mail"?',
  ]);
  assert.deepEqual(mistakes({ onSuccess: 'm' }, { m: { runner, acceptArgs: ['x'] } }), [
    'targets.job.onSuccess: target "m" accepts arguments (acceptArgs); expected a target without them',
  ]);
  assert.match(String(mistakes({ onLate: 'm' }, { m: { runner } })), /"lateAfter" beside it/);
  assert.match(String(mistakes({ onFailureAfter: 3 })), /"onFailure" beside it/);
  assert.match(
    String(mistakes({ onFailure: 'm', onFailureAfter: 0 }, { m: { runner } })),
    /an integer from 1 to 1000/,
  );
  const good = { ...ALL, lateAfter: '26h', onFailureAfter: 3 };
  const rest = Object.fromEntries(Object.values(ALL).map((name) => [name, { runner }]));
  const { catalog } = accepted(load({ targets: { job: { runner, ...good }, ...rest } }, {}));
  assert.deepEqual(catalog.targets.get('job')?.hooks, ALL);
  assert.equal(catalog.targets.get('job')?.lateAfterMs, 26 * HOUR);
  assert.equal(catalog.targets.get('job')?.onFailureAfter, 3);
});

test('a run that a reload ends with a warning counts for the lateness that the same reload configures', () => {
  const retry = {
    ...{ attempts: 2, delayMs: 60_000, growth: 1, delayMsMax: 60_000, jitterMs: 0 },
    on: ['exited'] as const,
  };
  const core = coreOf({ retry, warnExit: [] });
  core.end(core.ask('job'), exit(0));
  core.advance(1_000);
  core.end(core.ask('job'), exit(2));
  core.advance(5_000);
  core.configure([job({ lateAfterMs: HOUR }), ...HOOKS]);
  const { freshAt } = core.state.targetStates.get('job') ?? {};
  assert.equal(freshAt?.steadyMs, 5_000);
});
