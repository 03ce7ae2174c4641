/**
 * Jobs that Slurm has ended before they began. Another one may do; but a node whose slurmstepd is
 * broken stays "idle" and takes every next job, so it gets none of baton's for a while; and a run
 * that ends so again and again is given up.
 */
import type { RunId } from '../shared/run.ts';
import type { Clock } from '../system/clock.ts';

/** A run of which Slurm has ended this many jobs is not tried again. */
export const VAIN_MAX = 5;
/** For so long a node gets no job. */
const AVOID_MS = 3_600_000;
/** More runs, or nodes, are forgotten: the oldest first. */
const KNOWN_MAX = 100;

export class VainJobs {
  readonly #clock: Clock;
  readonly #times = new Map<RunId, number>();
  readonly #untilMs = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * How many jobs of this run nodes have ended. `node` is empty where it had none: then slurmctld
   * has forgotten it in a crash, which delays a run and ends none.
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
