/**
 * `baton names targets|runs`: what a shell may complete, one a line: a name, a tab, a word about
 * it. A person is waiting at the prompt, so it asks once, gives up soon, and never says a word
 * about why there is nothing to say.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { EXIT, type RunView, type StatusReply } from '../../daemon/protocol/request.ts';
import type { Place } from '../connection/conversation.ts';
import { queryOne } from '../connection/queries.ts';
import { type Ending, printed } from '../ending.ts';
import { plain } from '../terminal/output.ts';

/** Nobody waits longer for a completion. */
const PATIENCE_MS = 1_000;
const ABOUT_CHARS_MAX = 60;

export async function names(what: 'targets' | 'runs', place: Place): Promise<Ending> {
  const asked = queryOne({ ...place, connectTimeoutMs: 0 }, { type: 'status' });
  const answer = await Promise.race([asked, delay(PATIENCE_MS, undefined, { ref: false })]);
  if (answer?.ok !== true) process.exit(EXIT.unavailable); // also where the daemon stays silent
  return printed(lines(what, answer.value).join(''));
}

function lines(what: 'targets' | 'runs', { targets }: StatusReply): readonly string[] {
  if (what === 'targets') {
    const fleets = new Set(targets.flatMap(({ fleet }) => fleet ?? []));
    return [
      ...Array.from(fleets, (fleet) => line(fleet, 'a fleet')),
      ...targets.map(({ target, description }) => line(target, description ?? '')),
    ];
  }
  const runs = targets.flatMap(({ active, queued, last }) => [
    ...active,
    ...queued,
    ...(last === undefined ? [] : [last]),
  ]);
  return runs.toSorted((a, b) => b.run - a.run).map((run) => line(`${run.run}`, about(run)));
}

function about({ target, state, text }: RunView): string {
  return `${target}, ${text ?? state}`;
}

function line(name: string, text: string): string {
  const about = plain(text);
  const short =
    about.length > ABOUT_CHARS_MAX ? `${about.slice(0, ABOUT_CHARS_MAX - 1).trimEnd()}…` : about;
  return short === '' ? `${name}\n` : `${name}\t${short}\n`;
}
