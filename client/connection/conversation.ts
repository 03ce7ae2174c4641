/**
 * A conversation with the daemon that survives its restart: connects, sends the request, passes on
 * the replies, and when the connection breaks, sends a request again. The conversation decides
 * which one; see client/connection/relay.ts. The end of a connection is not passed to the parser,
 * because an incomplete line of a killed daemon is not an error.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { isatty } from 'node:tty';
import ndjson from 'ndjson';
import { EXIT, type Reply, RUN_SOCKET } from '../../daemon/protocol/request.ts';
import type { RequestInput } from '../../daemon/protocol/request-schema.ts';
import * as say from '../client-errors.ts';
import type { Ending } from '../ending.ts';
import { codeOf, complain } from '../terminal/output.ts';
import { isReply } from './replies.ts';
import { PING, Silence, silentMsOf } from './silence.ts';

export interface Conversation<T> {
  /** Its name in lines on stderr. */
  readonly label: string | undefined;
  /** The number of its run, once known. */
  readonly run: number | undefined;
  /** The first signal, if it handles signals. */
  readonly signal?: number | undefined;
  request(): RequestInput;
  opened(send: (request: RequestInput) => void): void;
  lost(): void;
  /** Without an answer, it is unknown whether the request was carried out. */
  readonly isInDoubt?: boolean;
  /** Any result except undefined ends the conversation. */
  take(reply: Reply): T | undefined;
}

export interface Place {
  readonly socket: string;
  readonly connectTimeoutMs: number | undefined;
  /** How long the daemon has already been away. */
  readonly awayMs?: number;
}

export type Answer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly ending: Ending };

const STDERR = 2;
/** How long the daemon may be away by default. */
const REACH_MS_DEFAULT = 10_000;
/** The same once a run is known: a daemon that is being upgraded comes back. */
const REACH_RUN_MS_DEFAULT = 60_000;
const PAUSE_MS_MIN = 20;
const PAUSE_MS_MAX = 1_000;
/** How long a person at a terminal waits before a notice. */
const TELL_MS = 1_000;
/** A connection that lasted this long was a good one, even without replies. */
const STOOD_MS = 5_000;
/** Time limit for looking up a user's name, which may be in a directory service. */
const LOOKUP_MS_MAX = 2_000;
/** Longest reply: `history` at its limit has about 4 MB. */
const REPLY_CHARS_MAX = 64 * 1_048_576;

/** Talks until the conversation ends, or until the daemon has been away for too long. */
export async function converse<T>(place: Place, talk: Conversation<T>): Promise<Answer<T>> {
  let goodAtMs = performance.now() - (place.awayMs ?? 0);
  let pauseMs = PAUSE_MS_MIN;
  const silentMs = silentMsOf(place.connectTimeoutMs);
  // For a known run, a live line or its output shows that.
  let isTold = talk.run !== undefined || !isatty(STDERR);
  for (;;) {
    const call = await callOnce(place.socket, talk, silentMs);
    if (call.kind === 'answered') return { ok: true, value: call.value };
    if (call.kind === 'garbled') return fail(talk, EXIT.version, say.garbledReply(place.socket));
    if (call.kind === 'silent') return fail(talk, EXIT.unavailable, silent(place, talk));
    talk.lost();
    const { code } = call;
    if (code === 'EACCES' || code === 'EPERM') {
      return fail(
        talk,
        EXIT.notPermitted,
        say.forbidden(place.socket, code, ownership(place.socket)),
      );
    }
    if (call.wasGood) [goodAtMs, pauseMs] = [performance.now(), PAUSE_MS_MIN];
    const fallbackMs = talk.run === undefined ? REACH_MS_DEFAULT : REACH_RUN_MS_DEFAULT;
    const reachMs = place.connectTimeoutMs ?? fallbackMs;
    const leftMs = goodAtMs + reachMs - performance.now();
    if (leftMs <= 0) {
      const systemds = place.socket === RUN_SOCKET && existsSync('/run/systemd/system');
      const known = { run: talk.run, isInDoubt: talk.isInDoubt === true, systemds };
      const line = say.noAnswer(place.socket, code, reachMs, known);
      return fail(talk, EXIT.unavailable, line);
    }
    if (!isTold && reachMs - leftMs >= TELL_MS) {
      isTold = true;
      complain(say.stillAway(place.socket, code, leftMs));
    }
    await delay(Math.min(pauseMs, leftMs));
    pauseMs = Math.min(pauseMs * 2, PAUSE_MS_MAX);
  }
}

