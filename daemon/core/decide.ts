/**
 * The heart: `decide` turns a command and the state into events. Pure and deterministic: no clock,
 * no I/O, no randomness; time comes with the command. Which file answers which question:
 *
 *   admission.ts        submit                       is a request accepted?
 *   start.ts            evaluate                     which queued run starts?
 *   keeper-reports.ts   kept reported gone vacated   what does its keeper say about a run?
 *                       recover                      what had an earlier daemon started?
 *   found-runs.ts       found                        what had an earlier journal started?
 *   termination.ts      cancel due shutdown          must a run end, by request or by the clock?
 *   retry.ts            (the end of an attempt)      does the run get another one?
 *   lateness.ts         overdue                      which target has had no success for too long?
 *   retention.ts        retain forget                what is forgotten?
 *   pauses.ts           pause resume pause-due       what is paused?
 *   hooks.ts            (every decision)             which hooks does an event call?
 *
 * `configured`, after a reload, affects the whole catalog and is in this file. Queues are per
 * target, and only the head of each can start. After every event the loop sends `evaluate` for the
 * targets that share a group with the affected one (affected.ts), until nothing more starts. So a
 * request costs the same with 1 and with 100,000 queued runs.
 */

import { removed } from '../protocol/outcome-text.ts';
import { submit } from './admission.ts';
import type { Catalog } from './catalog.ts';
import { allClosingWakeups } from './closing.ts';
import {
  type Command,
  type CommandOf,
  type Decision,
  ENDED_AT_ONCE_MAX,
  NOTHING,
} from './command.ts';
import type { Event } from './event.ts';
import { found } from './found-runs.ts';
import { withHooks } from './hooks.ts';
import { gone, kept, recover, reported, vacated } from './keeper-reports.ts';
import { overdue, watch, withWatch } from './lateness.ts';
import { hold, pauseDue, pauseWakeups } from './pauses.ts';
import { forget, retain } from './retention.ts';
import { isForsaken } from './retry.ts';
import { evaluate } from './start.ts';
import type { ReadonlyState } from './state.ts';
import { abandoned, cancel, due, shutdown } from './termination.ts';

export function decide(state: ReadonlyState, command: Command, catalog: Catalog): Decision {
  const decision = withWatch(state, decideOne(state, command, catalog), catalog);
  return withHooks(state, decision, command, catalog);
}

function decideOne(state: ReadonlyState, command: Command, catalog: Catalog): Decision {
  switch (command.type) {
    case 'submit':
      return submit(state, command, catalog);
    case 'cancel':
      return cancel(state, command, catalog);
    case 'pause':
    case 'resume':
      return hold(state, command, catalog);
    case 'pause-due':
      return pauseDue(state, command);
    case 'forget':
      return forget(state, command, catalog);
    case 'kept':
      return kept(state, command, catalog);
    case 'reported':
      return reported(state, command, catalog);
    case 'gone':
      return gone(state, command, catalog);
    case 'found':
      return found(state, command, catalog);
    case 'vacated':
      return vacated(state, command);
    case 'recover':
      return recover(state, command, catalog);
    case 'due':
      return due(state, command, catalog);
    case 'shutdown':
      return shutdown(state, command);
    case 'evaluate':
      return evaluate(state, command, catalog);
    case 'configured':
      return configured(state, command, catalog);
    case 'overdue':
      return overdue(state, command, catalog);
    case 'retain':
      return retain(state, command);
    default:
      throw new Error(`Internal error: command ${JSON.stringify(command satisfies never)}`);
  }
}

function configured(
  state: ReadonlyState,
  { at }: CommandOf<'configured'>,
  catalog: Catalog,
): Decision {
  const events: Event[] = [];
  for (const [name, { queue }] of state.targetStates) {
    const isRemoved = !catalog.targets.has(name);
    for (const number of queue) {
      if (events.length >= ENDED_AT_ONCE_MAX) {
        return { ...NOTHING, events, rest: { type: 'configured' } };
      }
      const run = state.runs.get(number);
      if (run?.state !== 'queued') continue;
      // Those that have been started before come first.
      if (!isRemoved && run.attempts === undefined) break;
      if (!isRemoved && !isForsaken(run, catalog)) continue;
      events.push(abandoned(run, at, { kind: 'skipped', reason: removed() }, catalog));
    }
  }
  const watched = watch(state, at, catalog, events);
  const more = watched.events.slice(0, ENDED_AT_ONCE_MAX - events.length);
  if (more.length < watched.events.length) {
    return { ...NOTHING, events: [...events, ...more], rest: { type: 'configured' } };
  }
  return {
    ...watched,
    wakeups: [...watched.wakeups, ...allClosingWakeups(state, at, catalog), ...pauseWakeups(state)],
    events: [...events, ...watched.events],
    touched: [...state.targetStates.keys()],
  };
}
