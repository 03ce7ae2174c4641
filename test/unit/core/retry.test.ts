/** A failed run gets further attempts, if its target wants that; and it stays one run. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Retry, Target } from '../../../daemon/core/catalog.ts';
import type { Report } from '../../../daemon/core/command.ts';
import { describeEvent } from '../../../daemon/core/describe-event.ts';
import { ATTEMPTS_KEPT_MAX } from '../../../daemon/core/earlier.ts';
import { delayOf, lastOutcome } from '../../../daemon/core/retry.ts';
import { emptyState } from '../../../daemon/core/state.ts';
import { describeOutcome } from '../../../daemon/protocol/outcome-text.ts';
import { type Core, Core as CoreClass, EXIT_0, exit, target } from '../../support/core.ts';

const MINUTE_MS = 60_000;
const RETRY: Retry = { attempts: 3, delayMs: MINUTE_MS, growth: 1, on: ['exited', 'timed-out'] };

function coreOf(retry: Partial<Retry> = {}, more: Partial<Target> = {}): Core {
  const again = { ...RETRY, ...retry };
  return new CoreClass([target('backup', [], { retry: again, ...more }), target('other'), mail()]);
}

function mail(): Target {
  return target('mail');
}

/** The types of the events about a run, in order. */
function story(core: Core, run: number): string[] {
  return core.events.flatMap((event) => ('run' in event && event.run === run ? event.type : []));
}

function outcomeOf(core: Core, run: number): string {
  return describeOutcome(core.expect(run, 'ended').outcome);
}

test('a run that fails waits and has another attempt, and ends as its last one did', () => {
  const core = coreOf();
  const run = core.ask('backup');
  core.end(run, exit(23));
  core.advance(MINUTE_MS - 1);
  core.expect(run, 'queued');
  core.advance(MINUTE_MS);
  assert.equal(core.expect(run, 'running').attempt, 2);
  core.end(run, EXIT_0);
  const { verdict, tries, earlier } = core.expect(run, 'ended');
  assert.deepEqual([verdict, tries, outcomeOf(core, run)], ['ok', 2, 'exited with 0']);
  assert.deepEqual(
    earlier?.attempts.map(({ outcome }) => outcome),
    [{ kind: 'exited', code: 23 }],
  );
  const events = ['accepted', 'starting', 'started', 'requeued', 'starting', 'started', 'ended'];
  assert.deepEqual(story(core, run), events);
});

test('after its last attempt a run has failed, once', () => {
  const hooks = { onStart: 'mail', onFailure: 'mail' };
  const core = coreOf({ attempts: 3 }, { hooks });
  const run = core.ask('backup');
  for (const at of [1, 2, 3]) {
    core.end(run, exit(20 + at));
    core.advance(core.nowMs + MINUTE_MS);
  }
  assert.equal(outcomeOf(core, run), 'exited with 23');
  assert.equal(core.state.targetStates.get('backup')?.failures, 1);
  assert.equal(core.state.targetStates.get('backup')?.retries, 2);
  const causes = core.events.flatMap((event) => (event.type === 'accepted' && event.cause) || []);
  assert.deepEqual(
    causes.map(({ why, text }) => `${why}: ${text}`),
    ['start: has begun', 'failure: exited with 23, attempt 3'],
  );
});

test('each further delay grows up to its limit, and chance lengthens it', () => {
  const growing = { ...RETRY, growth: 2, delayMsMax: 5 * MINUTE_MS };
  const minutes = [1, 2, 3, 4, 900].map((tries) => delayOf(growing, tries, 0) / MINUTE_MS);
  assert.deepEqual(minutes, [1, 2, 4, 5, 5]);
  const some = { ...growing, jitterMs: 30_000 };
  assert.equal(delayOf(some, 1, 0.5), 75_000);
  assert.equal(delayOf({ ...RETRY, growth: 100 }, 1_000, 0), 366 * 24 * 60 * MINUTE_MS);
});

const killed: Report = { ...EXIT_0, code: null, signal: 9 };
const ENDS: readonly (readonly [Retry['on'], Report, isAgain: boolean])[] = [
  [['exited'], exit(1), true],
  [['exited'], EXIT_0, false],
  [['exited'], exit(24), false],
  [[24], exit(24), true],
  [[1], exit(2), false],
  [['signalled'], killed, true],
  [['SIGKILL'], killed, true],
  [['SIGTERM', 'exited'], killed, false],
  [['unreachable'], { ...EXIT_0, failure: { kind: 'lost', detail: 'gone' } }, false],
  [['lost'], { ...EXIT_0, failure: { kind: 'lost', detail: 'gone' } }, true],
];

for (const [on, report, isAgain] of ENDS) {
  const how = JSON.stringify({ ...report, started: undefined });
  test(`with on ${JSON.stringify(on)} ${how} is ${isAgain ? '' : 'not '}tried again`, () => {
    const core = coreOf({ on }, { warnExit: [24] });
    const run = core.ask('backup');
    core.end(run, report);
    core.expect(run, isAgain ? 'queued' : 'ended');
  });
}

