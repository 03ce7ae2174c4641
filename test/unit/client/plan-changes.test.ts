/** The differences between two plans, and their descriptions. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changesOf } from '../../../client/report/plan-changes.ts';
import { showChanges } from '../../../client/terminal/changes-text.ts';
import type { Planned, PlannedRun } from '../../../daemon/protocol/planned.ts';

const MIDNIGHT_MS = new Date(2027, 0, 4).getTime();
const HOUR_MS = 3_600_000;
const at = (hours: number): number => MIDNIGHT_MS + hours * HOUR_MS;
const READ = { lines: 3, atBoot: [], left: [], unclear: [], conditional: [] };

function night(runs: readonly PlannedRun[], more: Partial<Planned> = {}): Planned {
  return {
    ...{ fromMs: MIDNIGHT_MS, untilMs: at(24), refused: [], late: [], unknown: [] },
    ...{ durations: [], assumed: [], runs, ...more },
  };
}

function run(target: string, hours: number, more: Partial<PlannedRun> = {}): PlannedRun {
  const times = { askedAtMs: at(3), startedAtMs: at(hours), endedAtMs: at(hours + 1) };
  return {
    run: 1,
    target,
    ...times,
    outcome: 'exited',
    verdict: 'ok',
    text: 'exited with 0',
    ...more,
  };
}

function never(target: string, more: Partial<PlannedRun>): PlannedRun {
  return { run: 1, target, askedAtMs: at(3), ...more };
}

const BEFORE = night(
  [
    ...['a', 'b', 'c', 'd', 'e', 'f', 'same', 'gone'].map((name) => run(name, 4)),
    never('back', { waits: [{ fromMs: at(3), reason: 'waits for its window' }] }),
    run('hook', 5, { askedAtMs: at(5), hookOf: { target: 'a', why: 'success' } }),
  ],
  { late: [{ target: 'b', atMs: at(9) }], endsAtMs: at(6) },
);
const AFTER = night(
  [
    run('a', 5),
    run('b', 3.5),
    run('c', 4, { verdict: 'failed', outcome: 'timed-out', text: 'timed out' }),
    never('d', { outcome: 'expired', text: 'was given up after 1 h', endedAtMs: at(4) }),
    never('e', { waits: [{ fromMs: at(3), reason: 'waits for its window' }] }),
    run('same', 4 + 0.5 / 3_600),
    run('new', 4),
    run('back', 4),
    run('hook', 6, { askedAtMs: at(6), hookOf: { target: 'a', why: 'success' } }),
  ],
  {
    refused: [{ target: 'f', atMs: at(3), reason: 'it runs already' }],
    late: [{ target: 'a', atMs: at(9) }],
    endsAtMs: at(7),
  },
);

test('each request is found again, and what becomes of it compared', () => {
  const { changes, late } = changesOf(BEFORE, AFTER);
  assert.deepEqual(Object.fromEntries(changes.map(({ target, what }) => [target, what])), {
    ...{ a: 'later', b: 'earlier', c: 'fails', d: 'given-up', e: 'never-starts', f: 'refused' },
    ...{ gone: 'gone', new: 'new', back: 'runs', hook: 'later' },
  });
  assert.deepEqual(
    late.map(({ target, what }) => [target, what]),
    [
      ['a', 'late'],
      ['b', 'not-late'],
    ],
  );
  const nothing = changesOf(AFTER, AFTER);
  assert.deepEqual([nothing.changes, nothing.late], [[], []]);
});

test('of requests of one minute each is compared with its own', () => {
  const twice = night([run('a', 4), run('a', 5)]);
  const refused = [{ target: 'a', atMs: at(3), reason: 'full' }];
  const { changes } = changesOf(twice, night([run('a', 4)], { refused }));
  assert.deepEqual(
    changes.map(({ what, before }) => [what, before]),
    [['refused', { kind: 'runs', startsAtMs: at(5) }]],
  );
});

test('what is worse stands first, then what moves the farthest', () => {
  const screen = { columns: 80, isColoured: false, isUnicode: true };
  const text = showChanges(changesOf(BEFORE, AFTER), '/etc/new.json', READ, screen);
  assert.equal(
    text,
    `Mon 4 Jan 00:00 to Tue 5 Jan 00:00 with /etc/new.json: 1 earlier, 2 later, 1 now
refused, 1 now given up, 1 now failing, 1 now never starting, 1 now running, 1
new, 1 gone, 1 now late, 1 no longer late; the last run ends Mon 4 Jan 07:00
instead of Mon 4 Jan 06:00

! Mon 4 Jan 03:00 c: now fails: timed out
! Mon 4 Jan 03:00 d: is now given up: was given up after 1 h
! Mon 4 Jan 03:00 e: now never starts: waits for its window
! Mon 4 Jan 03:00 f: is now refused: it runs already
! Mon 4 Jan 09:00 a: is now late: no success for longer than its lateAfter
· Mon 4 Jan 03:00 gone: no longer has a run
· Mon 4 Jan 03:00 back: now runs and starts Mon 4 Jan 04:00; before, it never
  started
· Mon 4 Jan 03:00 new: is new and starts Mon 4 Jan 04:00
· Mon 4 Jan 03:00 a: starts 1 h later, Mon 4 Jan 05:00 instead of Mon 4 Jan
  04:00
· Mon 4 Jan 06:00 hook: starts 1 h later, Mon 4 Jan 06:00 instead of Mon 4 Jan
  05:00
· Mon 4 Jan 03:00 b: starts 30 min earlier, Mon 4 Jan 03:30 instead of Mon 4 Jan
  04:00
· Mon 4 Jan 09:00 b: is no longer late
`,
  );
});
