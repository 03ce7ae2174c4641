/**
 * `decide`: every state of a run against every command, cell by cell; then laws that hold over
 * random catalogs and random histories with restarts, lost keepers and cancelled runs.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { apply } from '../../../daemon/core/apply.ts';
import { makeCatalog, type Target, WAITING_PER_TARGET_MAX } from '../../../daemon/core/catalog.ts';
import type { CommandInput } from '../../../daemon/core/command.ts';
import { decide } from '../../../daemon/core/decide.ts';
import type { Event } from '../../../daemon/core/event.ts';
import { groupViewMaker } from '../../../daemon/core/group-view.ts';
import { minimalHistory } from '../../../daemon/core/minimal-history.ts';
import { scopeOf } from '../../../daemon/core/pause-scope.ts';
import { isPaused } from '../../../daemon/core/pauses.ts';
import { restOf } from '../../../daemon/core/retry.ts';
import { emptyState } from '../../../daemon/core/state.ts';
import { explain } from '../../../daemon/core/waiting.ts';
import { removed as removedTarget } from '../../../daemon/protocol/outcome-text.ts';
import { moodyTargets, perform, steps, targets } from '../../support/arbitraries.ts';
import { flaky } from '../../support/conditions.ts';
import {
  Core,
  EXIT_0,
  exit,
  keeper,
  type Moment,
  NEVER_RAN,
  NONCE,
  ordered,
  type RawPolicy,
  replay,
  stamp,
  target,
} from '../../support/core.ts';
import { moodsOf } from '../../support/moody.ts';

/** A run that may wait 1 s and last 1 s; the commands come at 5 s. */
const LIMITED = target('t', [{ type: 'cardinality' }], { maxWaitMs: 1_000, timeoutMs: 1_000 });

const running = (core: Core) => core.keep(core.ask('t'));
const PATHS: Readonly<Record<string, (core: Core) => void>> = {
  unknown: () => {},
  queued: (core) => {
    core.send({ type: 'pause', target: 't' });
    core.ask('t');
    apply(core.state, { type: 'resumed', target: 't' });
  },
  starting: (core) => core.ask('t'),
  running,
  stopping: (core) => {
    running(core);
    core.send({ type: 'cancel', runs: [1] });
  },
  ended: (core) => {
    running(core);
    core.end(1);
  },
  down: (core) => {
    running(core);
    core.send({ type: 'shutdown' });
  },
  held: (core) => {
    running(core);
    core.lose(1, [99]);
  },
  evicted: (core) => {
    running(core);
    core.lose(1, [99]);
    core.send({ type: 'cancel', runs: [1] });
  },
};

const REPORTED = { type: 'reported', run: 1, attempt: 1 } as const;
const GONE = { type: 'gone', run: 1, attempt: 1, survivors: [], rebooted: false } as const;
/** An earlier journal had released it; with our nonce, a later state of this journal. */
const STRANGE = {
  run: 7,
  nonce: 'other',
  startNonce: 'other',
  target: 't',
  merged: true,
  token: 'token 1',
  attempt: 1,
  keeper: keeper(9, 1),
  at: stamp(4_000),
  isLive: true,
};
const SUBMIT = { type: 'submit', target: 't', token: 'new', merged: true } as const;
const COMMANDS: Readonly<Record<string, CommandInput>> = {
  submit: SUBMIT,
  resubmit: { ...SUBMIT, token: 'token 1' },
  misspelt: { ...SUBMIT, target: 'x' },
  cancel: { type: 'cancel', runs: [1] },
  pause: { type: 'pause', target: 't' },
  resume: { type: 'resume', target: 't' },
  'pause-all': { type: 'pause', all: true, forMs: 5 },
  'pause-none': { type: 'pause', group: 'none' },
  'pause-due': { type: 'pause-due' },
  kept: { type: 'kept', run: 1, attempt: 1, keeper: keeper(1, 1) },
  'kept-stale': { type: 'kept', run: 1, attempt: 2, keeper: keeper(1, 2) },
  reported: { ...REPORTED, report: EXIT_0 },
  'reported-stale': { ...REPORTED, attempt: 2, report: EXIT_0 },
  'told-to-end': { ...REPORTED, report: { ...exit(1), isDown: true } },
  'told-and-done': { ...REPORTED, report: { ...EXIT_0, isDown: true } },
  'never-ran': { ...REPORTED, report: NEVER_RAN },
  gone: GONE,
  'gone-stale': { ...GONE, attempt: 2 },
  'gone-alive': { ...GONE, survivors: [99] },
  'gone-ended': { ...GONE, wasEnded: true },
  rebooted: { ...GONE, survivors: [99], rebooted: true },
  vacated: { type: 'vacated', run: 1 },
  shutdown: { type: 'shutdown' },
  due: { type: 'due', runs: [1] },
  look: { type: 'evaluate', target: 't' },
  recover: { type: 'recover', run: 1 },
  found: { type: 'found', letGo: [{ ...STRANGE, run: 1 }] },
  'found-removed': { type: 'found', letGo: [{ ...STRANGE, target: 'x' }] },
  'found-dead': { type: 'found', letGo: [{ ...STRANGE, isLive: false }] },
  'found-later': { type: 'found', letGo: [{ ...STRANGE, nonce: NONCE, run: 1 }] },
  'found-again': { type: 'found', letGo: [{ ...STRANGE, nonce: NONCE, run: 1, attempt: 2 }] },
  configured: { type: 'configured' },
  retain: { type: 'retain', target: 't', keep: { runs: 0 } },
};

