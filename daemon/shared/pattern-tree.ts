/**
 * Parses a regular expression, as JavaScript reads it with the flag "u", into a tree. The engine
 * has already accepted the expression, so this does not validate it. Everything that matches one
 * character (a letter, a class, an escape) is left to the engine.
 */

/** Conditions on a position between two characters. */
export type Condition = 'start' | 'end' | 'edge' | 'no-edge';

export type Tree =
  /** One character, which this test accepts. */
  | { readonly type: 'atom'; readonly atom: number }
  | { readonly type: 'condition'; readonly condition: Condition }
  /** A lookahead or lookbehind, positive or negative. */
  | {
      readonly type: 'view';
      readonly part: Tree;
      readonly isAhead: boolean;
      readonly isDenied: boolean;
    }
  | { readonly type: 'sequence' | 'choice'; readonly parts: readonly Tree[] }
  | { readonly type: 'repeat'; readonly part: Tree; readonly min: number; readonly max: number };

export interface Parsed {
  readonly tree: Tree;
  readonly atoms: readonly ((char: string) => boolean)[];
}

/** Longest pattern; this also limits how deeply groups are nested. */
export const PATTERN_CHARS_MAX = 4_000;

const TOKEN =
  /\\(?:u[Dd][89ABab][\dA-Fa-f]{2}\\u[Dd][C-Fc-f][\dA-Fa-f]{2}|u\{[^}]*\}|u[\dA-Fa-f]{4}|x..|c.|[pP]\{[^}]*\}|k<|[1-9]|.)|\[(?:\\.|[^\]\\])*\]|\((?:\?(?:<?[=!]|:|<[^>]*>|[a-z-]*:))?|[*+?]\??|\{\d+(?:,\d*)?\}\??|./suy;

const CONDITIONS: Readonly<Record<string, Condition>> = {
  '^': 'start',
  $: 'end',
  '\\b': 'edge',
  '\\B': 'no-edge',
};

export function parse(source: string): Parsed | 'no-pattern' | 'back-reference' | 'too-large' {
  try {
    new RegExp(source, 'u');
  } catch {
    return 'no-pattern';
  }
  if (source.length > PATTERN_CHARS_MAX) return 'too-large';
  const tokens = source.match(new RegExp(TOKEN, 'suyg')) ?? [];
  // "(?i:" needs a newer JavaScript, and would mean something else on another machine.
  if (tokens.some((token) => /^\(\?[a-z-]+:$/.test(token))) return 'no-pattern';
  if (tokens.some((token) => /^\\(k<|[1-9])$/.test(token))) return 'back-reference';
  const atoms = new Map<string, number>();
  const tree = new Reader(tokens, atoms).choice();
  return { tree, atoms: Array.from(atoms.keys(), testOf) };
}

/** Recursive descent into groups. */
class Reader {
  readonly #tokens: readonly string[];
  readonly #atoms: Map<string, number>;
  #at = 0;

  constructor(tokens: readonly string[], atoms: Map<string, number>) {
    this.#tokens = tokens;
    this.#atoms = atoms;
  }

  choice(): Tree {
    const parts = [this.#sequence()];
    while (this.#tokens[this.#at] === '|') {
      this.#at++;
      parts.push(this.#sequence());
    }
    const [only] = parts;
    return parts.length === 1 && only !== undefined ? only : { type: 'choice', parts };
  }

  #sequence(): Tree {
    const parts: Tree[] = [];
    for (;;) {
      const token = this.#tokens[this.#at];
      if (token === undefined || token === '|' || token === ')') break;
      this.#at++;
      parts.push(this.#repeated(this.#one(token)));
    }
    return { type: 'sequence', parts };
  }

  #one(token: string): Tree {
    const condition = CONDITIONS[token];
    if (condition !== undefined) return { type: 'condition', condition };
    if (!token.startsWith('(')) {
      const atom = this.#atoms.get(token) ?? this.#atoms.size;
      this.#atoms.set(token, atom);
      return { type: 'atom', atom };
    }
    const part = this.choice();
    this.#at++; // ")"
    if (!/^\(\?<?[=!]$/.test(token)) return part;
    return { type: 'view', part, isAhead: !token.includes('<'), isDenied: token.endsWith('!') };
  }

  /** Greedy or lazy makes no difference to what matches. */
  #repeated(part: Tree): Tree {
    const token = this.#tokens[this.#at] ?? '';
    const [, min = '', comma, max = ''] = /^\{(\d+)(,?)(\d*)\}/.exec(token) ?? [];
    const bounds = {
      '*': [0, Number.POSITIVE_INFINITY],
      '+': [1, Number.POSITIVE_INFINITY],
      '?': [0, 1],
      '{': [Number(min), comma === '' ? Number(min) : Number(max || Number.POSITIVE_INFINITY)],
    }[token[0] ?? ''];
    if (bounds === undefined) return part;
    this.#at++;
    const [from = 0, to = 0] = bounds;
    return { type: 'repeat', part, min: from, max: to };
  }
}

/** JavaScript's engine decides about single characters; that takes constant time. */
function testOf(token: string): (char: string) => boolean {
  const one = new RegExp(`^${token}$`, 'u');
  return (char) => one.test(char);
}
