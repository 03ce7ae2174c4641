/**
 * The lines of the journal:
 *
 *   {"seq":7,"crc":2774821094,"event":{"type":"accepted",…}}
 *
 * `seq` is dense, `crc` is that of "SEQ EVENT". The first line names the format. A torn last line
 * is what a power cut leaves: it is cut off. A bad line elsewhere means that something else wrote
 * here: the journal refuses to open, and is left as it is.
 *
 * A journal is read piece by piece, and each event is handed on as it comes: neither the file nor
 * its events are ever in memory as a whole.
 */
import { isAscii } from 'node:buffer';
import { crc32 } from 'node:zlib';
import type { Event } from '../core/event.ts';
import { linesOf, WholeLines } from '../shared/lines.ts';
import type { Result } from '../shared/result.ts';
import * as say from '../system/boot-messages.ts';

/** The format that this version writes; it reads this and all before. */
export const FORMAT = 1;

export function encodeLine(seq: number, event: Event): string {
  const text = JSON.stringify(event);
  return `{"seq":${seq},"crc":${crc32(`${seq} ${text}`)},"event":${text}}\n`;
}

export interface Parsed {
  /** Number of the last event, which is how many there are. */
  readonly seq: number;
  readonly goodBytes: number;
  readonly tornBytes: number;
  /** Size that the journal had after its last compaction; 0 if it never was compacted. */
  readonly compactedBytes: number;
}

/** `take` gets every event, in order; what it throws is said of the line. */
export function parseJournal(
  path: string,
  pieces: Iterable<Buffer>,
  take: (event: Event) => void,
): Result<Parsed> {
  let [seq, at, bytes, compactedBytes] = [0, 0, 0, 0];
  let isBad = false;
  const wrong = (error: string): Result<Parsed> => ({ ok: false, error });
  for (const block of blocksOf(pieces)) {
    bytes += block.length;
    const isPlain = isAscii(block);
    // One string for many lines: a slice of it costs next to nothing.
    for (const line of linesOf(block.toString('utf8'))) {
      if (isBad) return wrong(say.damaged(path, seq + 1, at));
      const event = decodeLine(line, seq + 1);
      if (event === undefined) {
        isBad = true; // torn, if nothing comes after it
        continue;
      }
      if (event.type === 'journal' && event.format > FORMAT) {
        return wrong(say.newerFormat(path, event.format, FORMAT));
      }
      try {
        take(event);
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        return wrong(say.impossible(path, seq + 1, at, why));
      }
      seq++;
      at += isPlain ? line.length : Buffer.byteLength(line);
      if (event.type === 'base') compactedBytes = at;
    }
  }
  return { ok: true, value: { seq, goodBytes: at, tornBytes: bytes - at, compactedBytes } };
}

/** Whole lines, many at a time; the last block may end without a newline. */
function* blocksOf(pieces: Iterable<Buffer>): Generator<Buffer> {
  const lines = new WholeLines<Buffer>(Buffer.concat);
  for (const piece of pieces) {
    const whole = lines.take(piece);
    if (whole !== undefined) yield whole;
  }
  yield Buffer.concat(lines.rest());
}

const EVENT = ',"event":';

/** Undefined unless the line is, to the byte, as `encodeLine` would have written it. */
function decodeLine(line: string, seq: number): Event | undefined {
  const head = `{"seq":${seq},"crc":`;
  const comma = line.indexOf(EVENT, head.length);
  if (comma < 0 || !line.endsWith('}\n')) return undefined;
  const event = line.slice(comma + EVENT.length, -2);
  if (!line.startsWith(`${head}${crc32(event, crc32(`${seq} `))}${EVENT}`)) return undefined;
  return JSON.parse(event) as Event;
}
