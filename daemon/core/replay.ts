/**
 * Explains a journal to somebody who debugs the scheduler: what each event decided, and for the
 * runs around it that keep waiting, the policies' reasons whenever they change. Pure.
 *
 * The state is the one that the daemon had, computed by the same `apply`. The reasons come from the
 * given configuration, which may differ from the one at that time, and locks of external processes
 * are in no journal; a run that started or kept waiting despite these reasons is marked.
 *
 * One event at a time: memory holds only the state and one sentence for each watched run: the first
 * ones of every queue, and everything that `only` selects.
 */

import type { PauseScope, RunId, Stamp, TargetName } from '../shared/run.ts';
import { affectedTargets } from './affected.ts';
import { apply } from './apply.ts';
import type { Catalog } from './catalog.ts';
import { describeEvent } from './describe-event.ts';
import type { Event } from './event.ts';
import { groupViewMaker } from './group-view.ts';
import { holdsUp } from './pauses.ts';
import { emptyState, type Queued, type Run, type State } from './state.ts';
import { explain } from './waiting.ts';

/** How many queued runs of each target are explained; those behind them wait for these. */
export const WATCHED_PER_TARGET = 10;
/** A start follows its cause within this time; only a run that waits longer is called free. */
const FREE_MS = 1_000;

interface Options {
  readonly catalog: Catalog;
  /** Formats a time for people, as one word of 23 characters. */
  readonly showTime: (wallMs: number) => string;
  /** A run number or target name: only this is shown. */
  readonly only?: RunId | TargetName;
  /**
   * The journal was compacted up to this line: the events before it are not in their original
   * order, so only the state after them is meaningful.
   */
  readonly compacted?: number;
}

export class Replay {
  readonly state: State = emptyState();
  readonly #options: Options;
  /** What was last printed about each queued run. */
  readonly #told = new Map<RunId, string>();
  /** Since when nothing has been in the way of these runs. */
  readonly #free = new Map<RunId, number>();
  /** Whether anything that `only` selects was found. */
  #isMet = false;
  #line = 0;
  /** The latest time seen. */
  #now: Stamp = { steadyMs: 0, wallMs: 0 };

  constructor(options: Options) {
    this.#options = options;
  }

  /** Applies an event and explains it. Throws if it cannot be applied, as `apply` does. */
  take(event: Event): readonly string[] {
    this.#line++;
    const at = 'at' in event ? event.at : undefined;
    const time = at === undefined ? NO_TIME : this.#options.showTime(at.wallMs);
    // A compacted journal is not in chronological order.
    if (at !== undefined && at.steadyMs >= this.#now.steadyMs) this.#now = at;
    const { catalog, compacted = 0 } = this.#options;
    const isLive = this.#line > compacted;
    const lines = isLive ? this.#telling(() => this.#freed(event)) : [];
    const around = isLive ? this.#around(event) : [];
    this.#isMet ||= this.#isWanted(event) && !HEADS.includes(event.type);
    const told = this.#isWanted(event) ? [describeEvent(this.state, event)] : [];
    const against = isLive ? this.#telling(() => this.#against(event)) : [];
    apply(this.state, event);
    const targets = this.#line === compacted ? [...this.state.targetStates.keys()] : around;
    const waits = this.#telling(() => this.#look(targets, catalog));
    const begin = `${time} ${String(this.#line).padStart(6)}`;
    return [...lines, ...told, ...against, ...waits].map((text) => `${begin}  ${plain(text)}`);
  }

  /** The runs that wait when the journal ends, with their reasons at the time of the last event. */
  close(): readonly string[] {
    const { only } = this.#options;
    if (only !== undefined && !this.#isMet) {
      const what = typeof only === 'number' ? `run ${only}` : `a run of "${only}"`;
      return [`the journal contains nothing about ${what}; "baton status" lists the targets`];
    }
    const queues = [...this.state.targetStates].map(([target, { queue }]) => ({ target, queue }));
    return queues.flatMap(({ target, queue }) => {
      const runs = this.#watched(target);
      const lines = runs.map((run) => `${nameOf(run)}: ${this.#why(run) || NOTHING}`);
      const more = queue.size - runs.length;
      const rest = more > 0 && (only === undefined || only === target);
      return [...lines, ...(rest ? [`${more} more of ${target} wait behind`] : [])].map(plain);
    });
  }

  /** Explanations are indented below the line that they explain. */
  #telling(give: () => readonly string[]): readonly string[] {
    return give().map((text) => `  ${text}`);
  }