type Call<T> =
  | { readonly kind: 'answered'; readonly value: T }
  | { readonly kind: 'garbled' }
  | { readonly kind: 'silent' }
  | { readonly kind: 'lost'; readonly code: string; readonly wasGood: boolean };

/** One connection, until it returns an answer or breaks. */
function callOnce<T>(path: string, talk: Conversation<T>, silentMs: number): Promise<Call<T>> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const parser = ndjson.parse({ strict: true, maxLength: REPLY_CHARS_MAX });
    let openedAtMs = Number.POSITIVE_INFINITY;
    let wasHeard = false;
    let isOver = false;
    let silence: Silence | undefined;
    const settle = (call: Call<T>): void => {
      if (isOver) return;
      isOver = true;
      silence?.stop();
      socket.destroy();
      resolve(call);
    };
    const lose = (code: string): void => {
      const wasGood = wasHeard || performance.now() - openedAtMs >= STOOD_MS;
      settle({ kind: 'lost', code, wasGood });
    };
    const send = (request: RequestInput): void => {
      socket.write(`${JSON.stringify(request)}\n`);
    };
    socket.on('connect', () => {
      openedAtMs = performance.now();
      silence = new Silence(silentMs, {
        ask: () => send(PING),
        giveUp: () => settle({ kind: 'silent' }),
      });
      send(talk.request());
      talk.opened(send);
    });
    socket.on('data', () => silence?.heard());
    socket.pipe(parser, { end: false });
    socket.on('error', (error) => lose(codeOf(error)));
    // Data that was read before the end is still in the parser.
    socket.on('close', () => setImmediate(() => lose('connection closed')));
    parser.on('data', (value: unknown) => {
      if (isOver || !isReply(value)) return settle({ kind: 'garbled' });
      // Too many clients: the error is not about this conversation.
      if (!wasHeard && value.type === 'error' && value.code === 'busy') return lose(value.message);
      wasHeard = true;
      if (value.type === 'pong') return;
      const answer = talk.take(value);
      if (answer !== undefined) settle({ kind: 'answered', value: answer });
    });
    parser.on('error', () => settle({ kind: 'garbled' }));
    parser.on('end', () => settle({ kind: 'garbled' }));
  });
}

/** The error for a daemon that does not answer. */
export function silent(
  { socket, connectTimeoutMs }: Place,
  { run, isInDoubt }: Pick<Conversation<unknown>, 'run' | 'isInDoubt'>,
): string {
  return say.silent(socket, silentMsOf(connectTimeoutMs), run, isInDoubt);
}

function fail<T>(talk: Conversation<T>, status: number, reason: string): Answer<T> {
  const line = talk.label === undefined ? reason : `${talk.label}: ${reason}`;
  return { ok: false, ending: { status, isOwn: true, line } };
}

/** The owner of the socket, by names. */
function ownership(
  socket: string,
): { readonly mode: number; readonly user: string; readonly group: string } | undefined {
  try {
    const { mode, uid, gid } = statSync(socket);
    return { mode, user: nameOf('passwd', uid), group: nameOf('group', gid) };
  } catch {
    return undefined;
  }
}

/** The number if it has no name. */
function nameOf(database: 'passwd' | 'group', id: number): string {
  const options = { encoding: 'utf8', timeout: LOOKUP_MS_MAX } as const;
  const { stdout } = spawnSync('getent', [database, String(id)], options);
  return stdout?.split(':')[0] || String(id);
}
