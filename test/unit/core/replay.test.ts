/** The explanation of a journal for somebody who debugs the scheduler. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { makeCatalog } from '../../../daemon/core/catalog.ts';
import { describeEvent } from '../../../daemon/core/describe-event.ts';
import type { Event } from '../../../daemon/core/event.ts';
import { groupViewMaker } from '../../../daemon/core/group-view.ts';
import { minimalHistory } from '../../../daemon/core/minimal-history.ts';
import { Replay, WATCHED_PER_TARGET } from '../../../daemon/core/replay.ts';
import type { Queued } from '../../../daemon/core/state.ts';
import { explain } from '../../../daemon/core/waiting.ts';
import { localTime } from '../../../daemon/journal/replay-file.ts';
import { perform, steps, targets } from '../../support/arbitraries.ts';
import { Core, exit, keeper, replay, stamp, target } from '../../support/core.ts';

type Options = Omit<ConstructorParameters<typeof Replay>[0], 'showTime'>;

const replayOf = (options: Options): Replay => new Replay({ ...options, showTime: localTime });

/** The explanation of these events, without the times. */
function told(events: readonly Event[], options: Options): readonly string[] {
  const it = replayOf(options);
  return events.flatMap((event) => it.take(event)).map((line) => line.slice(24).trimStart());
}

const WEEKLY = { type: 'rsnapshot', interval: 'weekly', settle: '2s' } as const;
const DAILY = { type: 'rsnapshot', interval: 'daily', settle: '2s' } as const;
const LEVELS = { order: ['daily', 'weekly'], group: 'conf' };
const rsnapshots = () => [
  target('daily', [{ ...DAILY, ...LEVELS }]),
  target('weekly', [{ ...WEEKLY, ...LEVELS }]),
];

/** Daily is requested, then weekly, which goes first; daily follows when it has failed. */
function night(): Core {
  const core = new Core(rsnapshots());
  core.nowMs = 1_000;
  core.ask('daily');
  core.nowMs = 1_500;
  const weekly = core.ask('weekly');
  core.nowMs = 60_000;
  core.end(weekly, exit(1));
  return core;
}

test('every decision is told, and under it each run that waits for another reason than before', () => {
  const core = night();
  const group = core.catalog.targets.get('daily')?.bindings[0]?.key;
  assert.deepEqual(told(core.events, { catalog: core.catalog }), [
    '1  run 1 (daily) is accepted',
    '1    run 1 (daily): waits 2 s from the first request, in case a higher interval is requested in the same minute',
    '2  run 2 (weekly) is accepted',
    '2    run 1 (daily): waits for run 2 (weekly), which goes first: weekly is above daily',
    `3  run 2 (weekly) starts: all its policies allow it; counts in ${group}, before run 1, requested earlier`,
    '3    run 1 (daily): waits for run 2 (weekly), which is being started',
    '4  run 2 (weekly) is running; its keeper is pid 1002',
    '4    run 1 (daily): waits for run 2 (weekly), which is running',
    '5  run 2 (weekly) exited with 1: a failure',
    `6  run 1 (daily) starts: all its policies allow it; counts in ${group}`,
    '7  run 1 (daily) is running; its keeper is pid 1001',
  ]);
});

test('the time stands before each line, and a dash where the event has none', () => {
  const it = replayOf({ catalog: makeCatalog([]) });
  const event: Event = { type: 'late', target: 't', at: stamp(7) };
  const [format] = it.take({ type: 'journal', format: 1 });
  assert.match(format ?? '', /^- {23} {5}1 {2}a journal of format 1$/);
  it.take({ type: 'watched', target: 't', at: stamp(7) });
  const wall = new Date(stamp(7).wallMs);
  const [line = ''] = it.take(event);
  assert.equal(new Date(line.slice(0, 23)).getTime(), wall.getTime(), 'as local time');
  assert.match(line, / {5}3 {2}t: late, no success for longer than its lateAfter$/);
});

test('a run that started against the configuration of today is told, and what does not start, too', () => {
  const one = { type: 'cardinality', group: 'disk' } as const;
  const free = new Core([target('a'), target('b')]);
  free.ask('a');
  free.ask('b');
  const strict = makeCatalog([target('a', [one]), target('b', [one])]);
  const events = free.events.map((event) =>
    event.type === 'starting' ? { ...event, groups: ['cardinality:disk'] } : event,
  );
  assert.ok(
    told(events, { catalog: strict }).some((line) =>
      /under this configuration, run 2 \(b\) would not start: waits for run 1 \(a\)/.test(line),
    ),
  );
  const [accepted] = free.events;
  assert.ok(accepted?.type === 'accepted');
  const later: Event = { ...accepted, run: 2, token: 'later', target: 'b', at: stamp(90_000) };
  const lines = told([accepted, later], { catalog: free.catalog });
  assert.match(
    lines[1] ?? '',
    /run 1 \(a\): still waits; the journal and this configuration show no reason/,
  );
});

