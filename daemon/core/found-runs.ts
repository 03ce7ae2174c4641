/**
 * Handles released runs that the journal does not know: it was removed, or is an older copy. Pure.
 *
 * If the journal has the run (same number and nonce), it was started later than the copy was made:
 * it continues in the state that its keeper reports, and never starts again. Any other run that is
 * alive becomes a run of this journal under a new number: nothing starts beside it, and it ends as
 * usual. In both cases its keeper, or what that has left, provides the rest, as with every run that
 * is taken over.
 */

import { elapsedAt } from '../shared/elapsed.ts';
import type { KeeperId, RunId } from '../shared/run.ts';
import type { Catalog } from './catalog.ts';
import { type CommandOf, type Decision, type LetGo, NOTHING, type Wakeup } from './command.ts';
import type { Event, EventOf } from './event.ts';
import { timeoutOf } from './keeper-reports.ts';
import { isCancelled, type ReadonlyState, type Run } from './state.ts';

export function found(
  state: ReadonlyState,
  command: CommandOf<'found'>,
  catalog: Catalog,
): Decision {
  const events: Event[] = [];
  const wakeups: Wakeup[] = [];
  const begin = (started: EventOf<'started'>): void => {
    events.push(started);
    const { run, timeoutAtMs } = started;
    if (timeoutAtMs !== undefined) wakeups.push({ run, atMs: elapsedAt(command.at, timeoutAtMs) });
  };
  // A living keeper may be writing to the directory that a run with its number would use.
  const numbers = command.letGo.filter(({ isLive }) => isLive).map(({ run }) => run + 1);
  let next = Math.max(state.nextRun, ...numbers);
  const keepers = keepersOf(state);
  for (const letGo of latest(command.letGo)) {
    const run = state.runs.get(letGo.run);
    if (run !== undefined && isSame(run, letGo)) {
      if (!isBehind(run, letGo)) continue;
      const isStarting = run.state === 'starting' && run.attempt === letGo.attempt;
      if (!isStarting) events.push(starting(run, letGo, catalog));
      begin(started(run.run, letGo.keeper, letGo, catalog));
    } else if (letGo.isLive && !keepers.has(nameOf(letGo.run, letGo))) {
      const number = next++;
      events.push(...taken(number, letGo, command, state, catalog));
      begin(started(number, { ...letGo.keeper, was: letGo.run }, letGo, catalog));
    }
  }
  return { ...NOTHING, events, wakeups };
}

/** The last attempt of each run. */
function latest(all: readonly LetGo[]): readonly LetGo[] {
  const best = new Map<string, LetGo>();
  for (const letGo of all) {
    const name = `${letGo.run} ${letGo.nonce}`;
    const other = best.get(name);
    if (other === undefined || other.attempt < letGo.attempt) best.set(name, letGo);
  }
  return [...best.values()].sort((a, b) => a.at.steadyMs - b.at.steadyMs);
}

function isSame(run: Run, { nonce }: LetGo): boolean {
  return run.nonce !== undefined && run.nonce === nonce;
}

/** Whether the journal lacks this attempt. */
function isBehind(run: Run, { attempt }: LetGo): boolean {
  switch (run.state) {
    case 'queued':
      return (run.attempts ?? 0) < attempt;
    case 'starting':
      return run.attempt <= attempt;
    case 'running':
      // A cancelled run is not retried.
      return run.attempt < attempt && !isCancelled(run);
    case 'ended':
      return false;
    default:
      return run satisfies never;
  }
}

function starting(run: Run, letGo: LetGo, catalog: Catalog): Event {
  const { attempt, at, startNonce } = letGo;
  const event = { type: 'starting', run: run.run, attempt, at } as const;
  if (run.state !== 'queued') return event;
  const groups = groupsOf(run.target, catalog);
  return { ...event, ...(startNonce === undefined ? {} : { nonce: startNonce }), groups };
}

function started(
  run: RunId,
  keeper: KeeperId,
  { attempt, at, target }: LetGo,
  catalog: Catalog,
): EventOf<'started'> {
  const timeoutMs = timeoutOf(catalog.targets.get(target), keeper);
  const event = { type: 'started', run, attempt, at, keeper, found: true } as const;
  return timeoutMs === undefined ? event : { ...event, timeoutAtMs: at.steadyMs + timeoutMs };
}

/** As if it had been accepted here when it started. */
function taken(
  run: RunId,
  letGo: LetGo,
  { nonce }: CommandOf<'found'>,
  { tokens }: ReadonlyState,
  catalog: Catalog,
): readonly Event[] {
  const { target, merged, attempt, at, startNonce } = letGo;
  // A repeated request may already have a run here.
  const token = tokens.has(letGo.token) ? `found ${nonce} ${run}` : letGo.token;
  const marked = startNonce === undefined ? {} : { nonce: startNonce };
  const groups = groupsOf(target, catalog);
  return [
    { type: 'accepted', run, target, at, nonce, token, merged },
    { type: 'starting', run, attempt, at, ...marked, groups },
  ];
}

function groupsOf(target: string, catalog: Catalog): readonly string[] {
  return catalog.targets.get(target)?.bindings.map(({ key }) => key) ?? [];
}

/** The keepers of all running runs, by the run number that the keeper knows. */
function keepersOf(state: ReadonlyState): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { active } of state.targetStates.values()) {
    for (const number of active) {
      const run = state.runs.get(number);
      if (run?.state !== 'running' && run?.state !== 'ended') continue;
      if (run.keeper === undefined) continue;
      names.add(nameOf(run.keeper.was ?? number, { keeper: run.keeper }));
    }
  }
  return names;
}

function nameOf(run: RunId, { keeper }: Pick<LetGo, 'keeper'>): string {
  const { bootId, pid, startTime, nonce } = keeper;
  return `${run} ${bootId} ${pid} ${startTime} ${nonce}`;
}
