/**
 * Monitors the daemon: gets every decision before it is written, follows it with a state and some
 * figures of its own, and throws if one breaks a promise. What a power cut or a restored copy
 * undoes is forgotten here, too.
 */
import assert from 'node:assert/strict';
import { apply } from '../../daemon/core/apply.ts';
import type { Event, EventOf } from '../../daemon/core/event.ts';
import {
  emptyState,
  type ReadonlyState,
  type Run,
  type State,
  triesOf,
} from '../../daemon/core/state.ts';
import { elapsedMs } from '../../daemon/shared/elapsed.ts';
import type { RunId, TargetName } from '../../daemon/shared/run.ts';
import type { Entry } from './journal.ts';
import { checkForgotten } from './retention-rules.ts';
import { checkLast, checkRequeued } from './retry-rules.ts';
import { checkStart } from './start-rules.ts';

export class Audit {
  readonly #state: State = emptyState();
  /** In elapsed time: the last success, or the time since which one is expected. */
  readonly freshMs = new Map<TargetName, number>();
  readonly late = new Set<TargetName>();
  /** Counts. */
  hooks = 0;
  lates = 0;
  forgotten = 0;
  retries = 0;
  /** Consecutive ones; a cancelled run is neither a failure nor a success. */
  readonly #failures = new Map<TargetName, number>();
  /** Of each target, the last run that was started first. */
  readonly #begun = new Map<TargetName, RunId>();

  get state(): ReadonlyState {
    return this.#state;
  }

