/**
 * The rules of systemd-cron, which translates crontabs to systemd timers: in Debian 12 (1.15, a
 * Python script) and Debian 13 (2.5, a program), from tests with their generators. Pure.
 *
 * It drops single lines, never a whole file. Day of the month and weekday must both match, a step
 * after a single number is ignored, and @weekly is Monday. 1.15 reads nov as October and dec as
 * November, and runs a line with unreadable weekdays every day; 2.5 accepts no month names, and
 * reads "sun" alone as all days.
 */
import type { CronRules, Schedule, TimeRead } from './crontab.ts';
import { MONTHS, WEEKDAYS } from './debian-cron.ts';

export type SystemdCron = '1' | '2';

/** What a systemd timer means by these words. */
const PERIODS: Readonly<Record<string, string>> = {
  minutely: '* * * * *',
  hourly: '0 * * * *',
  midnight: '0 0 * * *',
  daily: '0 0 * * *',
  weekly: '0 0 * * 1',
  monthly: '0 0 1 * *',
  quarterly: '0 0 1 1,4,7,10 *',
  yearly: '0 0 1 1 *',
  annually: '0 0 1 1 *',
  anually: '0 0 1 1 *',
  'semi-annually': '0 0 1 1,7 *',
  semiannually: '0 0 1 1,7 *',
  biannually: '0 0 1 1,7 *',
  'bi-annually': '0 0 1 1,7 *',
};
const MONTHS_OF_1 = MONTHS.filter((name) => name !== 'oct');
const MINUTES_PER_HOUR = 60;
const ALL_DAYS = [0, 1, 2, 3, 4, 5, 6];

export function systemdCron(version: SystemdCron): CronRules {
  return {
    needsNewline: false,
    isSetting: (line) => /^[A-Za-z_0-9]+\s*=/.test(line),
    readTime: (when) => readTime(when, version),
    refuseCommand: () => undefined,
  };
}

interface FieldKind {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  number(word: string): number | undefined;
}

interface Field {
  readonly values: readonly number[];
  readonly notes: readonly string[];
}

function readTime(when: string, version: SystemdCron): TimeRead {
  const period = /^@(.*)/.exec(when)?.[1]?.toLowerCase();
  if (period === 'reboot') return { ok: true, notes: [] };
  const known = period === undefined ? when : PERIODS[period];
  if (known === undefined) return { ok: false, fault: 'unknown schedule' };
  const words = known.split(/[ \t]+/);
  if (words.length < 5) return { ok: false, fault: 'truncated line' };
  // The last of a month, a random minute: extensions of 2.5, whose days are not computed here.
  if (version === '2' && words.slice(0, 5).some((word) => /^\d*L$|~/.test(word))) {
    return { ok: true, notes: [] };
  }
  const kinds = kindsOf(version);
  const fields: Field[] = [];
  for (const [at, kind] of kinds.entries()) {
    const word = words[at] ?? '';
    const field = at === 4 ? readWeekdays(word, kind, version) : readField(word, kind, version);
    if (field === undefined) return { ok: false, fault: `garbled time: ${kind.name} "${word}"` };
    fields.push(field);
  }
  const both = words[2] === '*' || words[4] === '*' ? [] : [needsBoth(words[2], words[4])];
  const monday = period === 'weekly' ? ['@weekly is Monday for systemd-cron, Sunday for cron'] : [];
  const notes = [...fields.flatMap((field) => field.notes), ...both, ...monday];
  return { ok: true, schedule: scheduleOf(fields), notes };
}

function scheduleOf(fields: readonly Field[]): Schedule {
  const [minutes = [], hours = [], days, months, weekdays] = fields.map(({ values }) => values);
  return {
    minutes: hours.flatMap((hour) => minutes.map((minute) => hour * MINUTES_PER_HOUR + minute)),
    days: new Set(days),
    months: new Set(months),
    weekdays: new Set(weekdays),
    needsBoth: true,
    // As for systemd timers, tested with systemd-analyze calendar.
    atChange: 'once',
  };
}

