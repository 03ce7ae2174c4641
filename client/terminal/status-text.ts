/**
 * `baton status`: for each group what is running, what is queued and why, and how each target last
 * ended, one line each. Pure: no clock (the daemon's `nowMs` is used).
 */
import {
  type RunView,
  type StatusReply,
  showDuration,
  type TargetView,
} from '../../daemon/protocol/request.ts';
import { fleetRows, inFleets, troubledOf } from './fleet-rows.ts';
import type { Screen } from './style.ts';
import { draw, type Line, type Tone } from './styled-line.ts';
import { type Row, table } from './table.ts';
import {
  attemptOf,
  bar,
  causes,
  describePause,
  hasFailed,
  jobOf,
  percentOf,
  remains,
  showTimes,
  showWhen,
  untilOf,
  verdictOf,
} from './words.ts';

/**
 * Fleets are shown in one line each; only those of their targets that need attention have a line
 * (client/terminal/fleet-rows.ts).
 */
export function showStatus(status: StatusReply, screen: Screen): string {
  const head = heads(status).map((line) => `${draw(line, screen)}\n`);
  if (status.targets.length === 0) {
    return `${head.join('')}${draw([{ text: 'no targets are configured' }], screen)}\n`;
  }
  const names = namesOf(status.targets);
  const see = { screen, nowMs: status.nowMs, names };
  const rows: Row[] = [];
  for (const [group, targets] of grouped(status.targets)) {
    if (rows.length > 0) rows.push({ across: [] });
    if (group !== undefined) rows.push({ across: [{ text: group, tone: 'bold' }] });
    for (const [fleet, members] of inFleets(targets)) {
      if (fleet !== undefined) rows.push(...fleetRows(fleet, members, see.screen));
      const shown = fleet === undefined ? members : troubledOf(members);
      for (const target of shown) rows.push(...rowsOf(target, see));
    }
  }
  const titles = ['  TARGET', 'STATE', 'TIME', 'EXPECTED', ''];
  const title = titles.map((text) => ({ text, tone: 'dim' as const }));
  return `${head.join('')}\n${table([title, ...rows], screen)}`;
}

interface StatusContext {
  readonly screen: Screen;
  readonly nowMs: number;
  /** The targets of the runs that are shown. */
  readonly names: ReadonlyMap<number, string>;
}

function heads(status: StatusReply): readonly Line[] {
  const { version, pid, startedAtMs, nowMs, running, queued, config, targets } = status;
  const failed = targets.filter(({ last, removed }) => !removed && hasFailed(last)).length;
  const broken = targets.filter((target) => target.broken !== undefined).length;
  const late = targets.filter((target) => target.late && !target.removed).length;
  const counts: Line = [
    { text: `${running} running, ${queued} waiting`, tone: 'bold' },
    ...(failed > 0 ? [{ text: ', ' }, { text: `${failed} failed`, tone: 'bad' } as const] : []),
    ...(late > 0 ? [{ text: ', ' }, { text: `${late} late`, tone: 'bad' } as const] : []),
    ...(broken > 0 ? [{ text: ', ' }, { text: `${broken} broken`, tone: 'bad' } as const] : []),
  ];
  const up = showDuration(nowMs - startedAtMs);
  const trouble: Line[] =
    status.trouble === undefined ? [] : [[{ text: status.trouble, tone: 'bad' }]];
  const pauses = (status.pauses ?? []).map((pause): Line => {
    const what = 'group' in pause ? `group ${pause.group} is paused` : 'all targets are paused';
    return [{ text: `${what} ${untilOf(pause, nowMs)}`, tone: 'odd' }];
  });
  return [
    ...trouble,
    counts,
    ...pauses,
    [{ text: `batond ${version}, pid ${pid}, up ${up}; ${config}`, tone: 'dim' }],
  ];
}

