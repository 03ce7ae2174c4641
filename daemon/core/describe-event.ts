/**
 * Describes an event, as a sentence for somebody who reads a journal. Pure. Call it before the
 * event is applied, because it takes the run's target and history from the state.
 */

import { describeOutcome } from '../protocol/outcome-text.ts';
import { showDuration } from '../shared/duration.ts';
import { elapsedMs } from '../shared/elapsed.ts';
import type { Cause, PauseScope, RunId, StopReason, Verdict } from '../shared/run.ts';
import type { Event, EventOf } from './event.ts';
import { nameRun } from './policy.ts';
import type { ReadonlyState } from './state.ts';

/** Most run numbers in one sentence. */
const NAMED_MAX = 10;

export function describeEvent(state: ReadonlyState, event: Event): string {
  switch (event.type) {
    case 'journal':
      return `a journal of format ${event.format}`;
    case 'base':
      return `the journal was compacted here; the next run is ${event.nextRun}`;
    case 'booted':
      return `the machine was started (boot ${event.bootId})`;
    case 'remembered':
      return (
        `${event.target}: its last successful runs took ` +
        `${event.tookMs.map(showDuration).join(', ')}`
      );
    case 'forgotten':
      return `removed by the retention of their targets: ${numbers(event.runs)}`;
    case 'ignored':
      return `${event.target}: ${count(event.times, 'request')} ignored by a policy`;
    case 'watched':
      return event.at === undefined
        ? `${event.target}: no longer watched for lateness`
        : `${event.target}: now watched for lateness`;
    case 'late':
      return `${event.target}: late, no success for longer than its lateAfter`;
    case 'paused':
      return `${nameScope(event)}: paused${durationOf(event)}`;
    case 'resumed':
      return `${nameScope(event)}: resumed`;
    default:
      return `${nameOf(state, event)} ${describeRunEvent(state, event)}`;
  }
}

function nameScope(scope: PauseScope): string {
  if ('target' in scope) return scope.target;
  return 'group' in scope ? `group ${scope.group}` : 'all targets';
}

/** A compacted journal does not contain when the pause began. */
function durationOf({ at, untilMs }: EventOf<'paused'>): string {
  if (untilMs === undefined) return '';
  return at === undefined ? ' for a time' : ` for ${showDuration(untilMs - elapsedMs(at))}`;
}

type RunEvent = Extract<Event, { readonly run: RunId }>;

function describeRunEvent(state: ReadonlyState, event: RunEvent): string {
  switch (event.type) {
    case 'accepted':
      return accepted(event);
    case 'joined':
      return joined(event);
    case 'starting':
      return starting(state, event);
    case 'started':
      return started(event);
    case 'requeued':
      return requeued(event);
    case 'stopping':
      if (event.by !== undefined) return `is being stopped: replaced by run ${event.by}`;
      return event.reason === undefined ? STOPPING[event.why] : `is being stopped: ${event.reason}`;
    case 'ended': {
      const { outcome, verdict, heldBy = [], leftovers = [] } = event;
      const left = leftovers.length === 0 ? '' : `; left ${count(leftovers.length, 'process')}`;
      const held =
        heldBy.length === 0 ? '' : `; still counts as running because of pid ${heldBy.join(', ')}`;
      return `${describeOutcome(outcome)}: ${VERDICTS[verdict]}${left}${held}`;
    }
    case 'released':
      return 'no longer counts as running: its last process has ended';
    default:
      return event satisfies never;
  }
}

const STOPPING: Readonly<Record<StopReason, string>> = {
  cancelled: 'is being stopped: it was cancelled',
  'timed-out': 'is being stopped: it exceeded its timeout',
  shutdown: 'is being stopped: the machine is shutting down',
};

const VERDICTS: Readonly<Record<Verdict, string>> = {
  ok: 'a success',
  warning: 'a warning',
  failed: 'a failure',
};

function accepted(event: EventOf<'accepted'>): string {
  const { args = [], cause, expiresAtMs, at } = event;
  const given = args.length === 0 ? '' : ` with ${JSON.stringify(args)}`;
  const why = cause === undefined ? '' : `, a hook: ${because(cause)}`;
  const limit = expiresAtMs === undefined ? undefined : expiresAtMs - elapsedMs(at);
  const until = limit === undefined ? '' : `, given up if it waits for ${showDuration(limit)}`;
  return `is accepted${given}${why}${until}`;
}

function joined({ expiresAtMs }: Extract<Event, { readonly type: 'joined' }>): string {
  if (expiresAtMs === undefined) return 'is joined by one more request';
  return `is joined by one more request, which would wait ${expiresAtMs === null ? 'without an end' : 'longer'}`;
}

function because({ why, run, target, text }: Cause): string {
  const of = run === undefined ? target : nameRun({ run, target });
  return `${why} of ${of}, which ${text}`;
}

function starting(state: ReadonlyState, event: EventOf<'starting'>): string {
  const { attempt, groups = [], overtook = [] } = event;
  const before = overtook.length === 0 ? '' : `, before ${numbers(overtook)}, requested earlier`;
  const places = groups.length === 0 ? '' : `; counts in ${groups.join(' and in ')}`;
  const from = state.runs.get(event.run)?.state;
  if (from === 'queued' || from === undefined) {
    const again = attempt === 1 ? '' : `, attempt ${attempt}`;
    return `starts${again}: all its policies allow it${places}${before}`;
  }
  return `starts again, attempt ${attempt}: ${reasonOf(event, from === 'starting')}`;
}

function started({ timeoutAtMs, keeper, at }: EventOf<'started'>): string {
  const limit = timeoutAtMs === undefined ? undefined : timeoutAtMs - at.steadyMs;
  const until = limit === undefined ? '' : `, for ${showDuration(limit)} at the most`;
  const { pid, slurm } = keeper;
  const which = slurm === undefined ? `pid ${pid}` : `in job ${slurm.job ?? slurm.token} of Slurm`;
  return `is running; its keeper is ${which}${until}`;
}

function requeued(event: EventOf<'requeued'>): string {
  const { outcome, at, notBeforeMs = elapsedMs(at) } = event;
  if (outcome === undefined) {
    return `waits again, for a run that was started in another life: ${reasonOf(event, true)}`;
  }
  const delay = showDuration(notBeforeMs - elapsedMs(at));
  return `${describeOutcome(outcome)}; its next attempt follows after ${delay} (retry)`;
}

/** A journal of an older version does not say how the previous attempt ended. */
function reasonOf({ after }: EventOf<'starting' | 'requeued'>, isCertain: boolean): string {
  if (after === 'interrupted') return 'the machine was restarted, and its target has onLost: retry';
  if (after === 'lost') return 'it was lost, and its target has onLost: retry';
  if (isCertain) return 'its command had not started';
  return 'its command had not started, or it was lost and its target has onLost: retry';
}

function nameOf(state: ReadonlyState, event: RunEvent): string {
  const target = 'target' in event ? event.target : state.runs.get(event.run)?.target;
  return nameRun({ run: event.run, target: target ?? 'unknown' });
}

function numbers(runs: readonly RunId[]): string {
  const more = runs.length - NAMED_MAX;
  const named = runs.slice(0, NAMED_MAX).join(', ');
  return `${runs.length === 1 ? 'run' : 'runs'} ${named}${more > 0 ? ` and ${more} more` : ''}`;
}

function count(amount: number, noun: string): string {
  if (amount === 1) return `1 ${noun}`;
  return `${amount} ${noun}${noun.endsWith('s') ? 'es' : 's'}`;
}
