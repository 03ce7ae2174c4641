/**
 * Strict JSON for files that people write: where a mistake is, by line and column, and which keys
 * are named twice, of which JSON.parse would silently drop all but the last. Pure.
 *
 * Invariant: the scanner only finds mistakes; the value itself always comes from JSON.parse.
 */
import { wrongJson } from './config-messages.ts';

/** A place in a JSON value: the keys and indexes that lead to it. */
export type Keys = readonly (string | number)[];

export type Json =
  | { readonly ok: true; readonly value: unknown; readonly repeated: readonly Keys[] }
  | { readonly ok: false; readonly line: number; readonly column: number; readonly text: string };

/** Deepest nesting of a file that is read. */
export const DEPTH_MAX = 100;

export function parseJson(text: string): Json {
  const scanner = new Scanner(text);
  if (!scanner.file()) return locate(text, scanner.at, scanner.expected);
  try {
    const value: unknown = JSON.parse(text);
    return { ok: true, value, repeated: scanner.repeated };
  } catch (error) {
    return locate(text, 0, error instanceof Error ? error.message : String(error));
  }
}

function locate(text: string, at: number, expected: string): Json {
  const before = text.slice(0, at).split('\n');
  const column = (before.at(-1)?.length ?? 0) + 1;
  const rest = text.slice(at, at + 20).split(/\s/)[0] ?? '';
  const found = at >= text.length ? 'the end of the file' : JSON.stringify(rest || text[at]);
  return { ok: false, line: before.length, column, text: wrongJson(expected, found) };
}

const PLAIN = /[^"\\\p{Cc}]*/uy;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
/** Control characters from here on may stand in a text as they are. */
const CONTROL_MIN = '\x7f';
const SCALAR = /(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.+-])/y;
const SPACE = /[ \t\r\n]*/y;

/** Recursive descent. Every method returns false at the first mistake, and leaves `at` there. */
class Scanner {
  readonly #text: string;
  readonly repeated: Keys[] = [];
  at = 0;
  expected = '';

  constructor(text: string) {
    this.#text = text;
  }

  file(): boolean {
    if (!this.#value([])) return false;
    this.#take(SPACE);
    return this.at === this.#text.length || this.#fail('the end of the file');
  }

  #value(keys: Keys): boolean {
    this.#take(SPACE);
    if (keys.length > DEPTH_MAX) return this.#fail(`at most ${DEPTH_MAX} levels`);
    const first = this.#text[this.at];
    if (first === '{') return this.#object(keys);
    if (first === '[') return this.#list(keys);
    if (first === '"') return this.#string('a text');
    if (this.#take(SCALAR) !== undefined) return true;
    if (first === '/') return this.#fail('a value; JSON has no comments, use "description"');
    return this.#fail('a value: {…}, […], "a text", a number, true, false or null');
  }

  #object(keys: Keys): boolean {
    const seen = new Set<string>();
    this.at++;
    if (this.#mark('}')) return true;
    do {
      this.#take(SPACE);
      const from = this.at;
      if (!this.#string('a key in double quotes (and no comma after the last entry)')) return false;
      const key = String(JSON.parse(this.#text.slice(from, this.at)));
      if (seen.has(key)) this.repeated.push([...keys, key]);
      seen.add(key);
      if (!this.#mark(':')) return this.#fail('":" after the key');
      if (!this.#value([...keys, key])) return false;
    } while (this.#mark(','));
    return this.#mark('}') || this.#fail('"," or "}"');
  }

  #list(keys: Keys): boolean {
    let index = 0;
    this.at++;
    if (this.#mark(']')) return true;
    do {
      if (!this.#value([...keys, index++])) return false;
    } while (this.#mark(','));
    return this.#mark(']') || this.#fail('"," or "]"');
  }

  #string(expected: string): boolean {
    const from = this.at;
    if (this.#text[this.at] !== '"') return this.#fail(expected);
    this.at++;
    for (;;) {
      this.#take(PLAIN);
      const next = this.#text[this.at] ?? '';
      if (next === '\\') {
        if (this.#take(ESCAPE) === undefined)
          return this.#fail('\\\\ for a backslash, or \\n, \\t, …');
      } else if (next >= CONTROL_MIN) {
        this.at++;
      } else if (next === '"') {
        this.at++;
        return true;
      } else {
        this.at = from;
        return this.#fail('a text that ends with a double quote on its line');
      }
    }
  }

  #mark(mark: string): boolean {
    this.#take(SPACE);
    if (this.#text[this.at] !== mark) return false;
    this.at++;
    return true;
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const taken = pattern.exec(this.#text)?.[0];
    this.at += taken?.length ?? 0;
    return taken;
  }

  #fail(expected: string): boolean {
    this.expected = expected;
    return false;
  }
}