test('a run that its timeout ended is tried again, each attempt with its own timeout', () => {
  const core = coreOf({}, { timeoutMs: 10 * MINUTE_MS });
  const run = core.ask('backup');
  core.advance(10 * MINUTE_MS);
  core.end(run, { ...EXIT_0, code: null, signal: 15 });
  core.advance(11 * MINUTE_MS);
  assert.equal(core.expect(run, 'running').timeoutAtMs, 21 * MINUTE_MS);
});

test('an end by a closed window is tried again only where that is named', () => {
  for (const [on, state] of [
    [['timed-out'], 'ended'],
    [['window-closed'], 'queued'],
  ] as const) {
    const window = { type: 'window', open: ['22:13-22:14'], atEnd: 'end' } as const;
    const core = new CoreClass([target('backup', [window], { retry: { ...RETRY, on } })]);
    const run = core.ask('backup');
    core.advance(MINUTE_MS);
    assert.equal(core.expect(run, 'running').stopping?.why, 'timed-out');
    core.end(run, { ...EXIT_0, code: null, signal: 15 });
    core.expect(run, state);
  }
});

test('what somebody cancelled is never tried again, running, waiting or being ended', () => {
  const core = coreOf({ on: ['exited', 'signalled', 'timed-out'] }, { timeoutMs: MINUTE_MS });
  const [first, second, third] = [core.ask('backup'), core.ask('backup'), core.ask('backup')];
  core.send({ type: 'cancel', runs: [first] });
  core.end(first, exit(1));
  assert.equal(outcomeOf(core, first), 'was cancelled (signal 15 (SIGTERM))');
  core.end(second, exit(1));
  core.send({ type: 'cancel', runs: [second] });
  assert.equal(outcomeOf(core, second), 'was cancelled before attempt 2');
  core.advance(MINUTE_MS);
  core.send({ type: 'cancel', runs: [third] });
  core.end(third, { ...EXIT_0, code: null, signal: 15 });
  assert.equal(outcomeOf(core, third), 'exceeded its timeout and was stopped');
});

test('a queued run that waits for its next attempt gives its place back, and does not lose its turn', () => {
  const disk = { type: 'cardinality', group: 'disk', instances: 1 } as const;
  const core = new CoreClass([target('backup', [disk], { retry: RETRY }), target('other', [disk])]);
  const [run, newer] = [core.ask('backup'), core.ask('other')];
  const own = core.ask('backup');
  core.end(run, exit(1));
  core.expect(newer, 'running');
  assert.deepEqual(core.why(run), ['waits 1 min for attempt 2 of 3: attempt 1 exited with 1']);
  const behind = `waits for run ${run} (backup), which was requested earlier`;
  assert.deepEqual(core.why(own), [behind]);
  core.advance(MINUTE_MS);
  assert.match(core.why(run).join(), new RegExp(`run ${newer} \\(other\\), which is running`));
  core.end(newer);
  core.expect(run, 'running');
});

test('no attempt starts later than `within` after the first one', () => {
  const core = coreOf({ withinMs: 90_000 });
  const run = core.ask('backup');
  core.end(run, exit(1));
  core.advance(MINUTE_MS);
  core.end(run, exit(2));
  assert.equal(outcomeOf(core, run), 'exited with 2');
  const paused = core.ask('backup');
  core.end(paused, exit(3));
  core.send({ type: 'pause', target: 'backup' });
  core.advance(core.nowMs + 90_000);
  assert.equal(outcomeOf(core, paused), 'exited with 3');
});

test('maxWait limits the wait for the first attempt only', () => {
  const core = coreOf({ delayMs: 10 * MINUTE_MS }, { maxWaitMs: MINUTE_MS });
  const run = core.ask('backup');
  core.end(run, exit(1));
  core.advance(10 * MINUTE_MS);
  core.expect(run, 'running');
});

test('a reload that removes `retry`, or the target, ends the run as its last attempt ended', () => {
  for (const targets of [[target('backup')], [target('other')]]) {
    const core = coreOf();
    const run = core.ask('backup');
    core.end(run, exit(23));
    core.configure(targets);
    assert.equal(outcomeOf(core, run), 'exited with 23');
  }
});

test('a reload that removes `retry` ends the run of a paused target as well', () => {
  const core = coreOf();
  const run = core.ask('backup');
  core.end(run, exit(23));
  core.send({ type: 'pause', target: 'backup' });
  core.configure([target('backup'), target('other'), mail()]);
  assert.equal(outcomeOf(core, run), 'exited with 23');
});

