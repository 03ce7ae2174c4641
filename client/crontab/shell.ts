/**
 * The simple commands of a shell command line, each with its words and their positions, in which
 * client/crontab/calls.ts looks for programs. unbash parses bash, a superset of the sh of crontabs;
 * where sh reads a line differently (`&>`, `[[`, `$'x'`), the line is refused unless its shell is
 * bash. Pure, and linear in the text's length.
 *
 * A word has a value only if the shell would get exactly that: variables that the crontab or the
 * line itself sets once are known, globs, `~` and command substitutions are not.
 */

import {
  type Assignment,
  type Command,
  forEachChild,
  parse,
  type Redirect,
  type SyntaxNode,
  type Word,
} from 'unbash';
import { bashOnly } from './bash-only.ts';
import { type Listed, listOf } from './lists.ts';
import { lookedUp } from './looked-up.ts';
import * as say from './migration-messages.ts';
import { type Structure, structureOf } from './structure.ts';
import { valueOfWord } from './word-value.ts';

export interface Span {
  readonly pos: number;
  readonly end: number;
}

export interface ShellWord extends Span {
  readonly text: string;
  /** Undefined if only the shell knows. */
  readonly value?: string;
  /** The whole word is one quoted string without escapes, which begins here. */
  readonly quotedAt?: number;
  /** Its value before the shell splits it at blanks. */
  readonly whole?: string;
  /** For `$(which NAME)` and `$(command -v NAME)`. */
  readonly found?: string;
}

interface ShellAssignment extends Span {
  readonly name: string;
  readonly value?: string;
}

interface Redirection extends Span {
  readonly operator: string;
  readonly target?: ShellWord;
}

export interface SimpleCommand extends Span {
  readonly assignments: readonly ShellAssignment[];
  readonly words: readonly ShellWord[];
  readonly redirections: readonly Redirection[];
  /** The directory of an earlier `cd` in the same list; undefined if none, or unknown. */
  readonly cwd?: string;
  /** Variables that the line sets earlier for everything that follows. */
  readonly exported: Readonly<Record<string, string>>;
  /** What comes before it and changes its environment in an unknown way. */
  readonly unclear?: string;
  /** Inside backticks with escapes, its positions are not those of the text. */
  readonly isElsewhere: boolean;
}

export interface ShellRead {
  readonly commands: readonly SimpleCommand[];
  /** The whole text is one simple command. */
  readonly isOne: boolean;
  /** If the whole text is just a list of simple commands: these. */
  readonly list?: readonly Listed[];
  readonly structure: Structure;
  /** The files that are opened as descriptors: `9>FILE`. */
  readonly descriptors: ReadonlyMap<string, string>;
  /** Why nothing can be rewritten: a syntax error, or bash only. The commands are then a guess. */
  readonly why?: string;
}

export type Variables = Readonly<Record<string, string | undefined>>;

export function readShell(text: string, isBash: boolean, known: Variables = {}): ShellRead {
  if (isDeep(text)) return { ...NOTHING, why: say.deepShell(OPENERS_MAX) };
  const script = parse(text);
  const [error] = script.errors ?? [];
  const reader = new Reader(text, known);
  reader.survey(script);
  const odd = isBash ? undefined : reader.bashOnly;
  const why =
    error === undefined
      ? odd === undefined
        ? undefined
        : say.bashOnly(odd)
      : say.unreadable(error.message);
  reader.visit(script);
  const [statement, ...others] = script.commands;
  const isOne =
    others.length === 0 && statement?.command.type === 'Command' && statement.background !== true;
  const list = listOf(script.commands, reader.commands);
  return {
    ...{ commands: reader.commands, isOne, descriptors: reader.descriptors },
    structure: structureOf(script),
    ...(list === undefined ? {} : { list }),
    ...(why === undefined ? {} : { why }),
  };
}

/** Most substitutions and groups in a text: the parser is recursive, and its stack is limited. */
export const OPENERS_MAX = 100;
/** Most variables that a line may set for what follows. */
const EXPORTS_MAX = 100;
const SHOWN_CHARS_MAX = 60;
const NOTHING: ShellRead = {
  ...{ commands: [], isOne: false, descriptors: new Map() },
  structure: { preconditions: [], pipes: [] },
};

function isDeep(text: string): boolean {
  let count = 0;
  for (const sign of text) if (sign === '(' || sign === '{' || sign === '`') count++;
  return count > OPENERS_MAX;
}

/** What a list of commands has done to its shell so far. */
interface Surroundings {
  cwd?: string;
  unclear?: string;
  exported: Readonly<Record<string, string>>;
}

class Reader {
  readonly commands: SimpleCommand[] = [];
  readonly descriptors = new Map<string, string>();
  bashOnly: string | undefined;
  readonly #text: string;
  readonly #known: Map<string, string>;
  /** How often the line sets each variable. */
  readonly #assigned = new Map<string, number>();
  #around: Surroundings = { exported: {} };
  #isElsewhere = false;

  constructor(text: string, known: Variables) {
    this.#text = text;
    const entries = Object.entries(known);
    this.#known = new Map(entries.flatMap(([k, v]) => (v === undefined ? [] : [[k, v]])));
  }

