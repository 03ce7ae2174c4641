/** The views for people, line by line, and what holds for all of them on every screen. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import stringWidth from 'string-width';
import { showHistory } from '../../../client/terminal/history-text.ts';
import { showLive } from '../../../client/terminal/live-text.ts';
import { showStatus } from '../../../client/terminal/status-text.ts';
import { COLUMNS_MIN, type Screen } from '../../../client/terminal/style.ts';
import { draw } from '../../../client/terminal/styled-line.ts';
import { showWhy } from '../../../client/terminal/why-text.ts';
import { bar, percentOf, showTimes, showWhen } from '../../../client/terminal/words.ts';
import type { RunView, StatusReply, TargetView } from '../../../daemon/protocol/request.ts';

const PAPER: Screen = { columns: Number.POSITIVE_INFINITY, isColoured: false, isUnicode: false };
const MINUTE_MS = 60_000;
const NOW_MS = new Date(2026, 10, 23, 12).getTime();
const base = { run: 7, target: 'a', acceptedAtMs: NOW_MS, waitedMs: 0 } as const;
const usual = { medianMs: 10 * MINUTE_MS, lowMs: 9 * MINUTE_MS, highMs: 11 * MINUTE_MS, runs: 5 };
const running: RunView = {
  ...base,
  state: 'running',
  startedAtMs: NOW_MS - 5 * MINUTE_MS,
  tookMs: 5 * MINUTE_MS,
  expectedEndAtMs: NOW_MS + 5 * MINUTE_MS,
  usual,
};
const ended: RunView = {
  ...base,
  state: 'ended',
  endedAtMs: NOW_MS,
  tookMs: 31 * MINUTE_MS,
  outcome: { kind: 'exited', code: 0 },
  verdict: 'ok',
  text: 'exited with 0',
  usual,
  pace: 'slower',
};

function status(...targets: Partial<TargetView>[]): StatusReply {
  const idle = { runner: 'local', groups: [], paused: false, active: [], queued: [], waiting: 0 };
  return {
    type: 'status',
    version: '0',
    pid: 1,
    startedAtMs: NOW_MS,
    nowMs: NOW_MS,
    requests: 0,
    running: 0,
    queued: 0,
    executing: [],
    config: '/c',
    targets: targets.map((it, at) => ({ ...idle, target: `t${at}`, ...it })),
  };
}

/** Without the lines above the table. */
function rows(reply: StatusReply, screen = PAPER): readonly string[] {
  return showStatus(reply, screen).trimEnd().split('\n').slice(3);
}

test('status and why show the attempt of a run that was started again', () => {
  const [now, before] = [
    { ...running, attempt: 2 },
    { ...ended, attempt: 3 },
  ];
  const text = showStatus(status({ active: [now] }, { last: before }), PAPER);
  assert.match(text, /since 11:55, run 7, attempt 2$/m);
  assert.match(text, /took 31 min, usually 10 min, attempt 3$/m);
  const why = (run: RunView) => showWhy({ type: 'why', chain: [run], nowMs: NOW_MS }, PAPER);
  assert.match(why(now), /has been running for 5 min, since 11:55, attempt 2\n/);
  assert.match(why({ ...base, state: 'starting', attempt: 2 }), /is starting, attempt 2\n/);
  assert.match(why(before), /exited with 0 at 12:00, took 31 min, attempt 3\n/);
});

test('output that could not be written is told wherever a run that ended is shown', () => {
  const run = { ...ended, lostBytes: 512 };
  const said = /; 512 bytes of its output are missing, because they could not be written/;
  assert.match(showStatus(status({ last: run }), PAPER), said);
  assert.match(showHistory([run], PAPER), said);
  assert.match(showWhy({ type: 'why', chain: [run], nowMs: NOW_MS }, PAPER), said);
});

