/** One request to the daemon, and one answer, shown for people or as JSON. */
import { EXIT, type Reply } from '../../daemon/protocol/request.ts';
import type { RequestInput } from '../../daemon/protocol/request-schema.ts';
import type { Command } from '../command-line/invocation.ts';
import { type Ending, printed } from '../ending.ts';
import { showHistory } from '../terminal/history-text.ts';
import { showJson } from '../terminal/json-text.ts';
import { plain } from '../terminal/output.ts';
import { sheet } from '../terminal/screen.ts';
import { showStatus } from '../terminal/status-text.ts';
import { showWhy } from '../terminal/why-text.ts';
import { converse, type Place } from './conversation.ts';

/** Requests that change something, which may happen even if no answer comes. */
const CHANGES: readonly RequestInput['type'][] = ['cancel', 'pause', 'resume', 'reload'];

/** Sends the request, prints the answer, and returns the exit status. */
export async function ask(request: RequestInput, command: Command, place: Place): Promise<Ending> {
  const label = labelOf(command);
  const isInDoubt = CHANGES.includes(request.type);
  const talk = { label, run: undefined, isInDoubt, request: () => request, opened() {}, lost() {} };
  const answer = await converse(place, { ...talk, take: (reply: Reply) => reply });
  if (!answer.ok) return answer.ending;
  const reply = answer.value;
  const failed = (status: number, reason: string): Ending => {
    const line = label === undefined ? reason : `${label}: ${reason}`;
    return { status: status || EXIT.noVerdict, isOwn: true, line };
  };
  if (reply.type === 'error') return failed(reply.exit, reply.message);
  if (reply.type === 'refused') return failed(reply.exit, reply.reason);
  const ending = printed(show(reply, command));
  const isProbed = ending.status === 0 && reply.type === 'probed';
  return isProbed ? { status: reply.exit, isOwn: true } : ending;
}

function show(reply: Reply, command: Command): string {
  if ('json' in command && command.json) return showJson(reply);
  const screen = sheet(process.stdout);
  if (reply.type === 'status') return showStatus(reply, screen);
  if (reply.type === 'why') return showWhy(reply, screen);
  if (reply.type === 'history') return showHistory(reply.runs, screen);
  if (reply.type === 'probed') return reply.lines.map((line) => `${plain(line)}\n`).join('');
  if (reply.type !== 'done') return '';
  if (reply.text !== undefined) return `${plain(reply.text)}\n`;
  if (command.verb !== 'cancel') return '';
  const runs = reply.runs ?? [];
  return runs.length === 0 ? 'nothing to cancel\n' : `cancelling run ${runs.join(', ')}\n`;
}

function labelOf(command: Command): string | undefined {
  if ('of' in command) return typeof command.of === 'number' ? `run ${command.of}` : command.of;
  if ('group' in command) return `group ${command.group}`;
  return 'target' in command ? command.target : undefined;
}
