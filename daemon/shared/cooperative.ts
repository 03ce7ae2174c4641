/**
 * Work in small steps: a generator that yields wherever other work may run in between, and returns
 * the result. The code stays pure: it needs no clock and does not know what else is waiting.
 */

export type CooperativeSteps<T> = Generator<undefined, T>;

/** Runs all steps at once, for callers that block nobody. */
export function runToEnd<T>(pieces: CooperativeSteps<T>): T {
  for (;;) {
    const piece = pieces.next();
    if (piece.done === true) return piece.value;
  }
}