test('a target that is no longer configured is said to be so', () => {
  const core = night();
  const catalog = makeCatalog([]);
  const lines = told(core.events, { catalog });
  assert.match(lines[1] ?? '', /^1 {4}run 1 \(daily\): its target is not in this configuration/);
});

test('one run, or one target, can be told of alone', () => {
  const core = night();
  const { catalog } = core;
  const ofWeekly = told(core.events, { catalog, only: 'weekly' });
  assert.deepEqual(
    ofWeekly.map((line) => line.slice(0, 1)),
    ['2', '3', '4', '5'],
  );
  const ofFirst = told(core.events, { catalog, only: 1 });
  assert.deepEqual(
    ofFirst.map((line) => line.slice(0, 1)),
    ['1', '1', '2', '3', '3', '4', '6', '7'],
    'also that another one was let go before it',
  );
  const nobody = replayOf({ catalog, only: 'dialy' });
  for (const event of core.events) assert.deepEqual(nobody.take(event), []);
  assert.match(nobody.close()[0] ?? '', /the journal contains nothing about a run of "dialy"/);
});

test('of a long queue the first are explained, and the rest is counted at the end', () => {
  const core = new Core([target('t', [{ type: 'cardinality' }])]);
  for (let run = 0; run < 30; run++) core.ask('t');
  const it = replayOf({ catalog: core.catalog });
  for (const event of core.events) assert.ok(it.take(event).length <= WATCHED_PER_TARGET + 1);
  const lines = it.close();
  assert.equal(lines.length, WATCHED_PER_TARGET + 1);
  assert.equal(lines.at(-1), '19 more of t wait behind');
  const last = replayOf({ catalog: core.catalog, only: 30 });
  for (const event of core.events) last.take(event);
  assert.deepEqual(last.close(), ['run 30 (t): waits for run 2 (t), which was requested earlier']);
});

test('what a compaction kept is told without reasons until it is all there', () => {
  const core = night();
  core.nowMs += 10;
  core.ask('weekly');
  const events = [...minimalHistory(core.state)];
  const lines = told(events, { catalog: core.catalog, compacted: events.length });
  const last = String(events.length);
  assert.deepEqual(
    lines.filter((line) => line.includes('): ')),
    [`${last}    run 3 (weekly): waits for run 1 (daily), which is running`],
  );
});

test('every kind of event has a sentence that says what matters of it', () => {
  const at = stamp(5_000);
  const base = { type: 'accepted', run: 1, target: 't', at, token: 'a', merged: true } as const;
  const held = { type: 'ended', run: 1, at, outcome: { kind: 'lost' }, verdict: 'failed' } as const;
  const cause = { why: 'failure', target: 'x', run: 9, text: 'exited with 1' } as const;
  const begun: readonly Event[] = [base, { type: 'starting', run: 1, attempt: 1, at }];
  const table: readonly (readonly [readonly Event[], Event, RegExp])[] = [
    [[], { ...base, args: ['a b'], expiresAtMs: 65_000 }, /with \["a b"\], given up .* 1 min$/],
    [[], { ...base, cause }, /a hook: failure of run 9 \(x\), which exited with 1$/],
    [[base], { type: 'joined', run: 1, token: 'b' }, /^run 1 \(t\) is joined by one more request$/],
    [
      [base],
      { type: 'joined', run: 1, token: 'b', expiresAtMs: 9_000 },
      /which would wait longer$/,
    ],
    [[base], { type: 'joined', run: 1, token: 'b', expiresAtMs: null }, /without an end$/],
    [
      begun,
      { type: 'starting', run: 1, attempt: 2, at },
      /attempt 2: its command had not started$/,
    ],
    [
      begun,
      { type: 'started', run: 1, attempt: 1, at, keeper: keeper(1, 1), timeoutAtMs: 8_000 },
      /pid 1001, for 3\.0 s at the most$/,
    ],
    [[base], { type: 'stopping', run: 1, at, why: 'timed-out' }, /it exceeded its timeout$/],
    [[base], { type: 'stopping', run: 1, at, why: 'cancelled' }, /it was cancelled$/],
    [
      [base],
      { ...held, heldBy: [7, 8] },
      /: a failure; still counts as running because of pid 7, 8$/,
    ],
    [
      [base],
      { ...held, leftovers: [{ pid: 7, startTime: 1 }] },
      /how the command ended: a failure; left 1 process$/,
    ],
    [[base], { type: 'released', run: 1 }, /its last process has ended$/],
    [[], { type: 'forgotten', runs: [1, 2] }, /runs 1, 2$/],
    [[], { type: 'forgotten', runs: Array(12).fill(7) }, /runs (7, ){9}7 and 2 more$/],
    [[], { type: 'ignored', target: 't', times: 2 }, /^t: 2 requests ignored by a policy$/],
    [[], { type: 'remembered', target: 't', tookMs: [1_000] }, /took 1\.0 s$/],
    [[], { type: 'watched', target: 't' }, /no longer watched for lateness$/],
    [[], { type: 'paused', target: 't' }, /^t: paused$/],
    [[], { type: 'resumed', target: 't' }, /^t: resumed$/],
    [[], { type: 'booted', bootId: 'b', offsetMs: 0 }, /machine was started \(boot b\)$/],
    [[], { type: 'base', nextRun: 4 }, /compacted here; the next run is 4$/],
  ];
  for (const [before, event, sentence] of table) {
    assert.match(describeEvent(replay(before), event), sentence);
  }
});

