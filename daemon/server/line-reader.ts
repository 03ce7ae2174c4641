/**
 * Takes what a client sends apart into lines, and each line into a value.
 *
 * Every line has its turn: one that is too long, no UTF-8 or no JSON is told only when all before
 * it have been taken, however they came. ndjson's parser is fed by hand, because a pipe would be
 * undone by the first malformed line and hang; it ends itself on a line `null`, with all that it
 * holds, and does not see long lines that come in one chunk, so both are kept from it here. It is
 * fed whole lines only: it would go over a long line anew with every byte that comes, and take
 * bytes that are no UTF-8 for others.
 */
import { isUtf8 } from 'node:buffer';
import ndjson from 'ndjson';
import * as say from '../protocol/refusal-text.ts';
import { LINE_BYTES_MAX } from '../protocol/request.ts';
import { WholeLines } from '../shared/lines.ts';

const NEWLINE = 10;

interface Bad {
  readonly code: 'malformed' | 'line-too-long';
  readonly message: string;
}

const NO_OBJECT: Bad = { code: 'malformed', message: say.noObject() };
const NO_UTF8: Bad = { code: 'malformed', message: say.noUtf8() };
const TOO_LONG: Bad = { code: 'line-too-long', message: say.longLine(LINE_BYTES_MAX) };

/** Given to the parser in the place of a line that it could not take, to come in turn. */
const STAND_IN = '';

export class LineReader {
  readonly #lines = new WholeLines<Buffer>(Buffer.concat);
  readonly #parser = ndjson.parse({ strict: true, maxLength: LINE_BYTES_MAX });
  readonly #take: (value: unknown) => void;
  readonly #refuse: (bad: Bad) => void;
  readonly #stall: (isStalled: boolean) => void;
  readonly #drained: () => void;
  /** The line that STAND_IN stands for. Nothing after it is looked at. */
  #bad: Bad | undefined;
  /** Values that came before a malformed line and wait for their turn. */
  #leftBeforeBad: number | undefined;
  #isOver = false;

  constructor(options: {
    readonly take: (value: unknown) => void;
    /** A line that is none. Nothing is taken after it. */
    readonly refuse: (bad: Bad) => void;
    /** There is more than can be taken now; with `false`, no longer. */
    readonly stall: (isStalled: boolean) => void;
    /** The client has ended its side, and every line of it has been taken. */
    readonly drained: () => void;
  }) {
    this.#take = options.take;
    this.#refuse = options.refuse;
    this.#stall = options.stall;
    this.#drained = options.drained;
    this.#parser.on('data', (value: unknown) => this.#pass(value));
    this.#parser.on('error', () => this.#malformed());
    this.#parser.on('end', () => {
      if (!this.#isOver) this.#drained();
    });
  }

  read(chunk: Buffer): void {
    if (this.#isOver || this.#bad !== undefined) return;
    this.#feed(this.#lines.take(chunk));
    if (this.#lines.begunBytes > LINE_BYTES_MAX) this.#refuseInTurn(TOO_LONG);
  }

  /** The client sends no more. A last line may lack its newline. */
  end(): void {
    if (this.#isOver) return;
    if (this.#lines.begunBytes > 0) this.#feed(this.#lines.take(Buffer.of(NEWLINE)));
    this.#parser.end();
  }

  /** No further line is taken before `resume`. */
  pause(): void {
    this.#parser.pause();
  }

  resume(): void {
    this.#parser.resume();
  }

  close(): void {
    this.#isOver = true;
  }

  /** Gives whole lines to the parser. */
  #feed(lines: Buffer | undefined): void {
    if (lines === undefined) return;
    const isText = isUtf8(lines);
    for (let [from, to] = [0, 0]; from < lines.length; from = to) {
      to = lines.indexOf(NEWLINE, from) + 1;
      const bad = mistakeIn(lines.subarray(from, to), isText);
      if (bad === undefined) continue;
      if (from > 0) this.#write(lines.subarray(0, from));
      return this.#refuseInTurn(bad);
    }
    this.#write(lines);
  }

  #refuseInTurn(bad: Bad): void {
    if (this.#bad !== undefined) return;
    this.#bad = bad;
    this.#write(Buffer.from(`${JSON.stringify(STAND_IN)}\n`));
  }

  #write(lines: Buffer): void {
    if (this.#parser.write(lines)) return;
    this.#stall(true);
    this.#parser.once('drain', () => this.#stall(false));
  }

  #pass(value: unknown): void {
    if (this.#isOver) return;
    if (value === STAND_IN && this.#bad !== undefined) return this.#fail(this.#bad);
    this.#take(value);
    if (this.#leftBeforeBad === undefined) return;
    this.#leftBeforeBad--;
    this.#malformed();
  }

  /** What came before the bad line, in the same chunk, is taken first. */
  #malformed(): void {
    this.#leftBeforeBad ??= this.#parser.readableLength;
    if (this.#leftBeforeBad === 0) this.#fail(NO_OBJECT);
  }

  #fail(bad: Bad): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#refuse(bad);
  }
}

/** `isText`: all of it is known to be UTF-8. */
function mistakeIn(line: Buffer, isText: boolean): Bad | undefined {
  if (line.length > LINE_BYTES_MAX + 1) return TOO_LONG; // with its newline
  if (!isText && !isUtf8(line)) return NO_UTF8;
  return isLikeNull(line) ? NO_OBJECT : undefined;
}

const BLANKS: readonly number[] = [0x20, 0x09, 0x0d];
const LETTER_N = 0x6e;

/** `null` is all that JSON has with this first letter. */
function isLikeNull(line: Buffer): boolean {
  return line.find((byte) => !BLANKS.includes(byte)) === LETTER_N;
}
