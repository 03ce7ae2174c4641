/**
 * Section 9: thousands at once, of one target or in one group: cancelling a whole queue, requesting
 * every interval of an rsnapshot group, looking at a large group and reading it again; and how long
 * another client waits meanwhile.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Options, timeIt } from './measure.ts';
import { pausing, waiting } from './pile.ts';
import { SLEEP, Subject, TRUE } from './subject.ts';
import type { Line, Unit } from './table.ts';

const CANCELLED = 100_000;
const INTERVALS = 300;
const MEMBERS = 2_000;
/** Between two requests of the other client. */
const PAUSE_MS = 5;

export async function measureCrowds({ isQuick, say }: Options): Promise<readonly Line[]> {
  const part = isQuick ? 10 : 1;
  const lines: Line[] = [];
  for (const measure of [cancelAll, askForAll, lookAtAll]) {
    lines.push(...(await measure(part)));
    say(`crowds: ${lines.at(-1)?.what}`);
  }
  return lines;
}

async function cancelAll(part: number): Promise<readonly Line[]> {
  const count = CANCELLED / part;
  const target = { ...SLEEP, policies: [{ type: 'cardinality' }] };
  const pile = [...pausing(['t']), ...waiting(['t'], count)];
  const subject = await Subject.on({ t: target, other: TRUE }, { pile });
  try {
    const line = await subject.line();
    const { tookMs, waitedMs } = await beside(subject, 'other', async () => {
      await line.ask({ type: 'cancel', of: 't' }, 'done');
    });
    line.close();
    const what = `cancelling ${show(count)} queued runs of one target`;
    return [bounded(what, 'ms', tookMs, 3_000 / part), others(what, waitedMs)];
  } finally {
    await subject.close();
  }
}

async function askForAll(part: number): Promise<readonly Line[]> {
  const count = INTERVALS / part;
  const subject = await Subject.on(intervals(count));
  try {
    const line = await subject.line();
    const { tookMs, waitedMs } = await beside(subject, 'level0', async () => {
      const all = Object.keys(intervals(count)).map((target) => ({ type: 'run', target }) as const);
      await line.collect(all, 'accepted');
    });
    line.close();
    const what = `asking for ${show(count)} intervals of one rsnapshot group`;
    return [bounded(what, 'ms', tookMs, 1_000), others(what, waitedMs)];
  } finally {
    await subject.close();
  }
}

async function lookAtAll(part: number): Promise<readonly Line[]> {
  const count = MEMBERS / part;
  const directory = mkdtempSync(join(tmpdir(), 'baton-conf-'));
  const subject = await Subject.on(intervalsOf(count, join(directory, 'rsnapshot.conf')));
  try {
    const line = await subject.line();
    const status = await line.ask({ type: 'status' }, 'status');
    const megabytes = JSON.stringify(status).length / 1e6;
    const { tookMs } = await beside(subject, 'level0', async () => {
      await line.ask({ type: 'reload' }, 'done');
    });
    line.close();
    return [
      bounded(`status of ${show(count)} targets in one group`, 'MB', megabytes, 2),
      bounded(`reloading ${show(count)} targets in one group`, 'ms', tookMs, 1_000),
    ];
  } finally {
    await subject.close();
    rmSync(directory, { recursive: true });
  }
}

function intervals(count: number): Record<string, unknown> {
  const order = Array.from({ length: count }, (_, at) => `level${at}`);
  const policy = (interval: string) => ({ type: 'rsnapshot', interval, order, group: 'g' });
  const targets = order.map((name) => [name, { ...SLEEP, policies: [policy(name)] }] as const);
  return Object.fromEntries(targets);
}

/** With an rsnapshot.conf: an order in each of thousands of targets would be too long. */
function intervalsOf(count: number, conf: string): Record<string, unknown> {
  const names = Array.from({ length: count }, (_, at) => `level${at}`);
  writeFileSync(conf, names.map((name) => `retain\t${name}\t7\n`).join(''));
  const policy = (interval: string) => ({ type: 'rsnapshot', interval, conf });
  const targets = names.map((name) => [name, { ...SLEEP, policies: [policy(name)] }] as const);
  return Object.fromEntries(targets);
}

/** How long something takes, and the longest wait of the other client meanwhile. */
async function beside(
  subject: Subject,
  free: string,
  act: () => Promise<void>,
): Promise<{ readonly tookMs: number; readonly waitedMs: number }> {
  const other = await subject.line();
  let isOver = false;
  let waitedMs = 0;
  const asking = (async () => {
    while (!isOver) {
      const ms = await timeIt(() => other.ask({ type: 'resume', target: free }, 'done'));
      waitedMs = Math.max(waitedMs, ms);
      await sleep(PAUSE_MS);
    }
  })();
  const tookMs = await timeIt(act);
  isOver = true;
  await asking;
  other.close();
  return { tookMs, waitedMs };
}

function bounded(what: string, unit: Unit, figure: number, bound: number): Line {
  return { what, unit, figure, budget: { rule: 'at most', on: 'figure', bound } };
}

function others(what: string, waitedMs: number): Line {
  return bounded(`longest wait of somebody else, ${what}`, 'ms', waitedMs, 100);
}

function show(count: number): string {
  return count.toLocaleString('en');
}
