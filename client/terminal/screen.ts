/**
 * The format of text on stdout: as wide as the terminal, in colour at a terminal unless NO_COLOR is
 * set (https://no-color.org), in Unicode if the locale is. The kernel's own console has a UTF-8
 * locale, but its font lacks the symbols.
 */
import { isatty, type WriteStream } from 'node:tty';
import { COLUMNS_MIN, type Screen } from './style.ts';

const STDOUT = 1;
/** Default if there is no terminal. */
const COLUMNS_DEFAULT = 80;
const COLUMNS_MAX = 1_000;

type Env = Readonly<Record<string, string | undefined>>;

/** For the stdout of this process. */
export function screen(): Screen {
  const isTerminal = isatty(STDOUT);
  return screenOf(process.env, isTerminal, isTerminal ? process.stdout.columns : undefined);
}

/** The same for any stream, for tables: if it is not a terminal, lines are unlimited. */
export function sheet(stream: WriteStream): Screen {
  const isTerminal = stream.isTTY === true;
  const known = screenOf(process.env, isTerminal, isTerminal ? stream.columns : undefined);
  return isTerminal ? known : { ...known, columns: Number.POSITIVE_INFINITY };
}

/** `columns` is what the terminal reports, if it does. */
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
