/**
 * Ends that no keeper tells of, by a wish, by the clock or with the machine, and what every end means
 * to the target: its verdict. A lost run whose processes live has an outcome already, but its
 * processes can be ended like any others. Pure.
 */

import { elapsedAt, elapsedMs } from '../shared/elapsed.ts';
import type { Outcome, Stamp, Verdict } from '../shared/run.ts';
import type { Catalog, Target } from './catalog.ts';
import { answered, type CommandOf, type Decision, decided, NOTHING } from './command.ts';
import type { EventOf } from './event.ts';
import type { Ended, Queued, ReadonlyState, Run, Running } from './state.ts';

export function cancel(
  state: ReadonlyState,
  { run: number, at }: CommandOf<'cancel'>,
  catalog: Catalog,
): Decision {
  const run = state.runs.get(number);
  if (run === undefined) return answered({ type: 'unknown-run' });
  switch (run.state) {
    case 'queued':
    case 'starting':
      return decided(ended(run, at, { kind: 'cancelled' }, catalog));
    case 'running':
      if (run.stopping !== undefined) return NOTHING;
      return decided({ type: 'stopping', run: number, at, why: 'cancelled' });
    case 'ended':
      if (run.heldBy.length === 0) return answered({ type: 'ended' });
      if (run.stopping !== undefined) return NOTHING;
      return decided({ type: 'stopping', run: number, at, why: 'cancelled' });
    default:
      return run satisfies never;
  }
}

/** What a moment that was asked for brings: the end of the wait, of the run, or another look. */
export function due(
  state: ReadonlyState,
  { run: number, at }: CommandOf<'due'>,
  catalog: Catalog,
): Decision {
  const run = state.runs.get(number);
  if (run?.state === 'queued') {
    return expired(run, at, catalog) ?? { ...NOTHING, touched: [run.target] };
  }
  if (run === undefined || !hasProcesses(run) || run.stopping !== undefined) return NOTHING;
  if (run.timeoutAtMs === undefined) return NOTHING;
  // The machine has slept meanwhile, which the command has not felt.
  if (run.timeoutAtMs > at.steadyMs) {
    return { ...NOTHING, looks: [{ run: number, atMs: elapsedAt(at, run.timeoutAtMs) }] };
  }
  return decided({ type: 'stopping', run: number, at, why: 'timed-out' });
}

/** The end of a run that has waited longer than it may, in elapsed time; undefined: it has not. */
export function expired(run: Queued, at: Stamp, catalog: Catalog): Decision | undefined {
  if (run.expiresAtMs === undefined || run.expiresAtMs > elapsedMs(at)) return undefined;
  const waitedMs = elapsedMs(at) - elapsedMs(run.accepted);
  return decided(ended(run, at, { kind: 'expired', waitedMs }, catalog));
}

/** All that runs is told to end; what waits goes on waiting, for the next boot. */
export function shutdown(state: ReadonlyState, { at }: CommandOf<'shutdown'>): Decision {
  const active = [...state.lanes.values()].flatMap((lane) => [...lane.active]);
  const events = active.flatMap((number) => {
    const run = state.runs.get(number);
    if (run === undefined || !hasProcesses(run) || run.stopping !== undefined) return [];
    return [{ type: 'stopping', run: number, at, why: 'shutdown' } as const];
  });
  return { ...NOTHING, events };
}

/** Of a lost run they are those that its keeper has left. */
function hasProcesses(run: Run): run is Running | Ended {
  return run.state === 'running' || (run.state === 'ended' && run.heldBy.length > 0);
}

/** The end of a run, with its verdict by the configuration of now. */
export function ended(run: Run, at: Stamp, outcome: Outcome, catalog: Catalog): EventOf<'ended'> {
  const verdict = judge(outcome, catalog.targets.get(run.target));
  return { type: 'ended', run: run.run, at, outcome, verdict };
}

function judge(outcome: Outcome, target: Target | undefined): Verdict {
  if (outcome.kind !== 'exited') return 'failed';
  if ((target?.okExit ?? [0]).includes(outcome.code)) return 'ok';
  return target?.warnExit.includes(outcome.code) ? 'warning' : 'failed';
}
