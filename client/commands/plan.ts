/**
 * `baton plan [CRONTAB…]`: what crontabs are going to request, and what happens then. The crontabs
 * are read here, the daemon provides usual durations and its current runs, and `batond --plan`, a
 * separate process, simulates all that under the configuration.
 */
import { hostname } from 'node:os';
import type { Planned, WorstInput } from '../../daemon/protocol/planned.ts';
import { EXIT, PLAN_REQUESTS_MAX } from '../../daemon/protocol/request.ts';
import { momentOutside, noPast, replacesInput, wantsShorterPlan } from '../client-errors.ts';
import type { Command } from '../command-line/invocation.ts';
import { momentOf } from '../command-line/moment.ts';
import type { Place } from '../connection/conversation.ts';
import { queryOne } from '../connection/queries.ts';
import { EXIT_UNREADABLE, readAll } from '../crontab/check-crontab.ts';
import { type Coming, comingRequests } from '../crontab/coming-requests.ts';
import { cronHere, findCronFiles } from '../crontab/cron-files.ts';
import type { Ending } from '../ending.ts';
import { changesOf } from '../report/plan-changes.ts';
import { type PlanPage, showPlanPage } from '../report/plan-page.ts';
import { missing, type ReadLines } from '../report/plan-story.ts';
import { type ComingTimers, comingTimers } from '../systemd/timers.ts';
import { showChanges } from '../terminal/changes-text.ts';
import { jsonText } from '../terminal/json-text.ts';
import { complain } from '../terminal/output.ts';
import { showPlan } from '../terminal/plan-text.ts';
import { screen } from '../terminal/screen.ts';
import { askBatond } from './ask-batond.ts';
import { knownOf } from './known-now.ts';
import { isSameFile, writeFile } from './write-file.ts';

type PlanCommand = Extract<Command, { readonly verb: 'plan' }>;

const FOR_MS_DEFAULT = 24 * 3_600_000;
const SEED_DEFAULT = 1;
/** A night should be over at this time. */
const AT_DEFAULT = '08:00';

export async function plan(command: PlanCommand, place: Place, version: string): Promise<Ending> {
  const { files: named, from, forMs = FOR_MS_DEFAULT } = command;
  const isNamed = named.length > 0;
  const cron = cronHere();
  const { files, ignored } = isNamed ? { files: named, ignored: [] } : findCronFiles(cron);
  const inputs = command.diff === undefined ? files : [...files, command.diff];
  const replaced = replacedBy(command.output, inputs);
  if (replaced !== undefined) return replaced;
  const { lines, unread } = readAll(files, isNamed, cron);
  for (const { file, text } of ignored) complain(`${file}: ${text}`);
  for (const line of unread) complain(line);

  const answer = await queryOne(
    { ...place, connectTimeoutMs: place.connectTimeoutMs ?? 0 },
    { type: 'status', ...(command.isWorst ? { durations: true } : {}) },
  );
  if (!answer.ok) complain(noPast(answer.ending.line ?? 'the daemon does not answer'));
  const status = answer.ok ? answer.value : undefined;
  const nowMs = status?.nowMs ?? Date.now();
  const fromMs = (from === undefined ? undefined : momentOf(from, nowMs)) ?? nowMs;
  const span = { fromMs, untilMs: fromMs + forMs };
  const worst = worstOf(command, span);
  if (worst === undefined && command.isWorst) return usage(momentOutside(command.at ?? AT_DEFAULT));
  const coming = comingRequests(lines, cron.dropsLines, span, PLAN_REQUESTS_MAX);
  const left = PLAN_REQUESTS_MAX - coming.requests.length;
  const timers = isNamed || left < 0 ? undefined : comingTimers(span, left);
  const requests = [...coming.requests, ...(timers?.requests ?? [])];
  if (requests.length > PLAN_REQUESTS_MAX) return usage(wantsShorterPlan(PLAN_REQUESTS_MAX));
  const input = {
    ...{ ...span, requests, assumedMs: command.assumedMs },
    ...knownOf(status, from === undefined),
    ...(command.isSlow ? { isSlow: true } : {}),
    ...(worst === undefined ? {} : { worst }),
  };
  const ownConfig = status?.config === undefined ? [] : [status.config];
  const misplaced = replacedBy(command.output, ownConfig);
  if (misplaced !== undefined) return misplaced;
  const planned = askBatond(input, status?.config);
  if (!planned.ok) return planned.ending;
  const { value } = planned;
  // With the caller's rights, and the same checks as in batond.
  const after = command.diff === undefined ? undefined : askBatond(input, command.diff);
  if (after?.ok === false) return after.ending;
  // The JSON object has no place for remarks.
  if (command.json) for (const line of missing(timers)) complain(line);
  const text = textOf(command, value, after?.value, readOf(coming, timers), {
    version,
    writtenAtMs: nowMs,
  });
  const ending = writeFile(text, command.output);
  if (ending.status !== 0 || unread.length === 0) return ending;
  return { status: EXIT_UNREADABLE, isOwn: true };
}

/** `after`: the same under the changed configuration. */
function textOf(
  { json, html, diff = '' }: PlanCommand,
  planned: Planned,
  after: Planned | undefined,
  read: ReadLines,
  about: Pick<PlanPage, 'version' | 'writtenAtMs'>,
): string {
  const changes = after === undefined ? undefined : changesOf(planned, after);
  if (html) {
    const changed = changes === undefined ? {} : { changed: { changes, config: diff } };
    return showPlanPage({ planned, ...changed, read, host: hostname(), ...about });
  }
  if (json) return jsonText(changes ?? planned);
  return changes === undefined
    ? showPlan(planned, read, screen())
    : showChanges(changes, diff, read, screen());
}

/** An error if the page would overwrite one of its inputs. */
function replacedBy(output: string | undefined, inputs: readonly string[]): Ending | undefined {
  if (output === undefined) return undefined;
  const input = inputs.find((file) => isSameFile(output, file));
  return input === undefined ? undefined : usage(replacesInput(output, input));
}

function usage(line: string): Ending {
  return { status: EXIT.usage, isOwn: true, line };
}

/** Undefined: no random simulations, or a time outside the plan. */
function worstOf(
  { isWorst, seed = SEED_DEFAULT, at }: PlanCommand,
  { fromMs, untilMs }: Pick<Planned, 'fromMs' | 'untilMs'>,
): WorstInput | undefined {
  if (!isWorst) return undefined;
  const atMs = momentOf(at ?? AT_DEFAULT, fromMs);
  if (atMs !== undefined && atMs >= fromMs && atMs <= untilMs) return { seed, atMs };
  return at === undefined ? { seed, atMs: untilMs } : undefined;
}

function readOf(coming: Coming, timers?: ComingTimers): ReadLines {
  const places = (of: Coming['left']): string[] => of.map(({ file, line }) => `${file}:${line}`);
  const { atBoot, left, unclear, conditional, lines } = coming;
  return {
    ...{ lines: lines + (timers?.asking ?? 0), atBoot: places(atBoot), left: places(left) },
    unclear: [...places(unclear), ...(timers?.unclear ?? [])],
    conditional: [...places(conditional), ...(timers?.conditional ?? [])],
    ...(timers === undefined ? {} : { timers }),
  };
}
