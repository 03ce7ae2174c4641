/**
 * The daemon's answers as text for people. Pure: no clock (the daemon's `nowMs` is used), no
 * colour. Everything that came from elsewhere passes `plain`, in the end: one line stays one line.
 */
import {
  type Reply,
  type RunView,
  type StatusReply,
  showDuration,
  type TargetView,
  type WhyReply,
} from '../daemon/protocol.ts';
import { plain } from './output.ts';

const GAP = '  ';

/** Indented JSON for `--json`, without what is meant for the connection. */
export function showJson({ id: _, ...reply }: Reply): string {
  const json = JSON.stringify(reply, null, 2);
  return `${json.replace(/(?!\n)\p{Cc}/gu, escapeControl)}\n`;
}

export function showStatus(status: StatusReply): string {
  const { version, pid, startedAtMs, nowMs, running, queued, config, targets } = status;
  const up = showDuration(nowMs - startedAtMs);
  const head = [
    `batond ${version}, pid ${pid}, up ${up}`,
    `${running} running, ${queued} waiting`,
    config,
  ].join('; ');
  if (targets.length === 0) return `${plain(head)}\nno targets are configured\n`;
  const rows = targets.flatMap((target) =>
    linesOf(target).map((line, at) => [at === 0 ? target.target : '', line]),
  );
  return `${plain(head)}\n\n${table([['TARGET', 'STATE'], ...rows])}`;
}

/** The run asked about, then, indented, those that it waits for. */
export function showWhy({ chain, target }: WhyReply): string {
  const [first, ...others] = chain;
  if (first === undefined) return `${plain(target ?? 'it')} has not run yet; nothing waits\n`;
  const lines = [
    `run ${first.run} of ${first.target} ${sentence(first)}`,
    ...others.map((run) => `run ${run.run} of ${run.target} ${sentence(run)}`),
  ];
  return lines.map((line, at) => `${at === 0 ? '' : GAP}${plain(line)}\n`).join('');
}

export function showHistory(runs: readonly RunView[]): string {
  if (runs.length === 0) return 'no run has ended yet\n';
  const rows = runs.map((run) => [
    String(run.run),
    run.target,
    run.endedAtMs === undefined ? '' : showTime(run.endedAtMs),
    showDuration(run.waitedMs),
    run.tookMs === undefined ? '-' : showDuration(run.tookMs),
    howEnded(run),
  ]);
  return table([['RUN', 'TARGET', 'ENDED', 'WAITED', 'TOOK', 'HOW'], ...rows]);
}

/** What there is to say of one target: trouble, what runs, what waits, the last end. */
function linesOf(target: TargetView): readonly string[] {
  const { active, queued, waiting, last } = target;
  const lines: string[] = [];
  if (target.broken !== undefined) lines.push(`broken: ${target.broken}`);
  if (target.paused) lines.push(`paused: nothing starts until "baton resume ${target.target}"`);
  for (const run of [...active, ...queued]) lines.push(`run ${run.run} ${sentence(run)}`);
  if (waiting > queued.length) lines.push(`and ${waiting - queued.length} more waiting`);
  if (lines.length === 0) lines.push('idle');
  if (last === undefined) return active.length === 0 ? [...lines, 'has not run yet'] : lines;
  return [...lines, `last: run ${last.run} ${sentence(last)}`];
}

/** The rest of a sentence that begins with the run. */
function sentence(run: RunView): string {
  switch (run.state) {
    case 'queued': {
      const why = run.reasons?.length ? run.reasons.join('; ') : 'nothing is in its way';
      return `has waited ${showDuration(run.waitedMs)}: ${why}`;
    }
    case 'starting':
      return 'is starting';
    case 'running':
      return `has been running for ${since(run)}`;
    case 'stopping':
      return `is being stopped, after ${since(run)}`;
    case 'ended': {
      const when = run.endedAtMs === undefined ? '' : ` at ${showTime(run.endedAtMs)}`;
      const took = run.tookMs === undefined ? '' : `, took ${showDuration(run.tookMs)}`;
      return `${howEnded(run)}${when}${took}`;
    }
    default:
      return run.state satisfies never;
  }
}

function since({ tookMs, startedAtMs, pid }: RunView): string {
  const at = startedAtMs === undefined ? '' : `, since ${showTime(startedAtMs)}`;
  const who = pid === undefined ? '' : `, pid ${pid}`;
  return `${showDuration(tookMs ?? 0)}${at}${who}`;
}

function howEnded({ text, verdict, heldBy, leftovers }: RunView): string {
  const warning = verdict === 'warning' ? ' (a warning)' : '';
  const left = leftovers?.length ? `; it left processes ${leftovers.join(', ')} behind` : '';
  const held = heldBy?.length ? `; its place is held by processes ${heldBy.join(', ')}` : '';
  return `${text ?? 'ended'}${warning}${left}${held}`;
}

/** Wall-clock time where the client is: "2025-11-23 03:00". */
function showTime(ms: number): string {
  const date = new Date(ms);
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-');
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** Columns as wide as their longest cell; the last one is free. */
function table(rows: readonly (readonly string[])[]): string {
  const clean = rows.map((row) => row.map(plain));
  const widths: number[] = [];
  for (const row of clean) {
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length);
  }
  const line = (row: readonly string[]): string =>
    row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(GAP);
  return clean.map((row) => `${line(row).trimEnd()}\n`).join('');
}

function escapeControl(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
