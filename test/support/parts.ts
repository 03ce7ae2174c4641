/** Parts of the daemon under a test's control: a clock that it advances, a log that it reads. */
import pino from 'pino';
import type { Stamp } from '../../daemon/shared/run.ts';
import type { Clock } from '../../daemon/system/clock.ts';
import type { Log } from '../../daemon/system/log.ts';

export class ManualClock implements Clock {
  #nowMs = 1_000_000;
  #timers: { readonly atMs: number; readonly callback: () => void }[] = [];

  now(): Stamp {
    return { steadyMs: this.#nowMs, wallMs: this.#nowMs };
  }

  steadyAt(monotonicMs: number): number {
    return monotonicMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  soon(callback: () => void): void {
    setImmediate(callback);
  }

  /** Fires everything due until then in chronological order, including timers set meanwhile. */
  advance(ms: number): void {
    const untilMs = this.#nowMs + ms;
    for (;;) {
      const [next] = this.#timers
        .filter(({ atMs }) => atMs <= untilMs)
        .sort((a, b) => a.atMs - b.atMs);
      if (next === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.callback();
    }
    this.#nowMs = untilMs;
  }
}

export class SpokenLog {
  readonly lines: Record<string, unknown>[] = [];
  readonly pino: Log = pino(
    { base: null },
    { write: (line: string) => this.lines.push(JSON.parse(line) as Record<string, unknown>) },
  );
}
