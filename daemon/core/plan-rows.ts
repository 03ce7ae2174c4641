/**
 * The rows of a plan: gathered from the events of daemon/core/plan-play.ts, and from what the
 * policies say about queued runs. Part of that; not for use elsewhere.
 *
 * The reasons of a run are recorded when it is accepted, when a time of its own has come (such as
 * the end of a settle window), and when a run that it waited for ends; at most WAITS_MAX times.
 */
import { describeOutcome } from '../protocol/outcome-text.ts';
import type {
  ComingRequest,
  Planned,
  PlannedRefusal,
  PlannedRun,
  PlannedWait,
} from '../protocol/planned.ts';
import { unknownTarget } from '../protocol/refusal-text.ts';
import type { RunId, TargetName } from '../shared/run.ts';
import { sizeAround } from './affected.ts';
import type { Catalog } from './catalog.ts';
import type { Answer } from './command.ts';
import { subjectOf } from './describe-condition.ts';
import type { Event, EventOf } from './event.ts';
import { groupViewMaker } from './group-view.ts';
import type { Recorder } from './plan-play.ts';
import type { ReadonlyState } from './state.ts';
import { explain } from './waiting.ts';
import { isCondition } from './world.ts';

/** Most reasons that are kept for one run. */
export const WAITS_MAX = 5;

/** A plan without what is known of the past. */
export type PlannedRuns = Omit<Planned, 'durations' | 'chances'>;

type Draft = { -readonly [K in keyof PlannedRun]: PlannedRun[K] } & { waits?: PlannedWait[] };

export class PlanRows implements Recorder {
  readonly #state: ReadonlyState;
  readonly #catalog: Catalog;
  readonly #drafts = new Map<RunId, Draft>();
  readonly #refused: PlannedRefusal[] = [];
  readonly #late: { readonly target: TargetName; readonly atMs: number }[] = [];
  /** Runs to explain at the end of the moment. */
  readonly #looks = new Set<RunId>();
  /** The runs that wait for a run. */
  readonly #waiters = new Map<RunId, Set<RunId>>();

  constructor(state: ReadonlyState, catalog: Catalog) {
    this.#state = state;
    this.#catalog = catalog;
  }

  /** Called after the event is applied. */
  note(event: Event): void {
    switch (event.type) {
      case 'accepted':
        return this.#accept(event);
      case 'late':
        this.#late.push({ target: event.target, atMs: event.at.wallMs });
        return;
      case 'joined':
      case 'started':
      case 'requeued':
      case 'ended': {
        const draft = this.#drafts.get(event.run);
        if (draft !== undefined) this.#change(draft, event);
        return;
      }
      default:
        return;
    }
  }

  /** The result of a request; what happens to its run is reported by events. */
  answered({ target, atMs }: ComingRequest, answer: Answer): void {
    const refuse = (reason: string): void => void this.#refused.push({ target, atMs, reason });
    switch (answer.type) {
      case 'refused':
      case 'broken':
      case 'not-permitted':
      case 'unknown-host':
        return refuse(answer.reason);
      case 'unknown-target':
        return refuse(unknownTarget('the configuration', target, this.#catalog.targets.keys()));
      case 'ignored':
        this.#refused.push({ target, atMs, isIgnored: true, reason: answer.reason });
        return;
      case 'fleet':
        for (const { target: member, ...its } of answer.members) {
          this.answered({ target: member, atMs }, its);
        }
        return;
      default:
        return;
    }
  }

  /** A run is due, so its reason to wait may have changed. */
  look(run: RunId): void {
    this.#looks.add(run);
  }

  /** Returns the work: how many group members were looked at. */
  explain(nowMs: number): number {
    if (this.#looks.size === 0) return 0;
    let work = 0;
    const at = { steadyMs: nowMs, wallMs: nowMs };
    const groupViewOf = groupViewMaker(this.#state, this.#catalog, at);
    for (const number of this.#looks) {
      const run = this.#state.runs.get(number);
      const draft = this.#drafts.get(number);
      const waits = draft?.waits ?? [];
      if (run?.state !== 'queued' || draft === undefined || waits.length >= WAITS_MAX) continue;
      work += sizeAround(run.target, this.#catalog);
      const found = explain(this.#state, run, at, this.#catalog, groupViewOf);
      const behind = [...new Set(found.flatMap((wait) => wait.behind))];
      for (const other of behind) {
        const waiters = this.#waiters.get(other) ?? new Set();
        this.#waiters.set(other, waiters.add(number));
      }
      const reason = found.map((wait) => wait.reason).join('; and ');
      if (reason === '' || reason === waits.at(-1)?.reason) continue;
      const names = new Set(behind.map((other) => this.#state.runs.get(other)?.target ?? ''));
      const who = names.size === 0 ? {} : { behind: [...names] };
      draft.waits = [...waits, { fromMs: nowMs, reason, ...who }];
    }
    this.#looks.clear();
    return work;
  }

  /** `unknown`: targets whose durations are unknown. */
  close(unknown: ReadonlySet<TargetName>): Omit<PlannedRuns, 'fromMs' | 'untilMs'> {
    const runs = [...this.#drafts.values()];
    const targets = new Set(runs.map(({ target }) => target));
    const endsAtMs = runs.reduce((last, { endedAtMs = 0 }) => Math.max(last, endedAtMs), 0);
    return {
      runs,
      refused: this.#refused,
      late: this.#late,
      ...(endsAtMs === 0 ? {} : { endsAtMs }),
      unknown: [...unknown].filter((target) => targets.has(target)),
      assumed: this.#assumed(targets),
    };
  }

  #accept({ run, target, at, cause }: EventOf<'accepted'>): void {
    const hook = cause === undefined ? {} : { hookOf: { target: cause.target, why: cause.why } };
    this.#drafts.set(run, { run, target, askedAtMs: at.wallMs, ...hook });
    this.#looks.add(run);
  }

  #change(draft: Draft, event: EventOf<'joined' | 'started' | 'requeued' | 'ended'>): void {
    switch (event.type) {
      case 'joined':
        draft.joined = (draft.joined ?? 0) + 1;
        return;
      case 'started':
        draft.startedAtMs = event.at.wallMs;
        if (event.attempt > 1) draft.attempts = event.attempt;
        return;
      case 'requeued':
        this.#looks.add(event.run);
        return this.#wake(event.run);
      case 'ended':
        draft.endedAtMs = event.at.wallMs;
        draft.outcome = event.outcome.kind;
        draft.verdict = event.verdict;
        draft.text = describeOutcome(event.outcome);
        return this.#wake(event.run);
      default:
        return event satisfies never;
    }
  }

  /** Runs that waited for it may now wait for another one. */
  #wake(run: RunId): void {
    for (const waiter of this.#waiters.get(run) ?? []) this.#looks.add(waiter);
    this.#waiters.delete(run);
  }

  #assumed(targets: ReadonlySet<TargetName>): Planned['assumed'] {
    const found = new Map<string, Set<TargetName>>();
    for (const target of targets) {
      for (const { asks } of this.#catalog.targets.get(target)?.bindings ?? []) {
        for (const question of asks.filter(isCondition)) {
          const subject = subjectOf(question);
          found.set(subject, (found.get(subject) ?? new Set()).add(target));
        }
      }
    }
    return [...found].map(([condition, names]) => ({ condition, targets: [...names] }));
  }
}
