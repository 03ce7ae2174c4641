/**
 * Reads crontabs as Debian's cron does (crontab(5)): lines of five fields or a nickname, in /etc
 * with a user, and on which days and minutes each of them runs. Pure.
 */

export interface CronLine {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** The five fields or the nickname, as written. */
  readonly when: string;
  readonly user?: string;
  /** Without what follows the first `%`: cron hands that to stdin. */
  readonly command: string;
  /** Undefined for @reboot, and where the fields cannot be understood. */
  readonly schedule?: Schedule;
}

export interface Schedule {
  /** Minutes of the day, rising. */
  readonly minutes: readonly number[];
  readonly days: ReadonlySet<number>;
  readonly months: ReadonlySet<number>;
  readonly weekdays: ReadonlySet<number>;
  /** A field that begins with `*` leaves the day to the other one; else one of both is enough. */
  readonly needsBoth: boolean;
}

const NICKNAMES: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const MINUTES_PER_HOUR = 60;

/** `hasUser` says whether a word after the fields is a user and not the command. */
export function parseCrontab(
  file: string,
  text: string,
  hasUser: (word: string) => boolean,
): readonly CronLine[] {
  return text.split('\n').flatMap((raw, at) => {
    const line = raw.trim();
    if (line === '' || line.startsWith('#') || isAssignment(line)) return [];
    const match = /^(@\w+|(?:\S+\s+){4}\S+)\s+(.*)$/.exec(line);
    if (match === null) return [];
    const [, when = '', rest = ''] = match;
    const [word = ''] = rest.split(/\s/, 1);
    const isUser = hasUser(word) && rest.length > word.length;
    const command = withoutInput(isUser ? rest.slice(word.length).trim() : rest);
    const schedule = parseSchedule(when);
    return [
      {
        file,
        line: at + 1,
        when: when.replace(/\s+/g, ' '),
        ...(isUser ? { user: word } : {}),
        command,
        ...(schedule === undefined ? {} : { schedule }),
      },
    ];
  });
}

export function parseSchedule(when: string): Schedule | undefined {
  const fields = (NICKNAMES[when.toLowerCase()] ?? when).split(/\s+/);
  const [minute = '', hour = '', day = '', month = '', weekday = ''] = fields;
  const minutes = parseField(minute, 0, 59);
  const hours = parseField(hour, 0, 23);
  const days = parseField(day, 1, 31);
  const months = parseField(month, 1, 12, MONTHS);
  const weekdays = parseField(weekday, 0, 7, WEEKDAYS);
  if (fields.length !== 5 || !minutes || !hours || !days || !months || !weekdays) return undefined;
  if (weekdays.has(7)) weekdays.add(0);
  return {
    minutes: [...hours].flatMap((h) => [...minutes].map((m) => h * MINUTES_PER_HOUR + m)),
    days,
    months,
    weekdays,
    needsBoth: day.startsWith('*') || weekday.startsWith('*'),
  };
}

/** Whether it runs on this day (UTC is as good as any calendar). */
export function runsOn(schedule: Schedule, date: Date): boolean {
  if (!schedule.months.has(date.getUTCMonth() + 1)) return false;
  const isDay = schedule.days.has(date.getUTCDate());
  const isWeekday = schedule.weekdays.has(date.getUTCDay());
  return schedule.needsBoth ? isDay && isWeekday : isDay || isWeekday;
}

/** "*", "1-5", "0,30", "*\/4", "mon-fri"; rising. */
function parseField(
  text: string,
  min: number,
  max: number,
  names: readonly string[] = [],
): Set<number> | undefined {
  const number = (word: string): number => {
    const at = names.indexOf(word.toLowerCase());
    if (at >= 0) return at + min;
    return /^\d{1,2}$/.test(word) ? Number(word) : Number.NaN;
  };
  const values = new Set<number>();
  for (const part of text.split(',')) {
    const match = /^(\*|\w+)(?:-(\w+))?(?:\/(\d{1,2}))?$/.exec(part);
    if (match === null) return undefined;
    const [, first = '', last, step = '1'] = match;
    const from = first === '*' ? min : number(first);
    const isOne = first !== '*' && last === undefined && match[3] === undefined;
    const to = isOne ? from : last === undefined ? max : number(last);
    const isFit = from >= min && to <= max && from <= to && Number(step) > 0;
    if (!isFit) return undefined;
    for (let value = from; value <= to; value += Number(step)) values.add(value);
  }
  return new Set([...values].sort((a, b) => a - b));
}

function isAssignment(line: string): boolean {
  return /^("[^"]*"|'[^']*'|[A-Za-z_]\w*)\s*=/.test(line);
}

function withoutInput(command: string): string {
  return command.replace(/(^|[^\\])%.*$/s, '$1').replaceAll('\\%', '%');
}
