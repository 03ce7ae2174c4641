/**
 * The benchmark: all budgets and goals, and comparable tools, in one table of ratios.
 *
 *   npm run bench -- [--check] [--only SECTION]… [--quick] [--idle-seconds N] [--out DIRECTORY]
 *
 * --check exits with 1 if a budget is missed or a tool is missing, but not for a missed goal.
 * --quick does a tenth of the work. Ratios are valid on a busy machine, too; absolute figures need
 * an idle one.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { measureAccepting } from './bench/accepting.ts';
import { measureClient } from './bench/client.ts';
import { measureConfs } from './bench/confs.ts';
import { measureCrowds } from './bench/crowds.ts';
import { measureFleet } from './bench/fleet.ts';
import { measureGrowth } from './bench/growth.ts';
import { measureIdle } from './bench/idle.ts';
import type { Options } from './bench/measure.ts';
import { versions } from './bench/peers.ts';
import { measureRelaying } from './bench/relaying.ts';
import { measureRunning } from './bench/running.ts';
import { measureSlurm } from './bench/slurm.ts';
import { measureSsh } from './bench/ssh.ts';
import { measureStart } from './bench/start.ts';
import {
  exitStatus,
  findMissed,
  findUnreached,
  isMet,
  isReached,
  type Line,
  type Part,
  type Row,
  ratioOf,
  render,
} from './bench/table.ts';

const SECTIONS: Readonly<Record<string, (options: Options) => Promise<readonly Line[]>>> = {
  client: measureClient,
  accepting: measureAccepting,
  running: measureRunning,
  relaying: measureRelaying,
  start: measureStart,
  idle: measureIdle,
  ssh: measureSsh,
  fleet: measureFleet,
  slurm: measureSlurm,
  growth: measureGrowth,
  crowds: measureCrowds,
  confs: measureConfs,
};

const FLAGS = {
  check: { type: 'boolean', default: false },
  only: { type: 'string', multiple: true },
  quick: { type: 'boolean', default: false },
  'idle-seconds': { type: 'string', default: '60' },
  out: { type: 'string', default: 'bench' },
} as const;

const { values: flags } = parseArgs({ options: FLAGS });
const wanted = flags.only ?? Object.keys(SECTIONS);
const unknown = wanted.find((name) => !Object.hasOwn(SECTIONS, name));
const idleSeconds = Number(flags['idle-seconds']);
if (unknown !== undefined || !(idleSeconds > 0)) {
  const names = Object.keys(SECTIONS).join(', ');
  const what = unknown === undefined ? '--idle-seconds needs a number' : `no section "${unknown}"`;
  process.stderr.write(`bench: ${what}; the sections are ${names}\n`);
  process.exit(64);
}
await measureAll();

async function measureAll(): Promise<void> {
  mkdirSync(flags.out, { recursive: true });
  const say = (text: string): void => void process.stderr.write(`bench: ${text}\n`);
  const options = { isQuick: flags.quick, idleSeconds, out: flags.out, say };
  const machine = describeMachine();
  const parts: Part[] = [];
  const sinceMs = performance.now();
  for (const section of wanted) {
    say(section);
    parts.push({ section, lines: await measure(section, options) });
  }
  const seconds = Math.round((performance.now() - sinceMs) / 1_000);
  const loadAfter = loadavg().map((load) => load.toFixed(1));
  process.stdout.write(`\n${render(parts)}\n`);
  const { cores, cpu, node, loadBefore } = machine;
  const load = `load ${loadBefore.join(' ')} before, ${loadAfter.join(' ')} after`;
  process.stdout.write(`${cores} cores (${cpu}), node ${node}, ${load}; ${seconds} s\n`);
  const missed = findMissed(parts);
  for (const line of missed) process.stdout.write(`MISSED ${line}\n`);
  for (const line of findUnreached(parts)) process.stdout.write(`goal not reached: ${line}\n`);
  const rows = parts.map(({ section, lines }) => ({
    section,
    lines: lines.map((line) => ('why' in line ? line : { ...line, ...verdict(line) })),
  }));
  const report = { ...machine, loadAfter, seconds, isQuick: flags.quick, missed, parts: rows };
  writeFileSync(join(flags.out, 'bench.json'), `${JSON.stringify(report, undefined, 2)}\n`);
  process.stdout.write(`written to ${join(flags.out, 'bench.json')}\n`);
  process.exitCode = exitStatus(parts, flags.check);
}

/** An error in one section is reported there, and the others continue. */
async function measure(section: string, options: Options): Promise<readonly Line[]> {
  try {
    return (await SECTIONS[section]?.(options)) ?? [];
  } catch (error) {
    options.say(error instanceof Error ? (error.stack ?? error.message) : String(error));
    return [{ what: section, why: `failed: ${String(error).split('\n')[0]}` }];
  }
}

function verdict(line: Row) {
  return { ratio: ratioOf(line), isMet: isMet(line), isReached: isReached(line) };
}

function describeMachine() {
  return {
    atMs: Date.now(),
    cores: cpus().length,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    kernel: release(),
    node: process.version,
    peers: versions(),
    loadBefore: loadavg().map((load) => load.toFixed(1)),
  };
}