/** The resulting events: `-` for none, with outcome and held processes if a run ends. */
const TABLE = `
               unknown   queued          starting        running           stopping        down              ended      held       evicted
submit         accepted  accepted        accepted        accepted          accepted        accepted          accepted   accepted   accepted
resubmit       accepted  -               -               -                 -               -                 -          -          -
misspelt       -         -               -               -                 -               -                 -          -          -
cancel         -         ended:cancelled ended:cancelled stopping          -               -                 -          stopping   -
pause          paused    paused          paused          paused            paused          paused            paused     paused     paused
resume         -         -               -               -                 -               -                 -          -          -
pause-all      paused    paused          paused          paused            paused          paused            paused     paused     paused
pause-none     -         -               -               -                 -               -                 -          -          -
pause-due      -         -               -               -                 -               -                 -          -          -
kept           -         -               ended:expired   -                 -               -                 -          -          -
kept-stale     -         -               -               -                 -               -                 -          -          -
reported       -         -               ended:exited    ended:exited      ended:cancelled ended:exited      -          -          -
reported-stale -         -               -               -                 -               -                 -          -          -
told-to-end    -         -               ended:interrupted ended:interrupted ended:cancelled ended:interrupted -          -          -
told-and-done  -         -               ended:exited    ended:exited      ended:cancelled ended:exited      -          -          -
never-ran      -         -               ended:expired   starting:2        ended:cancelled starting:2        -          -          -
gone           -         -               ended:expired   ended:lost        ended:lost      ended:interrupted -          -          -
gone-stale     -         -               -               -                 -               -                 -          -          -
gone-alive     -         -               ended:expired   ended:lost+held   ended:lost+held ended:interrupted+held -          -          -
gone-ended     -         -               ended:expired   ended:lost        ended:cancelled ended:interrupted -          -          -
rebooted       -         -               ended:expired   ended:interrupted ended:interrupted ended:interrupted -          -          -
vacated        -         -               -               -                 -               -                 -          released   released
shutdown       -         -               -               stopping          -               -                 -          stopping   -
due            -         ended:expired   ended:expired   stopping          -               -                 -          stopping   -
look           -         ended:expired   -               -                 -               -                 -          -          -
recover        -         -               ended:expired   -                 -               -                 -          -          -
found          accepted,starting:1,started   accepted,starting:1,started   accepted,starting:1,started   accepted,starting:1,started   accepted,starting:1,started   accepted,starting:1,started   accepted,starting:1,started   accepted,starting:1,started   accepted,starting:1,started
found-removed  accepted,starting:1,started   accepted,starting:1,started   accepted,starting:1,started   accepted,starting:1,started   accepted,starting:1,started   accepted,starting:1,started   accepted,starting:1,started   accepted,starting:1,started   accepted,starting:1,started
found-dead     -   -   -   -   -   -   -   -   -
found-later    accepted,starting:1,started   starting:1,started   started   -   -   -   -   -   -
found-again    accepted,starting:2,started   starting:2,started   starting:2,started   starting:2,started   -   starting:2,started   -   -   -
configured     -         -               -               -                 -               -                 -          -          -
retain         -         -               -               -                 -               -                 -          -          -
`;

