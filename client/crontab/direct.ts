/**
 * What to write instead of crontab lines that call rsnapshot themselves, and which targets that
 * needs. Lines that are not understood are left to a person, with the reason. Pure.
 */
import { basename, dirname } from 'node:path/posix';
import { CLASSIC, SYNC } from '../../policies/rsnapshot-conf.ts';
import { callsOf, contextOf, PATH_DEFAULT, type RsnapshotCall, settingsOf } from './calls.ts';
import type { Carried } from './carried.ts';
import type { CronLine } from './crontab.ts';
import type { Finding, Knowledge, KnownTarget } from './findings.ts';
import { locksOf } from './flocks.ts';
import * as say from './migration-messages.ts';
import { type Ping, pingsOf } from './monitors.ts';
import { hasMore, originOf, type Proposal, proposalOf, showProposal } from './proposal.ts';
import { type Replacement, rewriteLine } from './rewrite.ts';
import { readShell } from './shell.ts';
import { type Prefixes, prefixesOf } from './target-names.ts';

/** The lines that take a lock with flock, by the lock's path. */
type LockUsers = ReadonlyMap<string, readonly CronLine[]>;

/** Facts about all lines together. */
export interface Whole {
  readonly prefixes: Prefixes;
  /** The levels that lines start, by the path of their conf. */
  readonly levels: ReadonlyMap<string, ReadonlySet<string>>;
  readonly locks: LockUsers;
  /** Locks that some line still takes itself: all others have to take them too. */
  readonly held: ReadonlySet<string>;
}

/** A rewritten line, and its targets. */
export interface Rewritten {
  readonly text: string;
  readonly targets: ReadonlyMap<string, Proposal>;
  readonly notes: readonly string[];
}

/** The directory of users' crontabs, each named after its user. */
const TABS = '/var/spool/cron/crontabs';
const BATON = 'baton';
const PLACES = ['/usr/bin', '/usr/local/bin'];

export function surveyLines(lines: readonly CronLine[], known: Knowledge): Whole {
  const confs: string[] = [];
  const levels = new Map<string, Set<string>>();
  const locks = new Map<string, CronLine[]>();
  for (const line of lines) {
    for (const call of callsOf(line)) {
      if (call.kind !== 'rsnapshot') continue;
      const conf = realConf(call, known);
      confs.push(conf);
      levels.set(conf, (levels.get(conf) ?? new Set()).add(call.level));
    }
    for (const path of locksOf(line)) locks.set(path, [...(locks.get(path) ?? []), line]);
  }
  const taken = (prefix: string, conf: string): boolean =>
    known.targets?.some((it) => isOfAnother(it, prefix, conf)) ?? false;
  return { prefixes: prefixesOf(confs, taken), levels, locks, held: new Set() };
}

export function findDirect(line: CronLine, known: Knowledge, whole: Whole): readonly Finding[] {
  const all = callsOf(line).flatMap((call) => (call.kind === 'rsnapshot' ? call : []));
  const calls = all.filter((call) => call.isGuess !== true || isLevel(call, known));
  const wrong = calls.filter((call) => !isLevel(call, known));
  const refused = wrong.map((call) => ({ line, text: refusalOfLevel(call, known) }));
  if (calls.length === 0 || wrong.length > 0) return refused;
  const text = say.runsDirectly(calls.map(({ level }) => level));
  const odd = calls.find(({ unclear }) => unclear !== undefined);
  if (odd?.unclear !== undefined) return [{ line, text: `${text}; ${say.byHand(odd.unclear)}` }];
  const { text: instead, targets, notes } = rewriteCalls(line, calls, known, whole);
  const missing = calls.filter((call) => targetOf(call, known) === undefined);
  const confs = [...new Set(missing.map((call) => realConf(call, known)))];
  const how = confs.length === 0 ? '' : `; ${say.importsThem(confs)}`;
  const shown = [...targets].filter(
    ([name, it]) => hasMore(it) || known.targets?.every(({ target }) => target !== name) !== false,
  );
  return [
    {
      line,
      text: `${text}${how}`,
      instead,
      targets: shown.map(([name, it]) => showProposal(name, it)),
      notes,
    },
  ];
}

/** All of them are clear. */
export function rewriteCalls(
  line: CronLine,
  calls: readonly RsnapshotCall[],
  known: Knowledge,
  whole: Whole,
): Rewritten {
  const targets = new Map<string, Proposal>();
  const notes = new Set<string>();
  const user = userOf(line);
  const replacements = calls.map((call): Replacement => {
    const name = targetOf(call, known) ?? nameOf(call, known, whole);
    const { carried, lockNotes } = withLocks(call, line, whole);
    const policy = { type: 'rsnapshot', interval: call.level, ...orderOf(call, known, whole) };
    const origin = originOf(line, user);
    targets.set(name, proposalOf(argvOf(call, line, known), carried, origin, [policy]));
    const unread = known.conf(call.conf)?.unread ?? [];
    const unsure = unread.map(say.levelsUnchecked);
    for (const note of [...carried.notes, ...lockNotes, ...unsure]) notes.add(note);
    return { edits: call.edits, text: `${programOf(line)} run ${name} --wait` };
  });
  for (const { on } of pingsBehind(line)) notes.add(say.pingStays(on[0] ?? ''));
  if (user !== undefined && user !== 'root' && line.user === undefined)
    notes.add(say.ownUser(user));
  const text = rewriteLine(line, replacements, 'root');
  return { text, targets, notes: [...notes] };
}

