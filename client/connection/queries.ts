/**
 * Several queries on one connection, one after the other: the combination of status, history and
 * output. If the daemon is restarted meanwhile, the open query is sent again.
 */
import { EXIT, PROTOCOL_VERSION, type Reply } from '../../daemon/protocol/request.ts';
import type { RequestInput } from '../../daemon/protocol/request-schema.ts';
import { unanswered } from '../client-errors.ts';
import type { Ending } from '../ending.ts';
import { type Answer, type Conversation, converse, type Place } from './conversation.ts';

type ReplyOf<T extends Reply['type']> = Extract<Reply, { readonly type: T }>;

/** One query; `take` gets each reply to it, and returns true at the last one. */
export interface Query {
  readonly request: RequestInput;
  readonly take: (reply: Reply) => boolean;
  /** An error is an acceptable answer: nothing more is known. */
  readonly isOptional?: boolean;
  /** Forgets what has arrived so far, because the query is sent again. */
  readonly reset?: () => void;
}

/** Sends one query and returns its only reply. */
export async function queryOne<T extends 'status' | 'history' | 'why'>(
  place: Place,
  request: RequestInput & { readonly type: T },
): Promise<Answer<ReplyOf<T>>> {
  let answer: ReplyOf<T> | undefined;
  const isWanted = (reply: Reply): reply is ReplyOf<T> => reply.type === request.type;
  const take = (reply: Reply): boolean => {
    if (isWanted(reply)) answer = reply;
    return true;
  };
  const trouble = await query(place, [{ request, take }]);
  if (trouble !== undefined) return { ok: false, ending: trouble };
  if (answer !== undefined) return { ok: true, value: answer };
  const line = unanswered(request.type);
  return { ok: false, ending: { status: EXIT.version, isOwn: true, line } };
}

/** Sends all queries; returns the exit status if that was not possible. */
export async function query(place: Place, queries: readonly Query[]): Promise<Ending | undefined> {
  const [first] = queries;
  if (first === undefined) return undefined;
  let at = 0;
  let send: ((request: RequestInput) => void) | undefined;
  const talk: Conversation<{ readonly trouble?: Ending }> = {
    label: undefined,
    run: undefined,
    request: () => {
      queries[at]?.reset?.();
      return requestOf(queries[at] ?? first);
    },
    opened: (sender) => {
      send = sender;
    },
    lost: () => {},
    take: (reply) => {
      const query = queries[at];
      if (reply.type === 'error' && query?.isOptional !== true) {
        const { exit, message } = reply;
        const status = exit || EXIT.noVerdict;
        return { trouble: { status, isOwn: true, line: message } };
      }
      if (reply.type !== 'error' && query?.take(reply) !== true) return undefined;
      const next = queries[++at];
      if (next === undefined) return {};
      send?.(requestOf(next));
      return undefined;
    },
  };
  const answer = await converse(place, talk);
  return answer.ok ? answer.value.trouble : answer.ending;
}

function requestOf({ request }: Query): RequestInput {
  return { ...request, v: PROTOCOL_VERSION };
}
