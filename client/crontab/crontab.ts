/**
 * Parses crontabs as this machine's cron does (crontab(5)): lines of five fields or a nickname, in
 * /etc with a user, and on which days and minutes each of them runs. `CronRules` are the rules of
 * one cron: debian-cron.ts has those of Debian's cron, systemd-cron.ts those of systemd-cron. Pure.
 *
 * A line that cron refuses is in the list too, with its `fault`, because Debian's cron then ignores
 * all other lines of that file.
 */

import { DEBIAN } from './debian-cron.ts';
import { readCommand } from './percent.ts';
import { parseSetting, type Setting } from './settings.ts';

export interface CronLine {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** The line as it is in the file. */
  readonly text: string;
  /** Where in `text` the command begins; client/crontab/percent.ts reads it there. */
  readonly commandAt: number;
  /** Variables that the crontab sets above this line; for equal names the last one applies. */
  readonly settings: Settings;
  /** The five fields or the nickname, as written. */
  readonly when: string;
  readonly user?: string;
  /** Without what follows the first `%`: cron passes that to stdin. */
  readonly command: string;
  /** Undefined for @reboot, and if the fields cannot be understood. */
  readonly schedule?: Schedule;
  /**
   * What starts it, if not cron. Then `%` has no special meaning, the command runs by /bin/sh in
   * `/`, not HOME, and SHELL, USER and LOGNAME are ordinary variables.
   */
  readonly startedBy?: 'anacron';
  /** Its name in the file itself. */
  readonly name?: string;
  /** Why cron refuses it, in cron's own words: "bad minute". */
  readonly fault?: string;
  /** Unexpected effects in cron; each a sentence. */
  readonly notes?: readonly string[];
}

/** The first `count` of all settings of a file: copies for each line would be quadratic. */
interface Settings {
  readonly all: readonly Setting[];
  readonly count: number;
}

export interface Schedule {
  /** Minutes of the day, ascending. */
  readonly minutes: readonly number[];
  readonly days: ReadonlySet<number>;
  readonly months: ReadonlySet<number>;
  /** 0 (Sunday) to 6; 7 may be present besides 0. */
  readonly weekdays: ReadonlySet<number>;
  /** Day and weekday must both match; otherwise one of them is enough. */
  readonly needsBoth: boolean;
  /**
   * At changes to or from daylight saving time: "by the clock" runs repeated times twice; the
   * others do not. "catch up" runs skipped times right afterwards.
   */
  readonly atChange: 'by the clock' | 'catch up' | 'once';
}

/** The time of a line as a cron reads it. */
export type TimeRead =
  | { readonly ok: true; readonly schedule?: Schedule; readonly notes: readonly string[] }
  | { readonly ok: false; readonly fault: string };

/** How a cron reads a file. */
export interface CronRules {
  /** The last line needs a newline, too. */
  readonly needsNewline: boolean;
  /** An environment setting. */
  isSetting(line: string): boolean;
  readTime(when: string): TimeRead;
  /** Why a command with this text is refused, or undefined. */
  refuseCommand(command: string): string | undefined;
}

/** The first word after the time names a user, in files that have one. */
export interface UserColumn {
  isThere(word: string): boolean;
  /** Absent: unknown which users exist. */
  exists?(word: string): boolean;
}

/** In cron's own words. */
const UNENDED = 'missing newline before EOF';
const ENDS_WITH_CR =
  'the line ends with a carriage return, which cron hands to the shell as part of the command; ' +
  'remove it with "tr -d \\r"';

/** `hasUser` says whether a word after the fields is a user, not the command. */
export function parseCrontab(
  file: string,
  text: string,
  hasUser: ((word: string) => boolean) | UserColumn,
  rules: CronRules = DEBIAN,
): readonly CronLine[] {
  const column = typeof hasUser === 'function' ? { isThere: hasUser } : hasUser;
  const raws = text.split('\n');
  const all: Setting[] = [];
  return raws.flatMap((raw, at) => {
    const line = raw.replace(/^[ \t]+/, '');
    if (line === '' || line.startsWith('#')) return [];
    const settings = { all, count: all.length };
    const place = { file, line: at + 1, text: raw, commandAt: raw.length, settings };
    const isUnended = at === raws.length - 1 && rules.needsNewline;
    if (!rules.isSetting(line)) return readLine(line, column, rules, place, isUnended);
    const setting = parseSetting(raw);
    if (setting !== undefined) all.push(setting);
    return isUnended ? [{ ...place, when: line, command: '', fault: UNENDED }] : [];
  });
}

export function parseSchedule(when: string): Schedule | undefined {
  const read = DEBIAN.readTime(when);
  return read.ok ? read.schedule : undefined;
}

/** Whether it runs on this day (any calendar will do, so UTC). */
export function runsOn(schedule: Schedule, date: Date): boolean {
  if (!schedule.months.has(date.getUTCMonth() + 1)) return false;
  const isDay = schedule.days.has(date.getUTCDate());
  const isWeekday = schedule.weekdays.has(date.getUTCDay());
  return schedule.needsBoth ? isDay && isWeekday : isDay || isWeekday;
}

function readLine(
  line: string,
  column: UserColumn,
  rules: CronRules,
  place: Pick<CronLine, 'file' | 'line' | 'text' | 'commandAt' | 'settings'>,
  isUnended: boolean,
): readonly CronLine[] {
  const match = /^(@[^ \t]*|(?:[^ \t]+[ \t]+){4}[^ \t]+)(?:[ \t]+(.*))?$/s.exec(line);
  const [, when = line, rest = ''] = match ?? [];
  const [word = ''] = rest.split(/[ \t]/, 1);
  const isUser = column.isThere(word) && rest.length > word.length;
  const text = isUser ? rest.slice(word.length).replace(/^[ \t]+/, '') : rest;
  const commandAt = place.text.length - text.length;
  const time = match === null ? noTime(line, rules) : rules.readTime(when);
  const fault =
    (isUnended ? UNENDED : undefined) ??
    (time.ok ? undefined : time.fault) ??
    (match?.[2] === undefined ? 'bad command' : undefined) ??
    faultOfUser(word, isUser, column) ??
    rules.refuseCommand(text);
  const notes = [...(time.ok ? time.notes : []), ...(line.endsWith('\r') ? [ENDS_WITH_CR] : [])];
  return [
    {
      ...place,
      commandAt,
      when: when.replace(/[ \t]+/g, ' '),
      ...(isUser ? { user: word } : {}),
      command: readCommand(place.text.trimEnd(), commandAt).text,
      ...(time.ok && time.schedule !== undefined ? { schedule: time.schedule } : {}),
      ...(fault === undefined ? {} : { fault }),
      ...(notes.length > 0 ? { notes } : {}),
    },
  ];
}

/** Fewer than five fields: reports the first one that is wrong or missing, as cron does. */
function noTime(line: string, rules: CronRules): TimeRead {
  const fields = line.split(/[ \t]+/).filter((word) => word !== '');
  return rules.readTime(fields.join(' '));
}

function faultOfUser(word: string, isUser: boolean, column: UserColumn): string | undefined {
  if (column.exists === undefined || !column.isThere(word)) return undefined;
  if (!isUser) return 'bad command';
  return column.exists(word) ? undefined : 'bad username';
}
