/**
 * Finds what a local target will need at 03:00 but this machine does not have now: its program,
 * directory, user and group; and words that only a shell would interpret. These are warnings of
 * `batond --check`, not mistakes of the configuration, because they may exist later.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, type Stats, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import * as say from './local-messages.ts';

/** The PATH of a run if `env` does not set it, as under cron. */
const PATH_DEFAULT = '/usr/bin:/bin';
/** Other places with administrators' programs. */
const OTHER_PLACES = ['/usr/local/bin', '/usr/local/sbin', '/usr/sbin', '/sbin', '/snap/bin'];
/** Programs that pass their arguments to a shell, or interpret shell characters themselves. */
const SHELLS = /^(?:(?:ba|da|k|z|c|tc|fi)?sh|ssh|su|runuser|expr|test|\[|eval|xargs|watch|script)$/;
/** A word that is just a shell operator, or that a shell would expand. */
const SHELL_WORD =
  /^(?:&&|\|\|?|&|[0-9]*(?:>>?|<)(?:&[0-9-])?|[0-9]*>>?\/.*|&>>?.*|~\/.*|\$\{?[A-Za-z_]\w*\}?(?:\/.*)?)$|\$\(/;

export interface LocalCommand {
  readonly args?: readonly string[];
  readonly cmds?: readonly (readonly string[])[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly user?: string | number;
  readonly group?: string | number;
}

export function inspectLocal(options: LocalCommand): readonly string[] {
  const { args, cmds = [], cwd, env, user, group } = options;
  const path = env?.['PATH'] ?? PATH_DEFAULT;
  const commands = args === undefined ? cmds : [args];
  return [
    ...commands.flatMap((words) => inspectWords(words, path, cwd)),
    ...(cwd === undefined ? [] : inspectDirectory(cwd)),
    ...(user === undefined || exists('passwd', user) ? [] : [say.noSuchUser(user)]),
    ...(group === undefined || exists('group', group) ? [] : [say.noSuchGroup(group)]),
  ];
}

function inspectWords(
  words: readonly string[],
  path: string,
  cwd: string | undefined,
): readonly string[] {
  const [program = '', ...rest] = words;
  const shellWord = SHELLS.test(basename(program)) ? undefined : rest.find(isShellWord);
  const shell = shellWord === undefined ? [] : [say.shellSyntax(shellWord)];
  return [...inspectProgram(program, rest.length === 0, path, cwd), ...shell];
}

function isShellWord(word: string): boolean {
  return SHELL_WORD.test(word);
}

function inspectProgram(
  program: string,
  isAlone: boolean,
  path: string,
  cwd: string | undefined,
): readonly string[] {
  if (program.startsWith('~/') || program.startsWith('$')) return [say.shellSyntax(program)];
  if (program.includes('/')) {
    // Paths relative to a home directory cannot be checked here.
    if (!program.startsWith('/') && cwd === undefined) {
      return isAlone && /\s/.test(program) ? [say.oneWord(program)] : [];
    }
    const file = program.startsWith('/') ? program : join(cwd ?? '', program);
    const why = whyNotRun(file);
    if (why === undefined) return [];
    return [isAlone && /\s/.test(program) ? say.oneWord(program) : say.noProgram(file, why)];
  }
  const places = path.split(':').filter((place) => place.startsWith('/'));
  if (findIn(places, program) !== undefined) return [];
  if (isAlone && /\s/.test(program)) return [say.oneWord(program)];
  return [say.notInPath(program, path, findIn(OTHER_PLACES, program))];
}

function findIn(places: readonly string[], program: string): string | undefined {
  return places.map((place) => join(place, program)).find((file) => whyNotRun(file) === undefined);
}

function whyNotRun(file: string): string | undefined {
  const stats = statOf(file);
  if (stats === undefined) return 'does not exist';
  if (!stats.isFile()) return 'is not a file';
  try {
    accessSync(file, constants.X_OK);
    return undefined;
  } catch {
    return 'is not executable';
  }
}

function inspectDirectory(cwd: string): readonly string[] {
  const stats = statOf(cwd);
  if (stats?.isDirectory() === true) return [];
  return [say.noCwd(cwd, stats === undefined ? 'does not exist' : 'is not a directory')];
}

/** In the files, or in any other source of this machine; true if that cannot be checked. */
function exists(database: 'passwd' | 'group', who: string | number): boolean {
  // A number needs no entry.
  if (typeof who === 'number' || /^\d+$/.test(who)) return true;
  const { status } = spawnSync('getent', [database, '--', who], { stdio: 'ignore' });
  return status !== 2;
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}
