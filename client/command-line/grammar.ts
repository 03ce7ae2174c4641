/**
 * Parses a command line: pure functions from words and flags, as split by meow (client/cli.ts), to
 * an `Invocation`. Only client/command-line/manual.ts defines which verbs and options exist. There
 * is no guessing: what is not understood is a mistake, in one sentence.
 */
import { didYouMean } from '../../daemon/protocol/request.ts';
import { type Flags, Mistake, TypedFlags } from './flags.ts';
import { COMMANDS, type Command } from './invocation.ts';
import { GLOBAL_OPTIONS } from './manual/place.ts';
import type { Operands, Verb } from './manual/verb.ts';
import { findVerb, OPTIONS, optionOf, VERBS } from './manual.ts';
import * as say from './usage-errors.ts';

interface Invocation {
  readonly command: Command;
  readonly socket: string | undefined;
  readonly connectTimeoutMs: number | undefined;
  /** Replaces every exit status that is not that of the command. */
  readonly errorCode: number | undefined;
}

export type Parsed =
  | { readonly ok: true; readonly invocation: Invocation }
  | { readonly ok: false; readonly mistake: string };

const ERROR_CODE_MAX = 255;
const NO_OPERANDS: Operands = { show: '', least: 0, most: 0, completes: [] };

/** Parses the words and flags of a command line; `rest` is for the command of a run. */
export function invocationOf(
  input: readonly string[],
  flags: Flags,
  rest: readonly string[] = [],
): Parsed {
  try {
    return { ok: true, invocation: judge(input, flags, rest) };
  } catch (error) {
    if (error instanceof Mistake) return { ok: false, mistake: error.message };
    throw error;
  }
}

function judge(input: readonly string[], flags: Flags, rest: readonly string[]): Invocation {
  checkFlags(flags);
  const typed = new TypedFlags(flags);
  const connectTimeoutMs = typed.duration('connectTimeout');
  const errorCode = typed.count('errorCode', ERROR_CODE_MAX, '-E');
  const command = commandOf(input, typed, rest);
  return { command, socket: typed.text('socket'), connectTimeoutMs, errorCode };
}

function checkFlags(flags: Flags): void {
  const known = OPTIONS.map(({ name }) => name);
  for (const name of Object.keys(flags)) {
    if (known.includes(name)) continue;
    const hint = name.length > 1 ? didYouMean(name, known, optionOf) : '';
    throw new Mistake(say.unknownOption(optionOf(name), hint));
  }
}

function commandOf(input: readonly string[], typed: TypedFlags, rest: readonly string[]): Command {
  const [name, ...words] = input;
  if (typed.is('help')) {
    return name === undefined ? { verb: 'help' } : { verb: 'help', about: verbOf(name).name };
  }
  if (typed.is('version')) return { verb: 'version' };
  const target = typed.text('target');
  if (typed.is('status') || target !== undefined) return oldCommandOf(input, typed, target);
  if (name === undefined) throw new Mistake(say.noCommand());
  const verb = verbOf(name);
  checkOptions(name, typed, verb.options);
  checkWords(name, words, verb.operands);
  if (verb.name === 'help' && words[0]) return { verb: 'help', about: verbOf(words[0]).name };
  return COMMANDS[verb.name](words, typed, rest);
}

function verbOf(name: string): (typeof VERBS)[number] {
  const verb = findVerb(name);
  if (verb !== undefined) return verb;
  const kin = VERBS.find(({ elsewhere }) => elsewhere?.includes(name) === true);
  const known = VERBS.filter(({ isHidden }) => isHidden !== true).map((it) => it.name);
  const hint = kin === undefined ? didYouMean(name, known) : say.meant(kin.name);
  throw new Mistake(say.unknownCommand(name, hint));
}

/** py9tor's two: `-t TARGET`, with or without `--wait`, and `-s`. */
function oldCommandOf(
  input: readonly string[],
  typed: TypedFlags,
  target: string | undefined,
): Command {
  const name = target === undefined ? '-s' : '-t TARGET';
  if (target !== undefined && typed.is('status')) {
    throw new Mistake(say.bothGiven('options', '-t', '-s'));
  }
  const known = target === undefined ? ['status'] : ['target', 'wait', 'errorCode'];
  checkOptions(
    name,
    typed,
    OPTIONS.filter((option) => known.includes(option.name)),
  );
  checkWords(name, input);
  return target === undefined
    ? { verb: 'status', json: true }
    : { verb: 'run', target, wait: typed.is('wait') };
}

function checkOptions(name: string, typed: TypedFlags, options: Verb['options']): void {
  const known = [...GLOBAL_OPTIONS, ...options].map((option) => option.name);
  const odd = typed.names().find((it) => !known.includes(it));
  if (odd === undefined) return;
  // -w is an option of `status`; after `run` most people mean --wait.
  const isWait = odd === 'watch' && options.some((option) => option.name === 'wait');
  throw new Mistake(isWait ? say.waitMeant(name) : say.foreignOption(name, optionOf(odd)));
}

function checkWords(name: string, words: readonly string[], operands = NO_OPERANDS): void {
  const extra = words[operands.most];
  if (extra !== undefined) throw new Mistake(say.extraWord(name, extra));
  for (let at = 0; at < operands.least; at++) {
    if (words[at]) continue;
    const expected = operands.show.replaceAll(' | ', ' or ');
    throw new Mistake(say.missingWord(name, expected));
  }
}
