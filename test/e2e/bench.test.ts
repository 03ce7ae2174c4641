/** The benchmark itself: it tells a met budget from an exceeded one, and a section runs. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { apply } from '../../daemon/core/apply.ts';
import { emptyState } from '../../daemon/core/state.ts';
import { Journal } from '../../daemon/journal/journal.ts';
import { median, takeTurns } from '../bench/measure.ts';
import { past, pausing, waiting, writePile } from '../bench/pile.ts';
import { plot } from '../bench/plot.ts';
import {
  type Budget,
  exitStatus,
  findMissed,
  findUnreached,
  isMet,
  isReached,
  type Line,
  type Row,
  render,
} from '../bench/table.ts';
import { directory } from '../support/config.ts';
import { skipWithout } from '../support/tools.ts';

const BENCH = join(import.meta.dirname, '../bench.js');
const GAP = { what: 'the peer', why: 'needs tsp' };

function row(figure: number, budget?: Budget): Row {
  const against = { what: 'the floor', figure: 10 };
  return { what: 'a thing', unit: 'ms', figure, against, ...(budget && { budget }) };
}

async function bench(t: TestContext, args: readonly string[], path = process.env['PATH']) {
  const out = join(directory(t), 'out');
  const child = spawn(process.execPath, [BENCH, '--out', out, ...args], {
    env: { PATH: path ?? '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk) => (stdout += chunk));
  child.stderr.on('data', (chunk) => (stderr += chunk));
  const status = await new Promise((resolve) => child.once('close', resolve));
  const file = join(out, 'bench.json');
  const report = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
  return { status, stdout, stderr, report };
}

test('a budget bounds a figure or a ratio, from above or from below, its bound included', () => {
  for (const [on, bound] of [
    ['figure', 20],
    ['ratio', 2],
  ] as const) {
    const most = { rule: 'at most', on, bound } as const;
    const least = { rule: 'at least', on, bound } as const;
    assert.deepEqual(
      [19, 20, 21].map((figure) => isMet(row(figure, most))),
      [true, true, false],
    );
    assert.deepEqual(
      [19, 20, 21].map((figure) => isMet(row(figure, least))),
      [false, true, true],
    );
    assert.equal(isMet(row(Number.NaN, most)), false);
    assert.equal(isMet(row(Number.NaN, least)), false);
  }
  assert.equal(isMet(row(1_000_000)), undefined);
});

test('only a check fails by a missed budget, or by a peer that is not there', () => {
  const bound = { rule: 'at most', on: 'figure', bound: 20 } as const;
  const part = (...lines: readonly Line[]) => [{ section: 'one', lines }];
  assert.equal(exitStatus(part(row(20, bound), row(99)), true), 0);
  assert.equal(exitStatus(part(row(20, bound), row(21, bound)), true), 1);
  assert.equal(exitStatus(part(row(20, bound), GAP), true), 1);
  assert.equal(exitStatus(part(row(21, bound), GAP), false), 0);
  assert.deepEqual(findMissed(part(row(20, bound), row(21, bound), GAP)), [
    'one: a thing: expected ≤ 20 ms, found 21 ms',
    'one: the peer: not measured, needs tsp',
  ]);
});

test('only goals that are not reached are named, and they fail no check', () => {
  const bound = { rule: 'at most', on: 'figure', bound: 20 } as const;
  const goal = { rule: 'at most', on: 'ratio', bound: 1.3 } as const;
  const aimed = (figure: number): Row => ({ ...row(figure, bound), goal });
  const parts = [{ section: 'one', lines: [aimed(13), aimed(14), row(20, bound), GAP] }];
  assert.deepEqual(parts[0]?.lines.map(isReached), [true, false, undefined, undefined]);
  assert.deepEqual(findUnreached(parts), ['one: a thing: expected ≤ 1.3 ×, found 1.40 ×']);
  assert.equal(exitStatus([{ section: 'one', lines: [aimed(14)] }], true), 0);
  assert.match(render(parts), / 1\.30 × {2}≤ 20 ms, goal ≤ 1\.3 × {2}ok, goal reached\n/);
  assert.match(render(parts), / 1\.40 × {2}≤ 20 ms, goal ≤ 1\.3 × {2}ok, goal not reached\n/);
});

test('the table shows figure, floor, ratio, budget and verdict', () => {
  const budget = { rule: 'at most', on: 'ratio', bound: 1.5, from: 'the plan' } as const;
  const parts = [{ section: 'one', lines: [row(1_234.5), row(16, budget), GAP] }];
  const lines = render(parts).split('\n');
  assert.deepEqual(
    lines.map((line) => line.trim().replaceAll(/ {2,}/g, ' | ')),
    [
      'what | figure | against | ratio | budget',
      'one',
      'a thing | 1,235 ms | the floor 10 | 123.45 ×',
      'a thing | 16 ms | the floor 10 | 1.60 × | ≤ 1.5 × (the plan) | MISSED',
      'the peer | needs tsp | NOT MEASURED',
      '',
    ],
  );
});

test('what is compared takes turns, and the first round does not count', async () => {
  const order: string[] = [];
  const values = [100, 3, 1, 2];
  const medians = await takeTurns(3, {
    a: async () => {
      order.push('a');
      return values.shift() ?? 0;
    },
    b: async () => order.push('b'),
  });
  assert.equal(order.join(''), 'abababab');
  assert.equal(medians.a, 2);
  assert.equal(median([4, 1]), 2.5);
  assert.ok(Number.isNaN(median([])));
});

test('a pile is a journal that the daemon reads, with as many runs as were asked for', (t) => {
  const at = (events: Parameters<typeof writePile>[1]) => {
    const path = join(directory(t), 'state');
    const count = writePile(path, events);
    const state = emptyState();
    const opened = Journal.open(path, (event) => apply(state, event));
    assert.ok(opened.ok);
    opened.value.journal.close();
    assert.equal(opened.value.events, count);
    return [...state.runs.values()].map((run) => `${run.target} ${run.state}`);
  };
  const some = at([...pausing(['a', 'b']), ...waiting(['a', 'b'], 3)]);
  assert.deepEqual(some, ['b queued', 'a queued', 'b queued']);
  assert.deepEqual(at(past(['a'], 4, 2)), ['a ended', 'a ended']);
});

test('a plot has a curve and a dot for every point', () => {
  const curve = (name: string) => ({
    name,
    points: [
      [1, 0.5],
      [1_000, 20],
    ] as const,
  });
  const svg = plot([{ title: 'one', curves: [curve('a'), curve('b')] }]);
  assert.equal(svg.match(/<polyline /g)?.length, 2);
  assert.equal(svg.match(/<circle /g)?.length, 4);
  assert.ok(!svg.includes('NaN'));
});

test('a section runs on a real daemon and says its verdict in table, report and status', async (t) => {
  if (skipWithout(t, 'systemd-socket-activate')) return;
  const args = ['--only', 'idle', '--idle-seconds', '1', '--quick', '--check'];
  const { status, stdout, stderr, report } = await bench(t, args);
  assert.match(stdout, /idle for 1 s +\d+ wake-ups/, stderr);
  assert.match(stdout, /\d cores \(.*\), node v\d+.*, load /);
  const [{ section, lines }] = report.parts;
  assert.equal(section, 'idle');
  assert.ok(lines.length >= 3);
  for (const line of lines) assert.equal(typeof line.isMet, 'boolean', line.what);
  assert.equal(status, report.missed.length > 0 ? 1 : 0);
  assert.equal(stdout.match(/^MISSED /gm)?.length ?? 0, report.missed.length);
});

test('where peers are missing they are named, and a check fails', async (t) => {
  const empty = mkdtempSync(join(tmpdir(), 'baton-'));
  t.after(() => rmSync(empty, { recursive: true }));
  const { status, stdout } = await bench(t, ['--only', 'client', '--check'], empty);
  assert.equal(status, 1);
  assert.match(stdout, /needs hyperfine \(apt-get install hyperfine\) +NOT MEASURED/);
});

test('a section that is not there is bad usage', async (t) => {
  const { status, stderr } = await bench(t, ['--only', 'speed']);
  assert.equal(status, 64);
  assert.match(stderr, /no section "speed"; the sections are client, accepting, /);
});
