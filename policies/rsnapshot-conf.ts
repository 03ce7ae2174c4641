/**
 * Reads an rsnapshot.conf as rsnapshot itself does, as far as baton needs it: the levels in the
 * order of the file (lowest first), the lockfile, the snapshot_root. Pure: the caller passes
 * `read`.
 *
 * Only tabs separate words, an indented line continues the previous one, and `include_conf FILE` is
 * followed. `include_conf` with backticks is a command: it is never executed, only listed in
 * `unread`, because its output may contain levels. For spaces instead of tabs, a space at the end
 * or an unknown parameter, rsnapshot refuses the file, and `refused` says why.
 */

import type { ReadFile } from '../daemon/core/policy.ts';
import * as say from './policy-messages.ts';
import { CHECKS } from './rsnapshot-checks.ts';
import { type ConfState, firstWord, isProgram, type Look } from './rsnapshot-values.ts';
import { omissionOf } from './rsnapshot-whole.ts';

export type { FileFacts } from './rsnapshot-values.ts';

/** Deepest nesting of `include_conf`; a file that includes itself ends here. */
export const INCLUDES_MAX = 8;
/** Most files of one configuration. */
export const FILES_MAX = 100;
/** The two sets of names that rsnapshot's own configuration has had, lowest first. */
export const CLASSIC: readonly (readonly string[])[] = [
  ['hourly', 'daily', 'weekly', 'monthly', 'yearly'],
  ['alpha', 'beta', 'gamma', 'delta'],
];
/** How rsnapshot fetches without rotating if `sync_first` is 1. */
export const SYNC = 'sync';

export interface RsnapshotConf {
  /** The real path of the file. */
  readonly path: string;
  /** Lowest first. */
  readonly levels: readonly string[];
  /** The same, or the classic names if it contains no others. */
  readonly order: readonly string[];
  /** The position of each of its levels in `order`. */
  readonly heights: ReadonlyMap<string, number>;
  /** How many snapshots of each level are kept. */
  readonly counts: readonly number[];
  readonly lockfile?: string;
  readonly snapshotRoot?: string;
  readonly syncFirst: boolean;
  /** A stale lockfile makes every run fail until somebody removes it. */
  readonly stopOnStaleLockfile: boolean;
  /** What could not be followed, as sentences. */
  readonly unread: readonly string[];
  /** Lines because of which rsnapshot refuses the whole file. */
  readonly refused: readonly RefusedLine[];
  /** Why it refuses the file as a whole, in its own words; absent if an include is unknown. */
  readonly omission?: string;
}

interface RefusedLine {
  readonly path: string;
  /** From 1; for a continued line the last one, as in rsnapshot's messages. */
  readonly line: number;
  /** In rsnapshot's own words. */
  readonly text: string;
}

/** `files` are all that were read, or could not be. */
export type ConfRead = { readonly files: readonly string[] } & (
  | { readonly ok: true; readonly conf: RsnapshotConf }
  | { readonly ok: false; readonly error: string }
);

/** `look` reports what is on the disk; without it, the paths in the file are assumed correct. */
export function readRsnapshotConf(path: string, read: ReadFile, look?: Look): ConfRead {
  const files = new Set<string>();
  const noted: ReadFile = (named) => {
    files.add(named);
    return read(named);
  };
  const file = noted(path);
  if (!file.ok) return { ...file, files: [path] };
  const draft = new Draft(noted, file.realPath, look);
  draft.take(file.text, file.realPath, 0);
  return { ok: true, conf: draft.finish(file.realPath), files: [...files] };
}

class Draft {
  readonly #read: ReadFile;
  readonly #state: ConfState;
  readonly #unread: string[] = [];
  readonly #refused: RefusedLine[] = [];
  #files = 1;

  constructor(read: ReadFile, path: string, look: Look | undefined) {
    this.#read = read;
    this.#state = { settings: new Map(), levels: [], points: [], path, look };
  }

  take(text: string, path: string, depth: number): void {
    for (const { line, number } of logicalLines(text)) {
      const wrong = this.#line(line, number, path, depth);
      if (wrong !== undefined) this.#refused.push({ path, line: number, text: wrong });
    }
  }

