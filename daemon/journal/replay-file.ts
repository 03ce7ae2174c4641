/**
 * `batond --replay FILE`: reads a journal and prints the explanations of daemon/core/replay.ts. The
 * file is only read, without a lock, so it may belong to a running daemon.
 *
 * It is read twice, because only its end says where a compaction ended. Neither the file nor the
 * output is ever in memory as a whole.
 */
import * as fs from 'node:fs';
import type { Catalog } from '../core/catalog.ts';
import { Replay } from '../core/replay.ts';
import type { RunId, TargetName } from '../shared/run.ts';
import * as say from '../system/boot-messages.ts';
import { STDOUT, writeAll } from '../system/print.ts';
import { close, piecesOf, REAL_DISK } from './disk.ts';
import { parseJournal } from './record.ts';

/** Writes the text. Returns the errno's name if it cannot, for example because nobody reads it. */
type Print = (text: string) => string | undefined;

export interface ReplayFailure {
  readonly ok: false;
  readonly error: string;
  /** The journal is fine, but the text cannot be written. */
  readonly isUnwritten?: true;
}

/** How much is collected before it is printed. */
const TEXT_CHARS = 65_536;

/** What to print after the end of the file, or why it could not be read to the end. */
export function replayFile(
  path: string,
  options: { readonly catalog: Catalog; readonly only?: RunId | TargetName },
  print: Print = (text) => writeAll(STDOUT, text),
): { readonly ok: true; readonly value: readonly string[] } | ReplayFailure {
  let file: number | undefined;
  try {
    // Without O_NONBLOCK, opening a named pipe would block.
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
): { readonly ok: true; readonly value: readonly string[] } | ReplayFailure {
  let [line, compacted] = [0, 0];
  parseJournal(path, piecesOf(REAL_DISK, file), (event) => {
    line++;
    if (event.type === 'base') compacted = line;
  });
  const it = new Replay({ ...options, showTime: localTime, compacted });
  const out = new Out(print);
  const parsed = parseJournal(path, readBy(out, file), (event) => out.add(it.take(event)));
  if (!parsed.ok) {
    out.end();
    return parsed;
  }
  if (out.isOpen) out.add(it.close().map((text) => `at the end of the journal ${text}`));
  out.end();
  if (out.failed !== undefined) {
    return { ok: false, error: say.unprinted(out.failed), isUnwritten: true };
  }
  const { seq, goodBytes, tornBytes } = parsed.value;
  const isTorn = out.isOpen && tornBytes > 0;
  return { ok: true, value: isTorn ? [say.torn(path, seq + 1, goodBytes, tornBytes)] : [] };
}

const MINUTE_MS = 60_000;

/** Local time of day, with milliseconds. */
export function localTime(wallMs: number): string {
  const offsetMs = new Date(wallMs).getTimezoneOffset() * MINUTE_MS;
  return new Date(wallMs - offsetMs).toISOString().slice(0, -1);
}

/** The pieces of the file, for as long as somebody reads the output. */
function* readBy(out: Out, file: number): Generator<Buffer> {
  for (const piece of piecesOf(REAL_DISK, file)) {
    if (!out.isOpen) return;
    yield piece;
  }
}

class Out {
  isOpen = true;
  /** Why the output failed, if somebody may have wanted it. */
  failed: string | undefined;
  #text = '';
  readonly #print: Print;

  constructor(print: Print) {
    this.#print = print;
  }

  add(lines: readonly string[]): void {
    for (const line of lines) this.#text += `${line}\n`;
    if (this.#text.length > TEXT_CHARS) this.end();
  }

  /** Prints what has been collected. */
  end(): void {
    const code = this.isOpen ? this.#print(this.#text) : undefined;
    if (code !== undefined) this.isOpen = false;
    if (code !== undefined && code !== 'EPIPE') this.failed = code;
    this.#text = '';
  }
}
