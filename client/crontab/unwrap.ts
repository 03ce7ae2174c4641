/**
 * What a simple command of a crontab finally starts, after nice, flock, sudo, `sh -c` and the like
 * (client/crontab/wrappers.ts), and what a target needs from these. Pure.
 */
import { type Carried, carriedBy, flockOf, merge, NOTHING_CARRIED } from './carried.ts';
import { type Edits, editsOf } from './edits.ts';
import * as say from './migration-messages.ts';
import {
  readShell,
  type ShellRead,
  type ShellWord,
  type SimpleCommand,
  type Variables,
} from './shell.ts';
import { DYNAMIC, readSu } from './su.ts';
import { type Option, operandsOf, readOptions, type Wrapper, wrapperOf } from './wrappers.ts';

export type Job =
  | {
      readonly kind: 'program';
      /** Its name, then its arguments. */
      readonly words: readonly ShellWord[];
      readonly carried: Carried;
      readonly edits: Edits;
      /** Why it cannot become a target as it is. */
      readonly unclear?: string;
    }
  /** `sh -c '…'` with more than one command. */
  | {
      readonly kind: 'script';
      readonly text: string;
      readonly read: ShellRead;
      readonly isBash: boolean;
      /** Where the text begins in the outer one, if it is contained literally. */
      readonly at?: number;
      readonly carried: Carried;
      readonly unclear?: string;
    }
  /** On another machine or in another root: not a command of this machine. */
  | {
      readonly kind: 'elsewhere';
      /** From ssh, docker or chroot on. */
      readonly words: readonly ShellWord[];
      readonly carried: Carried;
      readonly edits: Edits;
      readonly unclear?: string;
    }
  | {
      readonly kind: 'unknown';
      readonly unclear: string;
      readonly words: readonly ShellWord[];
      readonly carried: Carried;
    }
  | { readonly kind: 'nothing' };

export interface Context {
  readonly isBash: boolean;
  readonly variables: Variables;
}

/** Most wrappers before one program; each one scans the words that follow it. */
const WRAPPERS_MAX = 16;
/** Deepest nesting of `sh -c` that is parsed. */
const SHELLS_MAX = 4;

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
        return this.#unknown(say.unknownProgram(word.text));
      }
      const wrapper = wrapperOf(program);
      if (wrapper === undefined) return this.#program();
      const job = this.#through(wrapper, program);
      if (job !== undefined) return job;
    }
  }

  /** Skips one wrapper; a job if it is the last. */
  #through(wrapper: Wrapper, program: string): Job | undefined {
    const { role } = wrapper;
    if (role === 'elsewhere') return { ...this.#program(), kind: 'elsewhere' };
    if (role === 'hidden') {
      return this.#unknown(say.startedBy(program));
    }
    if (role === 'su') return this.#su(wrapper, program);
    const values = this.#values(this.#at + 1);
    const read = readOptions(wrapper, values);
    if (!read.ok) {
      return this.#unknown(say.unknownOption(program, read.odd));
    }
    const { options, count } = read;
    // Without the word that ends its own arguments, it runs no other program.
    if (wrapper.endsAt !== undefined && !values.includes(wrapper.endsAt)) return this.#program();
    const operands = values.slice(count, count + operandsOf(wrapper, program, values.slice(count)));
    const used = 1 + count + operands.length;
    const next = values[count + operands.length];
    if (role === 'shell') return this.#shell(program, options, used);
    if (program.endsWith('flock')) {
      const flock = flockOf(options, operands[0]);
      if (flock !== undefined) this.#carry({ flocks: [flock] });
    }
    if (role === 'lock' && next === '-c')
      return this.#lockedShell(program, options, operands, used);
    // `flock 9` locks a descriptor and starts nothing.
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

  /** `NAME=value` after env and sudo. */
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
      return this.#unknown(say.startedBy(program));
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

  /** Its command is a text for a shell, or with -u the words after its options. */
  #su(wrapper: Wrapper, program: string): Job | undefined {
    const read = readSu(wrapper, program, this.#words.slice(this.#at + 1));
    if (read.kind === 'unclear') {
      return this.#unknown(read.why);
    }
    this.#carry({ user: read.user });
    if (read.kind === 'words') {
      this.#at += 1 + read.count;
      return undefined;
    }
    if (read.isLogin) this.#carry({ notes: [say.loginShell(program)] });
    return this.#script(read.command, false);
  }

  /** A text for a shell: a single command is analysed, several are a separate script. */
  #script(word: ShellWord, isBashScript: boolean): Job {
    const text = word.value;
    if (text === undefined || this.#depth >= SHELLS_MAX) {
      return this.#unknown(say.unknownWord(word.text));
    }
    const context = { ...this.#context, isBash: isBashScript };
    const read = readShell(text, isBashScript, context.variables);
    const [only] = read.why === undefined ? read.commands : [];
    if (read.isOne && only !== undefined && only.redirections.length === 0) {
      const inner = unwrap(only, context, this.#depth + 1);
      const isOne = inner.kind === 'program' || inner.kind === 'elsewhere';
      if (isOne && !inner.edits.keeps) {
        const unclear = this.#unclear ?? inner.unclear;
        return {
          ...inner,
          carried: merge(this.#carried, inner.carried),
          edits: this.#edits(),
          ...(unclear === undefined ? {} : { unclear }),
        };
      }
    }
    const isVerbatim = word.quotedAt !== undefined;
    const unclear = this.#unclear ?? (isVerbatim ? undefined : say.splitQuotes());
    return {
      ...{ kind: 'script', text, read, isBash: isBashScript, carried: this.#carried },
      ...(word.quotedAt === undefined ? {} : { at: word.quotedAt }),
      ...(unclear === undefined ? {} : { unclear }),
    };
  }

  #program(): Job & { readonly kind: 'program' } {
    const unclear = this.#unclear;
    return {
      kind: 'program',
      words: this.#rest(),
      carried: this.#carried,
      edits: this.#edits(),
      ...(unclear === undefined ? {} : { unclear }),
    };
  }

  #edits(): Edits {
    return editsOf(this.#command, this.#kept, this.#words[this.#at]);
  }

  #unknown(unclear: string): Job {
    return { kind: 'unknown', unclear, words: this.#rest(), carried: this.#carried };
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

function isBash(program: string): boolean {
  return /(^|\/)(bash|zsh|ksh)$/.test(program);
}
