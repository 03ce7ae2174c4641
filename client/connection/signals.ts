/**
 * INT and TERM for a waiting client. timeout(1) sends its signal twice, to its child and to the
 * whole group: a second signal this soon after the first counts as the same. On a busy machine some
 * time may pass between the two.
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
