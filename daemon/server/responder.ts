/** The client's end of one request, and how it is answered. */
import type { ErrorCode, Reply } from '../protocol/request.ts';
import type { Request } from '../protocol/request-schema.ts';

/** The requests of one type. */
export type Of<T extends Request['type']> = Extract<Request, { readonly type: T }>;

/** The client's end of one request. */
export interface Responder {
  send(reply: Reply): void;
  /** False: the client has unread replies; output has to wait for `onDrain`. */
  hasRoom(): boolean;
  onDrain(callback: () => void): void;
  /** Calls back immediately if the client has already gone. */
  onClose(callback: () => void): void;
  /** Takes no more requests of the client, except pings, until this one has an answer. */
  hold(): void;
  /** Nothing more will be sent for this request. */
  finish(): void;
}

/** The last reply to a request. */
export function finishWith(responder: Responder, reply: Reply): void {
  responder.send(reply);
  responder.finish();
}

export function failWith(
  responder: Responder,
  code: ErrorCode,
  exit: number,
  message: string,
): void {
  finishWith(responder, { type: 'error', code, exit, message });
}
