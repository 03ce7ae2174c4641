/** Helpers for replies. */
import type { Reply } from '../../daemon/protocol/request.ts';

export type ReplyOf<T extends Reply['type']> = Extract<Reply, { readonly type: T }>;

/** The boundary of the parser: only the type of the daemon's replies is checked. */
export function isReply(value: unknown): value is Reply {
  return typeof value === 'object' && value !== null && 'type' in value;
}

/** The command's own code or signal is not baton's, even if baton sent the signal. */
export function isOwn({ outcome, exit }: Pick<ReplyOf<'ended'>, 'outcome' | 'exit'>): boolean {
  if (outcome.kind === 'exited') return outcome.code !== exit;
  if (outcome.kind === 'cancelled') return outcome.signal === undefined;
  return outcome.kind !== 'signalled';
}
