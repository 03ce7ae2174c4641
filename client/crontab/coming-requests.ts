/**
 * What the lines of crontabs are going to ask of baton, and when: those of their calls that are
 * `baton run`. A file that cron ignores for one bad line asks for nothing. Pure, apart from the
 * time zone.
 */
import type { ComingRequest } from '../../daemon/protocol/planned.ts';
import { callsOf } from './calls.ts';
import { timesOf } from './cron-times.ts';
import type { CronLine } from './crontab.ts';

export interface Coming {
  /** By time; of equal times in the order of the lines. */
  readonly requests: readonly ComingRequest[];
  /** Lines with calls that the clock does not start. */
  readonly atBoot: readonly CronLine[];
  /** Lines with calls that cron refuses, or whose times are not known here. */
  readonly left: readonly CronLine[];
  /** How many lines call baton. */
  readonly lines: number;
}

/** `dropsLines`: a bad line costs that line only; of very many requests, some more than `most`. */
export function comingRequests(
  lines: readonly CronLine[],
  dropsLines: boolean,
  span: { readonly fromMs: number; readonly untilMs: number },
  most: number,
): Coming {
  const bad = new Set(lines.flatMap(({ file, fault }) => (fault === undefined ? [] : [file])));
  const requests: ComingRequest[] = [];
  const atBoot: CronLine[] = [];
  const left: CronLine[] = [];
  let asking = 0;
  for (const line of lines) {
    const calls = callsOf(line).filter((call) => call.kind === 'baton');
    if (calls.length === 0) continue;
    asking++;
    const isRefused = dropsLines ? line.fault !== undefined : bad.has(line.file);
    if (line.when === '@reboot' && !isRefused) atBoot.push(line);
    else if (isRefused || line.schedule === undefined) left.push(line);
    else {
      const times = timesOf(line.schedule, span.fromMs, span.untilMs, most - requests.length);
      for (const atMs of times) {
        for (const { targets, args, only, maxWaitMs } of calls) {
          const more = {
            ...(args === undefined ? {} : { args }),
            ...(only === undefined ? {} : { only }),
            ...(maxWaitMs === undefined ? {} : { maxWaitMs }),
          };
          for (const target of targets) requests.push({ atMs, target, ...more });
        }
      }
    }
  }
  requests.sort((a, b) => a.atMs - b.atMs);
  return { requests, atBoot, left, lines: asking };
}