function namesOf(targets: readonly TargetView[]): ReadonlyMap<number, string> {
  const runs = targets.flatMap(({ active, queued }) => [...active, ...queued]);
  return new Map(runs.map(({ run, target }) => [run, target]));
}

/** In the first group that it shares with others; targets that share none come last. */
function grouped(
  targets: readonly TargetView[],
): readonly (readonly [string | undefined, readonly TargetView[]])[] {
  const sizes = new Map<string, number>();
  for (const key of targets.flatMap(({ groups }) => groups)) {
    sizes.set(key, (sizes.get(key) ?? 0) + 1);
  }
  const groups = new Map<string, TargetView[]>();
  const alone: TargetView[] = [];
  for (const target of targets) {
    const key = target.groups.find((it) => (sizes.get(it) ?? 0) > 1);
    if (key === undefined) alone.push(target);
    else groups.set(key, [...(groups.get(key) ?? []), target]);
  }
  const named = [...groups].map(([key, members]) => [nameGroup(key), members] as const);
  if (alone.length === 0) return named;
  return [...named, [named.length === 0 ? undefined : 'others', alone]];
}

/** A key is policy and group: "rsnapshot:/etc/rsnapshot.conf", "cardinality:disk". */
function nameGroup(key: string): string {
  const [, policy = '', group = key] = /^(\w+):(.*)$/s.exec(key) ?? [];
  return policy === 'rsnapshot' ? `rsnapshot ${group}` : `group ${group}`;
}

interface Entry {
  readonly mark?: string;
  readonly state: string;
  readonly tone: Tone;
  readonly time?: string;
  readonly expected?: string;
  readonly note: string;
}

/** The rows of one target: problems, running runs, queued runs, the last end. */
function rowsOf(target: TargetView, see: StatusContext): readonly Row[] {
  const { active, queued, waiting, last, broken, paused } = target;
  const entries: Entry[] = [];
  if (target.removed) {
    const note = `no longer configured; "baton forget ${target.target}" deletes its history`;
    entries.push({ state: 'removed', tone: 'dim', note });
  }
  if (broken !== undefined) entries.push({ mark: '!', state: 'broken', tone: 'bad', note: broken });
  if (paused) {
    const { pauses = [{ target: target.target }] } = target;
    for (const pause of pauses) {
      const note = describePause(pause, see.nowMs);
      entries.push({ mark: '=', state: 'paused', tone: 'odd', note });
    }
  }
  if (target.late) entries.push(lateEntry(target, see));
  for (const run of active) entries.push(activeEntry(run, see));
  for (const run of queued) entries.push(waitingEntry(run, see));
  if (waiting > queued.length) {
    entries.push({ state: '', tone: 'dim', note: `and ${waiting - queued.length} more waiting` });
  }
  if (target.ignored !== undefined) {
    const times = showTimes(target.ignored);
    entries.push({ state: '', tone: 'dim', note: `ignored a request ${times} in a row` });
  }
  if (last !== undefined && !active.some(({ run }) => run === last.run)) {
    const ended = endedEntry(last, see);
    entries.push(target.removed ? { ...ended, tone: 'dim' } : ended);
  } else if (entries.length === 0) {
    entries.push({ state: '-', tone: 'dim', note: 'has not run yet' });
  }
  return entries.map((entry, at) => rowOf(at === 0 ? target.target : '', entry));
}

function rowOf(name: string, { mark = '', state, tone, time, expected, note }: Entry): Row {
  // A success before something else happened to the target is no longer interesting.
  const isPast = name === '' && tone === 'good';
  const rest = tone === 'bad' ? 'bad' : isPast || tone === 'dim' ? 'dim' : 'plain';
  return [
    [
      { text: `${mark.padEnd(1)} `, tone: isPast ? 'dim' : tone },
      { text: name, tone: tone === 'busy' ? 'bold' : rest },
    ],
    { text: state, tone: isPast ? 'dim' : tone },
    { text: time ?? '', tone: rest },
    { text: expected ?? '', tone: rest },
    { text: note, tone: rest },
  ];
}

