/**
 * Counts what happens to each target in many plays. Part of daemon/core/plan-chances.ts; not for
 * use elsewhere. It keeps a few numbers for each target and play, never a run.
 */
import {
  type ComingRequest,
  LATE_START_MS,
  type Spread,
  type TargetChances,
} from '../protocol/planned.ts';
import type { RunId, TargetName } from '../shared/run.ts';
import type { Answer } from './command.ts';
import type { Event, EventOf } from './event.ts';
import type { Recorder } from './plan-play.ts';

export interface TallyOptions {
  readonly fromMs: number;
  readonly atMs: number;
  /** Most plays. */
  readonly plays: number;
}

type What = Exclude<keyof TargetChances, 'target' | 'waitMs' | 'endsAtMs'>;

interface Target {
  /** Number of plays in which this happened. */
  readonly counts: Record<What, number>;
  /** What has happened in this play. */
  readonly now: Set<What>;
  /** One value per play; -1: none. */
  readonly waits: Float64Array;
  readonly ends: Float64Array;
}

interface Open {
  readonly target: Target;
  readonly askedAtMs: number;
  hasStarted: boolean;
  ranAt: boolean;
  runsSinceMs: number | undefined;
}

export class PlanTally implements Recorder {
  readonly #options: TallyOptions;
  readonly #targets = new Map<TargetName, Target>();
  readonly #open = new Map<RunId, Open>();
  /** When the last run of all ends, for each play. */
  readonly #ends: Float64Array;
  #play = 0;

  constructor(options: TallyOptions) {
    this.#options = options;
    this.#ends = new Float64Array(options.plays).fill(-1);
  }

  note(event: Event): void {
    switch (event.type) {
      case 'accepted':
        this.#open.set(event.run, {
          ...{ target: this.#of(event.target), askedAtMs: event.at.wallMs },
          ...{ hasStarted: false, ranAt: false, runsSinceMs: undefined },
        });
        return;
      case 'started':
      case 'requeued':
      case 'ended': {
        const open = this.#open.get(event.run);
        if (open !== undefined) this.#change(open, event);
        return;
      }
      case 'late':
        this.#of(event.target).now.add('late');
        return;
      default:
        return;
    }
  }

  answered({ target }: Pick<ComingRequest, 'target'>, answer: Answer): void {
    switch (answer.type) {
      case 'refused':
      case 'broken':
      case 'not-permitted':
      case 'unknown-host':
      case 'unknown-target':
        this.#of(target).now.add('refused');
        return;
      case 'fleet':
        for (const { target: member, ...its } of answer.members) {
          this.answered({ target: member }, its);
        }
        return;
      default:
        return;
    }
  }

  /** The end of a play. */
  close(): void {
    for (const open of this.#open.values()) {
      if (!open.hasStarted) open.target.now.add('startsLate');
      this.#leave(open, Number.POSITIVE_INFINITY);
    }
    this.#open.clear();
    for (const { counts, now } of this.#targets.values()) {
      for (const what of now) counts[what]++;
      now.clear();
    }
    this.#play++;
  }

  /** Summarizes the first `plays` plays. */
  sum(plays: number): { targets: readonly TargetChances[]; endsAtMs?: Spread } {
    const targets = Array.from(this.#targets, ([target, { counts, waits, ends }]) => {
      const part = (what: What): number => (plays === 0 ? 0 : counts[what] / plays);
      const endsAtMs = spreadOf(ends, plays);
      return {
        ...{ target, startsLate: part('startsLate'), expired: part('expired') },
        ...{ refused: part('refused'), failed: part('failed'), late: part('late') },
        ...{ running: part('running'), waiting: part('waiting') },
        waitMs: spreadOf(waits, plays) ?? { medianMs: 0, slowMs: 0, mostMs: 0 },
        ...(endsAtMs === undefined ? {} : { endsAtMs }),
      };
    });
    const endsAtMs = spreadOf(this.#ends, plays);
    return { targets, ...(endsAtMs === undefined ? {} : { endsAtMs }) };
  }

  #of(name: TargetName): Target {
    const known = this.#targets.get(name);
    if (known !== undefined) return known;
    const { plays } = this.#options;
    const target: Target = {
      counts: {
        ...{ startsLate: 0, expired: 0, refused: 0, failed: 0, late: 0, running: 0, waiting: 0 },
      },
      now: new Set(),
      waits: new Float64Array(plays).fill(-1),
      ends: new Float64Array(plays).fill(-1),
    };
    this.#targets.set(name, target);
    return target;
  }

  #change(open: Open, event: EventOf<'started' | 'requeued' | 'ended'>): void {
    const { wallMs } = event.at;
    const { target } = open;
    switch (event.type) {
      case 'started':
        if (!open.hasStarted) this.#start(open, wallMs);
        open.runsSinceMs = wallMs;
        return;
      case 'requeued':
        return this.#stop(open, wallMs);
      case 'ended':
        this.#stop(open, wallMs);
        this.#leave(open, wallMs);
        this.#open.delete(event.run);
        if (event.outcome.kind === 'expired') {
          target.now.add('expired');
          this.#wait(target, wallMs - open.askedAtMs);
        } else if (event.verdict === 'failed') target.now.add('failed');
        return;
      default:
        return event satisfies never;
    }
  }

  /** Starts before the play do not count. */
  #start(open: Open, wallMs: number): void {
    open.hasStarted = true;
    if (wallMs < this.#options.fromMs) return;
    const waitedMs = wallMs - open.askedAtMs;
    if (waitedMs > LATE_START_MS) open.target.now.add('startsLate');
    this.#wait(open.target, waitedMs);
  }

  #wait({ waits }: Target, ms: number): void {
    waits[this.#play] = Math.max(waits[this.#play] ?? -1, ms);
  }

  #stop(open: Open, wallMs: number): void {
    const { atMs } = this.#options;
    const { runsSinceMs } = open;
    open.runsSinceMs = undefined;
    if (runsSinceMs === undefined || runsSinceMs > atMs || wallMs <= atMs) return;
    open.ranAt = true;
    open.target.now.add('running');
  }

  /** Infinity: it never ends. */
  #leave(open: Open, wallMs: number): void {
    const { atMs } = this.#options;
    this.#stop(open, wallMs);
    if (!open.ranAt && open.askedAtMs < atMs && wallMs > atMs) open.target.now.add('waiting');
    if (!Number.isFinite(wallMs)) return;
    for (const ends of [open.target.ends, this.#ends]) {
      ends[this.#play] = Math.max(ends[this.#play] ?? -1, wallMs);
    }
  }
}

/** Undefined if no play has a value. */
function spreadOf(values: Float64Array, plays: number): Spread | undefined {
  const sorted = values
    .slice(0, plays)
    .filter((ms) => ms >= 0)
    .sort();
  if (sorted.length === 0) return undefined;
  const at = (part: number): number => sorted[Math.ceil(part * sorted.length) - 1] ?? 0;
  return { medianMs: at(0.5), slowMs: at(0.9), mostMs: at(1) };
}
