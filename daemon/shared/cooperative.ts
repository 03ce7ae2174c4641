/**
 * Work in pieces: a generator that yields wherever others may have their turn, and returns what it
 * has made. So pure code stays pure, and does not know who waits or what time it is.
 */

export type CooperativeSteps<T> = Generator<undefined, T>;

/** All of it in one go, for callers that block nobody. */
export function runToEnd<T>(pieces: CooperativeSteps<T>): T {
  for (;;) {
    const piece = pieces.next();
    if (piece.done === true) return piece.value;
  }
}
