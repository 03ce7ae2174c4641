/**
 * The window policy in examples: when it lets a run start, and what happens to a run at its end.
 * The core's clock begins on Tuesday, 14 November 2023, at 22:13:20 UTC.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as v from 'valibot';
import { PolicyFiles } from '../../../daemon/config/policy-files.ts';
import { forecast } from '../../../daemon/core/forecast.ts';
import { NO_WORLD } from '../../../daemon/core/world.ts';
import { describeOutcome } from '../../../daemon/protocol/outcome-text.ts';
import { runToEnd } from '../../../daemon/shared/cooperative.ts';
import { exitStatus } from '../../../daemon/shared/exit-status.ts';
import { SPANS_MAX, window } from '../../../policies/window.ts';
import { accepted, load } from '../../support/config.ts';
import { Core, type RawPolicy, target } from '../../support/core.ts';
import { skipWithout } from '../../support/tools.ts';

const MINUTE = 60_000;
const HOUR = 3_600_000;
/** From the beginning until 22:14, and until midnight. */
const TO_2214 = 40_000;
const TO_MIDNIGHT = TO_2214 + 106 * MINUTE;

function opened(open: readonly string[], more: object = {}): RawPolicy {
  return { type: 'window', open, ...more };
}

const TERMINATED = { started: true, code: null, signal: 15, core: false };

test('while the window is open a run starts at once; else it waits, and why says until when', () => {
  const core = new Core([
    target('night', [opened(['22:00-06:00'])]),
    target('weekend', [opened(['Sat,Sun'])]),
  ]);
  core.expect(core.ask('night'), 'running');
  const run = core.ask('weekend');
  assert.deepEqual(core.why(run), [
    'waits for its window, which opens Sat 2023-11-18 00:00 (local time)',
  ]);
  core.advance(TO_MIDNIGHT + 72 * HOUR - 1);
  core.expect(run, 'queued');
  core.advance(TO_MIDNIGHT + 72 * HOUR);
  core.expect(run, 'running');
});

test('a run goes on when its window closes, and the next one waits for the next opening', () => {
  const core = new Core([target('t', [opened(['22:00-22:14'])])]);
  const first = core.ask('t');
  core.advance(TO_2214);
  core.expect(first, 'running');
  const second = core.ask('t');
  assert.deepEqual(core.why(second), [
    'waits for its window, which opens Wed 2023-11-15 22:00 (local time)',
  ]);
  core.end(first);
  core.advance(TO_2214 + 24 * HOUR - 14 * MINUTE);
  core.expect(second, 'running');
  assert.deepEqual(
    core.timers.filter((it) => 'run' in it && it.run === first),
    [],
  );
});

test('with atEnd "end" a run is ended when its window closes, and its outcome says so', () => {
  const core = new Core([target('t', [opened(['22:00-22:14'], { atEnd: 'end' })])]);
  const run = core.ask('t');
  core.advance(TO_2214 - 1);
  assert.equal(core.expect(run, 'running').stopping, undefined);
  core.advance(TO_2214);
  core.expect(run, 'running');
  core.end(run, TERMINATED);
  const { outcome, verdict } = core.expect(run, 'ended');
  assert.equal(
    describeOutcome(outcome),
    'was stopped: its window closed Tue 2023-11-14 22:14 (local time)',
  );
  assert.deepEqual([outcome.kind, exitStatus(outcome, verdict)], ['timed-out', 124]);
});

test('the end of a window outlives the daemon, the compaction of its journal, and a sleep', () => {
  for (const anew of ['restart', 'compact', 'sleep', 'late'] as const) {
    const core = new Core([target('t', [opened(['22:00-22:14'], { atEnd: 'end' })])]);
    const run = core.ask('t');
    if (anew === 'sleep') {
      core.sleep(TO_2214);
      core.advance(0);
    } else if (anew === 'late') {
      // No daemon was there when it closed.
      core.timers = [];
      core.advance(TO_2214 + HOUR);
      core.restart();
      core.advance(core.nowMs);
    } else {
      core[anew]();
      core.advance(TO_2214);
    }
    core.compact();
    core.end(run, TERMINATED);
    assert.equal(core.expect(run, 'ended').outcome.kind, 'timed-out', anew);
  }
});

test('the timeout of a run that a window ends still ends it, if that comes first', () => {
  const limits = { timeoutMs: 10_000 };
  const core = new Core([target('t', [opened(['22:00-22:14'], { atEnd: 'end' })], limits)]);
  const run = core.ask('t');
  core.advance(10_000);
  assert.deepEqual(core.expect(run, 'running').stopping?.reason, undefined);
  core.end(run, TERMINATED);
  assert.deepEqual(core.expect(run, 'ended').outcome, { kind: 'timed-out' });
});

test('a run that a reload gives a window in the middle is not ended before the next one closes', () => {
  const core = new Core([target('t')]);
  const run = core.ask('t');
  core.configure([target('t', [opened(['00:00-01:00'], { atEnd: 'end' })])]);
  core.advance(TO_MIDNIGHT);
  assert.equal(core.expect(run, 'running').stopping, undefined);
  core.advance(TO_MIDNIGHT + HOUR);
  assert.equal(core.expect(run, 'running').stopping?.why, 'timed-out');
});

