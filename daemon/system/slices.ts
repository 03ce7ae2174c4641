/**
 * Runs cooperative steps in a process that has clients: a few milliseconds at a time, then sockets,
 * timers and keepers are handled.
 */
import { setImmediate } from 'node:timers/promises';
import type { CooperativeSteps } from '../shared/cooperative.ts';

/** Longest time without handling others, apart from one step. */
const SLICE_MS = 5;

export async function runInSlices<T>(steps: CooperativeSteps<T>): Promise<T> {
  for (;;) {
    const untilMs = performance.now() + SLICE_MS;
    do {
      const step = steps.next();
      if (step.done === true) return step.value;
    } while (performance.now() < untilMs);
    await setImmediate();
  }
}
