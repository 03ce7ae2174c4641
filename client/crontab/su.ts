/**
 * The words after su and runuser: the user of the command, and where it is. Options may be
 * anywhere, and the command is a text for a shell, unless -u names the user. Pure.
 */
import * as say from './migration-messages.ts';
import type { ShellWord } from './shell.ts';
import { readOptions, type Wrapper } from './wrappers.ts';

export type SuRead =
  | {
      readonly kind: 'text';
      readonly user: string;
      readonly command: ShellWord;
      readonly isLogin: boolean;
    }
  /** As in sudo: this many words are its own, and the command follows them. */
  | { readonly kind: 'words'; readonly user: string; readonly count: number }
  | { readonly kind: 'unclear'; readonly why: string };

/** Stands for a word that only the shell knows; no argument can contain it. */
export const DYNAMIC = '\0';

export function readSu(wrapper: Wrapper, program: string, words: readonly ShellWord[]): SuRead {
  let command: ShellWord | undefined;
  let user: string | undefined;
  let isLogin = false;
  for (let at = 0; at < words.length; at++) {
    const { value = DYNAMIC } = words[at] ?? {};
    if (value === '-') isLogin = true;
    if (value === '-') continue;
    if (!value.startsWith('-')) {
      user ??= value;
      continue;
    }
    const read = readOptions(wrapper, [value, words[at + 1]?.value ?? DYNAMIC]);
    if (!read.ok) return { kind: 'unclear', why: say.unknownOption(program, read.odd) };
    const [option] = read.options.slice(-1);
    isLogin ||= read.options.some(({ name }) => name === 'l' || name === 'login');
    if (option?.value === undefined) continue;
    const isAttached = value.endsWith(option.value) && value !== option.value;
    if (!isAttached) at++;
    const isCommand = option.name === 'c' || option.name === 'command';
    if (isCommand && isAttached) return { kind: 'unclear', why: say.splitQuotes() };
    if (isCommand) command = words[at];
    if (option.name === 'u' || option.name === 'user') {
      const count = at + 1 + (words[at + 1]?.value === '--' ? 1 : 0);
      return { kind: 'words', user: option.value, count };
    }
  }
  if (command === undefined) return { kind: 'unclear', why: say.startedBy(program) };
  if (user === DYNAMIC) return { kind: 'unclear', why: say.unknownWord('its user') };
  return { kind: 'text', user: user ?? 'root', command, isLogin };
}
