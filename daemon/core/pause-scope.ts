/** What a pause affects, as its key in the state. Pure. */
import type { PauseScope } from '../shared/run.ts';

export function pauseKey(scope: PauseScope): string {
  if ('target' in scope) return `target ${scope.target}`;
  return 'group' in scope ? `group ${scope.group}` : 'all';
}

/** Only the scope fields of an event or command. */
export function scopeOf(scope: PauseScope): PauseScope {
  if ('target' in scope) return { target: scope.target };
  return 'group' in scope ? { group: scope.group } : { all: true };
}