const [header = [], ...rows] = TABLE.trim()
  .split('\n')
  .map((line) => line.trim().split(/\s+/));

for (const [name = '', ...cells] of rows) {
  test(`command ${name} has in each state the events of the table`, () => {
    assert.equal(cells.length, header.length);
    for (const [column, wanted] of cells.entries()) {
      const from = header[column] ?? '';
      const core = new Core([LIMITED], { manualKeepers: true });
      PATHS[from]?.(core);
      const command = { ...(COMMANDS[name] ?? SUBMIT), at: stamp(5_000), nonce: NONCE };
      const { events } = decide(core.state, command, core.catalog);
      assert.equal(events.map(nameEvent).join(',') || '-', wanted, `${name} on ${from}`);
      for (const event of events) apply(core.state, event);
    }
  });
}

function nameEvent(event: Event): string {
  if (event.type === 'starting') return `starting:${event.attempt}`;
  if (event.type !== 'ended') return event.type;
  return `ended:${event.outcome.kind}${event.heldBy === undefined ? '' : '+held'}`;
}

test('runs of another life that never ran do not run beside each other', () => {
  const disk = (name: string) => target(name, [{ type: 'cardinality', group: 'disk' }]);
  const core = new Core([disk('t'), disk('u'), disk('v')], { manualKeepers: true });
  for (const name of ['t', 'u', 'v']) core.send({ type: 'pause', target: name });
  for (const name of ['t', 'u']) core.ask(name);
  const letGo = ['t', 'u'].map((name, at) => {
    return { ...STRANGE, nonce: NONCE, run: at + 1, target: name, isLive: false };
  });
  core.send({ type: 'found', letGo });
  for (const name of ['t', 'u', 'v']) core.send({ type: 'resume', target: name });
  for (const run of [1, 2]) {
    core.send({ type: 'reported', run, attempt: 1, report: NEVER_RAN });
  }
  // The first gives way to the other, which is then alone and already has its place.
  assert.deepEqual(core.expect(1, 'queued').attempts, 1);
  assert.equal(core.expect(2, 'starting').attempt, 2);
  core.compact();
  core.ask('v');
  core.keep(2);
  core.end(2);
  // Requested before run 3, and no attempt has the same number twice.
  assert.equal(core.expect(1, 'starting').attempt, 2);
  assert.equal(core.expect(3, 'queued').attempts, undefined);
});

test('the cancelled, the timed out and the failed are told apart when the report comes', () => {
  const told = (
    why: 'cancelled' | 'timed-out' | undefined,
    report: typeof EXIT_0,
    of: typeof LIMITED = LIMITED,
  ) => {
    const core = new Core([of]);
    core.ask('t');
    if (why === 'cancelled') core.send({ type: 'cancel', runs: [1] });
    if (why === 'timed-out') core.advance(1_000);
    core.end(1, report);
    return core.expect(1, 'ended').outcome;
  };
  const killed = { started: true, code: null, signal: 9, core: false };
  const failure = { kind: 'not-started', stage: 'command', errno: 'EACCES', detail: 'd' } as const;
  assert.deepEqual(told(undefined, EXIT_0), { kind: 'exited', code: 0 });
  assert.deepEqual(told(undefined, killed), { kind: 'signalled', signal: 9, core: false });
  assert.deepEqual(told(undefined, { ...EXIT_0, code: null }), { kind: 'lost' });
  assert.deepEqual(told(undefined, { ...EXIT_0, failure }), failure);
  assert.deepEqual(told('cancelled', EXIT_0), { kind: 'cancelled', signal: 15 });
  const byInt = { ...LIMITED, stopSignal: 'INT' } as const;
  assert.deepEqual(told('cancelled', EXIT_0, byInt), { kind: 'cancelled', signal: 2 });
  assert.deepEqual(told('cancelled', killed), { kind: 'cancelled', signal: 9 });
  assert.deepEqual(told('cancelled', NEVER_RAN), { kind: 'cancelled' });
  assert.deepEqual(told('cancelled', { ...EXIT_0, failure }), failure);
  assert.deepEqual(told('timed-out', EXIT_0), { kind: 'timed-out' });
  assert.deepEqual(told('timed-out', NEVER_RAN), { kind: 'timed-out' });
});

