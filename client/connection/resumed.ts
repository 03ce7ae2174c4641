/**
 * What client/baton.pl has begun and leaves to this process, which it has become: the request as it
 * was asked, and how far its replies have come. It stands in the environment, and is of no use in
 * any other process.
 */
import type { FastCommand } from '../fast-path.ts';
import type { BegunRelay } from './begun-relay.ts';
import { Relay } from './relay.ts';
import { type RunRequest, runRequest, waitRequest } from './run-requests.ts';

export interface Resumed {
  readonly relay: Relay;
  /** For the end of the run. */
  readonly isWaiting: boolean;
  /** The daemon holds the connection and says nothing. */
  readonly isSilent: boolean;
  /** For how long the daemon has been away. */
  readonly awayMs: number;
}

interface Begun extends BegunRelay {
  readonly pid: number;
  /** Of a request for a run. */
  readonly token?: string;
  readonly silent?: true;
  readonly awayMs?: number;
}

const RESUME_ENV = 'BATON_RESUME';

/** Takes it out of the environment; undefined where there is nothing to go on with. */
export function takeResumed(
  env: NodeJS.ProcessEnv,
  command: FastCommand | undefined,
): Resumed | undefined {
  const begun = parse(env[RESUME_ENV]);
  delete env[RESUME_ENV];
  if (begun?.pid !== process.pid || command === undefined) return undefined;
  const { silent, awayMs = 0 } = begun;
  const relay = Relay.resumed(requestOf(command, begun.token), begun);
  const isWaiting = command.verb === 'wait' || command.wait;
  return { relay, isWaiting, isSilent: silent === true, awayMs };
}

function requestOf(command: FastCommand, token: string | undefined): RunRequest {
  if (command.verb === 'wait') return waitRequest({ run: command.runs[0] });
  const request = runRequest(command.target, command.wait);
  return token === undefined || request.type !== 'run' ? request : { ...request, token };
}

/** The parser's edge: the number of this process is not in what anybody else may have put there. */
function parse(text = ''): Begun | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && 'pid' in value
      ? (value as Begun)
      : undefined;
  } catch {
    return undefined;
  }
}
