/**
 * State that client/baton.pl leaves to this process, which it has become: its request, and how far
 * the replies have come. It is in the environment, and useless in any other process.
 */
import type { FastCommand } from '../fast-path.ts';
import type { BegunRelay } from './begun-relay.ts';
import { Relay } from './relay.ts';
import { type RunRequest, runRequest, waitRequest } from './run-requests.ts';

export interface Resumed {
  readonly relay: Relay;
  /** For the end of the run. */
  readonly isWaiting: boolean;
  /** The daemon holds the connection but does not answer. */
  readonly isSilent: boolean;
  /** How long the daemon has been away. */
  readonly awayMs: number;
}

interface Begun extends BegunRelay {
  readonly pid: number;
  /** From a request for a run. */
  readonly token?: string;
  readonly silent?: true;
  readonly awayMs?: number;
}

const RESUME_ENV = 'BATON_RESUME';

/** Takes it out of the environment; undefined if there is nothing to continue. */
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

/** The parser's boundary: a value set by somebody else does not contain this process's pid. */
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
