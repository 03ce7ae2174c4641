/**
 * What this machine's cron does with lines, whatever they call: lines that it refuses, alone or
 * with the whole file, lines that never run, and lines that run at unexpected times. Pure.
 */
import { type CronLine, runsOn, type Schedule } from './crontab.ts';
import * as say from './crontab-messages.ts';

/** Four years, which contain every day of the calendar. */
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

/** `refusesFiles`: one bad line makes cron ignore the whole file, as in Debian. */
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
