/**
 * Loaded into a daemon by `--import`: on SIGUSR2 it logs, in a line of its own, how long its loop
 * was blocked at most since the last time. See test/bench/subject.ts.
 */
import { writeSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const RESOLUTION_MS = 1;

const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
delays.enable();
process.on('SIGUSR2', () => {
  const mostMs = Math.max(0, delays.max / 1e6 - RESOLUTION_MS);
  delays.reset();
  writeSync(1, `${JSON.stringify({ msg: 'blocked', mostMs })}\n`);
});
