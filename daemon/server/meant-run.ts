/**
 * Finds the run that a client waits for. A run that was started in an earlier journal and found
 * alive has a new number here, but has kept its token.
 */
import type { ReadonlyState } from '../core/state.ts';
import type { Request } from '../protocol/request-schema.ts';
import type { RunId } from '../shared/run.ts';

type Wait = Extract<Request, { readonly type: 'wait' }>;

/** Its current number, which is usually the one in the request. */
export function meantRun(
  { run, nonce, token }: Wait,
  { runs, tokens }: ReadonlyState,
): RunId | string {
  if (typeof run === 'string') return run;
  const isIt = nonce === undefined || runs.get(run)?.nonce === nonce;
  return (isIt || token === undefined ? undefined : tokens.get(token)) ?? run;
}
