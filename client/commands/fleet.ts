/**
 * Relays a requested fleet to its end: the output of its hosts, then on stderr how many failed and
 * a table of them, failures first. If stderr is not a terminal, nothing is printed about successes,
 * so that cron mails failures only.
 */
import { isatty } from 'node:tty';
import { EXIT } from '../../daemon/protocol/request.ts';
import { type Conversation, converse, type Place } from '../connection/conversation.ts';
import { FleetRelay } from '../connection/fleet-relay.ts';
import type { ReplyOf } from '../connection/replies.ts';
import { onSignals, SIGNALS } from '../connection/signals.ts';
import type { Ending } from '../ending.ts';
import { inBlocks, prefixed } from '../terminal/fleet-output.ts';
import { fleetTable, type HostEnd, summaryOf, worstOf } from '../terminal/fleet-text.ts';
import { complain, writeAll } from '../terminal/output.ts';
import { sheet } from '../terminal/screen.ts';

const STDOUT = 1;
const STDERR = 2;

/** `asked` is the relay that got the fleet, and perhaps a signal. */
export async function attendFleet(
  { target, runs }: ReplyOf<'fleet'>,
  asked: Pick<Conversation<Ending>, 'signal'>,
  quiet: boolean,
  place: Place,
): Promise<Ending> {
  // Output that is printed only for failures has to wait for the end.
  const isLive = isatty(STDOUT) && !quiet;
  const output = isLive ? prefixed() : inBlocks();
  const relay = new FleetRelay(target, runs, { output, isLive, quiet });
  if (relay.run === undefined) return { status: 0, isOwn: false, isSuccess: true };
  takeSignals(relay.interrupt);
  if (asked.signal !== undefined) relay.interrupt(asked.signal);
  const answer = await converse(place, relay);
  if (!answer.ok) return answer.ending;
  tell(target, answer.value);
  const worst = worstOf(answer.value);
  if (worst.status === 0 && relay.isUnwritten) return { status: EXIT.unwritten, isOwn: true };
  return { ...worst, isSuccess: answer.value.every(({ verdict }) => verdict !== 'failed') };
}

function tell(fleet: string, ends: readonly HostEnd[]): void {
  const isSeen = isatty(STDERR);
  const summary = summaryOf(ends);
  if (summary !== undefined) complain(`${fleet}: ${summary}`);
  const text = fleetTable(ends, sheet(process.stderr), isSeen);
  if (text !== '') writeAll(STDERR, Buffer.from(text));
}

/** Replaces the current signal handlers, if any: all runs of a fleet are ended together. */
function takeSignals(cancel: (signal: number) => void): void {
  const before = Object.keys(SIGNALS).map((name) => [name, process.rawListeners(name)] as const);
  if (before.every(([, listeners]) => listeners.length === 0)) return;
  // There is always a listener, or the signal would end this process.
  onSignals(cancel);
  for (const [name, listeners] of before) {
    for (const listener of listeners) process.off(name, listener as NodeJS.SignalsListener);
  }
}
