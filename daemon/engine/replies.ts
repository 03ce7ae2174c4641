/** What the loop answers to whom: observations are never refused, only requests. */
import type { Answer, Command, CommandInput } from '../core/command.ts';

export type LoopAnswer =
  | Answer
  | { readonly type: 'no-room'; readonly errno: string }
  | { readonly type: 'no-journal'; readonly reason: string };
export type Reply = (answer: LoopAnswer) => void;

const REQUESTS: readonly Command['type'][] = ['submit', 'cancel', 'pause', 'resume', 'forget'];

export function isRequest({ input }: { readonly input: CommandInput }): boolean {
  return REQUESTS.includes(input.type);
}

/** The result must be called once it is known whether the answer is durable. */
export function answering(reply: Reply, answer: LoopAnswer): (loss?: string) => void {
  return (reason) => reply(reason === undefined ? answer : { type: 'no-journal', reason });
}
