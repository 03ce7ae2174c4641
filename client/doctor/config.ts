/** The configuration, as `batond --check` judges it, in a separate process. */
import { join } from 'node:path';
import { EXIT } from '../../daemon/protocol/request.ts';
import * as say from './doctor-messages.ts';
import { type Finding, note, ok, type Trouble, troubleOf, wrong } from './finding.ts';
import { type Answer, run } from './limits.ts';

export const BATOND = join(import.meta.dirname, '../daemon/batond.cjs');
/** It checks the conditions of targets, for at most 15 s, and imports plugins. */
const CHECK_MS = 30_000;
export const CONFIG_MS = CHECK_MS + 5_000;
/** Most mistakes and warnings that are shown. */
const SHOWN_MAX = 5;
const EXPECTED = 'a configuration without errors';
const MISTAKE = /^(.*?): expected (.*); found (.*)$/;
/** Keys that contain a command, or its input. */
const PRIVATE = /\b(?:args|cmds|command|env|passphrase)\b/;

export async function checkConfig(path: string | undefined): Promise<Answer> {
  const named = path === undefined ? [] : ['--config', path];
  return await run([process.execPath, BATOND, '--check', ...named], CHECK_MS);
}

/** `path` is undefined if batond finds the file itself. */
export function judgeConfig(
  { code, stdout, stderr, how }: Answer,
  path: string | undefined,
  isRoot: boolean,
): readonly Finding[] {
  const lines = stdout.split('\n');
  const [summary = ''] = lines;
  const file = path ?? /^(.*): \d+ targets?$/.exec(summary)?.[1] ?? 'the configuration';
  const todo = 'fix it, and run "batond --check"';
  if (code !== 0 && code !== EXIT.config) return [wrong('config', say.uncheckedConfig(how))];
  const mistakes = stderr.split('\n').flatMap((line) => /^batond: (.*)/.exec(line)?.[1] ?? []);
  const isUnread = mistakes.length === 1 && / \((?:EACCES|EPERM)\)/.test(mistakes[0] ?? '');
  if (isUnread && !isRoot) return [note('config', say.unreadConfig(file))];
  const wrongs = [
    ...mistakes.map((line) => mistakeIn(line, todo)),
    ...textsOf(lines, 'problem').map((text) => troubleOf(text, 'a target that can run', todo)),
  ];
  const notes = textsOf(lines, 'warning').map((text) => troubleOf(text, 'no warnings', todo));
  const found = [...shorten(wrongs, file, wrong), ...shorten(notes, file, note)];
  return found.length > 0 ? found : [ok('config', summary)];
}

/** The mode of a socket, if the configuration has it. */
export function modeInConfig({ stdout }: Answer, socket: string): number | undefined {
  const line = stdout.split('\n').find((it) => it.startsWith(`  socket ${socket}: `));
  const mode = /[:,] mode (\d{4}),/.exec(line ?? '')?.[1];
  return mode === undefined ? undefined : Number.parseInt(mode, 8);
}

function textsOf(lines: readonly string[], kind: string): readonly string[] {
  const start = `${kind}: `;
  return lines.flatMap((line) => (line.startsWith(start) ? line.slice(start.length) : []));
}

/** "FILE:1:30: targets.a.runner: expected X; found Y". Reports may be published. */
function mistakeIn(line: string, todo: string): Trouble {
  const [, place = '', expected = '', found = ''] = MISTAKE.exec(line) ?? [];
  if (place === '') return troubleOf(line, EXPECTED, todo);
  const isPrivate = PRIVATE.test(place.slice(place.indexOf(': ')));
  return { found: `${place}: ${isPrivate ? 'something else' : found}`, expected, todo };
}

function shorten(
  all: readonly Trouble[],
  file: string,
  make: typeof wrong | typeof note,
): readonly Finding[] {
  const shown = all.slice(0, SHOWN_MAX).map((it) => make('config', it));
  const left = all.length - shown.length;
  return left === 0 ? shown : [...shown, make('config', say.moreFaults(left, file))];
}