function pingsBehind(line: CronLine): readonly Ping[] {
  const context = contextOf(line);
  const { list = [] } = readShell(line.command, context.isBash, context.variables);
  return pingsOf(list, line.command) ?? [];
}

/** With the path that the shell would find, if it has none. */
function argvOf({ argv, carried }: RsnapshotCall, line: CronLine, known: Knowledge) {
  const [name = '', ...rest] = argv;
  if (name.includes('/')) return argv;
  const path = carried.env['PATH'] ?? settingsOf(line.settings)['PATH'] ?? PATH_DEFAULT;
  return [known.program?.(name, path) ?? name, ...rest];
}

/** The known order if an include cannot be followed: its levels, and the requested ones. */
function orderOf(call: RsnapshotCall, known: Knowledge, { levels }: Whole) {
  const conf = known.conf(call.conf);
  if (conf === undefined || conf.unread.length === 0) return {};
  const asked = [...(levels.get(conf.path) ?? [])].filter((level) => level !== SYNC);
  const names = [...new Set([...conf.levels, ...asked])];
  const classic = CLASSIC.find((all) => names.every((name) => all.includes(name)));
  const order = classic?.filter((name) => names.includes(name)) ?? names;
  return order.length === 0 ? {} : { order };
}

/** As named by `baton import rsnapshot`; words after `sync` make it a separate target. */
function nameOf(call: RsnapshotCall, known: Knowledge, { prefixes }: Whole): string {
  const prefix = prefixes.get(realConf(call, known)) ?? 'rsnap';
  const rest = argumentsOf(call).map((word) => word.replace(/[^\w.-]+/g, '_'));
  return [prefix, call.level, ...rest].join('-');
}

/** The user of a line, if known. */
export function userOf({ user, file }: CronLine): string | undefined {
  return user ?? (dirname(file) === TABS ? basename(file) : undefined);
}

/** cron looks for it in the PATH of the crontab. */
export function programOf({ settings }: CronLine): string {
  const path = settingsOf(settings)['PATH'];
  const isFound = path === undefined || path.split(':').some((it) => PLACES.includes(it));
  return isFound ? BATON : `/usr/bin/${BATON}`;
}

function targetOf(call: RsnapshotCall, known: Knowledge): string | undefined {
  if (argumentsOf(call).length > 0) return undefined;
  const path = realConf(call, known);
  const isIt = (it: KnownTarget): boolean =>
    it.level?.name === call.level && it.groups.includes(`rsnapshot:${path}`);
  return known.targets?.find(isIt)?.target;
}

function realConf({ conf }: RsnapshotCall, known: Knowledge): string {
  return known.conf(conf)?.path ?? conf;
}

/** For a word that is not a level. */
export function refusalOfLevel({ level, conf }: RsnapshotCall, known: Knowledge): string {
  const { path = conf, levels = [] } = known.conf(conf) ?? {};
  return level === SYNC ? say.noSync(path) : say.noLevel(level, path, levels);
}

/** Unknown if the conf cannot be read completely. */
export function isLevel(
  { level, conf, unclear, isGuess }: RsnapshotCall,
  known: Knowledge,
): boolean {
  const found = known.conf(conf);
  // If rsnapshot refuses a file, its levels are not completely known.
  const isWhole = found !== undefined && found.unread.length === 0 && found.refused.length === 0;
  if (!isWhole) return isGuess !== true || /^\w+$/.test(level);
  if (unclear !== undefined && isGuess !== true) return true;
  return level === SYNC ? found.syncFirst : found.levels.includes(level);
}

/** The words after the level. */
function argumentsOf({ argv, level }: RsnapshotCall): readonly string[] {
  return argv.slice(argv.lastIndexOf(level) + 1);
}

function isOfAnother(it: KnownTarget, prefix: string, conf: string): boolean {
  const isNamed =
    it.target.startsWith(`${prefix}-`) && !it.target.slice(prefix.length + 1).includes('-');
  return isNamed && !it.groups.includes(`rsnapshot:${conf}`);
}

/** Turns a lock into a group. */
function withLocks(call: RsnapshotCall, line: CronLine, whole: Whole) {
  const carried = holdLocks(call.carried, whole);
  const lockNotes = carried.locks.map(({ path }) => {
    const others = (whole.locks.get(path) ?? []).filter((it) => it !== line);
    const places = others.slice(0, OTHERS_MAX).map((it) => `${it.file}:${it.line}`);
    return others.length === 0 ? say.scriptLock(path) : say.oneLock(path, places);
  });
  return { carried, lockNotes };
}

/** Locks that are held elsewhere stay in front of the command. */
export function holdLocks(carried: Carried, { held }: Whole): Carried {
  const kept = carried.locks.filter(({ path }) => held.has(path));
  return {
    ...carried,
    inside: [...kept.flatMap(({ words }) => words), ...carried.inside],
    locks: carried.locks.filter(({ path }) => !held.has(path)),
  };
}

/** Most lines in one note. */
const OTHERS_MAX = 3;