  /** What rsnapshot finds wrong with it. */
  #line(line: string, number: number, path: string, depth: number): string | undefined {
    const [name = '', value, second, third] = splitLine(line);
    if (value === undefined) {
      return /\s/.test(line)
        ? `${line} - missing tabs to separate words - change spaces to tabs.`
        : `${line} - could not find second word on this line`;
    }
    if (name === 'include_conf') {
      const wrong = this.#include(value, path, depth);
      return wrong === undefined ? undefined : `${line} - ${wrong}`;
    }
    const check = CHECKS.get(name);
    // rsnapshot reports this for the first bad line of a file only.
    if (check === undefined) return this.#refused.length === 0 ? line : undefined;
    const wrong = check({ name, value, second, third }, { ...this.#state, path });
    if (wrong === undefined) return undefined;
    const where = wrong.startsWith('in extra opts') ? `Syntax error on line ${number} ` : '';
    return `${line} - ${where}${wrong}`;
  }

  #include(value: string, path: string, depth: number): string | undefined {
    const [, command] = /^`(.*)`$/s.exec(value) ?? [];
    if (command !== undefined) {
      if (!isProgram(firstWord(command), this.#state)) return `not a valid script: '${command}'`;
      this.#unread.push(say.includesCommand(value, path));
      return undefined;
    }
    if (depth >= INCLUDES_MAX || this.#files >= FILES_MAX) {
      this.#unread.push(say.includesDeep(value, path));
      return undefined;
    }
    this.#files++;
    const file = this.#read(value);
    if (file.ok) {
      this.take(file.text, file.realPath, depth + 1);
      return undefined;
    }
    this.#unread.push(say.includesUnread(value, path, file.error));
    return `can't find or read file '${value}'`;
  }

  finish(path: string): RsnapshotConf {
    const { settings } = this.#state;
    const lockfile = absolute(settings.get('lockfile'));
    const snapshotRoot = absolute(settings.get('snapshot_root'));
    // Of two lines with the same name, rsnapshot uses the first.
    const levels = this.#state.levels.filter(
      ({ name }, at, all) => all.findIndex((other) => other.name === name) === at,
    );
    const names = levels.map(({ name }) => name);
    const order = CLASSIC.find((classic) => isPartOf(names, classic)) ?? names;
    const heights = order.map((name, height) => [name, height] as const);
    const isWhole = this.#refused.length === 0 && this.#unread.length === 0;
    const omission = isWhole ? omissionOf(this.#state) : undefined;
    return {
      path,
      levels: names,
      order,
      heights: new Map(heights.filter(([name]) => names.includes(name))),
      counts: levels.map(({ count }) => count),
      ...(lockfile === undefined ? {} : { lockfile }),
      ...(snapshotRoot === undefined ? {} : { snapshotRoot }),
      syncFirst: settings.get('sync_first') === '1',
      stopOnStaleLockfile: Number(settings.get('stop_on_stale_lockfile') ?? 0) === 1,
      unread: this.#unread,
      refused: this.#refused,
      ...(omission === undefined ? {} : { omission }),
    };
  }
}

/** At tabs; the fourth word contains the rest. */
function splitLine(line: string): readonly string[] {
  const words = line.split(/\t+/);
  if (words.length <= 3) return words;
  const [, rest = ''] = /^(?:[^\t]*\t+){3}(.*)$/s.exec(line) ?? [];
  return [...words.slice(0, 3), rest];
}

/** That and why rsnapshot refuses the file, as a sentence, or undefined. */
export function refusalOf({ path, refused, omission }: RsnapshotConf): string | undefined {
  const [first] = refused;
  if (first !== undefined) return say.refusedLine(first.path, first.line, first.text);
  return omission === undefined ? undefined : say.refusedConf(path, omission);
}

/** In the same order, with gaps. */
function isPartOf(some: readonly string[], all: readonly string[]): boolean {
  const places = some.map((name) => all.indexOf(name));
  return places.every((place, at) => place > (places[at - 1] ?? -1));
}

interface LogicalLine {
  readonly line: string;
  readonly number: number;
}

/** Lines without comments and blank ones, each with its continuations. */
function logicalLines(text: string): readonly LogicalLine[] {
  const lines: LogicalLine[] = [];
  let continues = false;
  for (const [at, raw] of text.split('\n').entries()) {
    const number = at + 1;
    const before = lines.at(-1);
    if (continues && before !== undefined && /^[\t ]+\S/.test(raw)) {
      lines[lines.length - 1] = { line: `${before.line}\t${raw.trim()}`, number };
    } else {
      continues = !raw.startsWith('#') && raw.trim() !== '';
      if (continues) lines.push({ line: raw, number });
    }
  }
  return lines;
}

function absolute(path: string | undefined): string | undefined {
  if (path === undefined || !path.startsWith('/')) return undefined;
  // No regular expression, because it would restart at each slash of a long row of them.
  let end = path.length;
  while (end > 1 && path[end - 1] === '/') end--;
  return path.slice(0, end);
}

/**
 * The file that `-c` names on a command line, as parsed by rsnapshot's Getopt::Std: `-c FILE`,
 * `-cFILE`, `-vc FILE`. A wrapper may have the same option, but only with a complete path: the `-c`
 * of `sh` and `ionice` means something else.
 */
export function confOfCommand(args: readonly string[]): string | undefined {
  const at = args.findIndex(isRsnapshot);
  if (at < 0 && /(^|\/)(ba|da|k|z)?sh$/.test(args[0] ?? '')) return undefined;
  for (let index = at + 1; index < args.length; index++) {
    const arg = args[index] ?? '';
    const letter = /^-[^-]/.test(arg) ? arg.indexOf('c', 1) : -1;
    const file = letter < 0 ? undefined : arg.slice(letter + 1) || args[index + 1];
    if (file !== undefined && (at >= 0 || isWholePath(file))) return file;
    if (at >= 0 && !arg.startsWith('-')) return undefined;
  }
  return undefined;
}

/** What a command line tells rsnapshot to do: `daily`, `sync`, `configtest`. */
export function verbOfCommand(args: readonly string[]): string | undefined {
  const at = args.findIndex(isRsnapshot);
  for (let index = at + 1; at >= 0 && index < args.length; index++) {
    const arg = args[index] ?? '';
    if (!arg.startsWith('-')) return arg;
    if (arg.endsWith('c')) index++;
  }
  return undefined;
}

export function callsRsnapshot(args: readonly string[]): boolean {
  return args.some(isRsnapshot);
}

function isRsnapshot(arg: string): boolean {
  return /(^|\/)rsnapshot[\w-]*(\.pl)?$/.test(arg);
}

function isWholePath(text: string): boolean {
  return /^\/\S+$/.test(text);
}
