/** Which attempts may be followed by another one, and which must be. */
import assert from 'node:assert/strict';
import type { Catalog, Retry } from '../../daemon/core/catalog.ts';
import type { EventOf } from '../../daemon/core/event.ts';
import type { ReadonlyState, Run, Running, Starting } from '../../daemon/core/state.ts';
import { elapsedMs } from '../../daemon/shared/elapsed.ts';
import type { Outcome } from '../../daemon/shared/run.ts';
import type { Entry } from './journal.ts';

/** Only outcomes that its target wants, as often as it wants, and never a cancelled run. */
export function checkRequeued(
  state: ReadonlyState,
  { run: number, at, outcome, notBeforeMs = 0, expiresAtMs }: EventOf<'requeued'>,
  { catalog }: Entry,
): void {
  const run = state.runs.get(number);
  assert.ok(run?.state === 'starting' || run?.state === 'running', `run ${number} is not active`);
  if (outcome === undefined) return;
  const retry = retryOf(run, catalog);
  assert.ok(retry !== undefined, `run ${number} is tried again, against its target`);
  assert.ok(!isUnwanted(run), `run ${number} is tried again though somebody cancelled it`);
  assert.ok(isNamed(retry, outcome), `run ${number} is tried again after ${outcome.kind}`);
  const attempts = (run.earlier?.attempts ?? []).length + 1;
  assert.ok(attempts < retry.attempts, `run ${number} is tried ${attempts} times and once more`);
  const delayMs = notBeforeMs - elapsedMs(at);
  const least = Math.min(retry.delayMs, retry.delayMsMax ?? retry.delayMs);
  assert.ok(delayMs >= least, `run ${number} is tried again after ${delayMs} of ${least} ms`);
  assert.ok(expiresAtMs === undefined || expiresAtMs > notBeforeMs, `run ${number} has no time`);
}

/** The last attempt is last for a reason; a run that waited for another ends as it did. */
export function checkLast(
  state: ReadonlyState,
  { run: number, at, outcome, verdict, heldBy }: EventOf<'ended'>,
  { catalog }: Entry,
): void {
  const run = state.runs.get(number);
  if (run?.state === 'queued' && run.notBeforeMs !== undefined && outcome.kind !== 'cancelled') {
    const last = run.earlier?.attempts.at(-1)?.outcome;
    if (last !== undefined) assert.deepEqual(outcome, last, `run ${number} ends as it never did`);
  }
  if (run?.state !== 'starting' && run?.state !== 'running') return;
  const retry = retryOf(run, catalog);
  if (retry === undefined || verdict !== 'failed' || heldBy !== undefined) return;
  if (isUnwanted(run) || !isNamed(retry, outcome)) return;
  const isExhausted = run.attempt - (run.vain ?? 0) >= retry.attempts;
  const isLate = retry.withinMs !== undefined && longest(run, at, retry) >= retry.withinMs;
  assert.ok(isExhausted || isLate, `run ${number} has no further attempt`);
}

/** From the start of the first attempt to the latest start of the next one. */
function longest(run: Starting | Running, at: EventOf<'ended'>['at'], retry: Retry): number {
  const own = run.state === 'running' ? run.started : run.starting;
  const first = run.earlier?.attempts[0]?.started ?? own;
  const most = Math.max(retry.delayMs, retry.delayMsMax ?? retry.delayMs * retry.growth ** 4);
  return elapsedMs(at) + most + (retry.jitterMs ?? 0) - elapsedMs(first);
}

function retryOf({ target }: Run, catalog: Catalog): Retry | undefined {
  return catalog.targets.get(target)?.retry;
}

function isUnwanted(run: Starting | Running): boolean {
  if (run.state !== 'running' || run.stopping === undefined) return false;
  return run.stopping.why === 'cancelled' || run.stopping.isFinal === true;
}

function isNamed({ on }: Retry, outcome: Outcome): boolean {
  if (outcome.kind === 'exited') return on.includes('exited') || on.includes(outcome.code);
  if (outcome.kind === 'signalled') {
    return on.includes('signalled') || (on.includes('SIGKILL') && outcome.signal === 9);
  }
  if (outcome.kind !== 'timed-out') return on.includes(outcome.kind);
  return on.includes(outcome.reason === undefined ? 'timed-out' : 'window-closed');
}