function kindsOf(version: SystemdCron): readonly FieldKind[] {
  const digits = (word: string): number | undefined =>
    /^\d{1,9}$/.test(word) ? Number(word) : undefined;
  const names = (list: readonly string[], word: string): number | undefined => {
    const at = list.indexOf(word.slice(0, 3).toLowerCase());
    return at < 0 ? undefined : at;
  };
  const month = (word: string): number | undefined => {
    const at = version === '1' ? names(MONTHS_OF_1, word) : undefined;
    return digits(word) ?? (at === undefined ? undefined : at + 1);
  };
  const weekday = (word: string): number | undefined => {
    const number = names(WEEKDAYS, word) ?? digits(word);
    // 2.5 refuses what 1.15 wraps around.
    if (number === undefined || (version === '2' && number > 7)) return undefined;
    return version === '1' ? number % 7 : number;
  };
  return [
    { name: 'minute', min: 0, max: 59, number: digits },
    { name: 'hour', min: 0, max: 23, number: digits },
    { name: 'day of the month', min: 1, max: 31, number: digits },
    { name: 'month', min: 1, max: 12, number: month },
    { name: 'weekday', min: 0, max: version === '1' ? 6 : 7, number: weekday },
  ];
}

/** Undefined: the line is dropped. */
function readField(word: string, kind: FieldKind, version: SystemdCron): Field | undefined {
  const values = new Set<number>();
  const notes: string[] = [];
  for (const part of word.split(',')) {
    const match = /^(\*|\w+)(?:-(\w+))?(?:\/(\d+))?$/.exec(part);
    if (match === null) return undefined;
    const [, first = '', last, steps] = match;
    const step = Number(steps ?? 1);
    const from = first === '*' ? kind.min : kind.number(first);
    const to = first === '*' ? kind.max : last === undefined ? from : kind.number(last);
    if (from === undefined || to === undefined || step < 1) return undefined;
    const found = new Set<number>();
    for (let value = from; value <= Math.min(to, kind.max); value += step) {
      if (from >= kind.min) found.add(value);
    }
    if (found.size === 0 && version === '2') return undefined;
    for (const value of found) values.add(value);
    if (steps !== undefined && first !== '*' && last === undefined)
      notes.push(oneStep(part, first));
    if (kind.name === 'month') notes.push(...wrongMonths(first, last));
  }
  if (values.size === 0) return undefined;
  return { values: [...values].sort((a, b) => a - b), notes };
}

function readWeekdays(word: string, kind: FieldKind, version: SystemdCron): Field | undefined {
  if (version === '1') {
    const field = readField(word, kind, version);
    if (field === undefined) return { values: ALL_DAYS, notes: [everyDay(word)] };
    const spoiled = word.split(',').filter((part) => /^(0|sun\w*)-7$|^(0|sun\w*)-sun/i.test(part));
    return { values: field.values, notes: spoiled.map(onlySunday) };
  }
  // A range may end with Sunday, which is 7 there; alone it stands for all days.
  const ends = word.replace(/-(0|sun\w*)(?![\w])/gi, '-7').split(',');
  const alone = ends.some((part) => /^sun[a-z]*$/i.test(part));
  const field = readField(ends.join(','), kind, version);
  if (field === undefined) return undefined;
  if (alone) return { values: ALL_DAYS, notes: [sundayIsAll(word)] };
  return { values: field.values.map((value) => value % 7), notes: field.notes };
}

function wrongMonths(...names: readonly (string | undefined)[]): readonly string[] {
  return names.flatMap((name) => {
    const month = MONTHS.indexOf(name?.slice(0, 3).toLowerCase() ?? '');
    if (month !== 10 && month !== 11) return [];
    return `this systemd-cron reads the month "${name}" as ${month}; write ${month + 1}`;
  });
}

const needsBoth = (day = '', weekday = ''): string =>
  `systemd-cron runs it only if the day of the month (${day}) and the weekday (${weekday}) ` +
  'both match; cron runs it if either matches';

const oneStep = (part: string, first: string): string =>
  `systemd-cron reads "${part}" as ${first} alone; write the intended values`;

const everyDay = (word: string): string =>
  `this systemd-cron cannot read the weekday "${word}" and runs the line every day; write the ` +
  'days one by one, such as 5,6,0';

const onlySunday = (part: string): string =>
  `this systemd-cron reads the weekday "${part}" as Sunday alone; write *`;

const sundayIsAll = (word: string): string =>
  `this systemd-cron reads the weekday "${word}" as every day; write 0 for Sunday`;
