/**
 * Finds the calls of rsnapshot and baton in a crontab line: where a shell looks for a program, also
 * after wrappers and in `sh -c`. A path, a tag or an argument named rsnapshot is not a call. Calls
 * on other machines do not count. A call that cannot be rewritten safely says why. Pure.
 */
import { type BatonCall, batonCall } from './baton-call.ts';
import { type Carried, merge, NOTHING_CARRIED } from './carried.ts';
import type { CronLine } from './crontab.ts';
import type { Edits } from './edits.ts';
import * as say from './migration-messages.ts';
import {
  readShell,
  type ShellRead,
  type ShellWord,
  type SimpleCommand,
  type Span,
} from './shell.ts';
import { type Context, unwrap } from './unwrap.ts';

export interface RsnapshotCall {
  readonly kind: 'rsnapshot';
  readonly conf: string;
  readonly level: string;
  /** The program and its arguments, unchanged. */
  readonly argv: readonly string[];
  readonly carried: Carried;
  /** In the command of the line, as the shell gets it. */
  readonly edits: Edits;
  /** Why it cannot be rewritten. */
  readonly unclear?: string;
  /** Levels that have to succeed before it, or it is skipped. */
  readonly needs: readonly string[];
  /** It only looks like a call. */
  readonly isGuess?: boolean;
}

export type Call = RsnapshotCall | BatonCall;

/** Where rsnapshot reads its configuration without `-c`. */
export const CONF_DEFAULT = '/etc/rsnapshot.conf';

/** cron's environment for a command whose crontab sets none. */
export const PATH_DEFAULT = '/usr/bin:/bin';

