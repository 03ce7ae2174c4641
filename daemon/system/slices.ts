/**
 * Carries cooperative steps out in a process that has clients: a few milliseconds of them at a
 * time, then sockets, timers and keepers have their turn.
 */
import { setImmediate } from 'node:timers/promises';
import type { CooperativeSteps } from '../shared/cooperative.ts';

/** Longest stretch without a turn for others, but for one step. */
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
