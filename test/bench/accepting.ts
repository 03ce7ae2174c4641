/**
 * Section 2: durable submissions, compared with the disk's own limit; that they cost the same
 * however many runs are queued or past; and that queries neither take long nor block the loop.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RequestInput } from '../../daemon/protocol/request-schema.ts';
import { flood } from './line.ts';
import { appendsPerSecond, ENV, median, NODE, type Options, takeTurns, timeIt } from './measure.ts';
import { past, pausing, waiting } from './pile.ts';
import { SLEEP, Subject, TRUE } from './subject.ts';
import type { Line } from './table.ts';

/** Fractions of the disk's own rate, by number of connections. */
const RATE_GOALS = [
  [1, 0.7],
  [16, 0.6],
  [256, 0.3],
] as const;
const SAME_COST = 1.5;
/** The first budget was 50. */
const ANSWER_MS = 30;
const ANSWER_GOAL_MS = 15;
const BLOCK_MS = 10;
const MANY = 100_000;
const GROUPS = 1_000;
const ROUNDS = 15;

export async function measureAccepting(options: Options): Promise<readonly Line[]> {
  const rates = await measureRates(options);
  return [...rates, ...(await measurePiles(options))];
}

async function measureRates({ isQuick }: Options): Promise<readonly Line[]> {
  const subject = await Subject.on({ t: TRUE });
  const floor = mkdtempSync(join(tmpdir(), 'baton-floor-'));
  const bare = startBare(floor);
  try {
    await bare.listening;
    const line = await subject.line();
    await line.ask({ type: 'pause', target: 't' }, 'done');
    line.close();
    const rows: Line[] = [];
    for (const [connections, bound] of RATE_GOALS) {
      const requests = (isQuick ? 100 : 300) * Math.sqrt(connections) + connections;
      const syncs = isQuick ? 20 : 100;
      const wanted = { connections, requests, target: 't' };
      const { daemon, disk, least } = await takeTurns(isQuick ? 1 : 5, {
        disk: async () => appendsPerSecond(floor, connections, syncs),
        least: () => flood(bare.socket, wanted),
        daemon: () => flood(subject.socket, wanted),
      });
      const what =
        connections === 1 ? 'a line and fdatasync' : `${connections} lines and fdatasync`;
      const against = { what, figure: disk };
      const over = connections === 1 ? '1 connection' : `${connections} connections`;
      const goal = { rule: 'at least', on: 'ratio', bound } as const;
      const row = { what: `accepted over ${over}`, unit: '/s', figure: daemon } as const;
      const server = { what: 'a bare server in Node', figure: least };
      rows.push({ ...row, against, goal }, { ...row, against: server });
    }
    return rows;
  } finally {
    bare.end();
    await subject.close();
    rmSync(floor, { recursive: true });
  }
}

