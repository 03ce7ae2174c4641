/**
 * Ends that no keeper tells of, by a wish or by the clock, and what every end means to the target:
 * its verdict. Pure.
 */
import type { Catalog, Target } from './catalog.ts';
import { answered, type CommandOf, type Decision, decided, NOTHING } from './command.ts';
import type { EventOf, Outcome, Stamp, Verdict } from './event.ts';
import type { ReadonlyState, Run } from './state.ts';

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
      return answered({ type: 'ended' });
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
    if (run.expiresAtMs === undefined || run.expiresAtMs > at.steadyMs) {
      return { ...NOTHING, touched: [run.target] };
    }
    const waitedMs = at.steadyMs - run.accepted.steadyMs;
    return decided(ended(run, at, { kind: 'expired', waitedMs }, catalog));
  }
  if (run?.state !== 'running' || run.stopping !== undefined) return NOTHING;
  if (run.timeoutAtMs === undefined || run.timeoutAtMs > at.steadyMs) return NOTHING;
  return decided({ type: 'stopping', run: number, at, why: 'timed-out' });
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
