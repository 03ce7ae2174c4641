/**
 * Logs events: a line for each, with a constant message and the variable parts as fields. If many
 * runs of a target that never started end at once (cancelled, expired, skipped), one line says how
 * many: logging 100,000 lines would take the daemon longer than ending the runs.
 */
import type { Catalog } from '../core/catalog.ts';
import type { Event, EventOf } from '../core/event.ts';
import type { ReadonlyState } from '../core/state.ts';
import { elapsedMs } from '../shared/elapsed.ts';
import type { Log } from '../system/log.ts';

/** Fewer than this get a line each. */
export const TOGETHER_MIN = 20;

interface Context {
  readonly log: Log;
  /** After these events. */
  readonly state: ReadonlyState;
  readonly catalog: Catalog;
}

export function logEvents(events: readonly Event[], context: Context): void {
  for (const alike of togetherOf(events, context.state)) {
    const [first] = alike;
    if (alike.length >= TOGETHER_MIN && first?.type === 'ended') logEnds(first, alike, context);
    else for (const event of alike) logEvent(event, context);
  }
}

/** Groups ends that one line can cover if there are many; other events stay alone. */
function* togetherOf(events: readonly Event[], state: ReadonlyState): Generator<readonly Event[]> {
  let alike: Event[] = [];
  let known: string | undefined;
  for (const event of events) {
    const what = unstartedEnd(event, state);
    if (alike.length > 0 && (what === undefined || what !== known)) {
      yield alike;
      alike = [];
    }
    alike.push(event);
    known = what;
  }
  if (alike.length > 0) yield alike;
}

/** How a run that never started ended, in a form that can be compared. */
function unstartedEnd(event: Event, state: ReadonlyState): string | undefined {
  if (event.type !== 'ended') return undefined;
  const run = state.runs.get(event.run);
  if (run?.state !== 'ended' || run.started !== undefined) return undefined;
  return JSON.stringify([run.target, wayOf(event)]);
}

/** Without the time that it waited, which differs for each. */
function wayOf({ outcome }: EventOf<'ended'>) {
  return outcome.kind === 'expired' ? { kind: outcome.kind } : outcome;
}

function logEnds(first: EventOf<'ended'>, events: readonly Event[], { log, state }: Context): void {
  const last = events.at(-1);
  const about = {
    target: state.runs.get(first.run)?.target,
    runs: events.length,
    first: first.run,
    last: last !== undefined && 'run' in last ? last.run : first.run,
    outcome: wayOf(first),
    verdict: first.verdict,
  };
  log[first.verdict === 'ok' ? 'info' : 'warn'](about, 'ended before they started');
}

function logEvent(event: Event, context: Context): void {
  if (!('run' in event)) {
    const level = event.type === 'late' ? 'warn' : 'info';
    if (event.type !== 'forgotten') context.log[level](event, event.type);
    return;
  }
  const { state, catalog } = context;
  const target = state.runs.get(event.run)?.target;
  const log = context.log.child({ run: event.run, target });
  if (event.type === 'ended') {
    const { outcome, verdict, heldBy, bytes = 0 } = event;
    const { logBytesMax } = catalog.targets.get(target ?? '') ?? {};
    if (bytes > (logBytesMax ?? Number.POSITIVE_INFINITY)) {
      log.warn({ bytes, logBytesMax }, 'output is larger than logMaxBytes');
    }
    const level = verdict === 'ok' ? 'info' : 'warn';
    log[level]({ outcome, verdict, heldBy }, 'ended');
  } else if (event.type === 'started') {
    const { pid, slurm } = event.keeper;
    log.info(slurm === undefined ? { pid } : { job: slurm.job }, 'started');
  } else if (event.type === 'stopping') {
    const { why, by, reason } = event;
    log.info({ why, by, reason }, 'stopping');
  } else if (event.type === 'requeued' && event.outcome !== undefined) {
    const { outcome, notBeforeMs, at } = event;
    const delayMs = notBeforeMs === undefined ? 0 : notBeforeMs - elapsedMs(at);
    log.warn({ outcome, delayMs }, 'attempt failed, another one follows');
  } else {
    log.info(event.type);
  }
}
