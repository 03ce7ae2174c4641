/**
 * What the text on stdout may be like: as wide as the terminal, in colour where there is one and
 * nobody minds (https://no-color.org), in Unicode where the locale is. The kernel's own console
 * says UTF-8 but its font lacks the signs.
 */
import { isatty, type WriteStream } from 'node:tty';
import { COLUMNS_MIN, type Screen } from './style.ts';

const STDOUT = 1;
/** Where there is no terminal, and nobody says otherwise. */
const COLUMNS_DEFAULT = 80;
const COLUMNS_MAX = 1_000;

type Env = Readonly<Record<string, string | undefined>>;

/** Of the stdout of this process. */
export function screen(): Screen {
  const isTerminal = isatty(STDOUT);
  return screenOf(process.env, isTerminal, isTerminal ? process.stdout.columns : undefined);
}

/** The same of any stream, for tables: where it is no terminal, lines have no end. */
export function sheet(stream: WriteStream): Screen {
  const isTerminal = stream.isTTY === true;
  const known = screenOf(process.env, isTerminal, isTerminal ? stream.columns : undefined);
  return isTerminal ? known : { ...known, columns: Number.POSITIVE_INFINITY };
}

/** `columns` is what the terminal says of itself, if it does. */
export function screenOf(env: Env, isTerminal: boolean, columns: number | undefined): Screen {
  const { COLUMNS, LC_ALL, LC_CTYPE, LANG, NO_COLOR, TERM } = env;
  const wished = /^\d{1,4}$/.test(COLUMNS ?? '') ? Number(COLUMNS) : 0;
  const wide = columns || wished || COLUMNS_DEFAULT;
  const locale = LC_ALL || LC_CTYPE || LANG || '';
  return {
    columns: Math.max(COLUMNS_MIN, Math.min(COLUMNS_MAX, wide)),
    isColoured: isTerminal && !NO_COLOR && TERM !== 'dumb',
    isUnicode: /utf-?8/i.test(locale) && TERM !== 'linux',
  };
}
