/**
 * Splits the input of a client into lines, and parses each line.
 *
 * Lines are handled in order: a line that is too long, not UTF-8 or not JSON is reported only when
 * all lines before it have been taken, however they arrived. ndjson's parser is fed by hand,
 * because the first malformed line would break a pipe and hang. On a line `null` it ends, dropping
 * its buffer, and it does not notice long lines that arrive in one chunk, so both are kept away
 * from it here. It gets whole lines only: otherwise it would scan a long line again for every byte
 * that arrives, and misread bytes that are not UTF-8.
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

/** Passed to the parser instead of a line that it could not take, to keep the order. */
const STAND_IN = '';

export class LineReader {
  readonly #lines = new WholeLines<Buffer>(Buffer.concat);
  readonly #parser = ndjson.parse({ strict: true, maxLength: LINE_BYTES_MAX });
  readonly #take: (value: unknown) => void;
  readonly #refuse: (bad: Bad) => void;
  readonly #stall: (isStalled: boolean) => void;
  readonly #drained: () => void;
  /** The line that STAND_IN represents. Nothing after it is parsed. */
  #bad: Bad | undefined;
  /** Values before a malformed line that have not been taken yet. */
  #leftBeforeBad: number | undefined;
  #isOver = false;

  constructor(options: {
    readonly take: (value: unknown) => void;
    /** A malformed line. Nothing after it is taken. */
    readonly refuse: (bad: Bad) => void;
    /** There is more input than can be taken now; with `false`, no longer. */
    readonly stall: (isStalled: boolean) => void;
    /** The client has closed its side, and all its lines have been taken. */
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

  /** The client sends no more. The last line may have no newline. */
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

  /** Passes whole lines to the parser. */
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

  /** Values before the bad line, in the same chunk, are taken first. */
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

/** `isText`: already known to be UTF-8. */
function mistakeIn(line: Buffer, isText: boolean): Bad | undefined {
  if (line.length > LINE_BYTES_MAX + 1) return TOO_LONG; // with its newline
  if (!isText && !isUtf8(line)) return NO_UTF8;
  return isLikeNull(line) ? NO_OBJECT : undefined;
}

const BLANKS: readonly number[] = [0x20, 0x09, 0x0d];
const LETTER_N = 0x6e;

/** In JSON, only `null` begins with this letter. */
function isLikeNull(line: Buffer): boolean {
  return line.find((byte) => !BLANKS.includes(byte)) === LETTER_N;
}