test('an attempt that came to nothing leaves its run the time that it has', () => {
  const again = { ...RETRY, withinMs: 10 * MINUTE_MS };
  const policies = [{ type: 'require', mounted: '/mnt/disk' } as const];
  const core = new CoreClass([target('backup', policies, { retry: again })], {
    manualKeepers: true,
  });
  let isThere = true;
  core.conditions.truth = () => isThere;
  const run = core.ask('backup');
  core.keep(run);
  core.end(run, exit(23));
  core.advance(core.nowMs + MINUTE_MS);
  core.expect(run, 'starting');
  isThere = false;
  core.send({ type: 'recover', run });
  core.expect(run, 'queued');
  core.advance(core.nowMs + 10 * MINUTE_MS);
  assert.equal(outcomeOf(core, run), 'exited with 23');
});

test('a reload that changes `retry` counts from the end of the next attempt', () => {
  const core = coreOf();
  const run = core.ask('backup');
  core.end(run, exit(1));
  core.configure([target('backup', [], { retry: { ...RETRY, attempts: 2, delayMs: 1 } })]);
  core.advance(MINUTE_MS - 1);
  core.expect(run, 'queued');
  core.advance(MINUTE_MS);
  core.end(run, exit(1));
  core.expect(run, 'ended');
});

test('a restart or a compaction at any moment changes nothing', () => {
  for (const again of [(core: Core) => core.restart(), (core: Core) => core.compact()]) {
    const core = coreOf({ withinMs: 10 * MINUTE_MS });
    const run = core.ask('backup');
    core.end(run, { ...exit(1), bytes: 10, lostBytes: 3 });
    const queued = core.expect(run, 'queued');
    again(core);
    assert.deepEqual(core.expect(run, 'queued'), queued);
    core.advance(MINUTE_MS);
    again(core);
    core.end(run, { ...exit(1), bytes: 25, lostBytes: 4 });
    core.send({ type: 'cancel', runs: [run] });
    const { bytes, lostBytes, tries } = core.expect(run, 'ended');
    assert.deepEqual([bytes, lostBytes, tries], [25, 7, 2]);
    const ended = core.expect(run, 'ended');
    again(core);
    assert.deepEqual(core.expect(run, 'ended'), ended);
  }
});

test('the end of an attempt that nobody saw counts from when it was', () => {
  const core = coreOf();
  const run = core.ask('backup');
  core.advance(50 * MINUTE_MS);
  const ended = { tookMs: 10_000, wallMs: 1_700_000_010_000, steadyMs: 10_000 };
  core.end(run, { ...exit(1), ended });
  assert.equal(core.expect(run, 'running').attempt, 2);
});

test('`onLost` goes first, and its attempts count', () => {
  const core = coreOf({ attempts: 2, on: ['lost'] }, { onLost: 'retry' });
  const run = core.ask('backup');
  core.lose(run);
  assert.equal(core.expect(run, 'running').attempt, 2);
  core.lose(run);
  core.lose(run);
  core.expect(run, 'ended');
});

test('a run whose last attempt was lost does not end as the one before', () => {
  const ended = { wallMs: 2, steadyMs: 2 };
  const outcome = { kind: 'exited', code: 3 } as const;
  const earlier = { attempts: [{ started: ended, ended, outcome }] };
  const gaveUp = { kind: 'skipped', reason: 'gave up' } as const;
  assert.deepEqual(lastOutcome({ state: 'queued', earlier, notBeforeMs: 5 }, gaveUp), outcome);
  assert.deepEqual(lastOutcome({ state: 'queued', earlier }, gaveUp), gaveUp);
});

test('a lost run whose processes live is not tried again beside them', () => {
  const core = coreOf({ on: ['lost'] });
  const run = core.ask('backup');
  core.lose(run, [4711]);
  assert.deepEqual(core.expect(run, 'ended').heldBy, [4711]);
});

test('of very many attempts the first and the latest are remembered, and all are counted', () => {
  const most = 3 * ATTEMPTS_KEPT_MAX;
  const core = coreOf({ attempts: most, delayMs: 1 });
  const run = core.ask('backup');
  for (let at = 1; at <= most; at++) {
    core.end(run, exit(at));
    core.advance(core.nowMs + 1);
  }
  const { tries, earlier } = core.expect(run, 'ended');
  assert.equal(tries, most);
  const codes = earlier?.attempts.map(({ outcome }) => 'code' in outcome && outcome.code);
  assert.equal(codes?.length, ATTEMPTS_KEPT_MAX);
  assert.deepEqual(
    [codes?.[0], codes?.[1], codes?.at(-1)],
    [1, most - ATTEMPTS_KEPT_MAX + 1, most - 1],
  );
});

test('a replay tells of the attempt that ended and of the next one', () => {
  const core = coreOf();
  const run = core.ask('backup');
  core.end(run, exit(23));
  const told = core.events.find(({ type }) => type === 'requeued');
  assert.ok(told !== undefined);
  const text = describeEvent(emptyState(), told);
  assert.match(text, /exited with 23; its next attempt follows after 1 min \(retry\)$/);
});
