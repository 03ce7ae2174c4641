/**
 * Finds what is wrong with crontabs with regard to rsnapshot and baton. Pure: `Knowledge` provides
 * the targets and rsnapshot.confs. Nothing is changed; each finding says what to write.
 */
import { CLASSIC, type RsnapshotConf, refusalOf, SYNC } from '../../policies/rsnapshot-conf.ts';
import { callsOf } from './calls.ts';
import { DAY_MS, DAYS, FIRST_DAY_MS, judge } from './cron-verdicts.ts';
import { type CronLine, runsOn, type Schedule } from './crontab.ts';
import { hiddenCall, syncChain } from './crontab-messages.ts';
import { findDirect, surveyLines } from './direct.ts';
import { findElsewhere } from './elsewhere.ts';
import { flocksOf } from './flocks.ts';
import { findGap } from './level-order.ts';
import { findLostCalls } from './lost-calls.ts';

/** What a daemon says about one target; see daemon/protocol/reply.ts. */
export interface KnownTarget {
  readonly target: string;
  readonly groups: readonly string[];
  readonly level?: { readonly name: string; readonly order: readonly string[] };
}

export interface Finding {
  readonly line: CronLine;
  readonly text: string;
  /** What to write instead. */
  readonly instead?: string;
  /** Entries of `targets` that this needs, each on one line. */
  readonly targets?: readonly string[];
  /** Just information, nothing to change. */
  readonly isRemark?: true;
  /** Cron does not run the line as written, or baton would refuse it. */
  readonly isBroken?: true;
  /** Further remarks. */
  readonly notes?: readonly string[];
}

export interface Knowledge {
  /** Undefined if no daemon answers. */
  readonly targets: readonly KnownTarget[] | undefined;
  conf(path: string): RsnapshotConf | undefined;
  suggest(wrong: string, known: readonly string[]): string | undefined;
  /** This machine's cron drops single lines; absent: one bad line affects the whole file. */
  readonly dropsLines?: boolean;
  /** Finds a program in a PATH. */
  program?(name: string, path: string): string | undefined;
  /** Scripts that a command line runs and that seem to call rsnapshot. */
  hiddenCalls?(command: string): readonly string[];
}

/** One level of rsnapshot that a line starts, directly or through baton. */
interface Start {
  readonly line: CronLine;
  readonly level: string;
  /** Lowest first. */
  readonly order: readonly string[];
  /** Lines with a common group run one level at a time. */
  readonly group: string;
  readonly locks: readonly string[];
  readonly isDirect: boolean;
}

export function findAll(lines: readonly CronLine[], known: Knowledge): readonly Finding[] {
  const starts = lines.flatMap((line) => startsOf(line, known));
  const whole = surveyLines(lines, known);
  const found = [
    ...judge(lines, known.dropsLines !== true),
    ...lines.flatMap((line) => findLostCalls(line, known)),
    ...lines.flatMap((line) => findDirect(line, known, whole)),
    ...lines.flatMap(findElsewhere),
    ...lines.flatMap((line) => findUnknown(line, known)),
    ...lines.flatMap((line) => findHidden(line, known)),
    ...lines.flatMap((line) => findRefusedConf(line, known)),
    ...lines.flatMap(findSyncChains),
    ...findDisorder(starts),
    ...findCollisions(starts, lines),
  ];
  const place = ({ line }: Finding): number => lines.indexOf(line);
  return found.toSorted((a, b) => place(a) - place(b));
}

function findUnknown(line: CronLine, { targets, suggest }: Knowledge): readonly Finding[] {
  if (targets === undefined) return [];
  const names = targets.map(({ target }) => target);
  const asked = callsOf(line).flatMap((call) => (call.kind === 'baton' ? call.targets : []));
  return asked.flatMap((target) => {
    if (names.includes(target)) return [];
    const near = suggest(target, names);
    const hint = near === undefined ? 'add it to config.json' : `did you mean "${near}"?`;
    const text = `calls the target "${target}", which is not configured; ${hint}`;
    return [{ line, text, isBroken: true }];
  });
}

/** Every run of such a line exits with 1, now and through baton. */
function findRefusedConf(line: CronLine, known: Knowledge): readonly Finding[] {
  const paths = callsOf(line).flatMap((call) => (call.kind === 'rsnapshot' ? [call.conf] : []));
  return [...new Set(paths)].flatMap((path) => {
    const conf = known.conf(path);
    const text = conf === undefined || conf.refused.length === 0 ? undefined : refusalOf(conf);
    return text === undefined ? [] : [{ line, text }];
  });
}

function findHidden(line: CronLine, { hiddenCalls }: Knowledge): readonly Finding[] {
  const scripts = hiddenCalls?.(line.command) ?? [];
  return scripts.map((script) => ({ line, text: hiddenCall(script) }));
}

