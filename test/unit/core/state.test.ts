/**
 * `apply`, cell by cell: every state of a run against every event. And the laws of replay: whatever
 * was journaled, or compacted, leads to the same state.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { apply } from '../../../daemon/core/apply.ts';
import type { Event } from '../../../daemon/core/event.ts';
import { minimalHistory } from '../../../daemon/core/minimal-history.ts';
import { emptyState, type State } from '../../../daemon/core/state.ts';
import { perform, steps, targets } from '../../support/arbitraries.ts';
import { Core, keeper, ordered, replay, stamp } from '../../support/core.ts';

const at = stamp(7);
const accepted: Event = { type: 'accepted', run: 1, target: 't', at, token: 'a', merged: true };
const starting: Event = { type: 'starting', run: 1, attempt: 1, at };
const started: Event = { type: 'started', run: 1, attempt: 1, at, keeper: keeper(1, 1) };
const stopping: Event = { type: 'stopping', run: 1, at, why: 'cancelled' };
const down: Event = { ...stopping, why: 'shutdown' };
const ended: Event = {
  type: 'ended',
  run: 1,
  at,
  outcome: { kind: 'exited', code: 0 },
  verdict: 'ok',
};
const lost: Event = {
  ...ended,
  outcome: { kind: 'lost' },
  verdict: 'failed',
  heldBy: [99],
};

/** How run 1 gets into each state. */
const PATHS: Readonly<Record<string, readonly Event[]>> = {
  unknown: [],
  queued: [accepted],
  starting: [accepted, starting],
  running: [accepted, starting, started],
  stopping: [accepted, starting, started, stopping],
  ended: [accepted, starting, started, ended],
  down: [accepted, starting, started, down],
  held: [accepted, starting, started, lost],
  evicted: [accepted, starting, started, lost, stopping],
};

const path = (name: string) => PATHS[name] ?? [];

const EVENTS: Readonly<Record<string, Event>> = {
  accepted,
  joined: { type: 'joined', run: 1, token: 'b' },
  starting,
  again: { ...starting, attempt: 2 },
  overtook: { ...starting, run: 2, overtook: [1] },
  started,
  stale: { ...started, attempt: 2 },
  stopping,
  down,
  requeued: { type: 'requeued', run: 1, at },
  ended,
  lost,
  released: { type: 'released', run: 1 },
  forgotten: { type: 'forgotten', runs: [1] },
  paused: { type: 'paused', target: 't' },
  ignored: { type: 'ignored', target: 't', times: 1 },
  watched: { type: 'watched', target: 't', at },
  resumed: { type: 'resumed', target: 't' },
  'all-paused': { type: 'paused', at, all: true, untilMs: 5 },
  'all-resumed': { type: 'resumed', all: true },
  journal: { type: 'journal', format: 1 },
  base: { type: 'base', nextRun: 10 },
  booted: { type: 'booted', bootId: 'b', offsetMs: 0 },
};

/** The state of run 1 after the event; `-` throws, `=` leaves it unchanged. */
const TABLE = `
           unknown  queued    starting  running   stopping  down      ended    held     evicted
accepted   queued   -         -         -         -         -         -        -        -
joined     -        queued    starting  running   stopping  down      -        -        -
starting   -        starting  -         -         -         -         -        -        -
again      -        starting  starting  starting  -         starting  -        -        -
overtook   -        queued    -         -         -         -         -        -        -
started    -        -         running   -         -         -         -        -        -
stale      -        -         -         -         -         -         -        -        -
stopping   -        -         -         stopping  -         down      -        evicted  -
down       -        -         -         down      -         -         -        evicted  -
requeued   -        -         queued    queued    -         queued    -        -        -
ended      -        ended     ended     ended     ended     ended     -        -        -
lost       -        -         -         held      held      held      -        -        -
released   -        -         -         -         -         -         -        ended    ended
forgotten  -        -         -         -         -         -         unknown  -        -
watched    =        =         =         =         =         =         =        =        =
ignored    =        =         =         =         =         =         =        =        =
paused     =        =         =         =         =         =         =        =        =
resumed    =        =         =         =         =         =         =        =        =
all-paused =        =         =         =         =         =         =        =        =
all-resumed =       =         =         =         =         =         =        =        =
journal    =        =         =         =         =         =         =        =        =
base       =        =         =         =         =         =         =        =        =
booted     =        =         =         =         =         =         =        =        =
`;

const [header = [], ...rows] = TABLE.trim()
  .split('\n')
  .map((line) => line.trim().split(/\s+/));

for (const [name = '', ...cells] of rows) {
  test(`event ${name} does to each state what the table says`, () => {
    assert.equal(cells.length, header.length);
    for (const [column, wanted] of cells.entries()) {
      const from = header[column] ?? '';
      const state = replay(path(from));
      // Run 2 is queued, too: an event about it may affect run 1.
      apply(state, { ...accepted, run: 2, token: 'two' });
      if (from === 'unknown') state.nextRun = 1;
      const act = () => apply(state, EVENTS[name] ?? accepted);
      if (wanted === '-') assert.throws(act, /Internal error: event .* cannot happen/, from);
      else {
        act();
        assert.equal(nameState(state), wanted === '=' ? from : wanted, `${name} on ${from}`);
        checkLanes(state);
      }
    }
  });
}