  /** Targets whose queued runs may have another reason after the event. */
  #around(event: Event): readonly TargetName[] {
    const { catalog } = this.#options;
    const names = new Set(affectedTargets(this.state, event, catalog));
    const held = 'groups' in event ? (event.groups ?? []) : [];
    const own = [...names].flatMap((name) => catalog.targets.get(name)?.bindings ?? []);
    for (const key of new Set([...held, ...own.map((binding) => binding.key)])) {
      for (const { target } of catalog.groups.get(key)?.members ?? []) names.add(target);
    }
    return [...names];
  }

  /** Runs that nothing kept from starting and that still did not start. */
  #freed(event: Event): readonly string[] {
    const lines: string[] = [];
    for (const [number, sinceMs] of this.#free) {
      const run = this.state.runs.get(number);
      const isOn = run?.state === 'queued' && !('run' in event && event.run === number);
      if (isOn && this.#now.steadyMs - sinceMs <= FREE_MS) continue;
      this.#free.delete(number);
      if (isOn) lines.push(`${nameOf(run)}: still waits; ${NOTHING}`);
    }
    return lines;
  }

  /** A start that these policies would not have allowed. */
  #against(event: Event): readonly string[] {
    const run = event.type === 'starting' ? this.state.runs.get(event.run) : undefined;
    if (run?.state !== 'queued' || !this.#isWanted(event)) return [];
    const why = this.#why(run);
    return why === '' ? [] : [`under this configuration, ${nameOf(run)} would not start: ${why}`];
  }

  #look(targets: readonly TargetName[], catalog: Catalog): readonly string[] {
    const lines: string[] = [];
    for (const number of this.#told.keys()) {
      if (this.state.runs.get(number)?.state !== 'queued') this.#told.delete(number);
    }
    for (const run of targets.flatMap((target) => this.#watched(target))) {
      const why = this.#why(run, catalog);
      if (why === this.#told.get(run.run)) continue;
      this.#told.set(run.run, why);
      this.#free.delete(run.run);
      if (why === '') this.#free.set(run.run, this.#now.steadyMs);
      else lines.push(`${nameOf(run)}: ${why}`);
    }
    return lines;
  }

  /** The queued runs of a target that are explained. */
  #watched(target: TargetName): readonly Queued[] {
    const { only } = this.#options;
    if (typeof only === 'string' && only !== target) return [];
    const queue = this.state.targetStates.get(target)?.queue ?? new Set<RunId>();
    const numbers: RunId[] = [];
    if (typeof only === 'number') numbers.push(...(queue.has(only) ? [only] : []));
    else {
      for (const number of queue) {
        if (numbers.length >= WATCHED_PER_TARGET) break;
        numbers.push(number);
      }
    }
    return numbers.flatMap((number) => {
      const run = this.state.runs.get(number);
      return run?.state === 'queued' ? [run] : [];
    });
  }

  /** Why a run waits, as sentences; empty if nothing is in its way. */
  #why(run: Queued, catalog = this.#options.catalog): string {
    const groupViewOf = groupViewMaker(this.state, catalog, this.#now);
    const reasons = explain(this.state, run, this.#now, catalog, groupViewOf).map(
      ({ reason }) => reason,
    );
    if (!catalog.targets.has(run.target)) {
      reasons.push('its target is not in this configuration, so its policies are unknown');
    }
    return reasons.join('; and ');
  }

  #isWanted(event: Event): boolean {
    const { only } = this.#options;
    if (only === undefined) return true;
    if (HEADS.includes(event.type)) return true;
    if (event.type === 'paused' || event.type === 'resumed') return this.#isHeldUp(event, only);
    if (typeof only === 'string') {
      if ('target' in event) return event.target === only;
      if ('run' in event) return this.state.runs.get(event.run)?.target === only;
      return 'runs' in event && event.runs.some((run) => this.state.runs.get(run)?.target === only);
    }
    if ('runs' in event) return event.runs.includes(only);
    if (event.type === 'starting' && event.overtook?.includes(only)) return true;
    return 'run' in event && event.run === only;
  }

  #isHeldUp(scope: PauseScope, only: RunId | TargetName): boolean {
    const target = typeof only === 'string' ? only : this.state.runs.get(only)?.target;
    return target !== undefined && holdsUp(scope, target, this.#options.catalog);
  }
}

/** Events that are not about a run. */
const HEADS: readonly Event['type'][] = ['journal', 'base', 'booted'];

const NOTHING =
  'the journal and this configuration show no reason; possibly a condition of "require", a lock ' +
  'of another program, or a different configuration at that time';

function nameOf({ run, target }: Run): string {
  return `run ${run} (${target})`;
}

/** As wide as a time: for an event without one. */
const NO_TIME = '-'.padEnd(23);

/** Makes foreign text harmless for a terminal. */
function plain(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ');
}
