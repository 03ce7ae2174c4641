/** Texts that describe a pause and how to end it. */
import type { PauseScope } from '../shared/run.ts';

export function describePause(scope: PauseScope): string {
  const ends = `"${resumeCommand(scope)}"`;
  if ('target' in scope) return `target ${scope.target} is paused; ${ends} ends the pause`;
  if ('group' in scope) return `group ${scope.group} is paused; ${ends} ends the pause`;
  return `all targets are paused; ${ends} ends the pause`;
}

/** Can be typed as it is. */
export function resumeCommand(scope: PauseScope): string {
  if ('target' in scope) return `baton resume ${scope.target}`;
  return `baton resume ${'group' in scope ? `--group ${inShell(scope.group)}` : '--all'}`;
}

/** A group can have any name. */
function inShell(name: string): string {
  return /^[\w./:@%+,-]+$/.test(name) ? name : `'${name.replaceAll("'", "'\\''")}'`;
}
