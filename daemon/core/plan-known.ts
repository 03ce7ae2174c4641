/**
 * What a play (daemon/core/plan-play.ts) starts with: the requests, ordered by time, and for each
 * existing run the events that recreate it. Pure.
 */
import type { ComingRequest, KnownRun, PlanInput } from '../protocol/planned.ts';
import type { Earlier, Stamp } from '../shared/run.ts';
import type { Target } from './catalog.ts';
import type { Event } from './event.ts';

/** The requests of a play, ordered by time. */
export function requestsIn({
  requests,
  fromMs,
  untilMs,
}: Pick<PlanInput, 'fromMs' | 'untilMs' | 'requests'>): readonly ComingRequest[] {
  return requests
    .filter(({ atMs }) => atMs >= fromMs && atMs < untilMs)
    .toSorted((a, b) => a.atMs - b.atMs);
}

/** The keeper of every planned run. */
export const KEEPER = { keeper: { pid: 0, startTime: 0, bootId: '' } } as const;

/** In a plan, no machine sleeps and nobody sets the clock, so all clocks are equal. */
export function stampAt(ms: number): Stamp {
  return { steadyMs: ms, wallMs: ms };
}

/** `timersMs`: when the run must be looked at. */
export function knownEvents(
  known: KnownRun,
  target: Target | undefined,
): { readonly events: readonly Event[]; readonly timersMs: readonly number[] } {
  const { run, startedAtMs, ended, attempt = 1, expiresAtMs, notBeforeMs } = known;
  const { timeoutMs, bindings = [] } = target ?? {};
  const earlier = earlierOf(known);
  const accepted: Event = {
    ...{ type: 'accepted', run, target: known.target, at: stampAt(known.askedAtMs) },
    ...{ token: `run ${run}`, merged: true },
    ...(expiresAtMs === undefined ? {} : { expiresAtMs }),
    ...(notBeforeMs === undefined ? {} : { notBeforeMs }),
    ...(attempt > 1 ? { attempts: attempt - 1 } : {}),
    ...(earlier === undefined ? {} : { earlier }),
  };
  const events: Event[] = [accepted];
  const timersMs = [expiresAtMs, notBeforeMs].flatMap((ms) => ms ?? []);
  if (startedAtMs !== undefined) {
    const begun = { run, attempt, at: stampAt(startedAtMs) };
    const timeoutAtMs = startedAtMs + (timeoutMs ?? Number.POSITIVE_INFINITY);
    const limit = timeoutMs === undefined ? {} : { timeoutAtMs };
    events.push({ type: 'starting', ...begun, groups: bindings.map(({ key }) => key) });
    events.push({ type: 'started', ...begun, ...KEEPER, ...limit });
    if (timeoutMs !== undefined) timersMs.push(timeoutAtMs);
  }
  if (ended === undefined) return { events, timersMs };
  const { atMs, verdict } = ended;
  const outcome = { kind: 'exited', code: verdict === 'failed' ? 1 : 0 } as const;
  events.push({ type: 'ended', run, at: stampAt(atMs), outcome, verdict });
  return { events, timersMs: [] };
}

/** The time limit of `retry` begins with the first attempt. */
function earlierOf({ firstStartedAtMs, askedAtMs }: KnownRun): Earlier | undefined {
  if (firstStartedAtMs === undefined) return undefined;
  const started = stampAt(firstStartedAtMs);
  const ended = stampAt(Math.max(askedAtMs, firstStartedAtMs));
  return { attempts: [{ started, ended, outcome: { kind: 'exited', code: 1 } }] };
}