function lateEntry({ freshAtMs }: TargetView, { nowMs }: StatusContext): Entry {
  const since = freshAtMs === undefined ? '' : ` since ${showWhen(freshAtMs, nowMs)}`;
  return { mark: '!', state: 'late', tone: 'bad', note: `no success${since}` };
}

function activeEntry(run: RunView, see: StatusContext): Entry {
  if (run.state === 'ended') return endedEntry(run, see);
  const { tookMs = 0, startedAtMs, expectedEndAtMs, pace, usual, state } = run;
  const percent = percentOf(run, see.nowMs);
  const isSlow = pace === 'slower' && usual !== undefined;
  const notes = [
    ...(run.unrecorded === undefined ? [] : [run.unrecorded]),
    ...(percent === undefined ? [] : [`${bar(percent, see.screen)} ${Math.floor(percent)}%`]),
    ...(isSlow ? [`longer than usual (${showDuration(usual.medianMs)})`] : []),
    ...(startedAtMs === undefined ? [] : [`since ${showWhen(startedAtMs, see.nowMs)}`]),
    `run ${run.run}`,
    ...[jobOf(run), run.slurm?.waits ?? ''].filter((text) => text !== ''),
    ...attemptOf(run),
    ...causes(run),
  ];
  return {
    mark: see.screen.isUnicode ? '▶' : '>',
    state,
    tone: run.unrecorded !== undefined ? 'bad' : isSlow ? 'odd' : 'busy',
    time: state === 'starting' ? '' : showDuration(tookMs),
    expected: expectedEndAtMs === undefined ? '' : `ends ${showWhen(expectedEndAtMs, see.nowMs)}`,
    note: notes.join(', '),
  };
}

/** For a queued run that waits for its next attempt: when that starts is unknown. */
function notBefore({ nextAttemptAtMs }: RunView, nowMs: number): string {
  return nextAttemptAtMs === undefined ? '' : `not before ${showWhen(nextAttemptAtMs, nowMs)}`;
}

function waitingEntry(run: RunView, { screen, nowMs, names }: StatusContext): Entry {
  const { waitedMs, expectedStartAtMs: startMs, overtaken, reasons = [], behind = [] } = run;
  const blockers = [...new Set(behind.flatMap((number) => names.get(number) ?? []))];
  const why =
    blockers.length > 0
      ? `for ${blockers.join(', ')}`
      : reasons.map((reason) => reason.replace(/^waits /, '')).join('; ');
  const notes = [
    why === '' ? 'about to start' : why,
    ...(overtaken === undefined ? [] : [`overtaken ${showTimes(overtaken)}`]),
    `run ${run.run}`,
    ...(run.nextAttemptAtMs === undefined ? attemptOf(run) : []),
  ];
  return {
    mark: screen.isUnicode ? '·' : '.',
    state: 'waiting',
    tone: 'odd',
    time: showDuration(waitedMs),
    expected: startMs === undefined ? notBefore(run, nowMs) : `starts ${showWhen(startMs, nowMs)}`,
    note: notes.join(', '),
  };
}

function endedEntry(run: RunView, { screen, nowMs }: StatusContext): Entry {
  const { word, tone, mark } = verdictOf(run, screen);
  const { tookMs, endedAtMs, pace, usual, text = 'ended' } = run;
  const isOdd = pace !== undefined && pace !== 'usual' && usual !== undefined;
  const notes = [
    ...(run.verdict === 'ok' ? [] : [text]),
    ...(tookMs === undefined ? [] : [`took ${showDuration(tookMs)}`]),
    ...(isOdd ? [`usually ${showDuration(usual.medianMs)}`] : []),
    ...attemptOf(run),
    ...causes(run),
  ];
  const time = endedAtMs === undefined ? '' : showWhen(endedAtMs, nowMs);
  return { mark, state: word, tone, time, note: `${notes.join(', ')}${remains(run)}` };
}