test('any history can be told, and what waits at its end waits for what explain says', () => {
  fc.assert(
    fc.property(targets, steps, (list, moves) => {
      const core = new Core(list, { manualKeepers: true });
      // The content of the journal: a compaction starts it afresh.
      let [kept, mark]: [readonly Event[], number] = [[], 0];
      for (const move of moves) {
        if (move.do === 'compact')
          [kept, mark] = [[...minimalHistory(core.state)], core.events.length];
        // The next daemon also reads what the compaction kept.
        if (move.do === 'restart') core.restart([...kept, ...core.events.slice(mark)]);
        else perform(core, move);
      }
      const journal = [...kept, ...core.events.slice(mark)];
      const it = replayOf({ catalog: core.catalog, compacted: kept.length });
      const whyAt = (run: Queued, atMs: number): string => {
        const groupViewOf = groupViewMaker(it.state, core.catalog, stamp(atMs));
        const waits = explain(it.state, run, stamp(atMs), core.catalog, groupViewOf);
        return waits.map(({ reason }) => reason).join('; and ');
      };
      // The last explanation, and when it was last true: a rising rank can change it by itself.
      const told = new Map<number, { readonly why: string; readonly nowMs: number }>();
      let nowMs = 0;
      for (const event of journal) {
        const lines = it.take(event);
        if ('at' in event && event.at !== undefined) nowMs = Math.max(nowMs, event.at.steadyMs);
        for (const line of lines) {
          const [, run, why = ''] = / {4}run (\d+) \(t\d\): (.*)$/.exec(line) ?? [];
          if (run !== undefined) told.set(Number(run), { why, nowMs });
        }
        assert.ok(
          lines.every((line) => !line.includes('would not start')),
          lines.join('\n'),
        );
        for (const [number, { why }] of told) {
          const run = it.state.runs.get(number);
          if (run?.state !== 'queued') told.delete(number);
          else if (whyAt(run, nowMs) === why) told.set(number, { why, nowMs });
        }
      }
      assert.deepEqual(it.state, core.state);
      const watched = [...core.state.targetStates.values()].flatMap(({ queue }) =>
        [...queue].slice(0, WATCHED_PER_TARGET).map((run) => core.expect(run, 'queued')),
      );
      for (const run of watched) {
        const last = told.get(run.run) ?? { why: '', nowMs };
        const why = whyAt(run, last.nowMs);
        // If nothing holds it up any more, as after a gap, that is shown if it keeps waiting.
        if (why !== '' && !/the journal and this configuration show no reason/.test(last.why))
          assert.equal(last.why, why);
      }
      const wanted = watched.map((run) => whyAt(run, nowMs));
      const closing = it.close().filter((line) => !/more of t\d wait behind$/.test(line));
      assert.equal(closing.length, wanted.length);
      for (const [at, line] of closing.entries()) {
        const why = line.slice(line.indexOf('): ') + '): '.length);
        if (wanted[at] === '')
          assert.match(why, /^the journal and this configuration show no reason/);
        else assert.equal(why, wanted[at]);
      }
    }),
    { numRuns: 300 },
  );
});
