/** Requests to pause and to resume: a target, all groups with a name, or everything. */
import type { CommandInput } from '../core/command.ts';
import { pauseKey } from '../core/pause-scope.ts';
import { pausesOf } from '../core/pauses.ts';
import type { Loop } from '../engine/loop.ts';
import { resumeCommand } from '../protocol/pause-text.ts';
import * as say from '../protocol/refusal-text.ts';
import { EXIT } from '../protocol/request.ts';
import type { PauseScope } from '../shared/run.ts';
import type { Refusals } from './refusals.ts';
import { finishWith, type Of, type Responder } from './responder.ts';

/** Most targets in one reply. */
const NAMED_MAX = 5;

export function pause(
  request: Of<'pause' | 'resume'>,
  responder: Responder,
  loop: Loop,
  refusals: Refusals,
): void {
  const { target, group, all } = request;
  const scopes: readonly PauseScope[] = [
    ...(target === undefined ? [] : [{ target }]),
    ...(group === undefined ? [] : [{ group }]),
    ...(all === undefined ? [] : [{ all }]),
  ];
  const [scope] = scopes;
  if (scope === undefined || scopes.length > 1) {
    const reason = say.wrongScope(scopes.length);
    return finishWith(responder, { type: 'refused', exit: EXIT.usage, reason });
  }
  loop.post(inputOf(request, scope), (answer) => {
    if (answer.type !== 'done') return refusals.refuse(responder, target ?? '', answer);
    const text = request.type === 'resume' ? stillPaused(scope, loop) : undefined;
    finishWith(responder, { type: 'done', ...(text === undefined ? {} : { text }) });
  });
}

function inputOf(request: Of<'pause' | 'resume'>, scope: PauseScope): CommandInput {
  if (request.type === 'resume') return { type: 'resume', ...scope };
  const { forMs } = request;
  return { type: 'pause', ...scope, ...(forMs === undefined ? {} : { forMs }) };
}

/** Which part of the resumed targets another pause still affects. */
function stillPaused(scope: PauseScope, { state, catalog }: Loop): string | undefined {
  if ('target' in scope) return staysPaused(scope.target, pausesOf(state, scope.target, catalog));
  if ('group' in scope) {
    return staysPaused(
      `group ${scope.group}`,
      [state.pauses.get(pauseKey({ all: true })) ?? []].flat(),
    );
  }
  const names = [...state.pauses.values()].flatMap((it) =>
    'target' in it ? it.target : 'group' in it ? `group ${it.group}` : [],
  );
  if (names.length === 0) return undefined;
  const more = names.length - NAMED_MAX;
  const named = names.slice(0, NAMED_MAX);
  return say.stayPaused(more > 0 ? [...named, `${more} more`] : named);
}

function staysPaused(what: string, pauses: readonly PauseScope[]): string | undefined {
  return pauses.length === 0 ? undefined : say.staysPaused(what, pauses.map(resumeCommand));
}