test('okExit and warnExit say what a code means', () => {
  const core = new Core([target('t', [], { okExit: [0, 24], warnExit: [2] })]);
  const verdicts = [0, 24, 2, 1].map((code) => {
    const run = core.ask('t');
    core.end(run, { ...EXIT_0, code });
    return core.expect(run, 'ended').verdict;
  });
  assert.deepEqual(verdicts, ['ok', 'ok', 'warning', 'failed']);
});

test('an unknown target, a broken one and an unknown run are answered by name', () => {
  const core = new Core([target('b', [], { broken: 'no such user: backup' })]);
  assert.deepEqual(core.submit('x'), { type: 'unknown-target' });
  assert.deepEqual(core.submit('b'), { type: 'broken', reason: 'no such user: backup' });
  assert.deepEqual(core.send({ type: 'cancel', runs: [9] }), { type: 'cancelled', runs: [] });
  assert.deepEqual(core.send({ type: 'pause', target: 'x' }), { type: 'unknown-target' });
  assert.deepEqual(core.events, []);
});

test('the queue of a target has a limit, and the request past it is refused', () => {
  const core = new Core([target('t', [{ type: 'cardinality' }])]);
  core.send({ type: 'pause', target: 't' });
  core.ask('t');
  const queue = core.state.targetStates.get('t')?.queue ?? new Set();
  for (let n = 2; n < WAITING_PER_TARGET_MAX; n++) queue.add(-n);
  assert.equal(core.submit('t').type, 'accepted');
  const full = {
    type: 'refused',
    reason: 'its queue is full (200000 runs); see what they wait for: baton why t',
  };
  assert.deepEqual(core.submit('t'), full);
});

test('what waits for a target that a reload removed or broke is skipped with the reason', () => {
  const core = new Core([LIMITED, target('b', [{ type: 'cardinality' }])]);
  for (const name of ['t', 'b']) core.send({ type: 'pause', target: name });
  const [removed, broken] = [core.ask('t'), core.ask('b')];
  core.configure([target('b', [{ type: 'cardinality' }], { broken: 'no such user' })]);
  core.send({ type: 'resume', target: 'b' });
  const reasons = [removed, broken].map((run) => core.expect(run, 'ended').outcome);
  assert.deepEqual(reasons, [
    { kind: 'skipped', reason: removedTarget() },
    { kind: 'skipped', reason: 'no such user' },
  ]);
});

test('a run in flight counts for what its target is bound to now, however a reload got it there', () => {
  const shared = (group: string) => [{ type: 'cardinality' as const, group }];
  const level = (interval: string, group: string) => [
    { type: 'rsnapshot' as const, interval, group },
  ];
  const reloads = [
    ['a group is renamed', shared('old'), shared('old'), shared('new'), shared('new')],
    ['a policy is added', [], [], shared('disk'), shared('disk')],
    [
      'two confs become one group',
      level('monthly', 'a'),
      level('yearly', 'b'),
      level('monthly', 'c'),
      level('yearly', 'c'),
    ],
    ['one moves to the other', shared('a'), shared('b'), shared('b'), shared('b')],
  ] as const;
  for (const [what, one, two, oneNow, twoNow] of reloads) {
    const core = new Core([target('one', one), target('two', two)]);
    const first = core.ask('one');
    core.expect(first, 'running');
    core.configure([target('one', oneNow), target('two', twoNow)]);
    const second = core.ask('two');
    core.advance(core.nowMs + 5_000);
    assert.match(
      core.why(second)[0] ?? 'nothing',
      /^waits for run 1 \(one\), which is running/,
      what,
    );
    core.restart();
    core.advance(core.nowMs + 5_000);
    core.expect(second, 'queued');
    core.end(first);
    core.advance(core.nowMs + 5_000);
    core.expect(second, 'running');
  }
});

