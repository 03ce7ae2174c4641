/** How the log describes events, by the lines that it writes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import pino from 'pino';
import { logEvents, TOGETHER_MIN } from '../../../daemon/engine/event-log.ts';
import { Core, target } from '../../support/core.ts';

/** The lines for the events of this command. */
function linesOf(core: Core, act: () => unknown): readonly Record<string, unknown>[] {
  const lines: Record<string, unknown>[] = [];
  const write = (line: string): void => {
    const { time: _, ...rest } = JSON.parse(line) as Record<string, unknown>;
    lines.push(rest);
  };
  const from = core.events.length;
  act();
  const { state, catalog } = core;
  logEvents(core.events.slice(from), { log: pino({ base: null }, { write }), state, catalog });
  return lines;
}

/** A target with this many queued runs, and their numbers. */
function waiting(count: number, more: Parameters<typeof target>[2] = {}) {
  const core = new Core([target('t', [], more)]);
  core.send({ type: 'pause', target: 't' });
  const runs = Array.from({ length: count }, () => core.ask('t'));
  return { core, runs };
}

test('many runs that are cancelled at once have one line, which says how many', () => {
  const { core, runs } = waiting(TOGETHER_MIN);
  const lines = linesOf(core, () => core.send({ type: 'cancel', runs }));
  const outcome = { kind: 'cancelled' };
  const about = { target: 't', runs: TOGETHER_MIN, first: 1, last: TOGETHER_MIN };
  const msg = 'ended before they started';
  assert.deepEqual(lines, [{ level: 40, ...about, outcome, verdict: 'failed', msg }]);
});

test('fewer have a line each', () => {
  const { core, runs } = waiting(TOGETHER_MIN - 1);
  const lines = linesOf(core, () => core.send({ type: 'cancel', runs }));
  assert.deepEqual(
    lines.map(({ run, msg }) => [run, msg]),
    runs.map((run) => [run, 'ended']),
  );
});

test('runs that waited for different times and expire at once have one line', () => {
  const { core, runs } = waiting(TOGETHER_MIN, { maxWaitMs: 1_000 });
  const [first] = runs;
  core.nowMs += 1_000;
  const lines = linesOf(core, () => core.send({ type: 'due', runs }));
  assert.equal(first, 1);
  assert.deepEqual(
    lines.map(({ runs: count, outcome }) => [count, outcome]),
    [[TOGETHER_MIN, { kind: 'expired' }]],
  );
});

test('a run that ran has a line of its own among many that did not', () => {
  const core = new Core([target('t', [{ type: 'cardinality' }])]);
  const runs = Array.from({ length: TOGETHER_MIN + 1 }, () => core.ask('t'));
  const lines = linesOf(core, () => core.send({ type: 'cancel', runs }));
  assert.deepEqual(
    lines.map(({ run, runs: count, msg }) => [run ?? count, msg]),
    [
      [1, 'stopping'],
      [TOGETHER_MIN, 'ended before they started'],
    ],
  );
});
