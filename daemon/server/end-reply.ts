/**
 * The last replies for a run that a client waits for: how it ended, and anything unusual about
 * that.
 */
import type { Target } from '../core/catalog.ts';
import type { Run } from '../core/state.ts';
import {
  inAttempt,
  lostOutput,
  tellOutcome,
  unrelayed,
  zeroExitNotOk,
} from '../protocol/outcome-text.ts';
import { exitStatus, type Reply } from '../protocol/request.ts';
import { describeLeftLocks } from '../system/lockfiles.ts';

type Ended = Extract<Run, { readonly state: 'ended' }>;

/** `failure` is why its output could not be relayed. */
export function endOf(
  { run, target, outcome, verdict, lostBytes, tries = 1 }: Ended,
  configured: Target | undefined,
  failure: string | undefined,
): Reply {
  const isOdd = outcome.kind !== 'exited';
  const left = isOdd ? describeLeftLocks(configured) : '';
  const tried = tries === 1 ? '' : inAttempt(tries);
  const unread = failure === undefined ? '' : unrelayed(failure);
  const isDenied = !isOdd && outcome.code === 0 && verdict === 'failed';
  const denied = isDenied ? zeroExitNotOk() : '';
  const lost = lostBytes === undefined ? '' : lostOutput(lostBytes);
  const tell = isOdd || isDenied || failure !== undefined || lost !== '';
  const text = tellOutcome(outcome, run, target, `${tried}${denied}${left}${lost}${unread}`);
  const exit = exitStatus(outcome, verdict);
  return { type: 'ended', run, target, outcome, verdict, exit, text, tell };
}
