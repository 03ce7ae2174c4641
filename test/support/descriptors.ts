/** Too few free file descriptors, for a process of a test or for the test itself. */
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readdirSync } from 'node:fs';

const LIMIT_USUAL = 1_024;
/** What prlimit(1) itself needs, and what a job has not closed yet. */
const MARGIN = 40;

/** Leaves a process this many free descriptors; the result removes the limit. */
export function leaveFree(pid: number, free: number): () => void {
  const used = new Set(readdirSync(`/proc/${pid}/fd`).map(Number));
  let limit = 0;
  for (let left = free; left > 0 || used.has(limit); limit++) if (!used.has(limit)) left--;
  const set = (most: number) =>
    execFileSync('/usr/bin/prlimit', ['--pid', `${pid}`, `--nofile=${most}:`]);
  set(limit);
  return () => set(LIMIT_USUAL);
}

/** Calls `job` with no free descriptor in this process, then with one, and so on. */
export async function withFew<T>(most: number, job: () => Promise<T>): Promise<readonly T[]> {
  const relax = leaveFree(process.pid, most + MARGIN);
  const results: T[] = [];
  const held: number[] = [];
  try {
    for (;;) held.push(openSync('/dev/null', 'r'));
  } catch {
    // Full.
  }
  for (let free = 0; free <= most; free++) {
    results.push(await job());
    const one = held.pop();
    if (one !== undefined) closeSync(one);
  }
  for (const one of held) closeSync(one);
  relax();
  return results;
}
