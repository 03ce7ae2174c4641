/** What a systemd service runs: the words of its commands, and their environment. Pure. */
import { allOf, type UnitFile } from './unit-file.ts';
import * as say from './unit-messages.ts';
import {
  expandSpecifiers,
  expandVariables,
  type Read,
  splitCommands,
  splitWords,
  type UnitName,
} from './unit-words.ts';

export type Environment = Readonly<Record<string, string>>;

export interface Commands {
  readonly commands: readonly (readonly string[])[];
  /** Whatever their status is: each has the prefix `-`. */
  readonly isForgiven: boolean;
}

export interface Command {
  readonly words: readonly string[];
  readonly isForgiven: boolean;
}

/** What a service may run; `env` has the variables for the command lines. */
export function commandsOf(unit: UnitFile, name: UnitName, env: Environment): Read<Commands> {
  const read = wordsOf(unit, name, env);
  if (!read.ok) return read;
  const all = read.value;
  const [first] = all;
  if (first === undefined) return { ok: false, why: say.noCommand() };
  if (all.some(({ words: [program = ''] }) => /(?:^|\/)baton$/.test(program))) {
    return { ok: false, why: say.isBatons() };
  }
  const { isForgiven } = first;
  if (all.some((one) => one.isForgiven !== isForgiven))
    return { ok: false, why: say.forgivesOne() };
  return { ok: true, value: { commands: all.map(({ words }) => words), isForgiven } };
}

/** Each command of a service. */
export function wordsOf(
  unit: UnitFile,
  name: UnitName,
  env: Environment,
): Read<readonly Command[]> {
  const all: Command[] = [];
  for (const line of allOf(unit, 'Service', 'ExecStart')) {
    const split = splitCommands(line);
    if (!split.ok) return split;
    for (const words of split.value) {
      const read = readCommand(words, name, env);
      if (!read.ok) return read;
      all.push(read.value);
    }
  }
  return { ok: true, value: all };
}

function readCommand(words: readonly string[], name: UnitName, env: Environment): Read<Command> {
  const [first = '', ...rest] = words;
  const [, prefix = '', program = ''] = /^([-@:+!|]*)(.*)$/s.exec(first) ?? [];
  if (/[@+!|]/.test(prefix)) return { ok: false, why: say.oddPrefix(first) };
  const expanded = expandAll([program, ...rest], name);
  if (!expanded.ok) return expanded;
  const [whole = '', ...others] = expanded.value;
  const read = prefix.includes(':') ? expanded : expandVariables(others, env);
  if (!read.ok) return read;
  const args = prefix.includes(':') ? others : read.value;
  return { ok: true, value: { words: [whole, ...args], isForgiven: prefix.includes('-') } };
}

/** What `Environment=` sets. */
export function environmentOf(unit: UnitFile, name: UnitName): Read<Environment> {
  const env: Record<string, string> = {};
  for (const line of allOf(unit, 'Service', 'Environment')) {
    const split = splitWords(line);
    if (!split.ok) return split;
    const read = expandAll(split.value, name);
    if (!read.ok) return read;
    for (const word of read.value) {
      const [, key, value = ''] = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s.exec(word) ?? [];
      if (key === undefined) return { ok: false, why: say.wrongValue('Environment', word) };
      env[key] = value;
    }
  }
  return { ok: true, value: env };
}

function expandAll(words: readonly string[], name: UnitName): Read<readonly string[]> {
  const all: string[] = [];
  for (const word of words) {
    const read = expandSpecifiers(word, name);
    if (!read.ok) return read;
    all.push(read.value);
  }
  return { ok: true, value: all };
}
