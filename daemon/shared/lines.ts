/**
 * Splits the output of other processes and files into lines. Only a newline ends a line. JSON does
 * not escape Unicode's other line separators, such as U+2028, and the readline of Node 24 ends a
 * line there.
 */

const NEWLINE = 10;
/** Joins the pieces of a line when there are more than this. */
const PIECES_MAX = 64;

/** The part of Buffer that is used here; the core rooms do not have Node's types. */
interface Bytes<T> {
  readonly length: number;
  lastIndexOf(byte: number): number;
  subarray(from: number, to?: number): T;
}

/**
 * Turns bytes that arrive in pieces into blocks of whole lines. A newline byte is never part of
 * another character, so each block is valid text. Incomplete lines are not scanned again.
 */
export class WholeLines<T extends Bytes<T>> {
  readonly #join: (pieces: T[]) => T;
  #begun: T[] = [];
  #begunBytes = 0;

  /** `join` is Buffer.concat. */
  constructor(join: (pieces: T[]) => T) {
    this.#join = join;
  }

  /** Size of the incomplete line so far. */
  get begunBytes(): number {
    return this.#begunBytes;
  }

  /** All lines that end in this piece, including the last newline; undefined if there are none. */
  take(piece: T): T | undefined {
    const end = piece.lastIndexOf(NEWLINE) + 1;
    const whole = end === 0 ? undefined : this.#join([...this.rest(), piece.subarray(0, end)]);
    if (end < piece.length) this.#begun.push(piece.subarray(end));
    this.#begunBytes += piece.length - end;
    if (this.#begun.length > PIECES_MAX) this.#begun = [this.#join(this.#begun)];
    return whole;
  }

  /** The same, line by line, as text. */
  *read(piece: T): Generator<string> {
    yield* linesOf(String(this.take(piece) ?? ''));
  }

  /** Takes the incomplete line, in pieces. */
  rest(): T[] {
    const rest = this.#begun;
    [this.#begun, this.#begunBytes] = [[], 0];
    return rest;
  }
}

/** The lines of a text, with their newlines; the last one may have none. */
export function* linesOf(text: string): Generator<string> {
  for (let [from, to] = [0, 0]; from < text.length; from = to) {
    to = text.indexOf('\n', from) + 1 || text.length;
    yield text.slice(from, to);
  }
}

/** The last non-blank line, trimmed; '' if there is none. */
export function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)?.trim() ?? '';
}
