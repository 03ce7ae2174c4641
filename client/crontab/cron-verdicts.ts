/**
 * What the cron of the machine does with lines, apart from what they call: lines that it refuses,
 * alone or with all of their file, those that never run, and those that run at other times than one
 * would think. Pure.
 */
import { type CronLine, runsOn, type Schedule } from './crontab.ts';
import * as say from './crontab-messages.ts';

/** Four years: every day of the calendar is among them. */
export const DAYS = 1_461;
export const DAY_MS = 86_400_000;
/** A Friday, and the day on which every interval of rsnapshot is due. */
export const FIRST_DAY_MS = Date.UTC(2027, 0, 1);

export interface Verdict {
  readonly line: CronLine;
  readonly text: string;
  /** Cron never runs the line. */
  readonly isBroken?: true;
}

/** `refusesFiles`: one bad line makes cron ignore all of its file, as Debian's does. */
export function judge(lines: readonly CronLine[], refusesFiles: boolean): readonly Verdict[] {
  return lines.flatMap((line): readonly Verdict[] => {
    const { fault, notes = [], schedule } = line;
    if (fault !== undefined) {
      const others = lines.filter((other) => other.file === line.file).length - 1;
      const text = refusesFiles ? say.refusedFile(fault, others) : say.refusedLine(fault);
      return [{ line, text, isBroken: true }];
    }
    const never = schedule !== undefined && !everRuns(schedule) ? [say.neverRuns(notes)] : [];
    if (never.length > 0) return never.map((text) => ({ line, text, isBroken: true }));
    return notes.map((text) => ({ line, text }));
  });
}

function everRuns(schedule: Schedule): boolean {
  if (schedule.minutes.length === 0) return false;
  for (let day = 0; day < DAYS; day++) {
    if (runsOn(schedule, new Date(FIRST_DAY_MS + day * DAY_MS))) return true;
  }
  return false;
}
