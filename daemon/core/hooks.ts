/**
 * Hooks: targets that run because a run of another target started (`onStart`) or ended
 * (`onSuccess`, `onWarning`, `onFailure`), or because none has succeeded for too long (`onLate`,
 * see lateness.ts). Pure.
 *
 * The hook's run is accepted in the same decision that starts or ends the other run, so the journal
 * has both or neither, and a crash neither loses nor duplicates it. There is no admission: a policy
 * may make a hook wait, but a failure must never go unreported. Only a hook with a full queue gets
 * no more runs, and that is counted. Hooks never trigger hooks, or two could call each other for
 * ever. Neither do cancelled runs.
 */

import { describeOutcome, inAttempt } from '../protocol/outcome-text.ts';
import { elapsedMs } from '../shared/elapsed.ts';
import { exitStatus } from '../shared/exit-status.ts';
import type { Cause, TargetName } from '../shared/run.ts';
import { type Catalog, type Target, WAITING_PER_TARGET_MAX } from './catalog.ts';
import type { Command, Decision } from './command.ts';
import type { EventOf } from './event.ts';
import { type ReadonlyState, type Run, triesBefore, triesOf } from './state.ts';

type Accepted = EventOf<'accepted'>;
type Called = EventOf<'accepted' | 'ignored'>;

/** Adds the hooks that the decision's starts and ends call. */
export function withHooks(
  state: ReadonlyState,
  decision: Decision,
  { at, nonce }: Pick<Command, 'at' | 'nonce'>,
  catalog: Catalog,
): Decision {
  const { events } = decision;
  const given = events.filter((event) => event.type === 'accepted').length;
  const calls: Called[] = [];
  const failures = new Map<TargetName, number>();
  for (const event of events) {
    if (event.type !== 'ended' && event.type !== 'started') continue;
    const run = state.runs.get(event.run);
    const target = catalog.targets.get(run?.target ?? '');
    if (run === undefined || target === undefined) continue;
    const hook = event.type === 'started' ? onStart(run, target, event) : onEnd(run, target, event);
    if (hook === undefined) continue;
    if (event.type === 'ended' && event.verdict === 'failed') {
      const { name, onFailureAfter = 1 } = target;
      const before = failures.get(name) ?? state.targetStates.get(name)?.failures ?? 0;
      failures.set(name, before + 1);
      if (before + 1 < onFailureAfter) continue;
    }
    const number = state.nextRun + given + calls.length;
    const cause = causeOf(run, event);
    calls.push(call(state, { run: number, target: hook, at, nonce }, cause, catalog));
  }
  return calls.length === 0 ? decision : add(decision, calls);
}

/** Accepts a run of one hook as run `run`, or counts that there is no room for it. */
export function call(
  state: ReadonlyState,
  { run, target, at, nonce }: Pick<Accepted, 'run' | 'target' | 'at'> & Pick<Command, 'nonce'>,
  cause: Cause,
  catalog: Catalog,
): Called {
  const { size } = state.targetStates.get(target)?.queue ?? { size: 0 };
  if (size >= WAITING_PER_TARGET_MAX) return { type: 'ignored', target, times: 1 };
  const { maxWaitMs } = catalog.targets.get(target) ?? {};
  let token = `hook of ${cause.run ?? cause.target}, run ${run}`;
  // A client may have chosen the same token.
  while (state.tokens.has(token)) token += '.';
  const expiry = maxWaitMs === undefined ? {} : { expiresAtMs: elapsedMs(at) + maxWaitMs };
  return { type: 'accepted', run, target, at, nonce, token, merged: true, cause, ...expiry };
}

/** Adds more runs to a decision. */
export function add(decision: Decision, calls: readonly Called[]): Decision {
  const wakeups = calls.flatMap((it) =>
    it.type === 'ignored' || it.expiresAtMs === undefined
      ? []
      : [{ run: it.run, atMs: it.expiresAtMs }],
  );
  return {
    ...decision,
    events: [...decision.events, ...calls],
    wakeups: [...decision.wakeups, ...wakeups],
  };
}

/** Once per run, whatever its attempts; found runs started in an earlier journal. */
function onStart(run: Run, { hooks }: Target, { found }: EventOf<'started'>): string | undefined {
  const isFirst = run.state === 'starting' && triesOf(run) === 1 && found !== true;
  return run.cause === undefined && isFirst ? hooks?.onStart : undefined;
}

function onEnd(
  run: Run,
  { hooks }: Target,
  { outcome, verdict }: EventOf<'ended'>,
): string | undefined {
  if (run.cause !== undefined || outcome.kind === 'cancelled') return undefined;
  const names = { ok: hooks?.onSuccess, warning: hooks?.onWarning, failed: hooks?.onFailure };
  return names[verdict];
}

function causeOf(run: Run, event: EventOf<'started' | 'ended'>): Cause {
  if (event.type === 'started') {
    return { why: 'start', target: run.target, run: run.run, text: 'has begun' };
  }
  const { outcome, verdict, at } = event;
  const why = { ok: 'success', warning: 'warning', failed: 'failure' } as const;
  return {
    why: why[verdict],
    target: run.target,
    run: run.run,
    outcome: outcome.kind,
    exit: exitStatus(outcome, verdict),
    text: `${describeOutcome(outcome)}${tellTries(run)}`,
    ...(run.state === 'running' ? { tookMs: at.steadyMs - run.started.steadyMs } : {}),
  };
}

/** For more than one attempt: ", attempt 3". */
function tellTries(run: Run): string {
  const tries =
    run.state === 'queued' ? triesBefore(run) : run.state === 'ended' ? 1 : triesOf(run);
  return tries > 1 ? inAttempt(tries) : '';
}

/** Environment variables for the command of a hook. Durations are whole seconds. */
export function causeEnv(cause: Cause, tail: string | undefined): Record<string, string> {
  const { why, target, run, outcome, exit, text, tookMs } = cause;
  const values = {
    BATON_EVENT: why,
    BATON_EVENT_TARGET: target,
    BATON_EVENT_RUN: run,
    BATON_EVENT_OUTCOME: outcome,
    BATON_EVENT_EXIT: exit,
    BATON_EVENT_TEXT: text,
    BATON_EVENT_SECONDS: tookMs === undefined ? undefined : Math.round(tookMs / 1_000),
    BATON_EVENT_OUTPUT: tail,
  };
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, String(value)]],
    ),
  );
}