function startsOf(line: CronLine, known: Knowledge): readonly Start[] {
  return callsOf(line).flatMap((call): readonly Start[] => {
    if (call.kind === 'baton') {
      return call.targets.flatMap((name) => startBy(line, name, known));
    }
    const conf = known.conf(call.conf);
    const order = conf?.levels ?? CLASSIC.find((names) => names.includes(call.level)) ?? [];
    const group = `rsnapshot:${conf?.path ?? call.conf}`;
    return [{ line, level: call.level, order, group, locks: locksOf(conf), isDirect: true }];
  });
}

/** What a target of baton starts, if it runs rsnapshot. */
function startBy(line: CronLine, name: string, known: Knowledge): readonly Start[] {
  const target = known.targets?.find((it) => it.target === name);
  if (target?.level === undefined) return [];
  const { name: level, order } = target.level;
  const group = target.groups.find((key) => key.startsWith('rsnapshot:')) ?? '';
  const conf = known.conf(group.slice('rsnapshot:'.length));
  return [{ line, level, order, group, locks: locksOf(conf), isDirect: false }];
}

function locksOf(conf: RsnapshotConf | undefined): readonly string[] {
  return [conf?.lockfile, conf?.snapshotRoot].flatMap((path) => path ?? []);
}

/** `sync` belongs just before the lowest level. */
function rank({ level, order }: Start): number {
  return level === SYNC ? 0.5 : order.indexOf(level);
}

/** A lower level that runs once a day, and a higher one shortly after it; see level-order.ts. */
function findDisorder(starts: readonly Start[]): readonly Finding[] {
  return starts.flatMap((low) => {
    for (const high of starts) {
      if (low.group !== high.group || rank(low) < 0 || rank(high) <= rank(low)) continue;
      const [lows, highs] = [low.line.schedule, high.line.schedule];
      const gap = lows === undefined || highs === undefined ? undefined : findGap(lows, highs);
      if (gap === undefined) continue;
      const [from, to] = [
        new Date(gap.lowAtMs).toISOString(),
        new Date(gap.highAtMs).toISOString(),
      ];
      const day = from.slice(0, 10) === to.slice(0, 10) ? 'on the same day' : 'on the day before';
      const text =
        `starts ${low.level} at ${from.slice(11, 16)}, before ${high.level} at ` +
        `${to.slice(11, 16)} (${place(high.line)}) ${day}, such as ${from.slice(0, 10)}; ` +
        `${high.level} must run first; with baton, both may have the same minute`;
      return [{ line: low.line, text }];
    }
    return [];
  });
}

/** A line that needs a lock at some minute, and what it does if the lock is held. */
interface LockUser {
  readonly line: CronLine;
  readonly locks: readonly string[];
  readonly isDirect: boolean;
  readonly isShared: boolean;
  readonly givesUp: boolean;
}

/** Two lines of the same minute, not both through baton, of which one would not wait. */
function findCollisions(starts: readonly Start[], lines: readonly CronLine[]): readonly Finding[] {
  const flocks = lines.flatMap((line) =>
    flocksOf(line).map(({ path, ...how }) => ({
      line,
      locks: [path],
      isDirect: true,
      ...how,
    })),
  );
  // rsnapshot itself gives up immediately.
  const users: readonly LockUser[] = [
    ...starts.map((start) => ({ ...start, isShared: false, givesUp: true })),
    ...flocks,
  ];
  return users.flatMap((one, at) => {
    for (const other of users.slice(0, at)) {
      if (one.line === other.line || !(one.isDirect || other.isDirect)) continue;
      if ((one.isShared && other.isShared) || !(one.givesUp || other.givesUp)) continue;
      const lock = one.locks.find((path) => other.locks.includes(path));
      const [mine, its] = [one.line.schedule, other.line.schedule];
      if (lock === undefined || mine === undefined || its === undefined) continue;
      const minute = mine.minutes.find((it) => its.minutes.includes(it));
      const day = minute === undefined ? undefined : commonDay(mine, its);
      if (minute === undefined || day === undefined) continue;
      const text =
        `collides with ${place(other.line)} at ${clock(minute)}, such as on ${day}: both need ` +
        `${lock}; start both through baton`;
      return [{ line: one.line, text }];
    }
    return [];
  });
}

/**
 * `rsnapshot sync && rsnapshot daily`: a sync that exits with 2 has fetched, but daily is skipped.
 */
function findSyncChains(line: CronLine): readonly Finding[] {
  const after = callsOf(line).find(
    (call) => call.kind === 'rsnapshot' && call.needs.includes(SYNC),
  );
  return after?.kind === 'rsnapshot' ? [{ line, text: syncChain(after.level) }] : [];
}

function commonDay(a: Schedule, b: Schedule): string | undefined {
  for (let day = 0; day < DAYS; day++) {
    const date = new Date(FIRST_DAY_MS + day * DAY_MS);
    if (runsOn(a, date) && runsOn(b, date)) return date.toISOString().slice(0, 10);
  }
  return undefined;
}

function clock(minute: number): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${two(Math.floor(minute / 60))}:${two(minute % 60)}`;
}

function place({ file, line }: CronLine): string {
  return `${file}:${line}`;
}
