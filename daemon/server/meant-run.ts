/**
 * Which run somebody waits for. A run of another life of the state directory that was found alive
 * is one of this life, under a new number, and has kept its token.
 */
import type { ReadonlyState } from '../core/state.ts';
import type { Request } from '../protocol/request-schema.ts';
import type { RunId } from '../shared/run.ts';

type Wait = Extract<Request, { readonly type: 'wait' }>;

/** Its number now; what the request says where it does not differ. */
export function meantRun(
  { run, nonce, token }: Wait,
  { runs, tokens }: ReadonlyState,
): RunId | string {
  if (typeof run === 'string') return run;
  const isIt = nonce === undefined || runs.get(run)?.nonce === nonce;
  return (isIt || token === undefined ? undefined : tokens.get(token)) ?? run;
}
