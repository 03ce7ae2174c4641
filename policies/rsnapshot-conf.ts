/**
 * Reads an rsnapshot.conf as rsnapshot itself does, as far as baton needs it: the levels in the
 * order of the file (lowest first), the lockfile, the snapshot_root. Pure: `read` is given.
 *
 * Words stand apart by tabs only, an indented line continues the one before, and `include_conf FILE`
 * is followed. `include_conf` with backticks is a command: it is never executed, only named in
 * `unread`, for what it prints may hold levels of its own.
 */

import type { ReadFile } from '../daemon/core/policy.ts';
import * as say from './policy-messages.ts';

/** Deepest nesting of `include_conf`; a file that includes itself ends here. */
export const INCLUDES_MAX = 8;
/** How many files one configuration may be made of. */
export const FILES_MAX = 100;
/** The two families of names that rsnapshot's own configuration has had, lowest first. */
export const CLASSIC: readonly (readonly string[])[] = [
  ['hourly', 'daily', 'weekly', 'monthly', 'yearly'],
  ['alpha', 'beta', 'gamma', 'delta'],
];
/** How rsnapshot fetches without rotating, where `sync_first` is 1. */
export const SYNC = 'sync';

export interface RsnapshotConf {
  /** The real path of the file. */
  readonly path: string;
  /** Lowest first. */
  readonly levels: readonly string[];
  /** The same, or the classic names where all of them are such. */
  readonly order: readonly string[];
  /** Where in `order` each of its levels stands. */
  readonly heights: ReadonlyMap<string, number>;
  /** How many snapshots of each level are kept. */
  readonly counts: readonly number[];
  readonly lockfile?: string;
  readonly snapshotRoot?: string;
  readonly syncFirst: boolean;
  /** A lockfile whose process is gone ends every run until somebody removes it. */
  readonly stopOnStaleLockfile: boolean;
  /** What could not be followed, as sentences. */
  readonly unread: readonly string[];
}

/** `files` are all that were read, or could not be. */
export type ConfRead = { readonly files: readonly string[] } & (
  | { readonly ok: true; readonly conf: RsnapshotConf }
  | { readonly ok: false; readonly error: string }
);

export function readRsnapshotConf(path: string, read: ReadFile): ConfRead {
  const files = new Set<string>();
  const noted: ReadFile = (named) => {
    files.add(named);
    return read(named);
  };
  const file = noted(path);
  if (!file.ok) return { ...file, files: [path] };
  const draft = new Draft(noted);
  draft.take(file.text, file.realPath, 0);
  return { ok: true, conf: draft.finish(file.realPath), files: [...files] };
}

class Draft {
  readonly #read: ReadFile;
  readonly #levels = new Map<string, number>();
  readonly #unread: string[] = [];
  /** Of the settings that hold one value, the last counts. */
  readonly #settings = new Map<string, string>();
  #files = 1;

  constructor(read: ReadFile) {
    this.#read = read;
  }

  take(text: string, path: string, depth: number): void {
    for (const line of logicalLines(text)) {
      const [key = '', value = '', more = ''] = line.split(/\t+/, 3);
      if (key === 'retain' || key === 'interval') this.#level(value, more);
      else if (key === 'include_conf') this.#include(value, path, depth);
      else this.#settings.set(key, value);
    }
  }

  /** rsnapshot takes no level of another form: it refuses the whole file. */
  #level(name: string, count: string): void {
    if (!/^\w+$/.test(name) || !/^[1-9]\d*$/.test(count.trim())) return;
    if (!this.#levels.has(name)) this.#levels.set(name, Number(count));
  }

  #include(value: string, path: string, depth: number): void {
    if (value.startsWith('`')) {
      this.#unread.push(say.includesCommand(value, path));
      return;
    }
    if (depth >= INCLUDES_MAX || this.#files >= FILES_MAX) {
      this.#unread.push(say.includesDeep(value, path));
      return;
    }
    this.#files++;
    const file = this.#read(value);
    if (file.ok) this.take(file.text, file.realPath, depth + 1);
    else this.#unread.push(say.includesUnread(value, path, file.error));
  }

  finish(path: string): RsnapshotConf {
    const lockfile = absolute(this.#settings.get('lockfile'));
    const snapshotRoot = absolute(this.#settings.get('snapshot_root'));
    const levels = [...this.#levels.keys()];
    const order = CLASSIC.find((names) => isPartOf(levels, names)) ?? levels;
    const heights = order.map((name, height) => [name, height] as const);
    return {
      path,
      levels,
      order,
      heights: new Map(heights.filter(([name]) => this.#levels.has(name))),
      counts: [...this.#levels.values()],
      ...(lockfile === undefined ? {} : { lockfile }),
      ...(snapshotRoot === undefined ? {} : { snapshotRoot }),
      syncFirst: this.#settings.get('sync_first') === '1',
      stopOnStaleLockfile: this.#settings.get('stop_on_stale_lockfile') === '1',
      unread: this.#unread,
    };
  }
}

/** In the same order, with gaps. */
function isPartOf(some: readonly string[], all: readonly string[]): boolean {
  const places = some.map((name) => all.indexOf(name));
  return places.every((place, at) => place > (places[at - 1] ?? -1));
}

/** Lines without comments and blank ones, each with its continuations. */
function logicalLines(text: string): readonly string[] {
  const lines: string[] = [];
  let continues = false;
  for (const line of text.split(/\r?\n/)) {
    if (continues && /^[\t ]+\S/.test(line)) {
      lines.push(`${lines.pop()}\t${line.trim()}`);
    } else {
      continues = !line.startsWith('#') && line.trim() !== '';
      if (continues) lines.push(line.trimEnd());
    }
  }
  return lines;
}

function absolute(path: string | undefined): string | undefined {
  if (path === undefined || !path.startsWith('/')) return undefined;
  // No regular expression: it would begin anew at each slash of a long row of them.
  let end = path.length;
  while (end > 1 && path[end - 1] === '/') end--;
  return path.slice(0, end);
}

/**
 * The file that a command line names by `-c`, read as rsnapshot's Getopt::Std does: `-c FILE`,
 * `-cFILE`, `-vc FILE`. A wrapper may take the same option, but then it has to name a whole path:
 * the `-c` of `sh` and `ionice` means something else.
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
