/**
 * The measuring tools of the benchmark: medians, and what is compared alternates (A B A B …), so
 * that other load affects both. Children get an environment of their own, as with `env -i`.
 */
import { execFile } from 'node:child_process';
import { closeSync, fdatasyncSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** NODE_EXTRA_CA_CERTS alone, if set, costs every node 50 ms. */
export const ENV: Readonly<Record<string, string>> = {
  PATH: `${process.env['PATH'] ?? ''}:/usr/sbin`,
};

/** Not the `node` of the PATH, which may be another one. */
export const NODE = process.execPath;

export interface Options {
  /** A tenth of the work: to see that all is well, not to publish figures. */
  readonly isQuick: boolean;
  /** How long an idle daemon is watched. */
  readonly idleSeconds: number;
  /** Output directory for pictures. */
  readonly out: string;
  /** Progress for people. */
  readonly say: (text: string) => void;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** Calls each in turn, `rounds` times, after a warm-up round; medians by name. */
export async function takeTurns<Name extends string>(
  rounds: number,
  each: Readonly<Record<Name, () => Promise<number>>>,
): Promise<Record<Name, number>> {
  const names = Object.keys(each) as Name[];
  const taken = new Map<Name, number[]>(names.map((name) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const name of names) {
      const value = await each[name]();
      if (round > 0) taken.get(name)?.push(value);
    }
  }
  const medians = names.map((name) => [name, median(taken.get(name) ?? [])]);
  return Object.fromEntries(medians) as Record<Name, number>;
}

interface Timing {
  readonly rounds: number;
  /** Of each command, in each round. */
  readonly runs: number;
  readonly env: Readonly<Record<string, string>>;
}

/** Whole processes, in milliseconds, measured with hyperfine. Throws if one fails. */
export async function timeProcesses<Name extends string>(
  commands: Readonly<Record<Name, readonly string[]>>,
  { rounds, runs, env }: Timing,
): Promise<Record<Name, number>> {
  const names = Object.keys(commands) as Name[];
  const taken = new Map<Name, number[]>(names.map((name) => [name, []]));
  const report = join(tmpdir(), `baton-bench-${process.pid}.json`);
  for (let round = 0; round < rounds; round++) {
    const flags = ['-N', '-i', '--style', 'none', '--warmup', '1', '--runs', String(runs)];
    const lines = names.map((name) => commands[name].map(quote).join(' '));
    await run('hyperfine', [...flags, '--export-json', report, ...lines], {
      env: { ...ENV, ...env },
    });
    const { results } = JSON.parse(readFileSync(report, 'utf8')) as {
      results: readonly { command: string; times: number[]; exit_codes: number[] }[];
    };
    rmSync(report);
    for (const [at, { command, times, exit_codes }] of results.entries()) {
      const bad = exit_codes.find((code) => code !== 0);
      if (bad !== undefined) throw new Error(`${command} exited with ${bad}`);
      taken.get(names[at] as Name)?.push(...times.map((seconds) => seconds * 1_000));
    }
  }
  const medians = names.map((name) => [name, median(taken.get(name) ?? [])]);
  return Object.fromEntries(medians) as Record<Name, number>;
}

/** One command to its end, in milliseconds. Throws if it fails. */
export async function timeOnce(
  [file = '', ...args]: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<number> {
  const sinceMs = performance.now();
  await run(file, args, { env: { ...ENV, ...env }, maxBuffer: 64 * 1_048_576 });
  return performance.now() - sinceMs;
}

export async function timeIt(action: () => Promise<unknown>): Promise<number> {
  const sinceMs = performance.now();
  await action();
  return performance.now() - sinceMs;
}

function quote(word: string): string {
  return `'${word.replaceAll("'", `'"'"'`)}'`;
}

const JOURNAL_LINE = Buffer.alloc(150, 'x');

/** The lower bound for accepting: appends a second if `together` of them share one fdatasync. */
export function appendsPerSecond(directory: string, together: number, syncs: number): number {
  const path = join(directory, 'floor');
  const file = openSync(path, 'a');
  const sinceMs = performance.now();
  for (let sync = 0; sync < syncs; sync++) {
    for (let line = 0; line < together; line++) writeSync(file, JOURNAL_LINE);
    fdatasyncSync(file);
  }
  const tookMs = performance.now() - sinceMs;
  closeSync(file);
  rmSync(path);
  return (syncs * together * 1_000) / tookMs;
}

/** Memory of a process that is not shared, in MB; 0 if it is gone. */
export function pssMb(pid: number): number {
  return field(`/proc/${pid}/smaps_rollup`, 'Pss') / 1_024;
}

export function rssMb(pid: number): number {
  return field(`/proc/${pid}/status`, 'VmRSS') / 1_024;
}

function field(path: string, name: string): number {
  try {
    const text = readFileSync(path, 'utf8');
    return Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0);
  } catch {
    return 0;
  }
}

/** The largest growth of a process's memory during an action, in MB. */
export async function growthMb(pid: number, action: () => Promise<unknown>): Promise<number> {
  const before = rssMb(pid);
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most, rssMb(pid));
  }, 50);
  try {
    await action();
  } finally {
    clearInterval(timer);
  }
  return Math.max(most, rssMb(pid)) - before;
}
