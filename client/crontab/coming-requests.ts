/**
 * What crontab lines are going to request from baton, and when: their `baton run` calls. A file
 * that cron ignores because of one bad line requests nothing. Pure, apart from the time zone.
 */
import type { ComingRequest } from '../../daemon/protocol/planned.ts';
import type { BatonCall } from './baton-call.ts';
import { callsOf, contextOf } from './calls.ts';
import { timesOf } from './cron-times.ts';
import type { CronLine } from './crontab.ts';
import { readShell } from './shell.ts';

export interface Coming {
  /** Ordered by time; equal times in the order of the lines. */
  readonly requests: readonly ComingRequest[];
  /** Lines with calls that do not start at a time. */
  readonly atBoot: readonly CronLine[];
  /** Lines with calls that cron refuses, or whose times are unknown here. */
  readonly left: readonly CronLine[];
  /** Lines with calls for another daemon, or whose target only the shell knows: not in the plan. */
  readonly unclear: readonly CronLine[];
  /** Lines with a call after something else, or under a condition that the plan does not know. */
  readonly conditional: readonly CronLine[];
  /** Number of lines that call baton. */
  readonly lines: number;
}

/** `dropsLines`: a bad line affects only itself; of very many requests, returns about `most`. */
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
  const unclear: CronLine[] = [];
  const conditional: CronLine[] = [];
  let asking = 0;
  for (const line of lines) {
    const calls = callsOf(line).filter((call) => call.kind === 'baton');
    if (calls.length === 0) continue;
    asking++;
    const isRefused = dropsLines ? line.fault !== undefined : bad.has(line.file);
    if (line.when === '@reboot' && !isRefused) atBoot.push(line);
    else if (isRefused || line.schedule === undefined) left.push(line);
    else {
      const known = calls.filter((call) => isKnown(call, line.command));
      if (known.length < calls.length) unclear.push(line);
      if (known.length > 0 && callsFirst(line) < calls.length) conditional.push(line);
      const times = timesOf(line.schedule, span.fromMs, span.untilMs, most - requests.length);
      for (const atMs of times) requests.push(...requestsOf(known, atMs));
    }
  }
  requests.sort((a, b) => a.atMs - b.atMs);
  return { requests, atBoot, left, unclear, conditional, lines: asking };
}

/** What calls that are made at one time request. */
export function requestsOf(calls: readonly BatonCall[], atMs: number): readonly ComingRequest[] {
  return calls.flatMap(({ targets, args, only, maxWaitMs }) => {
    const more = {
      ...(args === undefined ? {} : { args }),
      ...(only === undefined ? {} : { only }),
      ...(maxWaitMs === undefined ? {} : { maxWaitMs }),
    };
    return targets.map((target) => ({ atMs, target, ...more }));
  });
}

/** Whether the command itself shows what it requests, and from which daemon. */
export function isKnown({ targets, only = [], socket }: BatonCall, command: string): boolean {
  if (socket !== undefined || /\bBATON_SOCKET=/.test(command)) return false;
  return ![...targets, ...only].some((word) => /[$`]/.test(word));
}

/** How many calls the first command of a line has: they are made first and unconditionally. */
export function callsFirst({ command, settings }: Pick<CronLine, 'command' | 'settings'>): number {
  const { isBash, variables } = contextOf({ settings });
  const [first] = readShell(command, isBash, variables).commands;
  if (first === undefined) return 0;
  return callsOf({ command: command.slice(first.pos, first.end), settings }).length;
}
