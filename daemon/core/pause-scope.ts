/** What a pause holds up, as the key of its place in the state. Pure. */
import type { PauseScope } from '../shared/run.ts';

export function pauseKey(scope: PauseScope): string {
  if ('target' in scope) return `target ${scope.target}`;
  return 'group' in scope ? `group ${scope.group}` : 'all';
}

/** Without what else an event or a command says. */
export function scopeOf(scope: PauseScope): PauseScope {
  if ('target' in scope) return { target: scope.target };
  return 'group' in scope ? { group: scope.group } : { all: true };
}
