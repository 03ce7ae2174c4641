/**
 * The protocol between the daemon and the SSH keeper on STATE/ssh.sock: one JSON object a line.
 * Both are part of baton, but a daemon may meet the keeper of an older version: `hello` contains a
 * version, and every version knows `retire`. Types only.
 *
 *   daemon → keeper   prepare, go, drop, stop, probe, retire
 *   keeper → daemon   hello, ready, ended, probed
 *
 * Invariant: a run whose daemon is gone before `go` never starts, and its status file says so.
 */
import type { SshSession } from '../../daemon/core/plan.ts';
import type { StopOrder } from '../../daemon/shared/stop.ts';

/**
 * 5: runs have stop settings. 4: probes by ssh(1). 3: attempts have a nonce. 2: sessions by ssh(1).
 */
export const KEEPER_VERSION = 5;
/** In the state directory. */
export const SOCKET_NAME = 'ssh.sock';

/** One attempt at a run, unique among all daemons that this state directory has had. */
export interface AttemptId {
  readonly run: number;
  readonly attempt: number;
  /** Of the daemon that started it. */
  readonly nonce: string;
}

export interface Prepare extends AttemptId {
  readonly type: 'prepare';
  /** The run directory: absolute, and it exists. */
  readonly directory: string;
  /** One file for both streams. */
  readonly merged: boolean;
  /** How it is ended if its connection breaks and `killOnDisconnect` is set. */
  readonly stop: StopOrder;
  readonly session: SshSession;
}

export type ToKeeper =
  | Prepare
  | ({ readonly type: 'go' | 'drop' } & AttemptId)
  | ({ readonly type: 'stop'; readonly order: StopOrder } & AttemptId)
  | { readonly type: 'probe'; readonly id: string; readonly session: SshSession }
  /** No further runs: another keeper takes the socket's name. */
  | { readonly type: 'retire' };

export type FromKeeper =
  | { readonly type: 'hello'; readonly version: number; readonly pid: number }
  | ({ readonly type: 'ready' } & AttemptId)
  /** The status file is in place. */
  | ({ readonly type: 'ended' } & AttemptId)
  | {
      readonly type: 'probed';
      readonly id: string;
      /** What was seen, one sentence each. */
      readonly lines: readonly string[];
      readonly failure?: Failure;
    };

/** Why a session failed, and in which phase. */
export interface Failure {
  readonly phase: 'connect' | 'auth' | 'hostkey' | 'lost';
  /** The rest of a sentence, for people. */
  readonly message: string;
}

/**
 * The content of `status.ATTEMPT.NONCE`: the keys that keeper.pl writes, and two more. See there.
 */
export interface StatusFile {
  readonly started: boolean;
  readonly code: number | null;
  readonly signal: number | null;
  readonly core: boolean;
  /** With an errno: a shortage on this machine, because of which nothing was started. */
  readonly stage: 'system' | null;
  readonly errno: number | null;
  readonly lostBytes: number;
  readonly tookMs: number;
  readonly steadyMs: number;
  readonly wallMs: number;
  readonly termMs: number | null;
  readonly phase?: Failure['phase'];
  readonly message?: string;
}