test('a run in flight counts under the names of its start, too, until it ends', () => {
  const disk = [{ type: 'cardinality' as const, group: 'disk' }];
  const core = new Core([target('one', disk), target('two', disk)]);
  core.ask('one');
  core.configure([target('one', [{ type: 'cardinality', group: 'other' }]), target('two', disk)]);
  const second = core.ask('two');
  assert.match(core.why(second)[0] ?? '', /run 1 \(one\), which is running \(group "disk"\)/);
  core.configure([target('two', disk)]);
  core.expect(second, 'queued');
  core.end(1);
  core.expect(second, 'running');
});

test('a reload that makes a shared run full refuses, ignores and joins as the policy says', () => {
  const policy = (whenFull: string) => [{ type: 'cardinality' as const, group: 'new', whenFull }];
  for (const [whenFull, answer] of [
    ['refuse', 'refused'],
    ['ignore', 'ignored'],
    ['join', 'joined'],
  ] as const) {
    const core = new Core([target('one')]);
    core.ask('one');
    core.configure([target('one', policy(whenFull))]);
    assert.equal(core.submit('one').type, answer);
  }
});

const CHECKS: readonly ((moment: Moment) => void)[] = [startsOnce, holdsLimits, ordersLevels, fifo];

/** Plays a history with the checks on every event, and returns at rest. */
function play(
  catalog: readonly Target[],
  list: Parameters<typeof perform>[1][],
  truth = flaky,
): Core {
  const watch = (moment: Moment) => {
    for (const check of CHECKS) check(moment);
  };
  const core = new Core(catalog, { manualKeepers: true, watch });
  core.conditions.truth = truth;
  for (const step of list) {
    perform(core, step);
    everyWaitIsExplained(core);
  }
  return core;
}

/** A command is started again only if its keeper says that it never ran. */
function startsOnce({ core, command, event }: Moment): void {
  if (event.type !== 'starting') return;
  const run = core.state.runs.get(event.run);
  if (run?.state !== 'running') return;
  assert.equal(command.type === 'reported' && command.report.started, false);
}

function holdsLimits({ core, event }: Moment): void {
  if (event.type !== 'starting' || core.state.runs.get(event.run)?.state !== 'queued') return;
  const run = core.expect(event.run, 'queued');
  for (const { policy, key, options } of core.catalog.targets.get(run.target)?.bindings ?? []) {
    const names = core.catalog.groups.get(key)?.members.map((member) => member.target) ?? [];
    const active = names.flatMap((name) => [...(core.state.targetStates.get(name)?.active ?? [])]);
    const places = new Set([...active, ...(core.state.groups.get(key) ?? [])]);
    const { instances, from } = options as { instances?: number; from?: string };
    const isAlone = policy.type === 'rsnapshot' || from === 'end';
    const max = isAlone ? 1 : (instances ?? Number.POSITIVE_INFINITY);
    assert.ok(places.size < max, `${key} has ${[...places]} and gets ${event.run}`);
  }
}

const LEVELS = ['hourly', 'daily', 'weekly', 'monthly', 'yearly'];
const levelOf = (options: unknown) => LEVELS.indexOf((options as { interval: string }).interval);

/** No lower interval goes before a higher one, unless that overtook it often enough. */
function ordersLevels({ core, event }: Moment): void {
  if (event.type !== 'starting' || core.state.runs.get(event.run)?.state !== 'queued') return;
  const run = core.expect(event.run, 'queued');
  for (const { policy, key, options } of core.catalog.targets.get(run.target)?.bindings ?? []) {
    if (policy.type !== 'rsnapshot') continue;
    const members = core.catalog.groups.get(key)?.members ?? [];
    const levels = new Set(members.map((member) => levelOf(member.options))).size;
    for (const member of members) {
      const targetState = core.state.targetStates.get(member.target);
      const paused = isPaused(core.state, member.target, core.catalog);
      const [head] = paused ? [] : (targetState?.queue ?? []);
      if (head === undefined) continue;
      const { overtaken } = core.expect(head, 'queued');
      assert.ok(overtaken <= levels, `run ${head} was overtaken ${overtaken} times`);
      if (levelOf(member.options) <= levelOf(options)) continue;
      assert.ok(run.overtaken >= levels, `run ${run.run} goes before ${head} in ${key}`);
    }
  }
}

