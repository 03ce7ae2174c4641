/**
 * The rules of Debian's cron (3.0pl1-162 of Debian 12; -197 of Debian 13 differs in one), from
 * tests with the real one: what it accepts, what it refuses with the whole file, and what it
 * accepts and never runs. Pure.
 *
 * A field is read up to the first character that does not fit, and the rest of the word is skipped:
 * `1#2` is 1, and `*5` is `*`. A descending range (`22-2`, `mon-sun`) is accepted and empty.
 */
import type { CronRules, Schedule, TimeRead } from './crontab.ts';

/** Longest command: for a longer one, cron refuses the file. */
export const COMMAND_CHARS_MAX = 998;

const NICKNAMES: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};
export const MONTHS = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ');
export const WEEKDAYS = 'sun mon tue wed thu fri sat'.split(' ');
const MINUTES_PER_HOUR = 60;
const EMPTY_SETTING = /^(?:"[^"=]*"|'[^'=]*'|[^"'\s=][^\s=]*|(?==))\s*=\s*$/;

interface FieldKind {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  readonly names: readonly string[];
}

const FIELDS: readonly FieldKind[] = [
  { name: 'minute', min: 0, max: 59, names: [] },
  { name: 'hour', min: 0, max: 23, names: [] },
  { name: 'day-of-month', min: 1, max: 31, names: [] },
  { name: 'month', min: 1, max: 12, names: MONTHS },
  { name: 'day-of-week', min: 0, max: 7, names: WEEKDAYS },
];

export const DEBIAN: CronRules = {
  needsNewline: true,
  isSetting,
  readTime,
  refuseCommand: (command) => (command.length > COMMAND_CHARS_MAX ? 'command too long' : undefined),
};

/** Debian 13 also accepts a setting without a value. */
export const DEBIAN_13: CronRules = {
  ...DEBIAN,
  isSetting: (line) => isSetting(line) || EMPTY_SETTING.test(line),
};

function readTime(when: string): TimeRead {
  if (when === '@reboot') return { ok: true, notes: [] };
  if (when.startsWith('@') && !Object.hasOwn(NICKNAMES, when)) {
    return { ok: false, fault: 'bad time specifier' };
  }
  const words = (NICKNAMES[when] ?? when).split(/[ \t]+/);
  const fields: Field[] = [];
  for (const [at, kind] of FIELDS.entries()) {
    const field = readField(words[at] ?? '', kind);
    if (field === undefined) return { ok: false, fault: `bad ${kind.name}` };
    fields.push(field);
  }
  const notes = fields.flatMap((field) => field.notes);
  return { ok: true, schedule: scheduleOf(fields, words), notes };
}

function scheduleOf(fields: readonly Field[], words: readonly string[]): Schedule {
  const [minutes = [], hours = [], days, months, weekdays] = fields.map(({ values }) =>
    [...values].sort((a, b) => a - b),
  );
  const week = new Set(weekdays);
  if (week.has(7)) week.add(0);
  return {
    minutes: hours.flatMap((hour) => minutes.map((minute) => hour * MINUTES_PER_HOUR + minute)),
    days: new Set(days),
    months: new Set(months),
    weekdays: week,
    needsBoth: (words[2] ?? '').startsWith('*') || (words[4] ?? '').startsWith('*'),
    // See cron(8): with `*` in the minute or the hour, a line runs by the clock.
    atChange: words.slice(0, 2).some((word) => word.startsWith('*')) ? 'by the clock' : 'catch up',
  };
}

interface Field {
  readonly values: ReadonlySet<number>;
  readonly notes: readonly string[];
}

/** Undefined: cron refuses it. */
function readField(word: string, kind: FieldKind): Field | undefined {
  const values = new Set<number>();
  const notes: string[] = [];
  let at = 0;
  for (;;) {
    const range = readRange(word.slice(at), kind);
    if (range === undefined) return undefined;
    const { from, to, step, length } = range;
    for (let value = from; value <= to; value += step) values.add(value);
    const text = word.slice(at, at + length);
    if (from > to) notes.push(countsDown(word, text, range, kind));
    at += length;
    if (word[at] !== ',') break;
    at++;
  }
  if (at < word.length) notes.push(passedOver(word, word.slice(0, at)));
  return { values, notes };
}

interface Range {
  readonly from: number;
  readonly to: number;
  readonly step: number;
  /** How many characters it consumes. */
  readonly length: number;
}

/** `*`, `5`, `1-5`, `*\/4` or `1-5/2` at the beginning of the text; ignores what follows. */
function readRange(text: string, kind: FieldKind): Range | undefined {
  const match = /^(?:\*|([a-z\d]+)(?:-([a-z\d]*))?)(?:(\/)([a-z\d]*))?/i.exec(text);
  if (match === null) return undefined;
  const [all, first, last, slash, steps = ''] = match;
  const step = slash === undefined ? 1 : numberOf(steps);
  const from = first === undefined ? kind.min : numberOf(first, kind);
  const to = first === undefined ? kind.max : last === undefined ? from : numberOf(last, kind);
  // A step needs a range; a number with one is refused.
  if (slash !== undefined && first !== undefined && last === undefined) return undefined;
  if (from === undefined || to === undefined || step === undefined || step === 0) return undefined;
  const fits = (value: number): boolean => value >= kind.min && value <= kind.max;
  if (!fits(from) || !fits(to)) return undefined;
  return { from, to, step, length: all.length };
}

function numberOf(word: string, kind?: FieldKind): number | undefined {
  if (/^\d{1,9}$/.test(word)) return Number(word);
  const at = kind?.names.indexOf(word.toLowerCase()) ?? -1;
  return kind === undefined || at < 0 ? undefined : at + kind.min;
}

function countsDown(
  word: string,
  text: string,
  { from, to, step }: Range,
  kind: FieldKind,
): string {
  const what =
    `the ${kind.name} "${word}" has the range ${text}, which counts down, so cron treats it as ` +
    'empty';
  if (step !== 1) return `${what}; list the values one by one`;
  // Sunday is 7 as well, and so ends a week.
  if (kind.name === 'day-of-week' && to === 0) return `${what}; write ${from}-7`;
  const span = (a: number, b: number): string => (a === b ? `${a}` : `${a}-${b}`);
  const max = kind.name === 'day-of-week' ? 6 : kind.max;
  return `${what}; write ${span(from, max)},${span(kind.min, to)}`;
}

function passedOver(word: string, read: string): string {
  return `cron reads "${read}" of "${word}" and ignores the rest; write the intended values`;
}

/**
 * An environment setting, as cron's load_env finds it: NAME = VALUE, each in quotes or not. An
 * empty value without quotes is not a setting, nor is text after a quoted one: cron then reads the
 * line as a job, and refuses the file.
 */
function isSetting(line: string): boolean {
  const match = /^(?:"[^"=]*"|'[^'=]*'|[^"'\s=][^\s=]*|(?==))\s*=\s*(.*)$/s.exec(line);
  if (match === null) return false;
  const [, value = ''] = match;
  const quote = value[0];
  if (quote !== '"' && quote !== "'") return value !== '';
  const end = value.indexOf(quote, 1);
  return end > 0 && value.slice(end + 1).trim() === '';
}
