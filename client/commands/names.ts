/**
 * `baton names targets|groups|hosts|runs`: words for shell completion, one a line: a name, a tab, a
 * description. Because a person waits at the prompt, it asks once, gives up soon, and never
 * explains why there is nothing.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { EXIT, type RunView, type StatusReply } from '../../daemon/protocol/request.ts';
import type { List } from '../command-line/manual/upkeep.ts';
import type { Place } from '../connection/conversation.ts';
import { queryOne } from '../connection/queries.ts';
import { type Ending, printed } from '../ending.ts';
import { plain } from '../terminal/output.ts';

/** Nobody waits longer for a completion. */
const PATIENCE_MS = 1_000;
const ABOUT_CHARS_MAX = 60;

export async function names(what: List, place: Place): Promise<Ending> {
  const asked = queryOne({ ...place, connectTimeoutMs: 0 }, { type: 'status' });
  const answer = await Promise.race([asked, delay(PATIENCE_MS, undefined, { ref: false })]);
  if (answer?.ok !== true) process.exit(EXIT.unavailable); // also if the daemon does not answer
  return printed(lines(what, answer.value).join(''));
}

function lines(what: List, status: StatusReply): readonly string[] {
  const { targets } = status;
  if (what === 'groups') return groupsOf(status).map(([name, text]) => line(name, text));
  if (what === 'hosts') return hostsOf(targets).map(([name, text]) => line(name, text));
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

/**
 * Groups by name, with the targets of each. An unnamed group belongs to a target or a fleet, which
 * is paused by its own name. A paused group may no longer be in the configuration.
 */
export function groupsOf({
  targets,
  pauses = [],
}: Pick<StatusReply, 'targets' | 'pauses'>): readonly (readonly [name: string, about: string])[] {
  const members = new Map<string, Set<string>>();
  for (const { target, fleet, groups } of targets) {
    const own = [`target ${target}`, `fleet ${fleet}`];
    // A policy that a target can have several times appends a comma and which one it is.
    const isOwn = (name: string): boolean =>
      own.some((it) => name === it || name.startsWith(`${it},`));
    for (const name of groups.map((key) => key.slice(key.indexOf(':') + 1))) {
      // A name that does not fit on one line cannot be offered.
      if (isOwn(name) || plain(name) !== name) continue;
      members.set(name, (members.get(name) ?? new Set()).add(fleet ?? target));
    }
  }
  const gone = pauses.flatMap((pause) => ('group' in pause ? pause.group : []));
  return [
    ...Array.from(members, ([name, its]) => [name, [...its].join(', ')] as const),
    ...gone.filter((name) => !members.has(name)).map((name) => [name, 'paused'] as const),
  ];
}

/** The hosts of all fleets, with the fleets of each. */
function hostsOf(targets: StatusReply['targets']): readonly (readonly [string, string])[] {
  const fleets = new Map<string, string[]>();
  for (const { target, fleet } of targets) {
    if (fleet === undefined) continue;
    const host = target.slice(fleet.length + 1);
    fleets.set(host, [...(fleets.get(host) ?? []), fleet]);
  }
  return Array.from(fleets, ([host, its]) => [host, its.join(', ')] as const);
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
