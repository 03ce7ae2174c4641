/**
 * The locks that a command line takes by flock(1): by path, or by a descriptor whose file stands
 * behind `9>`. Pure.
 */

export interface Flock {
  readonly path: string;
  /** Several can hold it at once. */
  readonly isShared: boolean;
  /** Gives up at once where somebody holds it (-n); else it waits, for ever or for a time (-w). */
  readonly givesUp: boolean;
}

/** Options that take a value, in the same word or in the next. */
const VALUED = 'wE';
const LONG_VALUED = ['--timeout', '--wait', '--conflict-exit-code'];
/** Where the words of a command end. */
const END = /^[;|&()]/;

export function flocksOf(command: string): readonly Flock[] {
  const words = command.match(/"[^"]*"|'[^']*'|[;|&()]+|[^\s;|&()"']+/g) ?? [];
  return words.flatMap((word, at) => {
    if (!/(^|\/)flock$/.test(word)) return [];
    const flock = readFlock(words.slice(at + 1));
    const path = flock === undefined ? undefined : pathOf(flock.path, command);
    return flock === undefined || path === undefined ? [] : [{ ...flock, path }];
  });
}

function readFlock(words: readonly string[]): Flock | undefined {
  let [isShared, givesUp] = [false, false];
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? '';
    if (END.test(word)) return undefined;
    if (!word.startsWith('-')) return { path: unquote(word), isShared, givesUp };
    if (word.startsWith('--')) {
      if (word === '--shared') isShared = true;
      if (word === '--nonblock' || word === '--nb') givesUp = true;
      if (word === '--unlock') return undefined;
      if (LONG_VALUED.includes(word)) at++;
      continue;
    }
    const letters = word.slice(1);
    const valued = [...letters].findIndex((letter) => VALUED.includes(letter));
    const flags = valued < 0 ? letters : letters.slice(0, valued);
    if (flags.includes('s')) isShared = true;
    if (flags.includes('n')) givesUp = true;
    if (flags.includes('u')) return undefined;
    if (valued >= 0 && valued === letters.length - 1) at++;
  }
  return undefined;
}

/** Of a descriptor, the file that is opened as such. */
function pathOf(operand: string, command: string): string | undefined {
  if (!/^\d+$/.test(operand)) return operand;
  const opened = new RegExp(
    `(?:^|[\\s;&|()])${operand}(?:>>?|<>?)\\s*("[^"]*"|'[^']*'|[^\\s;&|()]+)`,
  );
  const file = opened.exec(command)?.[1];
  return file === undefined ? undefined : unquote(file);
}

function unquote(word: string): string {
  return word.replace(/^(["'])(.*)\1$/s, '$2');
}