function nameState(state: State): string {
  const run = state.runs.get(1);
  if (run === undefined) return 'unknown';
  if (run.state === 'running' && run.stopping !== undefined) {
    return run.stopping.why === 'shutdown' ? 'down' : 'stopping';
  }
  if (run.state !== 'ended' || run.heldBy.length === 0) return run.state;
  return run.stopping === undefined ? 'held' : 'evicted';
}

/** Every run is in exactly the sets of its target that match its state. */
function checkLanes(state: State): void {
  for (const run of state.runs.values()) {
    const targetState = state.targetStates.get(run.target);
    const held = run.state === 'ended' && run.heldBy.length > 0;
    const active = run.state === 'starting' || run.state === 'running' || held;
    assert.equal(targetState?.queue.has(run.run), run.state === 'queued', `queue, run ${run.run}`);
    assert.equal(targetState?.active.has(run.run), active, `active, run ${run.run}`);
    assert.equal(targetState?.ended.has(run.run), run.state === 'ended', `ended, run ${run.run}`);
    for (const token of run.tokens) assert.equal(state.tokens.get(token), run.run);
  }
  const sizes = [...state.targetStates.values()].map(({ queue, active, ended }) => [
    ...new Set([...queue, ...active, ...ended]),
  ]);
  assert.equal(sizes.flat().length, state.runs.size, 'no lane names a run that is not known');
}

test('a run is never given a number twice, whatever was forgotten', () => {
  const state = replay([...path('ended'), { type: 'forgotten', runs: [1] }]);
  assert.throws(() => apply(state, accepted), /its run has a number below 2, the next to be given/);
  const fresh = emptyState();
  apply(fresh, { type: 'base', nextRun: 50 });
  apply(fresh, { type: 'base', nextRun: 5 });
  assert.equal(fresh.nextRun, 50);
});

test('a token stands for one run only', () => {
  const state = replay([accepted]);
  assert.throws(() => apply(state, { ...accepted, run: 2 }), /token/);
  assert.throws(() => apply(state, { type: 'joined', run: 1, token: 'a' }), /token/);
});

test('a target of which nothing is known leaves no trace', () => {
  const state = replay([
    ...path('ended'),
    { type: 'ignored', target: 't', times: 3 },
    { type: 'paused', target: 't' },
    { type: 'forgotten', runs: [1] },
  ]);
  assert.deepEqual([...state.targetStates.keys()], ['t']);
  apply(state, { type: 'resumed', target: 't' });
  assert.deepEqual([state.targetStates.size, state.runs.size, state.tokens.size], [0, 0, 0]);
});

test('what a run knows is carried from state to state, and nothing is left behind', () => {
  const state = replay([
    { ...accepted, expiresAtMs: 500, overtaken: 2 },
    { ...starting, groups: ['g'] },
    { ...started, timeoutAtMs: 900 },
    { ...starting, attempt: 2 },
  ]);
  const request = { run: 1, target: 't', accepted: at, merged: true, tokens: ['a'] };
  assert.deepEqual(state.runs.get(1), {
    ...request,
    groups: ['g'],
    state: 'starting',
    attempt: 2,
    starting: at,
  });
  assert.deepEqual([...(state.groups.get('g') ?? [])], [1]);
  apply(state, { ...ended, outcome: { kind: 'cancelled' }, verdict: 'failed' });
  assert.deepEqual(state.runs.get(1), {
    ...request,
    groups: [],
    state: 'ended',
    tries: 2,
    ended: at,
    outcome: { kind: 'cancelled' },
    verdict: 'failed',
    heldBy: [],
  });
  assert.equal(state.groups.size, 0);
});

test('replaying all events, or the compacted history, gives an equal state', () => {
  fc.assert(
    fc.property(targets, steps, (catalog, list) => {
      const core = new Core(catalog, { manualKeepers: true });
      core.send({ type: 'pause', target: 't0' });
      apply(core.state, { type: 'booted', bootId: 'b', offsetMs: 3 });
      for (const step of list) {
        if (step.do !== 'restart' && step.do !== 'compact') perform(core, step);
      }
      checkLanes(core.state);
      const booted: Event = { type: 'booted', bootId: 'b', offsetMs: 3 };
      for (const again of [replay([booted, ...core.events]), replay(minimalHistory(core.state))]) {
        assert.deepEqual(again, core.state);
        assert.deepEqual(ordered(again), ordered(core.state));
        assert.deepEqual([...again.runs.keys()], [...core.state.runs.keys()]);
      }
    }),
    { numRuns: 300 },
  );
});
