/**
 * What a simple command of a crontab starts in the end, behind nice, flock, sudo, `sh -c` and the
 * like (client/crontab/wrappers.ts), and what of these a target has to have. Pure.
 */
import * as say from './migration-messages.ts';
import {
  readShell,
  type ShellRead,
  type ShellWord,
  type SimpleCommand,
  type Span,
  type Variables,
} from './shell.ts';
import { type Option, readOptions, type Wrapper, wrapperOf } from './wrappers.ts';

/** Of a target, by its keys; see runners/local.ts. */
export interface Carried {
  readonly nice?: number;
  readonly ionice?: string;
  readonly timeout?: string;
  readonly killAfter?: string;
  readonly user?: string;
  readonly group?: string;
  readonly cwd?: string;
  readonly env: Readonly<Record<string, string>>;
  readonly locks: readonly Lock[];
  /** Words that go before the program in `args`. */
  readonly inside: readonly string[];
  /** What to know, as sentences. */
  readonly notes: readonly string[];
}

export interface Lock {
  readonly path: string;
  /** What happens while another one has it. */
  readonly whenFull: 'queue' | 'refuse' | 'ignore';
  /** For so long it waits. */
  readonly maxWait?: string;
  /** The command that takes it, without what runs under it. */
  readonly words: readonly string[];
}

export type Job =
  | {
      readonly kind: 'program';
      /** Its name, then its arguments. */
      readonly words: readonly ShellWord[];
      readonly carried: Carried;
      readonly edits: Edits;
      /** Why a target cannot be made of it as it is. */
      readonly unclear?: string;
    }
  /** `sh -c '…'` of more than one command. */
  | {
      readonly kind: 'script';
      readonly text: string;
      readonly read: ShellRead;
      readonly isBash: boolean;
      /** Where the text begins in the outer one, if it stands there as it is. */
      readonly at?: number;
      readonly carried: Carried;
      readonly unclear?: string;
    }
  /** On another machine, in another root: none of this one's. */
  | { readonly kind: 'elsewhere' }
  | { readonly kind: 'unknown'; readonly unclear: string; readonly words: readonly ShellWord[] }
  | { readonly kind: 'nothing' };

/** What to cut out, and where the new command goes. */
export interface Edits {
  readonly removed: readonly Span[];
  readonly replaced: Span;
  /** A wrapper that stays in the line; one of a shell's own is not missed. */
  readonly keeps: boolean;
}

export interface Context {
  readonly isBash: boolean;
  readonly variables: Variables;
}

/** Most wrappers before one program; each looks through the words that follow it. */
const WRAPPERS_MAX = 16;
/** Deepest nesting of `sh -c` that is looked into. */
const SHELLS_MAX = 4;
const NICE_DEFAULT = 10;
const NICE_MAX = 19;
const IONICE_CLASSES = ['none', 'realtime', 'best-effort', 'idle'];
/** A run has a session of its own, and nothing comes behind it. */
const UNMISSED = ['exec', 'command', 'nohup', 'setsid'];
export const NOTHING_CARRIED: Carried = { env: {}, locks: [], inside: [], notes: [] };
/** Stands for a word that only the shell knows; no argument can hold it. */
const DYNAMIC = '\0';

export function unwrap(command: SimpleCommand, context: Context, depth = 0): Job {
  return new Unwrapping(command, context, depth).job();
}

class Unwrapping {
  readonly #command: SimpleCommand;
  readonly #context: Context;
  readonly #depth: number;
  readonly #words: readonly ShellWord[];
  readonly #kept = new Set<ShellWord>();
  #carried: Carried = NOTHING_CARRIED;
  #unclear: string | undefined;
  #at = 0;

  constructor(command: SimpleCommand, context: Context, depth: number) {
    this.#command = command;
    this.#context = context;
    this.#depth = depth;
    this.#words = command.words;
  }