test('targets that share a group stand below its name, those that share none at the end', () => {
  const lines = rows(
    status(
      { groups: ['cardinality:target t0'] },
      { groups: ['rsnapshot:/etc/a.conf', 'cardinality:disk'] },
      { groups: ['cardinality:disk'] },
      { groups: ['rsnapshot:/etc/a.conf'] },
    ),
  );
  assert.deepEqual(
    lines.map((line) => line.trim().split(' ').slice(0, 2).join(' ').trim()),
    ['TARGET', 'rsnapshot /etc/a.conf', 't1', 't3', '', 'group disk', 't2', '', 'others', 't0'].map(
      (text) => (text === 'TARGET' ? 'TARGET' : text),
    ),
  );
});

test('a target that is broken, paused, failed or held says so, and the head counts failures', () => {
  const lost: RunView = {
    ...ended,
    outcome: { kind: 'lost' },
    verdict: 'failed',
    text: 'is lost',
    heldBy: [4, 5],
    pace: 'usual',
  };
  const cancelled: RunView = {
    ...ended,
    outcome: { kind: 'cancelled' },
    verdict: 'failed',
    text: 'was cancelled before it started',
    pace: 'usual',
  };
  const reply = status(
    { broken: 'no such user' },
    { paused: true, last: cancelled },
    { active: [lost], last: lost },
    { queued: [{ ...base, state: 'queued', reasons: [] }], waiting: 3 },
  );
  const text = showStatus(reply, PAPER);
  assert.match(text, /^0 running, 0 waiting, 1 failed, 1 broken\n/);
  assert.match(text, /! t0 +broken +no such user\n/);
  assert.match(text, /= t1 +paused +until "baton resume t1"\n- +cancelled +12:00 /);
  assert.match(
    text,
    /! t2 +failed +12:00 +is lost, took 31 min; still counts as running because of processes 4, 5\n/,
  );
  assert.match(text, /\. t3 +waiting +0 ms +about to start, run 7\n +and 2 more waiting\n/);
});

