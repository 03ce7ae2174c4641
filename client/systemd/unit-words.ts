/**
 * Parses the words of a systemd setting: quotes, escapes, specifiers and variables, as in
 * systemd.syntax(7), systemd.unit(5) and "COMMAND LINES" of systemd.service(5). It is not a shell.
 * What is known only when the unit starts is refused with a reason. Pure.
 */
import * as say from './unit-messages.ts';

export type Read<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly why: string };
type Words = readonly string[];

const ESCAPES: Readonly<Record<string, string>> = {
  ...{ a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v', s: ' ' },
  ...{ '\\': '\\', '"': '"', "'": "'" },
};
/** A part of a word: quoted, or anything but blanks. */
const PART = /"((?:\\.|[^"\\])*)"|'((?:\\.|[^'\\])*)'|((?:\\.|[^\s"'\\])+)/gsy;
const ASCII_MAX = 0x7f;

export function splitWords(text: string): Read<Words> {
  const read = splitCommands(text);
  return read.ok ? { ok: true, value: read.value.flat() } : read;
}

/**
 * Several commands are separated by a word `;`. Quotes are also recognized inside a word: systemd
 * 252 and 257 do that, contrary to systemd.service(5); see findings/systemd-quotes-within-words.sh.
 */
export function splitCommands(text: string): Read<readonly Words[]> {
  const commands: string[][] = [[]];
  PART.lastIndex = afterBlanks(text, 0);
  while (PART.lastIndex < text.length) {
    const begin = PART.lastIndex;
    let [word, end] = ['', begin];
    for (let part = PART.exec(text); part !== null; part = PART.exec(text)) {
      end = PART.lastIndex;
      const plain = plainOf(part[1] ?? part[2] ?? part[3] ?? '');
      if (plain === undefined) return { ok: false, why: say.oddEscape(part[0]) };
      word += plain;
    }
    if (!/^(?:\s|$)/.test(text.slice(end))) return { ok: false, why: say.openQuote(text) };
    if (text.slice(begin, end) === ';') commands.push([]);
    else commands.at(-1)?.push(word);
    PART.lastIndex = afterBlanks(text, end);
  }
  return { ok: true, value: commands.filter(({ length }) => length > 0) };
}

function afterBlanks(text: string, from: number): number {
  const at = text.slice(from).search(/\S/);
  return at < 0 ? text.length : from + at;
}

/** Undefined if it contains an unknown escape. */
function plainOf(text: string): string | undefined {
  if (text === '\\;') return ';';
  let isOdd = false;
  const plain = text.replace(/\\(x[0-9a-fA-F]{2}|.)/gs, (_, mark: string) => {
    const code = Number.parseInt(mark.slice(1), 16);
    const isByte = mark.length > 1 && code > 0 && code <= ASCII_MAX;
    const meant = isByte ? String.fromCharCode(code) : ESCAPES[mark];
    isOdd ||= meant === undefined;
    return meant ?? '';
  });
  return isOdd ? undefined : plain;
}

/** `backup@home.service` is the instance `home` of the template `backup@`. */
export interface UnitName {
  /** The whole name, with its type. */
  readonly full: string;
  readonly prefix: string;
  /** As written, with its escapes; '' for a unit that is not an instance. */
  readonly instance: string;
}

export function unitNameOf(full: string): UnitName {
  const stem = stemOf(full);
  const at = stem.indexOf('@');
  if (at < 0) return { full, prefix: stem, instance: '' };
  return { full, prefix: stem.slice(0, at), instance: stem.slice(at + 1) };
}

export function stemOf(full: string): string {
  return full.replace(/\.[a-z]+$/, '');
}

/** Of the system manager; those that differ from machine to machine are unknown. */
const SPECIFIERS: Readonly<Record<string, (name: UnitName) => string>> = {
  '%': () => '%',
  n: ({ full }) => full,
  N: ({ full }) => stemOf(full),
  p: ({ prefix }) => prefix,
  P: ({ prefix }) => unescapeName(prefix),
  i: ({ instance }) => instance,
  I: ({ instance }) => unescapeName(instance),
  t: () => '/run',
  S: () => '/var/lib',
  C: () => '/var/cache',
  L: () => '/var/log',
  E: () => '/etc',
  h: () => '/root',
  u: () => 'root',
  U: () => '0',
};

/** Such as `%i`. */
export function expandSpecifiers(text: string, name: UnitName): Read<string> {
  const odd = [...text.matchAll(/%(.?)/g)].find(([, mark = '']) => SPECIFIERS[mark] === undefined);
  if (odd !== undefined) return { ok: false, why: say.oddSpecifier(odd[0]) };
  const value = text.replace(/%(.)/g, (_, mark: string) => SPECIFIERS[mark]?.(name) ?? '');
  return { ok: true, value };
}

/** The reverse of systemd-escape(1). */
function unescapeName(text: string): string {
  const bytes = text
    .replaceAll('-', '/')
    .replace(/\\x([0-9a-f]{2})/g, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

const BRACED = /\$\$|\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g;
const ALONE = /^\$([A-Za-z_][A-Za-z0-9_]*)$/;

/** `${NAME}` inside a word; `$NAME` alone, which is split at blanks; and `$$`. */
export function expandVariables(words: Words, env: Readonly<Record<string, string>>): Read<Words> {
  const all: string[] = [];
  for (const word of words) {
    const alone = ALONE.exec(word)?.[1];
    const braced = [...word.matchAll(BRACED)].flatMap(([, name]) => name ?? []);
    for (const name of alone === undefined ? braced : [alone]) {
      if (env[name] === undefined) return { ok: false, why: say.unknownVariable(name) };
    }
    if (alone === undefined) {
      all.push(
        word.replace(BRACED, (_, name?: string) => (name === undefined ? '$' : (env[name] ?? ''))),
      );
      continue;
    }
    const read = splitWords(env[alone] ?? '');
    if (!read.ok) return read;
    all.push(...read.value);
  }
  return { ok: true, value: all };
}

const SECONDS: Readonly<Record<string, number>> = {
  ...{ us: 1e-6, ms: 1e-3, s: 1, sec: 1, second: 1, seconds: 1, m: 60, min: 60, minute: 60 },
  ...{ minutes: 60, h: 3_600, hr: 3_600, hour: 3_600, hours: 3_600, d: 86_400, day: 86_400 },
  ...{ days: 86_400, w: 604_800, week: 604_800, weeks: 604_800 },
};

/** Seconds of a time span in systemd.time(7), without months and years; else undefined. */
export function secondsOf(text: string): number | undefined {
  if (text === 'infinity') return Number.POSITIVE_INFINITY;
  if (!/^(?:\d+(?:\.\d+)?\s*[a-z]*\s*)+$/.test(text)) return undefined;
  let seconds = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)\s*([a-z]*)/g)) {
    seconds +=
      Number(amount) * (SECONDS[unit === undefined || unit === '' ? 's' : unit] ?? Number.NaN);
  }
  return Number.isNaN(seconds) ? undefined : seconds;
}
