/**
 * `baton plan [CRONTAB…]`: what crontabs are going to ask for, and what becomes of it. The crontabs
 * are read here, the daemon is asked how long runs take and what it has now, and `batond --plan`, a
 * process of its own, plays all that by the configuration.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { KnownRun, PlanInput, Planned } from '../../daemon/protocol/planned.ts';
import {
  EXIT,
  PLAN_REQUESTS_MAX,
  type RunView,
  type StatusReply,
} from '../../daemon/protocol/request.ts';
import { noPast, noPlan, wantsShorterPlan } from '../client-errors.ts';
import type { Command } from '../command-line/invocation.ts';
import { momentOf } from '../command-line/moment.ts';
import type { Place } from '../connection/conversation.ts';
import { queryOne } from '../connection/queries.ts';
import { EXIT_UNREADABLE, readAll } from '../crontab/check-crontab.ts';
import { type Coming, comingRequests } from '../crontab/coming-requests.ts';
import { cronHere, findCronFiles } from '../crontab/cron-files.ts';
import type { Ending } from '../ending.ts';
import { jsonText } from '../terminal/json-text.ts';
import { codeOf, complain } from '../terminal/output.ts';
import { showPlan } from '../terminal/plan-text.ts';
import { screen } from '../terminal/screen.ts';
import { writeFile } from './write-file.ts';

type PlanCommand = Extract<Command, { readonly verb: 'plan' }>;

const FOR_MS_DEFAULT = 24 * 3_600_000;
/** More is a bug: PLAN_REQUESTS_MAX requests make less. */
const ANSWER_BYTES_MAX = 1024 ** 3;

export async function plan(command: PlanCommand, place: Place): Promise<Ending> {
  const { files: named, from, forMs = FOR_MS_DEFAULT, json } = command;
  const isNamed = named.length > 0;
  const cron = cronHere();
  const { files, ignored } = isNamed ? { files: named, ignored: [] } : findCronFiles(cron);
  const { lines, unread } = readAll(files, isNamed, cron);
  for (const { file, text } of ignored) complain(`${file}: ${text}`);
  for (const line of unread) complain(line);

  const answer = await queryOne(
    { ...place, connectTimeoutMs: place.connectTimeoutMs ?? 0 },
    {
      type: 'status',
    },
  );
  if (!answer.ok) complain(noPast(answer.ending.line ?? 'the daemon does not answer'));
  const status = answer.ok ? answer.value : undefined;
  const nowMs = status?.nowMs ?? Date.now();
  const fromMs = (from === undefined ? undefined : momentOf(from, nowMs)) ?? nowMs;
  const span = { fromMs, untilMs: fromMs + forMs };
  const coming = comingRequests(lines, cron.dropsLines, span, PLAN_REQUESTS_MAX);
  if (coming.requests.length > PLAN_REQUESTS_MAX) {
    const line = wantsShorterPlan(PLAN_REQUESTS_MAX);
    return { status: EXIT.usage, isOwn: true, line };
  }
  const input = { ...span, requests: coming.requests, ...knownOf(status, from === undefined) };
  const planned = askBatond({ ...input, assumedMs: command.assumedMs }, status?.config);
  if (!planned.ok) return planned.ending;
  const ending = writeFile(json ? jsonText(planned.value) : told(planned.value, coming), undefined);
  if (ending.status !== 0 || unread.length === 0) return ending;
  return { status: EXIT_UNREADABLE, isOwn: true };
}

function told(planned: Planned, { atBoot, left, unclear, conditional, lines }: Coming): string {
  const places = (of: Coming['left']): string[] => of.map(({ file, line }) => `${file}:${line}`);
  const notPlanned = { atBoot: places(atBoot), left: places(left), unclear: places(unclear) };
  const read = { lines, ...notPlanned, conditional: places(conditional) };
  return showPlan(planned, read, screen());
}

/** What the daemon knows. What runs and waits now is part of a plan only if it begins now. */
function knownOf(
  status: StatusReply | undefined,
  isNow: boolean,
): Pick<PlanInput, 'tookMs' | 'runs' | 'pauses' | 'freshAtMs'> {
  const targets = status?.targets ?? [];
  const took = targets.flatMap(({ target, usual }) =>
    usual === undefined ? [] : [[target, usual.medianMs] as const],
  );
  const tookMs = Object.fromEntries(took);
  if (status === undefined || !isNow) return { tookMs };
  const fresh = targets.flatMap(({ target, freshAtMs }) =>
    freshAtMs === undefined ? [] : [[target, freshAtMs] as const],
  );
  const runs = targets.flatMap(({ last, active, queued }) => [
    ...(last === undefined ? [] : [last]),
    ...active,
    ...queued,
  ]);
  const pauses = targets.flatMap((view) => view.pauses ?? []);
  const byText = new Map(
    [...pauses, ...(status.pauses ?? [])].map((it) => [JSON.stringify(it), it]),
  );
  return {
    tookMs,
    runs: runs.map((run) => knownRun(run, status.nowMs)),
    pauses: [...byText.values()],
    freshAtMs: Object.fromEntries(fresh),
  };
}

function knownRun(view: RunView, nowMs: number): KnownRun {
  const { run, target, state, acceptedAtMs, startedAtMs, endedAtMs, verdict } = view;
  const endsAtMs = state === 'stopping' ? nowMs : view.expectedEndAtMs;
  return {
    ...{ run, target, askedAtMs: acceptedAtMs },
    ...(startedAtMs === undefined || state === 'queued' ? {} : { startedAtMs }),
    ...(endedAtMs === undefined || verdict === undefined
      ? {}
      : { ended: { atMs: endedAtMs, verdict } }),
    ...(state === 'ended' || endsAtMs === undefined ? {} : { endsAtMs }),
  };
}

type Answer =
  | { readonly ok: true; readonly value: Planned }
  | { readonly ok: false; readonly ending: Ending };

/** `config` is that of the daemon; without one, batond looks for it as ever. */
function askBatond(input: PlanInput, config: string | undefined): Answer {
  const batond = join(import.meta.dirname, '../daemon/batond.cjs');
  const args = [batond, '--plan', ...(config === undefined ? [] : ['--config', config])];
  const { status, stdout, error } = spawnSync(process.execPath, args, {
    input: JSON.stringify(input),
    encoding: 'utf8',
    maxBuffer: ANSWER_BYTES_MAX,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  if (error === undefined && status === 0) return plannedIn(stdout, batond);
  // What is wrong with the configuration, batond has said.
  if (error === undefined && status !== null) {
    return { ok: false, ending: { status, isOwn: true } };
  }
  const line = noPlan(batond, error === undefined ? 'it was killed' : codeOf(error));
  return { ok: false, ending: { status: EXIT.noVerdict, isOwn: true, line } };
}

/** A plugin could write into it, past Node's own stream. */
function plannedIn(text: string, batond: string): Answer {
  try {
    const value: unknown = JSON.parse(text);
    if (isPlanned(value)) return { ok: true, value };
  } catch {
    // Told below.
  }
  const line = noPlan(batond, 'its answer is not a plan; a plugin may have printed something');
  return { ok: false, ending: { status: EXIT.noVerdict, isOwn: true, line } };
}

/** It is of the same version: a look tells it from what somebody else printed. */
function isPlanned(value: unknown): value is Planned {
  return typeof value === 'object' && value !== null && 'runs' in value && 'unknown' in value;
}
