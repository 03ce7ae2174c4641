/**
 * Jobs that Slurm ended before they began. Another job may succeed; but a node whose slurmstepd is
 * broken stays "idle" and attracts every further job, so it gets none of baton's for a while; and a
 * run whose jobs keep ending this way is given up.
 */
import type { RunId } from '../shared/run.ts';
import type { Clock } from '../system/clock.ts';

/** A run is given up after Slurm has ended this many of its jobs. */
export const VAIN_MAX = 5;
/** How long a node gets no job. */
const AVOID_MS = 3_600_000;
/** Most runs, and most nodes, that are remembered; the oldest are forgotten first. */
const KNOWN_MAX = 100;

export class VainJobs {
  readonly #clock: Clock;
  readonly #times = new Map<RunId, number>();
  readonly #untilMs = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * How many jobs of this run have ended on nodes. `node` is empty if the job had none: then
   * slurmctld forgot it in a crash, which delays the run but does not count.
   */
  count(run: RunId, node: string): number {
    const before = this.#times.get(run) ?? 0;
    if (node === '') return before;
    put(this.#times, run, before + 1);
    put(this.#untilMs, node, this.#clock.now().steadyMs + AVOID_MS);
    return before + 1;
  }

  /** Nodes that get no job now. */
  avoided(): readonly string[] {
    const { steadyMs } = this.#clock.now();
    return [...this.#untilMs].flatMap(([node, untilMs]) => (untilMs > steadyMs ? [node] : []));
  }

  /** There may be no other node for a job. */
  avoidNone(): void {
    this.#untilMs.clear();
  }
}

function put<K>(map: Map<K, number>, key: K, value: number): void {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > KNOWN_MAX && oldest !== undefined) map.delete(oldest);
}