  /** First pass: how often each variable is set (twice in a loop), and whether bash is needed. */
  survey(node: SyntaxNode, isInLoop = false): void {
    this.bashOnly ??= bashOnly(node, this.#text);
    const isLoop = node.type === 'For' || node.type === 'Select' || node.type === 'While';
    if (node.type === 'For' || node.type === 'Select') this.#count(node.name.text, 2);
    forEachChild(node, (child) => {
      // Before a program, it applies only to that one.
      const isOwn =
        node.type === 'Command' && node.name !== undefined && node.name.value !== 'export';
      if (child.type === 'Assignment' && !isOwn) this.#count(child.name, isInLoop ? 2 : 1);
      this.survey(child, isInLoop || isLoop);
    });
  }

  #count(name: string, by: number): void {
    const count = (this.#assigned.get(name) ?? 0) + by;
    this.#assigned.set(name, count);
    if (count > 1) this.#known.delete(name);
  }

  visit(node: SyntaxNode): void {
    const isOwn = node.type === 'Subshell' || node.type === 'Script' || node.type === 'Pipeline';
    const before = this.#around;
    const wasElsewhere = this.#isElsewhere;
    if (isOwn) this.#around = { ...before };
    if (node.type === 'Script' && node.source !== undefined) this.#isElsewhere = true;
    if (node.type === 'Redirect') this.#open(node);
    const taken = node.type === 'Command' ? this.#take(node) : undefined;
    forEachChild(node, (child) => this.visit(child));
    if (taken !== undefined) this.#enter(taken);
    this.#isElsewhere = wasElsewhere;
    if (isOwn) this.#around = before;
  }

  #open({ descriptor, target, operator }: Redirect): void {
    const path = target === undefined ? undefined : valueOfWord(target, this.#known);
    if (descriptor?.type !== 'FileDescriptor' || path === undefined) return;
    if (!operator.endsWith('&')) this.descriptors.set(String(descriptor.value), path);
  }

  #take({ name, prefix, suffix, pos, end }: Command): SimpleCommand {
    const parts = [...prefix, ...(name === undefined ? [] : [name]), ...suffix];
    const words: ShellWord[] = [];
    const assignments: ShellAssignment[] = [];
    const redirections: Redirection[] = [];
    for (const part of parts) {
      if (part.type === 'Word') words.push(this.#word(part));
      else if (part.type === 'Assignment' && words.length > 0) words.push(this.#argument(part));
      else if (part.type === 'Assignment') assignments.push(this.#assignment(part));
      else if (part.type === 'HereDoc') redirections.push({ ...spanOf(part), operator: '<<' });
      else {
        const target = part.target === undefined ? {} : { target: this.#word(part.target) };
        redirections.push({ ...spanOf(part), operator: part.operator, ...target });
      }
    }
    const { cwd, unclear, exported } = this.#around;
    const taken = {
      pos,
      end,
      assignments,
      words,
      redirections,
      exported,
      isElsewhere: this.#isElsewhere,
      ...(cwd === undefined ? {} : { cwd }),
      ...(unclear === undefined ? {} : { unclear }),
    };
    this.commands.push(taken);
    return taken;
  }

  /** Its effects on the commands that follow. */
  #enter(taken: SimpleCommand): void {
    const [first, second] = taken.words;
    const around = this.#around;
    if (first === undefined) {
      for (const { name, value } of taken.assignments) {
        this.#learn(name, value);
        if (name in around.exported || name === 'PATH') set(around, name, value);
      }
      return;
    }
    if (first.value === 'cd' && second?.value?.startsWith('/')) around.cwd = second.value;
    else if (first.value === 'cd') around.unclear = `"${this.#show(taken)}" before it`;
    if (first.value === 'export') {
      for (const word of taken.words.slice(1)) {
        const [name = '', ...rest] = (word.value ?? word.text).split('=');
        const value = rest.length > 0 ? rest.join('=') : this.#known.get(name);
        set(around, name, word.value === undefined ? undefined : value);
        this.#learn(name, value);
      }
    }
    const isSourced = ['.', 'source', 'umask', 'ulimit', 'eval'].includes(first.value ?? '');
    if (isSourced) around.unclear = `"${this.#show(taken)}" before it`;
  }

  #learn(name: string, value: string | undefined): void {
    if (value !== undefined && this.#assigned.get(name) === 1) this.#known.set(name, value);
    else this.#known.delete(name);
  }

  #show({ pos, end }: Span): string {
    return this.#text.slice(pos, Math.min(end, pos + SHOWN_CHARS_MAX));
  }

  #word(word: Word): ShellWord {
    const { pos, end, text } = word;
    const value = valueOfWord(word, this.#known);
    const whole = value === undefined ? valueOfWord(word, this.#known, true) : undefined;
    const inner = text.slice(1, -1);
    const isQuoted = /^(?:'|")/.test(text) && text.at(-1) === text[0] && inner === value;
    const found = lookedUp(word);
    return {
      ...{ pos, end, text },
      ...(value === undefined ? {} : { value }),
      ...(whole === undefined ? {} : { whole }),
      ...(isQuoted ? { quotedAt: pos + 1 } : {}),
      ...(found === undefined ? {} : { found }),
    };
  }

  /** `a=b` after the program is an ordinary word. */
  #argument(assignment: Assignment): ShellWord {
    const { pos, end, text } = assignment;
    const { value } = this.#assignment(assignment);
    const whole = value === undefined ? undefined : `${assignment.name}=${value}`;
    return { pos, end, text, ...(whole === undefined ? {} : { value: whole }) };
  }

  #assignment({ name, value: given, append, index, pos, end }: Assignment): ShellAssignment {
    const isPlain = given.type === 'Word' && append !== true && index === undefined;
    const value = isPlain ? valueOfWord(given, this.#known, true) : undefined;
    return { pos, end, name, ...(value === undefined ? {} : { value }) };
  }
}

function set(around: Surroundings, name: string, value: string | undefined): void {
  const isFull = Object.keys(around.exported).length >= EXPORTS_MAX;
  if (value === undefined || isFull) {
    around.unclear = `"${name}" before it is set to what only the shell knows`;
  } else around.exported = { ...around.exported, [name]: value };
}

function spanOf({ pos, end }: Span): Span {
  return { pos, end };
}