test('a paused target says by what and until when, and the head what is paused altogether', () => {
  const untilMs = base.acceptedAtMs;
  const group = { group: 'my disk', untilMs };
  const reply = status({ paused: true, pauses: [{ target: 't0', untilMs }, group, { all: true }] });
  const text = showStatus({ ...reply, pauses: [group, { all: true }] }, PAPER);
  const [head = '', rest = ''] = text.split('TARGET');
  assert.match(
    head,
    /^group my disk is paused until \d\d:\d\d or "baton resume --group 'my disk'"$/m,
  );
  assert.match(head, /^all targets are paused until "baton resume --all"$/m);
  assert.match(rest, /= t0 +paused +until \d\d:\d\d or "baton resume t0"/);
  assert.match(rest, /= +paused +with group my disk until \d\d:\d\d or "baton resume --group/);
  assert.match(rest, /= +paused +with all targets until "baton resume --all"/);
  const waits: RunView = { ...base, state: 'queued', reasons: ['x'], pausedUntilMs: untilMs };
  const why = showWhy({ type: 'why', chain: [waits], nowMs: untilMs }, PAPER);
  assert.match(why, /is paused until \d\d:\d\d at the latest/);
});

test('a target that is late, or whose requests are ignored, says so; a hook says who called it', () => {
  const cause = { why: 'failure', target: 'job', run: 3, text: 'exited with 1' } as const;
  const hook: RunView = { ...ended, verdict: 'ok', outcome: { kind: 'exited', code: 0 }, cause };
  const reply = status(
    { late: true, freshAtMs: NOW_MS - MINUTE_MS, last: ended },
    { ignored: 2, active: [running] },
    { last: hook },
    { active: [{ ...running, cause: { why: 'late', target: 'job', text: 'x' } }] },
  );
  const text = showStatus(reply, PAPER);
  assert.match(text, /^0 running, 0 waiting, (1 failed, )?1 late\n/);
  assert.match(text, /! t0 +late +no success since 11:59\n/);
  assert.match(text, /> t1 +running .*\n +ignored a request twice in a row\n/);
  assert.match(text, / t2 +ok .*, called by run 3\n/);
  assert.match(text, /> t3 +running .*, called by job\n/);
  assert.match(showHistory([hook], PAPER), /, called by run 3\n/);
});

test('a run that takes longer than usual is told with what is usual', () => {
  const slow = { ...running, tookMs: 40 * MINUTE_MS, pace: 'slower' as const };
  const { expectedEndAtMs: _, ...late } = slow;
  const [, line] = rows(status({ active: [late] }));
  assert.match(line ?? '', /running +40 min +longer than usual \(10 min\), since 11:55, run 7$/);
  const [, past] = rows(status({ last: ended }));
  assert.match(past ?? '', /^\+ t0 +ok +12:00 +took 31 min, usually 10 min$/);
});

test('what a run waits for is named by target, or by the reason where no run is in the way', () => {
  const queued: RunView = {
    ...base,
    run: 8,
    state: 'queued',
    behind: [7],
    reasons: ['waits for x'],
  };
  const lock = {
    ...queued,
    behind: [],
    reasons: ['waits for external process 9, which holds /run/x'],
  };
  const lines = rows(status({ active: [running] }, { queued: [queued] }, { queued: [lock] }));
  assert.match(lines[2] ?? '', /for a, run 8$/);
  assert.match(lines[3] ?? '', /for external process 9, which holds \/run\/x, run 8$/);
});

test('history compares with the median by percent, and from twice on by a factor', () => {
  const of = (tookMs: number, runs = 5) => ({ ...ended, tookMs, usual: { ...usual, runs } });
  const lines = showHistory(
    [of(31 * MINUTE_MS), of(11 * MINUTE_MS), of(8 * MINUTE_MS), of(MINUTE_MS, 1)],
    PAPER,
  ).split('\n');
  const found = lines.map((line) => line.slice(lines[0]?.indexOf('VS USUAL')).split(/ {2}/)[0]);
  assert.deepEqual(found, ['VS USUAL', '3.1x', '+10%', '-20%', '', '']);
});

test('history on 80 columns keeps how runs ended, whatever the names, with marks at the left', () => {
  const runs = ['a', 'rsnapshot-offsite-weekly-of-the-whole-house'].map((target) => ({
    ...ended,
    target,
    text: 'exited with 3',
    verdict: 'failed' as const,
  }));
  const lines = showHistory(runs, { ...PAPER, columns: 80 })
    .trimEnd()
    .split('\n');
  assert.match(lines[0] ?? '', /^ {2}RUN +TARGET +ENDED +TOOK +VS USUAL +OUTCOME$/);
  for (const line of lines.slice(1)) {
    assert.match(line, /^! 7 +\S+ +2026-11-23 12:00 .* exited with 3/);
    assert.ok(line.length <= 80, line);
  }
});

test('why tells each run once, below the run that waits for it', () => {
  const queued = (run: number, behind: number[]): RunView => ({
    ...base,
    run,
    state: 'queued',
    behind,
    reasons: behind.map((other) => `waits for run ${other}`),
  });
  const chain = [queued(10, [9, 8]), queued(9, [7]), queued(8, [7]), running];
  const text = showWhy({ type: 'why', chain, nowMs: NOW_MS }, PAPER);
  assert.deepEqual(
    text.split('\n').flatMap((line) => /^( *)run (\d+)/.exec(line)?.slice(1) ?? []),
    ['', '10', '  ', '9', '    ', '7', '  ', '8'],
  );
});

test('a reason that is longer than the terminal is wide is wrapped, not cut', () => {
  const reason = 'waits for run 7 (rsnap-weekly), which goes first: weekly is above daily';
  const chain: RunView[] = [{ ...base, state: 'queued', reasons: [reason] }];
  const text = showWhy({ type: 'why', chain, nowMs: NOW_MS }, { ...PAPER, columns: 40 });
  assert.ok(text.replaceAll(/\s+/g, ' ').includes(reason));
});

test('the live line counts on between two answers', () => {
  const line = (passedMs: number) =>
    draw(showLive({ type: 'why', chain: [running], nowMs: NOW_MS }, passedMs, PAPER), PAPER);
  assert.equal(line(0), 'a: [##########----------] 50%, 5 min left of about 10 min');
  assert.equal(line(2 * MINUTE_MS), 'a: [##############------] 70%, 3 min left of about 10 min');
  const { expectedEndAtMs: _, usual: __, ...unknown } = running;
  const bare = showLive({ type: 'why', chain: [unknown], nowMs: NOW_MS }, 1_000, PAPER);
  assert.equal(draw(bare, PAPER), 'a: running for 5 min 1 s');
  const { expectedEndAtMs: ___, ...late } = running;
  const over = showLive({ type: 'why', chain: [late], nowMs: NOW_MS }, 0, PAPER);
  assert.equal(
    draw(over, PAPER),
    'a: running for 5 min, longer than any earlier run (usually 10 min)',
  );
});

test('a moment is as short as it is clear', () => {
  const day = 24 * 60 * MINUTE_MS;
  assert.equal(showWhen(NOW_MS, NOW_MS), '12:00');
  assert.match(showWhen(NOW_MS - day, NOW_MS), /^Sun \d\d:\d\d$/);
  assert.equal(showWhen(NOW_MS - 30 * day, NOW_MS), '2026-10-24');
  assert.deepEqual([1, 2, 3].map(showTimes), ['once', 'twice', '3 times']);
});

test('a bar is full at 100 percent only, and a run that is nearly over is not', () => {
  assert.equal(bar(0, PAPER), '[----------]');
  assert.equal(bar(99.9, PAPER), '[#########-]');
  assert.equal(bar(100, PAPER), '[##########]');
  assert.equal(percentOf({ ...running, expectedEndAtMs: NOW_MS }, NOW_MS), 99);
  assert.equal(percentOf({ ...running, progressPercent: 3 }, NOW_MS), 3);
});

const text = fc.oneof(
  fc.string({ maxLength: 60 }),
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.constantFrom(
    '漢字の名前'.repeat(9),
    'e\u0301'.repeat(50),
    '👩‍👩‍👧 family',
    '\x1b[2J\x07\r\n',
    '\u202egnol',
  ),
);
const view = fc
  .record({
    target: text,
    state: fc.constantFrom('queued', 'starting', 'running', 'stopping', 'ended'),
    reasons: fc.array(text, { maxLength: 2 }),
    text,
    tookMs: fc.nat(),
    expectedEndAtMs: fc.option(fc.constant(NOW_MS + MINUTE_MS), { nil: undefined }),
    pace: fc.constantFrom('faster', 'usual', 'slower'),
    verdict: fc.constantFrom('ok', 'warning', 'failed'),
  })
  .map(({ expectedEndAtMs, ...rest }) => {
    return { ...running, ...rest, ...(expectedEndAtMs && { expectedEndAtMs }) } as RunView;
  });
const screens = fc.record({
  columns: fc.integer({ min: COLUMNS_MIN, max: 200 }),
  isColoured: fc.constant(false),
  isUnicode: fc.boolean(),
});

test('no line of a table is wider than the screen, and nothing unprintable gets through', () => {
  fc.assert(
    fc.property(fc.array(view, { maxLength: 4 }), text, screens, (runs, name, screen) => {
      const reply = status(
        { target: name, queued: runs, groups: [name] },
        { active: runs, broken: name, groups: [name] },
        ...runs.map((last) => ({ last })),
      );
      const shown = [
        showStatus(reply, screen),
        showHistory(runs, screen),
        ...runs.map((run) => {
          const line = showLive({ type: 'why', chain: [run], nowMs: NOW_MS }, 0, screen);
          return `${draw(line, screen)}\n`;
        }),
      ].join('');
      for (const line of shown.split('\n')) {
        assert.ok(stringWidth(line) <= screen.columns, JSON.stringify(line));
        assert.doesNotMatch(line, /\p{Cc}|[\u202a-\u202e]/u);
      }
    }),
    { numRuns: 300 },
  );
});

test('a removed target is marked, says how to drop it, and counts as neither failed nor late', () => {
  const last: RunView = { ...ended, verdict: 'failed', outcome: { kind: 'exited', code: 1 } };
  const shown = showStatus(status({ last, removed: true, late: true }), PAPER);
  assert.match(shown, /^0 running, 0 waiting\n/);
  assert.match(shown, /t0 +removed +no longer configured; "baton forget t0" deletes its history/);
  assert.match(showStatus(status({ last }), PAPER), /^0 running, 0 waiting, 1 failed\n/);
});
