/**
 * JSON for files that people write: comments are allowed, every mistake is found, and every place
 * has a line and a column. Duplicate keys are mistakes, too; JSON.parse would silently drop all but
 * the last. Pure.
 *
 * Invariant: the value of a file without mistakes comes from JSON.parse.
 */
import {
  findNodeAtLocation,
  getLocation,
  getNodeValue,
  type Node,
  parseTree,
  printParseErrorCode,
  stripComments,
  visit,
} from 'jsonc-parser';
import * as say from './config-messages.ts';

/** A place in a JSON value: the keys and indexes that lead to it. */
export type Keys = readonly (string | number)[];

/** A mistake in the text, at an offset. */
interface TextFault {
  readonly offset: number;
  /** The innermost place around it. */
  readonly at: Keys;
  readonly text: string;
  /** The value is correct except for this. */
  readonly isSound: boolean;
  readonly isDeep?: true;
}

export interface Json {
  /** For a text with mistakes, as much as could be read; undefined: nothing. */
  readonly value: unknown;
  readonly faults: readonly TextFault[];
}

export interface Position {
  /** Both start at 1. */
  readonly line: number;
  readonly column: number;
}

/** Deepest nesting that is accepted. */
export const DEPTH_MAX = 100;

/** Most syntax errors that are reported: locating each one takes a pass through the file. */
export const FAULTS_MAX = 20;

const BOM = '\ufeff';
/** Most characters that are shown of what was found. */
const FOUND_CHARS_MAX = 20;
/** It may be a secret. */
const HIDDEN = 'something in "env", which is not shown';
const VALUE = 'a value: {…}, […], "a string", a number, true, false or null';

/** The text after "expected", by the parser's name of the mistake. */
const EXPECTED: Readonly<Record<string, string>> = {
  InvalidSymbol: VALUE,
  InvalidNumberFormat: VALUE,
  ValueExpected: VALUE,
  PropertyNameExpected: 'a key in double quotes (and no comma after the last entry)',
  ColonExpected: '":" after the key',
  CommaExpected: '"," before the next entry',
  CloseBraceExpected: '"," or "}"',
  CloseBracketExpected: '"," or "]"',
  EndOfFileExpected: 'the end of the file',
  UnexpectedEndOfComment: 'a comment that ends with */',
  UnexpectedEndOfString: 'a string that ends with a double quote on the same line',
  UnexpectedEndOfNumber: 'a number with digits after the decimal point',
  InvalidUnicode: '\\u with four hexadecimal digits',
  InvalidEscapeCharacter: '\\\\ for a backslash, or \\n, \\t, …',
  InvalidCharacter: '\\n, \\t, … in place of a control character',
};

export function parseJson(text: string): Json {
  const plain = text.startsWith(BOM) ? ` ${text.slice(1)}` : text;
  const bom: TextFault = { offset: 0, at: [], text: say.byteOrderMark(), isSound: true };
  const faults = [...(plain === text ? [] : [bom]), ...faultsOf(plain)];
  if (faults.every(({ isSound }) => isSound)) {
    return { value: JSON.parse(stripComments(plain, ' ')), faults };
  }
  // No value is made if it is too deep: code that walks through it may be recursive.
  const tree = faults.some(({ isDeep }) => isDeep === true) ? undefined : parseTree(plain);
  return { value: tree === undefined ? undefined : getNodeValue(tree), faults };
}

/** Finds places in a text; for a key that is missing, the place where it would be. */
export class Locator {
  readonly #text: string;
  #tree: Node | undefined;
  /** The offset of each line. */
  readonly #lines: readonly number[];

  constructor(text: string) {
    this.#text = text;
    this.#lines = [0, ...[...text.matchAll(/\n/g)].map(({ index }) => index + 1)];
  }

  offsetOf(keys: Keys): number {
    this.#tree ??= parseTree(this.#text);
    for (let length = keys.length; length > 0; length--) {
      const node = this.#tree && findNodeAtLocation(this.#tree, keys.slice(0, length));
      if (node === undefined) continue;
      // With its key, if it has one.
      return node.parent?.type === 'property' ? node.parent.offset : node.offset;
    }
    return this.#tree?.offset ?? 0;
  }

  positionOf(offset: number): Position {
    let [line, beyond] = [0, this.#lines.length];
    while (beyond - line > 1) {
      const middle = (line + beyond) >> 1;
      if ((this.#lines[middle] ?? 0) <= offset) line = middle;
      else beyond = middle;
    }
    return { line: line + 1, column: offset - (this.#lines[line] ?? 0) + 1 };
  }
}

/** One a line: further errors on the same line mostly follow from the first. */
function faultsOf(text: string): readonly TextFault[] {
  const faults: TextFault[] = [];
  /** The keys of each open object; no keys for a list. */
  const open: Set<string>[] = [];
  let line = -1;
  const begin = (offset: number): void => {
    // The parser is recursive.
    if (open.length >= DEPTH_MAX) throw new TooDeep(text, offset);
    open.push(new Set());
  };
  const end = (): void => {
    open.pop();
  };
  try {
    visit(text, {
      onObjectBegin: begin,
      onArrayBegin: begin,
      onObjectEnd: end,
      onArrayEnd: end,
      onObjectProperty: (key, offset, _length, _line, _column, pathOf) => {
        const keys = open.at(-1);
        if (keys?.has(key) === true) {
          const at = [...pathOf(), key];
          faults.push({ offset, at, text: say.twiceThere(), isSound: true });
        }
        keys?.add(key);
      },
      onError: (error, offset, _length, startLine) => {
        if (startLine === line) return;
        line = startLine;
        if (faults.length >= FAULTS_MAX) throw new Stop();
        const { path, isAtPropertyKey } = getLocation(text, offset);
        // The path contains '' for a key that has not been read yet.
        const at = path.filter((key) => key !== '');
        const found = at.includes('env') ? HIDDEN : foundText(text.slice(offset));
        const name = printParseErrorCode(error);
        const isKey = isAtPropertyKey && name === 'InvalidSymbol';
        const expected = EXPECTED[isKey ? 'PropertyNameExpected' : name] ?? VALUE;
        faults.push({ offset, at, text: say.wrongJson(expected, found), isSound: false });
      },
    });
  } catch (error) {
    if (error instanceof TooDeep) return [error.fault];
    if (!(error instanceof Stop)) throw error;
  }
  return faults;
}

/** The word that was found. */
function foundText(text: string): string {
  const word = text.slice(0, FOUND_CHARS_MAX).split(/\s/)[0] ?? '';
  return text === '' ? 'the end of the file' : JSON.stringify(word || text[0]);
}

/** Thrown when enough mistakes are found. */
class Stop extends Error {}

class TooDeep extends Error {
  readonly fault: TextFault;

  constructor(text: string, offset: number) {
    super();
    const said = say.wrongJson(`at most ${DEPTH_MAX} levels`, foundText(text.slice(offset)));
    this.fault = { offset, at: [], text: said, isSound: false, isDeep: true };
  }
}
