/** Requests to the daemon for one run, and how messages name it before it has a number. */
import { CALLER_CHARS_MAX, PROTOCOL_VERSION } from '../../daemon/protocol/request.ts';
import type { RequestInput } from '../../daemon/protocol/request-schema.ts';
import { areOneFile } from '../terminal/output.ts';

export type RunRequest = Extract<RequestInput, { readonly type: 'run' | 'wait' | 'output' }>;

/** The number alone may belong to another run, if a journal was restored or started afresh. */
export interface NamedRun {
  readonly run: number;
  readonly nonce?: string;
}

/** A run, or a target by its name: its running run, else the next queued, else the latest. */
export interface WaitedRun extends Omit<NamedRun, 'run'> {
  readonly run: number | string;
}

/** Undefined fields of `more` are not sent. */
export function runRequest(
  target: string,
  wait: boolean,
  more?: {
    args?: string[];
    maxWaitMs?: number | undefined;
    only?: string[];
    failed?: boolean;
    merged?: boolean;
    /** With the arguments of this run. */
    like?: number;
  },
): RunRequest {
  const token = `${process.pid}-${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
  const request = { type: 'run', v: PROTOCOL_VERSION, target, token, ...more } as RunRequest;
  return wait ? ({ ...request, wait, merged: areOneFile(), ...inside() } as RunRequest) : request;
}

type WaitRequest = Extract<RequestInput, { readonly type: 'wait' }>;

export function waitRequest(
  of: WaitedRun,
  more: Pick<WaitRequest, 'from' | 'output' | 'token'> = {},
): WaitRequest {
  return { type: 'wait', v: PROTOCOL_VERSION, ...of, ...more, ...inside() };
}

/** If this runs inside a run's command, the daemon must know: that run may be waited for. */
function inside(): Pick<WaitRequest, 'caller'> {
  const caller = process.env['BATON_RUN_DIR'];
  return caller && caller.length <= CALLER_CHARS_MAX ? { caller } : {};
}

export function labelOf(request: RunRequest): string {
  if (request.type === 'run') return request.target;
  const of = request.type === 'wait' ? request.run : request.of;
  return typeof of === 'number' ? `run ${of}` : of;
}