/** If only limits apply, the older run goes first. */
function fifo({ core, event }: Moment): void {
  if (event.type !== 'starting' || core.state.runs.get(event.run)?.state !== 'queued') return;
  const run = core.expect(event.run, 'queued');
  const own = core.catalog.targets.get(run.target)?.bindings ?? [];
  if (own.some(({ policy }) => policy.rank !== undefined)) return;
  const keys = new Set(own.map(({ key }) => key));
  for (const other of core.runs('queued')) {
    if (other.run >= run.run) return;
    const [first = other.run] = core.state.targetStates.get(other.target)?.queue ?? [];
    // It waits for its next attempt, and the runs behind it in its queue wait with it.
    const isResting = restOf(core.expect(first, 'queued'), core.now()) !== undefined;
    if (isResting && other.target !== run.target) continue;
    assert.notEqual(other.target, run.target, `run ${run.run} goes before ${other.run}`);
    const bindings = core.catalog.targets.get(other.target)?.bindings ?? [];
    const limits = bindings.every(({ policy }) => policy.type === 'cardinality');
    if (!limits || isPaused(core.state, other.target, core.catalog)) continue;
    const within = bindings.every(({ key }) => keys.has(key));
    assert.ok(!within, `run ${run.run} goes before ${other.run}, which needs no more`);
  }
}

function everyWaitIsExplained(core: Core): void {
  for (const run of core.runs('queued')) {
    const waits = explain(
      core.state,
      run,
      core.now(),
      core.catalog,
      groupViewMaker(core.state, core.catalog, core.now(), core.world()),
    );
    const { isFresh } = moodsOf(core.catalog, run.target, run.run, core.nowMs);
    // A repaired plugin is called again later.
    assert.ok(waits.length > 0 || isFresh, `nobody knows why run ${run.run} waits`);
    for (const { reason, behind } of waits) {
      for (const number of behind) {
        const other = core.state.runs.get(number);
        const past = other?.state === 'ended' && other.heldBy.length === 0;
        assert.ok(other !== undefined && !past, `it waits for run ${number}, which is over`);
        assert.match(reason, new RegExp(`\\brun ${number} \\(${other.target}\\)`));
      }
    }
  }
}

test('limits hold, order holds, nothing starts twice, every wait has a reason', () => {
  fc.assert(
    fc.property(moodyTargets, steps, (catalog, list) => {
      play(catalog, list);
    }),
    { numRuns: 1_000 },
  );
});

test('whatever happened, all that is not paused comes to its end', () => {
  fc.assert(
    fc.property(moodyTargets, steps, (catalog, list) => {
      const core = play(catalog, list);
      core.drain();
      for (const run of core.runs('queued')) {
        const isHeldUp = isPaused(core.state, run.target, core.catalog);
        assert.ok(isHeldUp, `run ${run.run} waits for ever`);
      }
      for (const pause of [...core.state.pauses.values()]) {
        assert.equal(pause.untilMs, undefined, 'a pause is over, and holds on');
        core.send({ type: 'resume', ...scopeOf(pause) });
      }
      core.drain();
      assert.equal(core.runs('ended').length, core.state.runs.size);
    }),
    { numRuns: 500 },
  );
});

test('a reload to any other configuration loses no run and lets every one end', () => {
  fc.assert(
    fc.property(targets, targets, steps, steps, (catalog, other, before, after) => {
      const watch = (moment: Moment) => {
        for (const check of [startsOnce, holdsLimits]) check(moment);
      };
      const core = new Core(catalog, { manualKeepers: true, watch });
      core.conditions.truth = flaky;
      for (const step of before) perform(core, step);
      core.configure(other);
      for (const step of after) perform(core, step);
      everyWaitIsExplained(core);
      for (const pause of [...core.state.pauses.values()])
        core.send({ type: 'resume', ...scopeOf(pause) });
      core.drain();
      assert.equal(core.runs('ended').length, core.state.runs.size);
    }),
    { numRuns: 300 },
  );
});

