/**
 * What a local target needs at 03:00 and this machine does not have now: its program, directory,
 * user and group; and words that only a shell would understand. None of it is a mistake of the
 * configuration, since it may be there by then: `batond --check` warns of it.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, type Stats, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import * as say from './local-messages.ts';

/** What a run has where `env` does not say otherwise, as under cron. */
const PATH_DEFAULT = '/usr/bin:/bin';
/** Where else administrators' programs are. */
const OTHER_PLACES = ['/usr/local/bin', '/usr/local/sbin', '/usr/sbin', '/sbin', '/snap/bin'];
/** Those that hand their words to a shell, or have a meaning of their own for its signs. */
const SHELLS = /^(?:(?:ba|da|k|z|c|tc|fi)?sh|ssh|su|runuser|expr|test|\[|eval|xargs|watch|script)$/;
/** A word that is nothing but a sign of the shell, or that it would replace. */
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
    // What is relative to a home is not known here.
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

/** In the files, or wherever else this machine looks; where that cannot be asked, yes. */
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
