/**
 * Section 8: the cost of one more run when many are queued, as a picture: submitting, starting the
 * next one after the one ahead has ended, and memory; other tools as far as they scale.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RequestInput } from '../../daemon/protocol/request-schema.ts';
import { median, type Options, pssMb, timeIt, timeOnce } from './measure.ts';
import { gaps, has, Peer } from './peers.ts';
import { type Curve, plot } from './plot.ts';
import { Subject } from './subject.ts';
import type { Line } from './table.ts';

const SIZES = [1, 10, 100, 1_000, 10_000, 100_000];
/** tsp hangs from 994 on; nq has two processes for each. */
const PEER_SIZES = [1, 10, 100, 900];
const STARTS = 7;
const SUBMISSIONS = 101;
const SAME_COST = 1.5;
const CHUNK = 1_000;

/** The measurements at one size; times in milliseconds. */
interface Point {
  readonly size: number;
  readonly submit: number;
  readonly start: number;
  readonly memory: number;
}

export async function measureGrowth(options: Options): Promise<readonly Line[]> {
  const sizes = options.isQuick ? SIZES.slice(0, 4) : SIZES;
  const peerSizes = options.isQuick ? PEER_SIZES.slice(0, 2) : PEER_SIZES;
  const series = [{ name: 'baton', points: await growBaton(sizes, options) }];
  const missing: Line[] = [];
  for (const name of ['tsp', 'nq'] as const) {
    if (has(name)) series.push({ name, points: await growPeer(name, peerSizes, options) });
    else missing.push(...gaps(`the curve of ${name}`, name));
  }
  const panel = (title: string, of: (point: Point) => number) => ({
    title,
    curves: series.map(({ name, points }): Curve => {
      return { name, points: points.map((point) => [point.size, of(point)] as const) };
    }),
  });
  const picture = plot([
    panel('submitting one more (ms)', ({ submit }) => submit),
    panel('starting the next one (ms)', ({ start }) => start),
    panel('memory (MB, PSS)', ({ memory }) => memory),
  ]);
  writeFileSync(join(options.out, 'growth.svg'), picture);
  options.say(`growth: drawn in ${join(options.out, 'growth.svg')}`);
  return [...rows(series[0]?.points ?? []), ...peerRows(series), ...missing];
}

function rows(points: readonly Point[]): readonly Line[] {
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined) return [];
  const at = `with ${last.size.toLocaleString('en')} queued`;
  const budget = { rule: 'at most', on: 'ratio', bound: SAME_COST } as const;
  const against = (figure: number) => ({ what: 'with 1', figure });
  const memory = (last.memory - first.memory) / last.size;
  return [
    {
      what: `submitting ${at}`,
      unit: 'ms',
      figure: last.submit,
      against: against(first.submit),
      budget,
    },
    {
      what: `starting ${at}`,
      unit: 'ms',
      figure: last.start,
      against: against(first.start),
      budget,
    },
    { what: `memory of each queued run (PSS)`, unit: 'MB', figure: memory },
  ];
}

/** At the largest size that a tool reaches, beside baton at the next larger one. */
function peerRows(series: readonly { name: string; points: readonly Point[] }[]): readonly Line[] {
  const [baton, ...peers] = series;
  return peers.flatMap(({ name, points }): readonly Line[] => {
    const last = points.at(-1);
    const own = baton?.points.find(({ size }) => size >= (last?.size ?? 0));
    if (last === undefined || own === undefined) return [];
    const row = (what: string, unit: 'ms' | 'MB', of: (point: Point) => number): Line => ({
      what: `${what} with ${own.size}, against ${name}`,
      unit,
      figure: of(own),
      against: { what: `${name} with ${last.size}`, figure: of(last) },
    });
    return [
      row('starting', 'ms', ({ start }) => start),
      row('memory', 'MB', ({ memory }) => memory),
    ];
  });
}

/** A job that reports its start and its pid, and stays until it is ended. */
function job(marks: string): string {
  return `echo $$ >>${marks}; exec sleep 1000`;
}

async function growBaton(sizes: readonly number[], { say }: Options): Promise<readonly Point[]> {
  const subject = new Subject();
  const marks = join(subject.directory, 'marks');
  const runner = { type: 'local', args: ['/bin/sh', '-c', job(marks)] };
  const target = { runner, policies: [{ type: 'cardinality' }] };
  subject.configure({ targets: { t: target }, keep: { runs: 100_000 } });
  await subject.go();
  const points: Point[] = [];
  try {
    const line = await subject.line();
    const asked: RequestInput = { type: 'run', target: 't' };
    for (const size of sizes) {
      say(`growth: baton with ${size.toLocaleString('en')}`);
      for (let left = size + STARTS + 1 - (await queued(subject)); left > 0; left -= CHUNK) {
        const chunk = Array.from({ length: Math.min(left, CHUNK) }, () => asked);
        await line.collect(chunk, 'accepted');
      }
      const start = await startMs(marks);
      const took: number[] = [];
      for (let at = 0; at < SUBMISSIONS; at++) {
        took.push(await timeIt(() => line.ask(asked, 'accepted')));
      }
      points.push({ size, submit: median(took), start, memory: pssMb(subject.pid) });
    }
    line.close();
    return points;
  } finally {
    await subject.close();
  }
}

/** The queued and running ones. */
async function queued(subject: Subject): Promise<number> {
  const line = await subject.line();
  const status = await line.ask({ type: 'status' }, 'status');
  line.close();
  return status.queued;
}

async function growPeer(
  name: 'tsp' | 'nq',
  sizes: readonly number[],
  { say }: Options,
): Promise<readonly Point[]> {
  const peer = new Peer(name);
  const marks = join(peer.directory, 'marks');
  const script = join(peer.directory, 'job');
  writeFileSync(script, `#!/bin/sh\n${job(marks)}\n`, { mode: 0o755 });
  const points: Point[] = [];
  let filled = 0;
  try {
    for (const size of sizes) {
      say(`growth: ${name} with ${size.toLocaleString('en')}`);
      await peer.fill(size + STARTS + 1 - filled, script);
      const start = await startMs(marks);
      const took: number[] = [];
      for (let at = 0; at < STARTS; at++) took.push(await timeOnce(peer.submit(script), peer.env));
      filled = size + STARTS + 1;
      const memory = peer.pids(name).reduce((sum, pid) => sum + pssMb(pid), 0);
      points.push({ size, submit: median(took), start, memory });
    }
    return points;
  } finally {
    await peer.close();
  }
}

/** From the end of a job to the mark of the next one. */
async function startMs(marks: string): Promise<number> {
  const pids = (): readonly string[] =>
    existsSync(marks) ? readFileSync(marks, 'utf8').split('\n').slice(0, -1) : [];
  const next = async (count: number): Promise<void> => {
    while (pids().length <= count) await new Promise(setImmediate);
  };
  while (pids().length === 0) await sleep(5);
  const took: number[] = [];
  for (let at = 0; at < STARTS; at++) {
    const before = pids();
    const pid = Number(before.at(-1));
    // The job that made the mark may not have exec'ed sleep yet.
    await sleep(20);
    took.push(
      await timeIt(async () => {
        process.kill(pid, 'SIGKILL');
        await next(before.length);
      }),
    );
  }
  return median(took);
}
