/**
 * A request whose answer may be a fleet: then the conversation ends with the fleet's runs, which
 * the caller follows. In a file of its own, because the fast path has no room for it.
 */
import type { Reply } from '../../daemon/protocol/request.ts';
import type { RequestInput } from '../../daemon/protocol/request-schema.ts';
import type { Ending } from '../ending.ts';
import { type Conversation, converse, type Place } from './conversation.ts';
import type { ReplyOf } from './replies.ts';

interface Answered {
  readonly ending: Ending;
  readonly fleet?: ReplyOf<'fleet'>;
}

/** Talks until the result is known, or that it is a fleet. */
export async function hear(talk: Conversation<Ending>, place: Place): Promise<Answered> {
  const answer = await converse(place, new FleetAnswer(talk));
  return answer.ok ? answer.value : answer;
}

class FleetAnswer implements Conversation<Answered> {
  readonly #talk: Conversation<Ending>;

  constructor(talk: Conversation<Ending>) {
    this.#talk = talk;
  }

  get label(): string | undefined {
    return this.#talk.label;
  }

  get run(): number | undefined {
    return this.#talk.run;
  }

  get isInDoubt(): boolean {
    return this.#talk.isInDoubt === true;
  }

  request(): RequestInput {
    return this.#talk.request();
  }

  opened(send: (request: RequestInput) => void): void {
    this.#talk.opened(send);
  }

  lost(): void {
    this.#talk.lost();
  }

  take(reply: Reply): Answered | undefined {
    const ending = this.#talk.take(reply);
    if (reply.type === 'fleet') return { ending: ACCEPTED, fleet: reply };
    return ending && { ending };
  }
}

const ACCEPTED: Ending = { status: 0, isOwn: false };