test('a new daemon goes on from the journal as the old one would have', () => {
  fc.assert(
    fc.property(targets, steps, steps, (catalog, before, after) => {
      const quiet = (list: typeof before) =>
        list.filter(({ do: what }) => what !== 'restart' && what !== 'compact');
      // Findings are not in the journal: a new daemon checks again, at other times.
      const one = play(catalog, quiet(before), () => true);
      const two = play(catalog, quiet(before), () => true);
      // A new daemon also finds what is due at this moment.
      for (const core of [one, two]) core.advance(core.nowMs);
      two.restart([...minimalHistory(two.state)]);
      // An unfinished start is repeated, with the next attempt's number.
      for (const { run } of one.runs('starting')) one.send({ type: 'recover', run });
      for (const step of quiet(after)) for (const core of [one, two]) perform(core, step);
      assert.deepEqual(two.state, one.state);
      assert.deepEqual(ordered(two.state), ordered(one.state));
    }),
    { numRuns: 300 },
  );
});

test('of runs that can all start at once the oldest takes the place, also by way of another group', () => {
  const core = new Core(
    [
      target('near', [{ type: 'cardinality', group: 'net' }]),
      target('older', [{ type: 'cardinality', group: 'disk' }]),
      target('younger', [
        { type: 'cardinality', group: 'net' },
        { type: 'cardinality', group: 'disk' },
      ]),
    ],
    { manualKeepers: true },
  );
  core.send({ type: 'pause', target: 'near' });
  core.send({ type: 'pause', all: true });
  const [older, younger] = [core.ask('older'), core.ask('younger')];
  // The look around "near" comes first, where "younger" is the only one.
  core.send({ type: 'resume', all: true });
  core.expect(older, 'starting');
  core.expect(younger, 'queued');
});

/** "near" and "between" share a group, and so do "between" and "far", which has a condition. */
function chained(condition: object): Core {
  const core = new Core(
    [
      target('near', [{ type: 'cardinality', group: 'net' }]),
      target('between', [
        { type: 'cardinality', group: 'net' },
        { type: 'cardinality', group: 'disk' },
      ]),
      target('far', [
        { type: 'cardinality', group: 'disk' },
        { type: 'require', ...condition },
      ]),
    ],
    { manualKeepers: true },
  );
  core.conditions.truth = () => false;
  return core;
}

test('what is looked for by way of another group starts only as its conditions allow', () => {
  const core = chained({ mounted: '/mnt/disk' });
  const first = core.ask('near');
  const [far, between] = [core.ask('far'), core.ask('between')];
  core.expect(far, 'queued');
  core.keep(first);
  core.end(first);
  core.expect(far, 'queued');
  core.expect(between, 'starting');
});

test('what stands behind a run that waits for an answer waits, too, wherever it is looked first', () => {
  for (const first of ['near', 'between', 'far']) {
    const core = chained({ exists: '/mnt/disk/there' });
    core.conditions.isManual = true;
    core.send({ type: 'pause', target: 'near' });
    core.send({ type: 'pause', all: true });
    const [far, between] = ['far', 'between'].map((name) => core.ask(name));
    apply(core.state, { type: 'resumed', all: true });
    if (first === 'near') core.send({ type: 'resume', target: first });
    else core.touch(first);
    core.expect(far ?? 0, 'queued');
    core.expect(between ?? 0, 'queued');
    core.answer();
    core.expect(far ?? 0, 'queued');
    core.expect(between ?? 0, 'starting');
  }
});

