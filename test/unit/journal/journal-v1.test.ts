/**
 * A journal of format 1, as written by the first build: test/support/journal-v1.ndjson, with every
 * event and every kind of outcome. It must load for ever, and lead to this same state; and so must
 * the journal of each release in test/support/releases.
 */
import assert from 'node:assert/strict';
import { copyFileSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Event } from '../../../daemon/core/event.ts';
import { minimalHistory } from '../../../daemon/core/minimal-history.ts';
import { Journal } from '../../../daemon/journal/journal.ts';
import type { RunId, Stamp } from '../../../daemon/shared/run.ts';
import { directory, ROOT } from '../../support/config.ts';
import { ordered, replay } from '../../support/core.ts';
import { RELEASES } from '../../support/journals.ts';

const FIXTURE = join(ROOT, 'test/support/journal-v1.ndjson');

/** The fixture's own clock. */
function at(seconds: number): Stamp {
  return { steadyMs: 1_000_000 + seconds * 1_000, wallMs: 1_700_000_000_000 + seconds * 1_000 };
}

function load(t: TestContext, file = FIXTURE): readonly Event[] {
  const path = directory(t);
  copyFileSync(file, join(path, 'journal.ndjson'));
  const events: Event[] = [];
  const opened = Journal.open(path, (event) => events.push(event));
  if (!opened.ok) throw new Error(opened.error);
  opened.value.journal.close();
  assert.equal(opened.value.tornBytes, 0);
  return events;
}

test('the fixture holds every type of event and every kind of outcome of format 1', (t) => {
  const events = load(t);
  const types: readonly Event['type'][] = [
    'accepted',
    'base',
    'booted',
    'ended',
    'forgotten',
    'joined',
    'journal',
    'paused',
    'released',
    'resumed',
    'started',
    'starting',
    'stopping',
  ];
  assert.deepEqual([...new Set(events.map(({ type }) => type))].sort(), types);
  const kinds = events.flatMap((event) => (event.type === 'ended' ? [event.outcome.kind] : []));
  assert.deepEqual([...new Set(kinds)].sort(), [
    'cancelled',
    'exited',
    'expired',
    'interrupted',
    'lost',
    'not-started',
    'signalled',
    'skipped',
    'timed-out',
  ]);
});

test('the fixture leads to the state that it always led to', (t) => {
  const state = replay(load(t));
  assert.equal(state.nextRun, 100);
  assert.deepEqual(state.boot, { bootId: 'b00t', offsetMs: 12_345 });
  assert.deepEqual(ordered(state), [
    { name: 'db', queue: [], active: [14, 15, 16], ended: [4, 5, 7, 8, 9, 10, 11] },
    { name: 'held', queue: [], active: [12], ended: [12] },
    { name: 'idle', queue: [], active: [], ended: [] },
    { name: 'later', queue: [17], active: [], ended: [] },
    { name: 'täglich ☂', queue: [], active: [], ended: [3] },
    { name: 'web', queue: [13], active: [], ended: [1] },
  ]);
  assert.deepEqual([...state.pauses.values()], [{ target: 'idle' }]);
  assert.deepEqual(
    state.targetStates.get('web')?.counts,
    [
      { outcome: 'exited', verdict: 'ok', runs: 1 },
      { outcome: 'exited', verdict: 'warning', runs: 1 },
    ],
    'also of the run that is forgotten',
  );
  assert.deepEqual([...(state.groups.get('cardinality:disk') ?? [])], [12, 14, 15, 16]);
  assert.deepEqual([state.tokens.get('t3'), state.tokens.get('shared')], [3, 3]);
  assert.equal(state.tokens.has('t2'), false, 'a forgotten run gives its token back');
});

for (const file of readdirSync(RELEASES).filter((name) => name.endsWith('.ndjson'))) {
  test(`the journal of release ${file.replace('.ndjson', '')} leads to the state that it led to`, (t) => {
    const known: unknown = JSON.parse(
      readFileSync(join(RELEASES, file.replace('.ndjson', '.json')), 'utf8'),
    );
    const state = replay(load(t, join(RELEASES, file)));
    assert.deepEqual(ordered(state), known);
    const compacted = replay(minimalHistory(state));
    assert.deepEqual(ordered(compacted), known);
  });
}

test('every run of the fixture is what it always was', (t) => {
  const { runs } = replay(load(t));
  const db = (run: RunId, seconds: number) => ({
    run,
    target: 'db',
    accepted: at(seconds),
    merged: run % 2 === 1,
    tokens: [`t${run}`],
  });
  const keeper = (run: RunId) => ({ pid: 4_000 + run, startTime: 90_000 + run, bootId: 'b00t' });
  const groups = ['cardinality:disk'];
  assert.deepEqual(runs.get(3), {
    ...db(3, 6),
    target: 'täglich ☂',
    tokens: ['t3', 'shared'],
    state: 'ended',
    groups: [],
    started: at(7),
    ended: at(8),
    outcome: { kind: 'signalled', signal: 11, core: true },
    verdict: 'failed',
    heldBy: [],
  });
  assert.deepEqual(runs.get(12), {
    ...db(12, 32),
    target: 'held',
    state: 'ended',
    groups,
    started: at(33),
    ended: at(34),
    outcome: { kind: 'lost' },
    verdict: 'failed',
    heldBy: [777],
    keeper: keeper(12),
  });
  assert.deepEqual(runs.get(13), {
    ...db(13, 35),
    target: 'web',
    state: 'queued',
    overtaken: 3,
  });
  assert.deepEqual(runs.get(14), {
    ...db(14, 36),
    state: 'starting',
    groups,
    attempt: 2,
    vain: 1,
    starting: at(38),
  });
  const running = { state: 'running', groups, attempt: 1 } as const;
  assert.deepEqual(runs.get(15), {
    ...db(15, 39),
    ...running,
    started: at(40),
    keeper: keeper(15),
    timeoutAtMs: 1_950_000,
  });
  assert.deepEqual(runs.get(16), {
    ...db(16, 41),
    ...running,
    started: at(42),
    keeper: keeper(16),
    stopping: { why: 'cancelled', at: at(43) },
  });
  assert.deepEqual(runs.get(17), {
    ...db(17, 44),
    target: 'later',
    state: 'queued',
    overtaken: 0,
    expiresAtMs: 2_100_000,
  });
  const outcomes = [...runs.values()].flatMap((run) =>
    run.state === 'ended' ? [[run.run, run.outcome.kind, run.verdict]] : [],
  );
  assert.deepEqual(outcomes, [
    [1, 'exited', 'ok'],
    [3, 'signalled', 'failed'],
    [4, 'timed-out', 'failed'],
    [5, 'cancelled', 'failed'],
    [7, 'not-started', 'failed'],
    [8, 'expired', 'failed'],
    [9, 'skipped', 'failed'],
    [10, 'lost', 'failed'],
    [11, 'interrupted', 'failed'],
    [12, 'lost', 'failed'],
  ]);
});

test('the fixture, compacted, still leads to that state', (t) => {
  const state = replay(load(t));
  const compacted = replay(minimalHistory(state));
  assert.deepEqual(compacted, state);
  assert.deepEqual(ordered(compacted), ordered(state));
});
