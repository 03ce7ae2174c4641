/**
 * `baton timeline`, `baton report` and `baton metrics`: each makes several requests, turns the
 * answers into one text (client/terminal/timeline.ts, client/report/page.ts,
 * client/report/metrics.ts), and prints it or replaces a file.
 */
import { hostname } from 'node:os';
import { HISTORY_RUNS_MAX, type Reply, type StatusReply } from '../../daemon/protocol/request.ts';
import type { Command } from '../command-line/invocation.ts';
import type { Answer, Place } from '../connection/conversation.ts';
import { type Query, query, queryOne } from '../connection/queries.ts';
import type { Ending } from '../ending.ts';
import { type Latest, showMetrics } from '../report/metrics.ts';
import { endsToTell, type RunTail, showReport } from '../report/page.ts';
import type { Tail } from '../report/tail.ts';
import { type Span, type Timespan, timespanOf } from '../report/timespan.ts';
import { screen } from '../terminal/screen.ts';
import { showTimeline } from '../terminal/timeline.ts';
import { writeFile } from './write-file.ts';

type Of<T extends Command['verb']> = Extract<Command, { readonly verb: T }>;

const HOUR_MS = 3_600_000;
const TIMELINE_MS_DEFAULT = 24 * HOUR_MS;
const REPORT_MS_DEFAULT = 7 * 24 * HOUR_MS;
/** How much of a failed run's output is shown. */
const TAIL_BYTES = 4_096;

export async function timeline({ sinceMs }: Of<'timeline'>, place: Place): Promise<Ending> {
  const answer = await look(place, sinceMs ?? TIMELINE_MS_DEFAULT);
  if (!answer.ok) return answer.ending;
  return writeFile(showTimeline(answer.value.timespan, screen()), undefined);
}

export async function report({ sinceMs, output }: Of<'report'>, place: Place): Promise<Ending> {
  const answer = await look(place, sinceMs ?? REPORT_MS_DEFAULT);
  if (!answer.ok) return answer.ending;
  const { timespan, status } = answer.value;
  const tails = new Map<number, RunTail>();
  const trouble = await query(
    place,
    endsToTell(timespan).flatMap((span) => (span.run.bytes === 0 ? [] : tailQuestion(span, tails))),
  );
  if (trouble !== undefined) return trouble;
  const page = showReport({ timespan, host: hostname(), version: status.version, tails });
  return writeFile(page, output);
}

export async function metrics({ output }: Of<'metrics'>, place: Place): Promise<Ending> {
  const answer = await queryOne(place, { type: 'status' });
  if (!answer.ok) return answer.ending;
  const status = answer.value;
  const latest = new Map<string, Latest>();
  const questions = status.targets.flatMap(({ target, last }) => {
    latest.set(target, last?.verdict === undefined ? {} : { [last.verdict]: last });
    if (last === undefined) return [];
    return (['ok', 'warning', 'failed'] as const)
      .filter((verdict) => verdict !== last.verdict)
      .map((outcome): Query => {
        const take = (reply: Reply): boolean => {
          const run = reply.type === 'history' ? reply.runs[0] : undefined;
          if (run !== undefined) latest.set(target, { ...latest.get(target), [outcome]: run });
          return true;
        };
        // Its last run may have been forgotten meanwhile, and its name with it.
        const isOptional = true;
        return { request: { type: 'history', target, outcome, limit: 1 }, take, isOptional };
      });
  });
  const trouble = await query(place, questions);
  return trouble ?? writeFile(showMetrics(status, latest), output);
}

/** What happened since then. */
async function look(
  place: Place,
  sinceMs: number,
): Promise<Answer<{ readonly timespan: Timespan; readonly status: StatusReply }>> {
  const status = await queryOne(place, { type: 'status' });
  if (!status.ok) return status;
  const limit = HISTORY_RUNS_MAX;
  const history = await queryOne(place, { type: 'history', limit, sinceMs });
  if (!history.ok) return history;
  const timespan = timespanOf(status.value, history.value.runs, sinceMs, limit);
  return { ok: true, value: { timespan, status: status.value } };
}

/** Requests the last bytes of both streams. */
function tailQuestion({ run }: Span, tails: Map<number, RunTail>): Query {
  const nothing: Tail = { bytes: new Uint8Array(), isCut: false };
  let streams: Record<'out' | 'err', Tail> = { out: nothing, err: nothing };
  return {
    request: { type: 'output', of: run.run, tail: TAIL_BYTES },
    isOptional: true,
    reset: () => {
      streams = { out: nothing, err: nothing };
    },
    take: (reply) => {
      if (reply.type === 'done') tails.set(run.run, streams);
      if (reply.type !== 'output') return reply.type === 'done';
      const before = streams[reply.stream];
      const data = Buffer.from(reply.data, reply.encoding ?? 'utf8');
      const bytes = Buffer.concat([before.bytes, data]);
      const isCut = before.isCut || reply.offset > before.bytes.length;
      streams[reply.stream] = { bytes, isCut };
      return false;
    },
  };
}