test('nobody starts who stands behind one that waits for an answer, in whichever of two groups', () => {
  const own = (group: string, more: RawPolicy[] = []): RawPolicy[] => [
    { type: 'cardinality', group },
    ...more,
  ];
  const names = ['s0', 's1', 't0', 't1'];
  for (const first of names) {
    const core = new Core(
      [
        target('s0', own('p0', [{ type: 'require', exists: '/a' }])),
        target('s1', own('p1', [{ type: 'require', exists: '/b' }])),
        target('t0', own('all', own('p0'))),
        target('t1', own('all', own('p1'))),
      ],
      { manualKeepers: true },
    );
    core.conditions.truth = () => true;
    core.conditions.isManual = true;
    core.send({ type: 'pause', all: true });
    const runs = names.map((name) => core.ask(name));
    apply(core.state, { type: 'resumed', all: true });
    core.touch(first);
    for (const run of runs) core.expect(run, 'queued');
    for (const name of names) core.touch(name);
    core.answer();
    assert.deepEqual(
      core.runs('starting').map((run) => run.target),
      ['s0', 's1'],
    );
  }
});

test('a chain of groups is followed as far as one decision may look', () => {
  for (const [length, isFar] of [
    [20, true],
    [100, false],
  ] as const) {
    const chain = Array.from({ length }, (_, at) =>
      target(`c${at}`, [
        { type: 'cardinality', group: `g${at}` },
        { type: 'cardinality', group: `g${at + 1}` },
      ]),
    );
    const core = new Core(chain, { manualKeepers: true });
    core.send({ type: 'pause', all: true });
    // The last one is the oldest.
    for (const { name } of chain.toReversed()) core.ask(name);
    apply(core.state, { type: 'resumed', all: true });
    core.touch('c0');
    const [first] = core.events.flatMap((event) => (event.type === 'starting' ? event.run : []));
    assert.equal(first === 1, isFar, `${length} groups`);
    for (const { name } of chain) core.touch(name);
    core.drain();
    assert.equal(core.runs('ended').length, length);
  }
});

test('what waits for an answer by way of another group keeps nobody here from starting', () => {
  const core = chained({ exists: '/mnt/disk/there' });
  const first = core.ask('near');
  core.conditions.isManual = true;
  const [far, between] = [core.ask('far'), core.ask('between')];
  const last = core.ask('near');
  core.keep(first);
  core.end(first);
  core.expect(far, 'queued');
  assert.ok(
    [between, last].some((run) => core.state.runs.get(run)?.state === 'starting'),
    'nobody has the place of the group "net", which is free',
  );
});

test('asking again with a token never makes a second run', () => {
  fc.assert(
    fc.property(targets, fc.array(fc.tuple(fc.nat(5), fc.nat(3))), (catalog, asks) => {
      const core = new Core(catalog);
      const first = new Map<string, number>();
      for (const [which, number] of asks) {
        const answer = core.submit(`t${which % catalog.length}`, `token ${number}`);
        if (!('run' in answer)) continue;
        const known = first.get(`token ${number}`) ?? answer.run;
        assert.equal(answer.run, known);
        first.set(`token ${number}`, known);
      }
    }),
  );
});

test('a run in a rsnapshot group is overtaken only by its own group', () => {
  const core = new Core([
    target('hourly', [{ type: 'rsnapshot', interval: 'hourly' }]),
    target('daily', [
      { type: 'rsnapshot', interval: 'daily' },
      { type: 'cardinality', group: 'disk', instances: 2 },
    ]),
    target('monthly', [{ type: 'rsnapshot', interval: 'monthly' }]),
    target('dump', [{ type: 'cardinality', group: 'disk', instances: 2 }]),
  ]);
  const hourly = core.ask('hourly');
  core.advance(2_000);
  const daily = core.ask('daily');
  for (let n = 0; n < 9; n++) core.end(core.ask('dump'));
  const monthly = core.ask('monthly');
  assert.equal(core.expect(daily, 'queued').overtaken, 0);
  core.end(hourly);
  core.end(monthly);
  core.advance(4_000);
  assert.deepEqual(core.order().slice(-2), ['monthly', 'daily']);
});

test('an empty journal has an empty state, and an empty catalog starts nothing', () => {
  assert.deepEqual(replay([]), emptyState());
  const look = { type: 'evaluate', target: 'x', at: stamp(0), nonce: NONCE } as const;
  assert.deepEqual(decide(emptyState(), look, makeCatalog([])).events, []);
});