/** Commands of rsnapshot that start no run (sync does). */
const OTHERS = [
  ...['configtest', 'du', 'diff', 'help', 'version', 'version_only', 'check-config-version'],
  ...['upgrade-config-file', 'upgrade-config', 'get-latest-snapshot', 'print-config'],
];
const FLAGS = 'vtxqVD';
/** Programs for which a command is just text, or a file. */
const QUOTING =
  /(?:^|\/)(?:echo|printf|logger|test|\[|ls|chmod|chown|cp|mv|rm|ln|which|type|stat)$/;

const PRINTING = /(?:^|\/)(?:echo|printf)$/;
/** Programs that read commands. */
const READING = /(?:^|\/)(?:at|batch|sh|dash|bash|ssh|xargs|parallel)$/;

const NOWHERE: Edits = { removed: [], replaced: { pos: 0, end: 0 }, keeps: false };

export function callsOf(
  line: Pick<CronLine, 'command' | 'settings' | 'startedBy'>,
): readonly Call[] {
  const context = contextOf(line);
  const read = readShell(line.command, context.isBash, context.variables);
  return search(read, context, { offset: 0, carried: NOTHING_CARRIED });
}

/** The shell that cron starts for a line, and its variables. */
export function contextOf(line: Pick<CronLine, 'settings' | 'startedBy'>): Context {
  const variables: Record<string, string> = { PATH: PATH_DEFAULT, ...settingsOf(line.settings) };
  return { isBash: /(?:^|\/)bash$/.test(shellOf(line)), variables };
}

export function shellOf({ settings, startedBy }: Pick<CronLine, 'settings' | 'startedBy'>): string {
  const shell = startedBy === undefined ? settingsOf(settings)['SHELL'] : undefined;
  return shell ?? '/bin/sh';
}

export function settingsOf({ all, count }: CronLine['settings']): Readonly<Record<string, string>> {
  return Object.fromEntries(all.slice(0, count).map(({ name, value }) => [name, value]));
}

/** Position of a script in the line, its surroundings, and why it cannot be changed. */
interface Surroundings {
  readonly offset?: number;
  readonly carried: Carried;
  readonly unclear?: string;
}

function search(read: ShellRead, context: Context, around: Surroundings): readonly Call[] {
  const found: { readonly at: Span; readonly call: Call }[] = [];
  for (const at of read.commands) {
    const { preconditions } = read.structure;
    const earlier =
      found.length === 0 ? [] : preconditions.filter(({ part }) => isWithin(at, part));
    const levels = found.flatMap(({ at: other, call }) =>
      call.kind === 'rsnapshot' && earlier.some(({ needed }) => isWithin(other, needed))
        ? call.level
        : [],
    );
    for (const call of callsIn(read, at, context, around)) {
      const needs = call.kind === 'baton' ? call : { ...call, needs: [...levels, ...call.needs] };
      found.push({ at, call: needs });
    }
  }
  return found.map(({ call }) => call);
}

function isWithin(inner: Span, outer: Span): boolean {
  return outer.pos <= inner.pos && inner.end <= outer.end;
}

/** The calls in one of its simple commands. */
function callsIn(
  read: ShellRead,
  command: SimpleCommand,
  context: Context,
  around: Surroundings,
): readonly Call[] {
  const job = unwrap(command, context);
  const unclear = read.why ?? around.unclear;
  switch (job.kind) {
    case 'nothing':
    case 'elsewhere':
      return [];
    case 'unknown':
      return guess(job.words, unclear ?? job.unclear);
    case 'script': {
      const { at, carried } = job;
      const moved =
        at === undefined || around.offset === undefined ? {} : { offset: around.offset + at };
      const odd = unclear ?? job.unclear ?? heldBack(carried);
      const inner = { isBash: job.isBash, variables: context.variables };
      return search(job.read, inner, {
        ...moved,
        // Locks and a timeout still apply to all of it, in the line.
        carried: merge(around.carried, { ...withoutTimes(carried), locks: [] }),
        ...(odd === undefined ? {} : { unclear: odd }),
      });
    }
    case 'program': {
      const carried = merge(around.carried, job.carried);
      const call = callOf(job.words, carried);
      if (call === undefined)
        return [...fed(read, command, job.words), ...guessArgument(job.words)];
      if (call.kind === 'baton') return [call];
      const edits = around.offset === undefined ? NOWHERE : moveEdits(job.edits, around.offset);
      const why = unclear ?? job.unclear ?? call.unclear;
      return [{ ...call, edits, ...(why === undefined ? {} : { unclear: why }) }];
    }
    default:
      return job satisfies never;
  }
}

/** What starts a script of several commands stays in the line, so it has to be harmless. */
function heldBack({ user, inside }: Carried): string | undefined {
  if (user !== undefined) return say.insideOf(`su or sudo (${user})`);
  return inside[0] === undefined ? undefined : say.insideOf(inside[0]);
}

function withoutTimes({ timeout: _, killAfter: __, ...rest }: Carried): Carried {
  return rest;
}

function moveEdits({ removed, replaced, keeps }: Edits, by: number): Edits {
  const move = ({ pos, end }: Span): Span => ({ pos: pos + by, end: end + by });
  return { removed: removed.map(move), replaced: move(replaced), keeps };
}

function callOf(words: readonly ShellWord[], carried: Carried): Call | undefined {
  const [program] = words;
  const name = program?.value ?? program?.found ?? '';
  if (/(?:^|\/)baton$/.test(name))
    return batonCall(words.slice(1).map((it) => it.value ?? it.text));
  return isRsnapshot(name) ? rsnapshotCall(name, words.slice(1), carried) : undefined;
}

export function isRsnapshot(name: string): boolean {
  return /(?:^|\/)rsnapshot(?:-\d[\d.]*)?(?:\.pl)?$/.test(name);
}

/** As its Getopt::Std does: options first, then the action. */
function rsnapshotCall(
  program: string,
  words: readonly ShellWord[],
  carried: Carried,
): RsnapshotCall | undefined {
  let conf = CONF_DEFAULT;
  let at = 0;
  for (; at < words.length; at++) {
    const text = words[at]?.value ?? words[at]?.text ?? '';
    if (text === '--') at++;
    if (text === '--' || !/^-./.test(text)) break;
    const letters = text.slice(1);
    const c = letters.indexOf('c');
    const flags = c < 0 ? letters : letters.slice(0, c);
    if ([...flags].some((letter) => !FLAGS.includes(letter))) return undefined;
    // It prints what it would do, and takes no lock.
    if (flags.includes('t')) return undefined;
    if (c < 0) continue;
    conf = letters.slice(c + 1);
    if (conf === '') {
      at++;
      conf = words[at]?.value ?? words[at]?.text ?? '';
    }
  }
  const verb = words[at];
  const level = verb?.value ?? verb?.text ?? '';
  if (level === '' || OTHERS.includes(level)) return undefined;
  const odd = words.find(({ value }) => value === undefined);
  const argv = [program, ...words.map(({ value, text }) => value ?? text)];
  const unclear = odd === undefined ? {} : { unclear: say.unknownWord(odd.text) };
  return { kind: 'rsnapshot', conf, level, argv, carried, edits: NOWHERE, needs: [], ...unclear };
}

/** For a program that makes a command from its words: those that would be a call. */
function guess(words: readonly ShellWord[], unclear: string): readonly RsnapshotCall[] {
  const plain = words.flatMap((word): readonly ShellWord[] => {
    const parts = (word.value ?? word.whole ?? word.text).split(/[\s;&|"']+/);
    return parts.length === 1 ? [word] : parts.map((text) => ({ ...word, text, value: text }));
  });
  const at = plain.findIndex(({ value = '' }) => isRsnapshot(value));
  if (at < 0) return [];
  const call = rsnapshotCall(plain[at]?.value ?? '', plain.slice(at + 1), NOTHING_CARRIED);
  return call === undefined ? [] : [{ ...call, unclear, isGuess: true }];
}

/** Text that is piped into a program that reads commands. */
function fed(
  { structure, commands }: ShellRead,
  command: SimpleCommand,
  words: readonly ShellWord[],
): readonly RsnapshotCall[] {
  if (!PRINTING.test(words[0]?.value ?? '')) return [];
  const pipe = structure.pipes.find(({ from }) => isWithin(command, from));
  const reader = commands.find((it) => pipe !== undefined && isWithin(it, pipe.to));
  const name = reader?.words[0]?.value ?? '';
  if (!READING.test(name)) return [];
  const plain = words.slice(1).map((word) => ({
    ...word,
    // Line ends, as in echo and printf.
    value: (word.value ?? word.whole ?? word.text).replaceAll('\\n', ' '),
  }));
  return guess(plain, say.startedBy(name));
}

/** An unknown program whose last words are a complete call. */
function guessArgument(words: readonly ShellWord[]): readonly RsnapshotCall[] {
  const [program] = words;
  const name = program?.value ?? '';
  const at = words.findIndex(
    ({ value = '' }, place) => place > 0 && /^\/.*\/rsnapshot$/.test(value),
  );
  if (at < 0 || QUOTING.test(name)) return [];
  const call = rsnapshotCall(words[at]?.value ?? '', words.slice(at + 1), NOTHING_CARRIED);
  if (call === undefined || call.argv.at(-1) !== call.level) return [];
  return [{ ...call, unclear: say.startedBy(name), isGuess: true }];
}