test('who sets the clock on the wall moves what waits for it, and what runs in it', () => {
  const core = new Core([
    target('w', [opened(['23:00-24:00'])]),
    target('r', [opened(['22:00-22:20'], { atEnd: 'end' })]),
  ]);
  const [waits, runs] = [core.ask('w'), core.ask('r')];
  core.wallShiftMs = 3 * HOUR;
  core.send({ type: 'configured' });
  assert.deepEqual(core.why(waits), [
    'waits for its window, which opens Wed 2023-11-15 23:00 (local time)',
  ]);
  core.advance(0);
  assert.equal(core.expect(runs, 'running').stopping?.why, 'timed-out');
  // Set back: it opens in 46 min 40 s, not in a day.
  core.wallShiftMs = 0;
  core.send({ type: 'configured' });
  core.advance(TO_2214 + 46 * MINUTE);
  core.expect(waits, 'running');
});

test('nothing wakes the daemon while no run waits for a window, and once while one does', () => {
  const core = new Core([target('t', [opened(['23:00-24:00'])])]);
  assert.deepEqual(core.timers, []);
  core.ask('t');
  assert.equal(core.timers.length, 1);
});

test('the forecast knows when a window opens, and that it ends a run', () => {
  const core = new Core([target('t', [opened(['22:14-23:00'], { atEnd: 'end' })])]);
  core.advance(TO_2214);
  for (let n = 0; n < 3; n++) {
    const run = core.ask('t');
    core.advance(core.nowMs + 10 * MINUTE);
    core.end(run);
  }
  core.advance(TO_2214 + 40 * MINUTE);
  const run = core.ask('t');
  core.configure([target('t', [opened(['22:14-23:00', '23:30-24:00'], { atEnd: 'end' })])]);
  const expected = (): readonly (number | undefined)[] => {
    const context = { ...core, now: core.now(), worldAround: () => NO_WORLD };
    const found = runToEnd(forecast(context));
    return [...core.state.runs.keys()].slice(-2).map((it) => found.get(it)?.endMs);
  };
  assert.deepEqual(expected()[1], TO_2214 + 46 * MINUTE);
  core.end(run);
  core.advance(TO_2214 + 46 * MINUTE);
  const next = core.ask('t');
  core.expect(next, 'queued');
  assert.deepEqual(expected()[1], TO_2214 + 86 * MINUTE);
});

test('a zone is read from the files of this machine, and its own is the default', (t) => {
  if (skipWithout(t, 'tzdata')) return;
  const config = (more: object) => ({
    targets: {
      t: { runner: { type: 'dummy', time: '1s' }, policies: [opened(['22:00-06:00'], more)] },
    },
  });
  const why = (more: object): readonly string[] => {
    const { catalog } = accepted(load(config(more), new PolicyFiles()));
    const core = new Core([]);
    core.catalog = catalog;
    // Noon in Berlin, and six in the morning in New York.
    core.advance(12 * HOUR + 47 * MINUTE);
    return core.why(core.ask('t'));
  };
  assert.deepEqual(why({ zone: 'Europe/Berlin' }), [
    'waits for its window, which opens Wed 2023-11-15 22:00 (Europe/Berlin)',
  ]);
  assert.deepEqual(why({ zone: 'America/New_York' }), [
    'waits for its window, which opens Wed 2023-11-15 22:00 (America/New_York)',
  ]);
  const { catalog } = accepted(load(config({}), new PolicyFiles()));
  assert.deepEqual(catalog.targets.get('t')?.files, ['/etc/localtime']);
});

test('a zone that this machine does not have breaks the target that names it, and no other', () => {
  const entry = (zone: string) => ({
    runner: { type: 'dummy', time: '1s' },
    policies: [opened(['22:00-06:00'], { zone })],
  });
  const files = new PolicyFiles((path) =>
    path.endsWith('/posixrules')
      ? { ok: true, text: 'no zone', realPath: path }
      : { ok: false, error: 'ENOENT' },
  );
  const value = { targets: { a: entry('Europe/Berlinn'), b: entry('posixrules') } };
  const { targets } = accepted(load(value, files)).catalog;
  assert.deepEqual(
    [...targets.values()].map(({ broken }) => broken),
    [
      'the rules of time zone Europe/Berlinn cannot be read from /usr/share/zoneinfo/Europe/Berlinn (ENOENT); correct "zone", or install tzdata',
      '/usr/share/zoneinfo/posixrules holds no time zone; correct "zone", or install tzdata',
    ],
  );
  // As in the C library.
  const local = { targets: { c: { ...entry(''), policies: [opened(['22:00-06:00'])] } } };
  assert.equal(accepted(load(local, files)).catalog.targets.get('c')?.broken, undefined);
});

test('options are checked: spans, a zone that is no path out of the folder, and their number', () => {
  const takes = (open: readonly string[], more: object = {}): boolean =>
    v.safeParse(window.options, opened(open, more)).success;
  assert.equal(takes(Array.from({ length: SPANS_MAX }, () => 'Sat')), true);
  assert.equal(takes(Array.from({ length: SPANS_MAX + 1 }, () => 'Sat')), false);
  assert.equal(takes([]), false);
  assert.equal(takes(['22:00']), false);
  assert.equal(takes(['Sat'], { zone: 'America/Argentina/Buenos_Aires' }), true);
  assert.equal(takes(['Sat'], { zone: 'Etc/GMT+5' }), true);
  for (const zone of ['../../etc/passwd', '/etc/localtime', 'a//b', '']) {
    assert.equal(takes(['Sat'], { zone }), false, zone);
  }
  assert.equal(takes(['Sat'], { atEnd: 'kill' }), false);
});