  take(entry: Entry): void {
    this.hooks += checkHooks(this.#state, this.#failures, entry);
    for (const event of entry.events) {
      this.#check(event, entry);
      apply(this.#state, event);
    }
  }

  #check(event: Event, entry: Entry): void {
    switch (event.type) {
      case 'starting':
        return this.#checkStarting(event, entry);
      case 'requeued':
        if (event.outcome !== undefined) this.retries++;
        return checkRequeued(this.#state, event, entry);
      case 'ended':
        checkEnd(this.#state, event, entry);
        checkLast(this.#state, event, entry);
        return this.#freshen(event);
      case 'watched':
        return this.#watch(event, entry);
      case 'late':
        return this.#checkLate(event, entry);
      case 'forgotten':
        this.forgotten += event.runs.length;
        return checkForgotten(this.#state, event, entry);
      default:
        return;
    }
  }

  #checkStarting(event: EventOf<'starting'>, entry: Entry): void {
    const run = this.#state.runs.get(event.run);
    assert.ok(run !== undefined, `run ${event.run} starts and is not known`);
    if (event.after !== undefined) {
      const { onLost } = entry.catalog.targets.get(run.target) ?? {};
      assert.equal(onLost, 'retry', `run ${run.run} is tried again though it began`);
    }
    // Found runs were started long ago.
    if (run.state !== 'queued' || entry.events.some(({ type }) => type === 'started')) return;
    checkStart(this.#state, run, entry);
    if (event.attempt > 1) return;
    const last = this.#begun.get(run.target) ?? 0;
    assert.ok(run.run > last, `run ${run.run} of ${run.target} begins out of turn`);
    this.#begun.set(run.target, run.run);
  }

  #freshen({ run: number, verdict, at, outcome }: EventOf<'ended'>): void {
    const run = this.#state.runs.get(number);
    const name = run?.target ?? '';
    const isCounted = outcome.kind !== 'cancelled';
    if (verdict !== 'failed') this.#failures.delete(name);
    else if (isCounted) this.#failures.set(name, (this.#failures.get(name) ?? 0) + 1);
    const freshMs = this.freshMs.get(run?.target ?? '');
    if (run?.state !== 'running' || verdict === 'failed' || freshMs === undefined) return;
    if (elapsedMs(at) < freshMs) return;
    this.freshMs.set(run.target, elapsedMs(at));
    this.late.delete(run.target);
  }

  #watch({ target, at }: EventOf<'watched'>, { catalog, at: now }: Entry): void {
    const isWanted = catalog.targets.get(target)?.lateAfterMs !== undefined;
    assert.equal(
      at !== undefined,
      isWanted,
      `${target} is looked out for, or not, against its will`,
    );
    this.late.delete(target);
    if (at === undefined) return void this.freshMs.delete(target);
    assert.ok(!this.freshMs.has(target), `${target} is looked out for anew, which puts it off`);
    const successMs = lastSuccessMs(this.#state, target) ?? elapsedMs(now);
    assert.equal(elapsedMs(at), successMs, `${target} is looked out for from another time`);
    this.freshMs.set(target, successMs);
  }

  #checkLate({ target }: EventOf<'late'>, { catalog, at }: Entry): void {
    const { lateAfterMs = Number.POSITIVE_INFINITY } = catalog.targets.get(target) ?? {};
    const sinceMs = elapsedMs(at) - (this.freshMs.get(target) ?? Number.POSITIVE_INFINITY);
    assert.ok(sinceMs >= lateAfterMs, `${target} is late after ${sinceMs} of ${lateAfterMs} ms`);
    assert.ok(!this.late.has(target), `${target} is reported late twice`);
    this.late.add(target);
    this.lates++;
  }
}

function lastSuccessMs(state: ReadonlyState, target: TargetName): number | undefined {
  const times = [...(state.targetStates.get(target)?.ended ?? [])].flatMap((number) => {
    const run = state.runs.get(number);
    return run?.state === 'ended' && run.verdict !== 'failed' ? elapsedMs(run.ended) : [];
  });
  return times.length === 0 ? undefined : Math.max(...times);
}

/** Each cause calls its hook in the same decision, once; nothing else does. Returns how many. */
function checkHooks(
  state: ReadonlyState,
  failures: ReadonlyMap<TargetName, number>,
  { events, catalog }: Entry,
): number {
  const failed: TargetName[] = [];
  const wanted = events.flatMap((event): readonly string[] => {
    if (event.type === 'late') {
      const { onLate } = catalog.targets.get(event.target)?.hooks ?? {};
      return onLate === undefined ? [] : [`${onLate}: late ${event.target}`];
    }
    if (event.type !== 'ended' && event.type !== 'started') return [];
    const run = state.runs.get(event.run);
    if (run === undefined || run.cause !== undefined) return [];
    const { hooks, onFailureAfter = 1 } = catalog.targets.get(run.target) ?? {};
    if (event.type === 'started') {
      const isFirst = run.state === 'starting' && triesOf(run) === 1 && event.found !== true;
      return isFirst ? wish(hooks?.onStart, 'start', run) : [];
    }
    if (event.outcome.kind === 'cancelled') return [];
    if (event.verdict === 'ok') return wish(hooks?.onSuccess, 'success', run);
    if (event.verdict === 'warning') return wish(hooks?.onWarning, 'warning', run);
    const before = failed.filter((name) => name === run.target).length;
    failed.push(run.target);
    const inRow = (failures.get(run.target) ?? 0) + before + 1;
    return inRow < onFailureAfter ? [] : wish(hooks?.onFailure, 'failure', run);
  });
  const called = events.flatMap((event) => {
    if (event.type !== 'accepted' || event.cause === undefined) return [];
    const { why, target, run } = event.cause;
    return [`${event.target}: ${[why, target, run].filter((it) => it !== undefined).join(' ')}`];
  });
  assert.deepEqual(called, wanted, 'hooks that are called');
  // It waits for a place like any other run; a run whose end calls it has given up its own before.
  const first = events.findIndex((event) => event.type === 'accepted' && 'cause' in event);
  const end = events.findLastIndex(({ type }) => type === 'ended' || type === 'started');
  assert.ok(first < 0 || end < first, 'a hook is called before what calls it');
  return called.length;
}

function wish(hook: TargetName | undefined, why: string, { target, run }: Run): readonly string[] {
  return hook === undefined ? [] : [`${hook}: ${why} ${target} ${run}`];
}

/** Its waiting time is elapsed time, its duration is the time that its command noticed. */
function checkEnd(state: ReadonlyState, event: EventOf<'ended'>, { at: now }: Entry): void {
  const { run: number, outcome, at } = event;
  const run = state.runs.get(number);
  assert.ok(run !== undefined && run.state !== 'ended', `run ${number} ends and was not under way`);
  const begun = run.state === 'running' ? run.started : run.accepted;
  assert.ok(elapsedMs(begun) <= elapsedMs(at), `run ${number} ended before it began`);
  assert.ok(elapsedMs(at) <= elapsedMs(now), `run ${number} ends in the future`);
  // It ended as its last attempt did; see `checkLast`.
  if (run.state !== 'running' && run.earlier !== undefined) return;
  if (outcome.kind === 'expired') {
    const { expiresAtMs = Number.POSITIVE_INFINITY } = run;
    assert.ok(expiresAtMs <= elapsedMs(at), `run ${number} had not its time to wait`);
  }
  if (outcome.kind === 'timed-out' && outcome.reason !== undefined) {
    const { reason } = (run.state === 'running' ? run.stopping : undefined) ?? {};
    assert.equal(reason, outcome.reason, `no policy had run ${number} end`);
  } else if (outcome.kind === 'timed-out') {
    const { timeoutAtMs = Number.POSITIVE_INFINITY } = run.state === 'running' ? run : {};
    assert.ok(timeoutAtMs <= at.steadyMs, `run ${number} had not its time to run`);
  }
}