/** Starts bare-server.ts, which exits when its stdin ends. */
function startBare(directory: string) {
  const socket = join(directory, 's');
  const script = join(import.meta.dirname, 'bare-server.js');
  const server = spawn(NODE, [script, socket, join(directory, 'journal')], {
    env: ENV,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const failed = once(server, 'exit').then(() => {
    throw new Error(`${script} did not listen`);
  });
  const listening = Promise.race([once(server.stdout, 'data'), failed]);
  return { socket, listening, end: () => void server.stdin.end() };
}

interface Pile {
  readonly what: string;
  readonly subject: Subject;
  /** The target of submissions and queries. */
  readonly target: string;
}

async function measurePiles(options: Options): Promise<readonly Line[]> {
  const many = options.isQuick ? MANY / 10 : MANY;
  const piles: Pile[] = [];
  try {
    for (const make of [one, ten, inOneGroup, inManyGroups, inThePast]) {
      piles.push(await make(many));
      options.say(`pile: ${piles.at(-1)?.what}`);
    }
    const lines = [...(await costs(piles, options))];
    for (const pile of piles.slice(1)) lines.push(...(await answers(pile)));
    return lines;
  } finally {
    await Promise.all(piles.map(({ subject }) => subject.close()));
  }
}

/** One run sleeps, and the others wait for it. */
const DISK = { ...SLEEP, policies: [{ type: 'cardinality', instances: 1, group: 'disk' }] };
const isWatched = true;

async function behindOne(what: string, count: number): Promise<Pile> {
  const pile = waiting(['t'], count);
  const subject = await Subject.on({ t: DISK, other: DISK }, { pile, isWatched });
  return { what, subject, target: 't' };
}

const one = (): Promise<Pile> => behindOne('a few waiting', 2);
const ten = (many: number): Promise<Pile> =>
  behindOne(`${count(many / 10)} waiting in a group`, many / 10);
const inOneGroup = (many: number): Promise<Pile> =>
  behindOne(`${count(many)} waiting in a group`, many);

async function inManyGroups(many: number): Promise<Pile> {
  const names = Array.from({ length: GROUPS }, (_, at) => `t${at}`);
  const target = (group: string) => ({ ...TRUE, policies: [{ type: 'cardinality', group }] });
  const targets = Object.fromEntries(names.map((name) => [name, target(name)]));
  // Paused, because a thousand of them would start.
  const pile = [...pausing(names), ...waiting(names, many)];
  const subject = await Subject.on(targets, { pile, isWatched });
  return { what: `${count(many)} waiting in ${count(GROUPS)} groups`, subject, target: 't7' };
}

async function inThePast(many: number): Promise<Pile> {
  const pile = [...pausing(['t']), ...past(['t'], many)];
  const subject = await Subject.on({ t: TRUE, rare: TRUE }, { pile, isWatched });
  return { what: `${count(many)} past runs`, subject, target: 't' };
}

/** Submissions to each pile in turn; the ratio is to the first, in which a few wait. */
async function costs(piles: readonly Pile[], { isQuick }: Options): Promise<readonly Line[]> {
  const blocks = new Map<Pile, number[]>(piles.map((pile) => [pile, []]));
  const ask = (pile: Pile) => async () => {
    const requests = isQuick ? 200 : 1_000;
    const { subject, target } = pile;
    await subject.blockedMs();
    const costMs = 1_000 / (await flood(subject.socket, { connections: 16, requests, target }));
    blocks.get(pile)?.push(await subject.blockedMs());
    return costMs;
  };
  const turns = Object.fromEntries(piles.map((pile) => [pile.what, ask(pile)]));
  const costMs = await takeTurns(isQuick ? 2 : 7, turns);
  const [first, ...rest] = piles;
  const base = costMs[first?.what ?? ''] ?? Number.NaN;
  return rest.flatMap((pile): readonly Line[] => {
    const { what } = pile;
    const against = { what: 'a few waiting', figure: base };
    const budget = { rule: 'at most', on: 'ratio', bound: SAME_COST } as const;
    const figure = costMs[what] ?? Number.NaN;
    return [
      { what: `a submission, ${what}`, unit: 'ms', figure, against, budget },
      blockRow(`loop blocked by submissions, ${what}`, blocks.get(pile) ?? []),
    ];
  });
}

async function answers({ what, subject, target }: Pile): Promise<readonly Line[]> {
  const own = target === 't' ? 't' : 't9';
  const questions: readonly [string, RequestInput, 'status' | 'why' | 'history'][] = [
    ['status', { type: 'status' }, 'status'],
    ['why', { type: 'why', of: target }, 'why'],
    ['history', { type: 'history' }, 'history'],
    ['history of a target', { type: 'history', target: own }, 'history'],
  ];
  const line = await subject.line();
  const took = new Map<string, number[]>();
  const blocks: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    await subject.blockedMs();
    for (const [name, request, type] of questions) {
      const ms = await timeIt(() => line.ask(request, type));
      took.set(name, [...(took.get(name) ?? []), ms]);
    }
    blocks.push(await subject.blockedMs());
  }
  line.close();
  const budget = { rule: 'at most', on: 'figure', bound: ANSWER_MS } as const;
  const goal = { rule: 'at most', on: 'figure', bound: ANSWER_GOAL_MS } as const;
  const rows = [...took].map(([name, ms]): Line => {
    return { what: `${name}, ${what}`, unit: 'ms', figure: median(ms), budget, goal };
  });
  return [...rows, blockRow(`loop blocked by questions, ${what}`, blocks)];
}

/** The longest block of each round: the code's own blocks are in every round, other load is not. */
function blockRow(what: string, blocks: readonly number[]): Line {
  const budget = { rule: 'at most', on: 'figure', bound: BLOCK_MS } as const;
  return { what, unit: 'ms', figure: median(blocks), budget };
}

function count(value: number): string {
  return value.toLocaleString('en');
}
