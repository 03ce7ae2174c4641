/**
 * INT and TERM to a client that waits. timeout(1) sends its signal twice, to its child and to the
 * group of both: what comes so soon after another one is the same wish. Between the two a busy
 * machine may let others run.
 */

export const SIGNALS = { SIGINT: 2, SIGTERM: 15 } as const;
const AGAIN_MS = 500;

/** `take` gets the number of each signal. */
export function onSignals(take: (signal: number) => void): void {
  let lastMs = -AGAIN_MS;
  for (const [name, signal] of Object.entries(SIGNALS)) {
    process.on(name, () => {
      const nowMs = performance.now();
      if (nowMs - lastMs < AGAIN_MS) return;
      lastMs = nowMs;
      take(signal);
    });
  }
}