  job(): Job {
    const { assignments, exported, cwd, unclear, isElsewhere } = this.#command;
    if (isElsewhere) this.#doubt(say.escapedBackticks());
    if (unclear !== undefined) this.#doubt(say.unknownBefore(unclear));
    const env: Record<string, string> = { ...exported };
    for (const { name, value } of assignments) {
      if (value === undefined) this.#doubt(say.unknownWord(`$${name}`));
      else env[name] = value;
    }
    this.#carry({ env, ...(cwd === undefined ? {} : { cwd }) });
    for (let passed = 0; ; passed++) {
      const word = this.#words[this.#at];
      if (word === undefined) return { kind: 'nothing' };
      const program = word.value ?? word.found;
      if (program === undefined || passed >= WRAPPERS_MAX) {
        return { kind: 'unknown', unclear: say.unknownProgram(word.text), words: this.#rest() };
      }
      const wrapper = wrapperOf(program);
      if (wrapper === undefined) return this.#program();
      const job = this.#through(wrapper, program);
      if (job !== undefined) return job;
    }
  }

  /** Passes one wrapper; a job where it is the last. */
  #through(wrapper: Wrapper, program: string): Job | undefined {
    const { role } = wrapper;
    if (role === 'elsewhere') return { kind: 'elsewhere' };
    if (role === 'hidden') {
      return { kind: 'unknown', unclear: say.startedBy(program), words: this.#rest() };
    }
    if (role === 'su') return this.#su(wrapper, program);
    const values = this.#values(this.#at + 1);
    const read = readOptions(wrapper, values);
    if (!read.ok) {
      const unclear = say.unknownOption(program, read.odd);
      return { kind: 'unknown', unclear, words: this.#rest() };
    }
    const { options, count } = read;
    const operands = values.slice(count, count + operandsOf(wrapper, program, values[count]));
    const used = 1 + count + operands.length;
    const next = values[count + operands.length];
    if (role === 'shell') return this.#shell(program, options, used);
    if (role === 'lock' && next === '-c')
      return this.#lockedShell(program, options, operands, used);
    // `flock 9` takes the lock of a descriptor and starts nothing.
    if (next === undefined) return this.#program();
    this.#take(wrapper, program, options, operands, used);
    this.#at += used;
    if (role === 'env' || role === 'user') this.#assignments();
    return undefined;
  }

  #take(
    { role, needs }: Wrapper,
    program: string,
    options: readonly Option[],
    operands: readonly string[],
    used: number,
  ): void {
    const words = this.#words.slice(this.#at, this.#at + used);
    const own = this.#values(this.#at).slice(0, used);
    const isInside = needs === undefined || options.some(({ name }) => needs.includes(name));
    if (!isInside) this.#doubt(say.inBackground(program));
    if (role === 'outside') {
      for (const word of words) this.#kept.add(word);
      return;
    }
    if (own.includes(DYNAMIC)) {
      const odd = words.find(({ value }, at) => at > 0 && value === undefined);
      return this.#doubt(say.unknownWord(odd?.text ?? program));
    }
    const carried = carriedBy(role, program, options, operands, own, this.#carried);
    if (carried === undefined) this.#carry({ inside: own });
    else this.#carry(carried);
  }

  /** `NAME=value` behind env and sudo. */
  #assignments(): void {
    const env: Record<string, string> = {};
    const inside: string[] = [];
    const isInside = this.#carried.inside.length > 0;
    for (let word = this.#words[this.#at]; word !== undefined; word = this.#words[++this.#at]) {
      const [, name = '', value = ''] =
        /^([A-Za-z_]\w*)=(.*)$/s.exec(word.value ?? word.text) ?? [];
      if (name === '') break;
      if (word.value === undefined) this.#doubt(say.unknownWord(word.text));
      else if (isInside) inside.push(word.value);
      else env[name] = value;
    }
    this.#carry({ env, inside });
  }

  #shell(program: string, options: readonly Option[], used: number): Job | undefined {
    if (!options.some(({ name }) => name === 'c')) return this.#program();
    const at = this.#at + used;
    const word = this.#words[at];
    if (word === undefined || this.#words.length > at + 1) {
      return { kind: 'unknown', unclear: say.startedBy(program), words: this.#rest() };
    }
    const isLogin = options.some(({ name }) => name === 'l' || name === 'login');
    if (isLogin) this.#carry({ notes: [say.loginShell(program)] });
    return this.#script(word, isBash(program));
  }

  #lockedShell(
    program: string,
    options: readonly Option[],
    operands: readonly string[],
    used: number,
  ): Job | undefined {
    const word = this.#words[this.#at + used + 1];
    if (word === undefined) return { kind: 'nothing' };
    const own = this.#values(this.#at).slice(0, used);
    const carried = carriedBy('lock', program, options, operands, own, this.#carried);
    if (carried !== undefined) this.#carry(carried);
    return this.#script(word, false);
  }

  /** Its options may stand anywhere, and its command is a text for a shell. */
  #su(wrapper: Wrapper, program: string): Job | undefined {
    const rest = this.#words.slice(this.#at + 1);
    let command: ShellWord | undefined;
    let user: string | undefined;
    let isLogin = false;
    for (let at = 0; at < rest.length; at++) {
      const word = rest[at];
      const { value = DYNAMIC } = word ?? {};
      if (value === '-') isLogin = true;
      else if (value.startsWith('-')) {
        const read = readOptions(wrapper, [value, rest[at + 1]?.value ?? DYNAMIC]);
        if (!read.ok) {
          const unclear = say.unknownOption(program, read.odd);
          return { kind: 'unknown', unclear, words: this.#rest() };
        }
        const [option] = read.options.slice(-1);
        isLogin ||= read.options.some(({ name }) => name === 'l' || name === 'login');
        if (option?.value === undefined) continue;
        const isAttached = value.endsWith(option.value) && value !== option.value;
        if (!isAttached) at++;
        const isCommand = option.name === 'c' || option.name === 'command';
        if (isCommand && isAttached) {
          return { kind: 'unknown', unclear: say.splitQuotes(), words: this.#rest() };
        }
        if (isCommand) command = rest[at];
        if (option.name === 'u' || option.name === 'user') {
          // As with sudo, the words behind it are the command.
          this.#carry({ user: option.value });
          this.#at += 2 + at + (rest[at + 1]?.value === '--' ? 1 : 0);
          return undefined;
        }
      } else user ??= value;
    }
    if (command === undefined) {
      return { kind: 'unknown', unclear: say.startedBy(program), words: this.#rest() };
    }
    if (user === DYNAMIC) this.#doubt(say.unknownWord('its user'));
    else this.#carry({ user: user ?? 'root' });
    if (isLogin) this.#carry({ notes: [say.loginShell(program)] });
    return this.#script(command, false);
  }

  /** A text for a shell: one command is looked through, several are a script of their own. */
  #script(word: ShellWord, isBashScript: boolean): Job {
    const text = word.value;
    if (text === undefined || this.#depth >= SHELLS_MAX) {
      return { kind: 'unknown', unclear: say.unknownWord(word.text), words: this.#rest() };
    }
    const context = { ...this.#context, isBash: isBashScript };
    const read = readShell(text, isBashScript, context.variables);
    const [only] = read.why === undefined ? read.commands : [];
    if (read.isOne && only !== undefined && only.redirections.length === 0) {
      const inner = unwrap(only, context, this.#depth + 1);
      if (inner.kind === 'program' && !inner.edits.keeps) {
        const unclear = this.#unclear ?? inner.unclear;
        return {
          ...inner,
          carried: merge(this.#carried, inner.carried),
          edits: this.#edits(),
          ...(unclear === undefined ? {} : { unclear }),
        };
      }
      if (inner.kind === 'elsewhere') return inner;
    }
    const isVerbatim = word.quotedAt !== undefined;
    const unclear = this.#unclear ?? (isVerbatim ? undefined : say.splitQuotes());
    return {
      ...{ kind: 'script', text, read, isBash: isBashScript, carried: this.#carried },
      ...(word.quotedAt === undefined ? {} : { at: word.quotedAt }),
      ...(unclear === undefined ? {} : { unclear }),
    };
  }

  #program(): Job {
    const unclear = this.#unclear;
    return {
      kind: 'program',
      words: this.#rest(),
      carried: this.#carried,
      edits: this.#edits(),
      ...(unclear === undefined ? {} : { unclear }),
    };
  }

  /** Runs of words that go: what is between them, redirections and outside wrappers, stays. */
  #edits(): Edits {
    const { assignments, redirections } = this.#command;
    const parts = [
      ...assignments.map(({ pos, end }) => ({ pos, end, goes: true })),
      ...this.#words.map((word) => ({ pos: word.pos, end: word.end, goes: !this.#kept.has(word) })),
      ...redirections.map(({ pos, end }) => ({ pos, end, goes: false })),
    ].toSorted((a, b) => a.pos - b.pos);
    const runs: { pos: number; end: number }[] = [];
    let wentBefore = false;
    for (const { pos, end, goes } of parts) {
      const last = runs.at(-1);
      if (goes && wentBefore && last !== undefined) last.end = end;
      else if (goes) runs.push({ pos, end });
      wentBefore = goes;
    }
    const program = this.#words[this.#at] ?? { pos: 0 };
    const replaced = runs.find(({ pos, end }) => pos <= program.pos && program.pos < end);
    const removed = runs.filter((run) => run !== replaced);
    const keeps = [...this.#kept].some(({ value = '' }) => !UNMISSED.includes(value));
    return { removed, replaced: replaced ?? { pos: 0, end: 0 }, keeps };
  }

  #rest(): readonly ShellWord[] {
    return this.#words.slice(this.#at);
  }

  #values(from: number): readonly string[] {
    return this.#words.slice(from).map(({ value }) => value ?? DYNAMIC);
  }

  #carry(more: Partial<Carried>): void {
    this.#carried = merge(this.#carried, { ...NOTHING_CARRIED, ...more });
  }

  #doubt(why: string): void {
    this.#unclear ??= why;
  }
}

/** What stands further inside comes later, and counts. */
export function merge(outer: Carried, inner: Carried): Carried {
  return {
    ...outer,
    ...inner,
    env: { ...outer.env, ...inner.env },
    locks: [...outer.locks, ...inner.locks],
    inside: [...outer.inside, ...inner.inside],
    notes: [...outer.notes, ...inner.notes],
  };
}

/** The keys for what it does; undefined where none has the same meaning. */
function carriedBy(
  role: Wrapper['role'],
  program: string,
  options: readonly Option[],
  operands: readonly string[],
  own: readonly string[],
  before: Carried,
): Partial<Carried> | undefined {
  // What is inside of something that stays in `args` has to stay there too.
  if (before.inside.length > 0) return undefined;
  const value = (...names: readonly string[]): string | undefined =>
    options.findLast(({ name }) => names.includes(name))?.value;
  const has = (...names: readonly string[]): boolean =>
    options.some(({ name }) => names.includes(name));
  switch (role) {
    case 'nice': {
      const steps = Number(value('n', 'adjustment') ?? NICE_DEFAULT);
      const nice = Math.min((before.nice ?? 0) + steps, NICE_MAX);
      return Number.isInteger(nice) && nice > -NICE_MAX - 2 ? { nice } : undefined;
    }
    case 'ionice':
      return ioniceOf(value('c', 'class') ?? '2', value('n', 'classdata'));
    case 'timeout': {
      const timeout = durationOf(operands[0] ?? '');
      const killAfter = durationOf(value('k', 'kill-after') ?? '30s');
      const signal = value('s', 'signal') ?? 'TERM';
      const isTerm = ['TERM', 'SIGTERM', '15'].includes(signal);
      const isPlain = isTerm && !has('p', 'preserve-status') && before.timeout === undefined;
      if (timeout === undefined || killAfter === undefined || !isPlain) return undefined;
      return { timeout, ...(has('k', 'kill-after') ? { killAfter } : {}) };
    }
    case 'lock':
      return lockOf(program, options, operands[0] ?? '', own);
    case 'env':
      return options.length > 0 ? undefined : {};
    case 'user': {
      const [name = '', group] = (operands[0] ?? value('u', 'user') ?? 'root').split(':');
      const isSudo = program.endsWith('sudo');
      const named = group ?? value('g', 'group');
      return {
        user: name,
        ...(named === undefined ? {} : { group: named }),
        notes: isSudo ? [say.sudoPath(program)] : [],
      };
    }
    default:
      return undefined;
  }
}

function ioniceOf(named: string, level: string | undefined): Partial<Carried> | undefined {
  const name = IONICE_CLASSES[Number(named)] ?? named;
  const ionice = level === undefined || name === 'idle' ? name : `${name}:${level}`;
  const isKnown = /^(idle|best-effort(:[0-7])?|realtime:[0-7])$/.test(ionice);
  return isKnown ? { ionice } : undefined;
}

/** Of timeout(1) and flock(1): seconds, or a number with one unit. */
function durationOf(text: string): string | undefined {
  const [, amount, unit = 's'] = /^(\d+(?:\.\d+)?)([smhd]?)$/.exec(text) ?? [];
  if (amount === undefined || Number(amount) === 0) return undefined;
  return `${amount}${unit === '' ? 's' : unit}`;
}

function lockOf(
  program: string,
  options: readonly Option[],
  path: string,
  words: readonly string[],
): Partial<Carried> | undefined {
  const has = (...names: readonly string[]): boolean =>
    options.some(({ name }) => names.includes(name));
  // A shared lock lets others in, and setlock and withlock do not wait by default or do.
  if (!program.endsWith('flock') || has('s', 'shared', 'u', 'unlock')) return undefined;
  const value = (...names: readonly string[]): string | undefined =>
    options.findLast(({ name }) => names.includes(name))?.value;
  const code = value('E', 'conflict-exit-code') ?? '1';
  if (has('n', 'nb', 'nonblock', 'nonblocking')) {
    return { locks: [{ path, whenFull: code === '0' ? 'ignore' : 'refuse', words }] };
  }
  const seconds = value('w', 'wait', 'timeout');
  const maxWait = seconds === undefined ? undefined : durationOf(seconds);
  if (seconds !== undefined && maxWait === undefined) return undefined;
  const waits = maxWait === undefined ? {} : { maxWait };
  return { locks: [{ path, whenFull: 'queue', words, ...waits }] };
}

/** chrt needs no priority for some classes. */
function operandsOf(wrapper: Wrapper, program: string, next: string | undefined): number {
  const isChrt = program.endsWith('chrt');
  return isChrt && !/^\d+$/.test(next ?? '') ? 0 : (wrapper.operands ?? 0);
}

function isBash(program: string): boolean {
  return /(^|\/)(bash|zsh|ksh)$/.test(program);
}
