/**
 * `batond --replay FILE`: reads a journal from its file and prints what daemon/replay.ts tells of
 * it. The file is only read, without a lock, so that it may be the one of a daemon that runs.
 *
 * It is read twice: where a compaction ended is known only at its end, and neither the file nor
 * what is printed of it is ever in memory as a whole.
 */
import * as fs from 'node:fs';
import type { Catalog } from './catalog.ts';
import { close, piecesOf, REAL_DISK } from './disk.ts';
import { errnoOf } from './errno.ts';
import type { RunId, TargetName } from './event.ts';
import type { Result } from './journal.ts';
import * as say from './message/boot.ts';
import { parseJournal } from './record.ts';
import { Replay } from './replay.ts';

/** Where the text goes; false: nobody reads it any more. */
type Print = (text: string) => boolean;

/** How much is gathered before it is printed. */
const TEXT_CHARS = 65_536;
/** How long to wait for a non-blocking pipe that is full before trying again. */
const FULL_PIPE_MS = 1;

/** What is said of the end of the file, or why it could not be read to its end. */
export function replayFile(
  path: string,
  options: { readonly catalog: Catalog; readonly only?: RunId | TargetName },
  print: Print = printOut,
): Result<readonly string[]> {
  let file: number | undefined;
  try {
    // Without O_NONBLOCK a named pipe would be waited for.
    file = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
    if (!fs.fstatSync(file).isFile()) {
      return { ok: false, error: say.noJournal(path) };
    }
    return replay(path, file, options, print);
  } catch (error) {
    return { ok: false, error: say.cannotRead(path, error) };
  } finally {
    if (file !== undefined) close(REAL_DISK, file);
  }
}

function replay(
  path: string,
  file: number,
  options: { readonly catalog: Catalog; readonly only?: RunId | TargetName },
  print: Print,
): Result<readonly string[]> {
  let [line, compacted] = [0, 0];
  parseJournal(path, piecesOf(REAL_DISK, file), (event) => {
    line++;
    if (event.type === 'base') compacted = line;
  });
  const it = new Replay({ ...options, compacted });
  const out = new Out(print);
  const parsed = parseJournal(path, readBy(out, file), (event) => out.add(it.take(event)));
  if (!parsed.ok) {
    out.end();
    return parsed;
  }
  if (out.isOpen) out.add(it.close().map((text) => `at the end of the journal ${text}`));
  out.end();
  const { seq, goodBytes, tornBytes } = parsed.value;
  const isTorn = out.isOpen && tornBytes > 0;
  return { ok: true, value: isTorn ? [say.torn(path, seq + 1, goodBytes, tornBytes)] : [] };
}

/** The pieces of the file, as long as somebody reads what is told of them. */
function* readBy(out: Out, file: number): Generator<Buffer> {
  for (const piece of piecesOf(REAL_DISK, file)) {
    if (!out.isOpen) return;
    yield piece;
  }
}

class Out {
  isOpen = true;
  #text = '';
  readonly #print: Print;

  constructor(print: Print) {
    this.#print = print;
  }

  add(lines: readonly string[]): void {
    for (const line of lines) this.#text += `${line}\n`;
    if (this.#text.length > TEXT_CHARS) this.end();
  }

  /** Prints what has been gathered. */
  end(): void {
    if (this.isOpen) this.isOpen = this.#print(this.#text);
    this.#text = '';
  }
}

/** Writes all of it to stdout at once; holds the caller back while nobody reads. */
function printOut(text: string): boolean {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; ) {
    try {
      at += fs.writeSync(1, bytes, at);
    } catch (error) {
      if (errnoOf(error) === 'EPIPE') return false;
      if (errnoOf(error) !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, FULL_PIPE_MS);
    }
  }
  return true;
}
