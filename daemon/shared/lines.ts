/**
 * Takes apart into lines what other processes and files say. A line ends with a newline and nothing
 * else: what Unicode has beside it, such as U+2028, JSON leaves as it is, and readline of Node 24
 * ends a line there.
 */

const NEWLINE = 10;
/** Pieces of one line are joined when there are so many of them. */
const PIECES_MAX = 64;

/** What is used here of a Buffer, which these rooms do not know. */
interface Bytes<T> {
  readonly length: number;
  lastIndexOf(byte: number): number;
  subarray(from: number, to?: number): T;
}

/**
 * Bytes that come in pieces, as blocks of whole lines: a newline is no part of another character,
 * so that a block can be read as text. What has come of a line is not looked at again.
 */
export class WholeLines<T extends Bytes<T>> {
  readonly #join: (pieces: T[]) => T;
  #begun: T[] = [];
  #begunBytes = 0;

  /** `join` is Buffer.concat. */
  constructor(join: (pieces: T[]) => T) {
    this.#join = join;
  }

  /** How much there is of a line that has not ended yet. */
  get begunBytes(): number {
    return this.#begunBytes;
  }

  /** All lines that end with this piece, the last newline included; none: undefined. */
  take(piece: T): T | undefined {
    const end = piece.lastIndexOf(NEWLINE) + 1;
    const whole = end === 0 ? undefined : this.#join([...this.rest(), piece.subarray(0, end)]);
    if (end < piece.length) this.#begun.push(piece.subarray(end));
    this.#begunBytes += piece.length - end;
    if (this.#begun.length > PIECES_MAX) this.#begun = [this.#join(this.#begun)];
    return whole;
  }

  /** The same, one by one, as text. */
  *read(piece: T): Generator<string> {
    yield* linesOf(String(this.take(piece) ?? ''));
  }

  /** Takes what there is of a line that has not ended, in its pieces. */
  rest(): T[] {
    const rest = this.#begun;
    [this.#begun, this.#begunBytes] = [[], 0];
    return rest;
  }
}

/** The lines of a text, with their newlines, which the last may lack. */
export function* linesOf(text: string): Generator<string> {
  for (let [from, to] = [0, 0]; from < text.length; from = to) {
    to = text.indexOf('\n', from) + 1 || text.length;
    yield text.slice(from, to);
  }
}

/** The last line that says something, without blanks around it; '' where there is none. */
export function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)?.trim() ?? '';
}
