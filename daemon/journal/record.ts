/**
 * The lines of the journal:
 *
 *   {"seq":7,"crc":2774821094,"event":{"type":"accepted",…}}
 *   {"seq":8,"crc":1316212365,"part":true,"event":{"type":"ended",…}}
 *
 * `seq` has no gaps; `crc` is the CRC of "SEQ EVENT", or of "SEQ part EVENT". The first line names
 * the format. `part`: the decision continues on the next line. A decision is applied completely or
 * not at all. A power cut may leave a torn last line or decision: it is cut off. A bad line
 * anywhere else means that something else wrote here: the journal refuses to open, and is left as
 * it is.
 *
 * A journal is read piece by piece, and each event is passed on immediately: neither the whole file
 * nor all of its events are ever in memory.
 */
import { isAscii } from 'node:buffer';
import { crc32 } from 'node:zlib';
import type { Event } from '../core/event.ts';
import { linesOf, WholeLines } from '../shared/lines.ts';
import type { Result } from '../shared/result.ts';
import * as say from '../system/boot-messages.ts';

/** The format that this version writes; it reads this and all earlier ones. */
export const FORMAT = 1;

/** The lines of one decision. */
export function encodeLines(seq: number, events: readonly Event[]): string {
  let text = '';
  for (const [at, event] of events.entries()) {
    text += encodeLine(seq + at, event, at < events.length - 1);
  }
  return text;
}

export function encodeLine(seq: number, event: Event, isPart = false): string {
  const text = JSON.stringify(event);
  const crc = crc32(`${seq} ${isPart ? 'part ' : ''}${text}`);
  return `{"seq":${seq},"crc":${crc}${isPart ? PART : ''},"event":${text}}\n`;
}

export interface Parsed {
  /** Number of the last event, and so the number of events. */
  readonly seq: number;
  readonly goodBytes: number;
  readonly tornBytes: number;
  /** Size that the journal had after its last compaction; 0 if it never was compacted. */
  readonly compactedBytes: number;
}

/** An event and its position. */
interface Line {
  readonly event: Event;
  readonly seq: number;
  readonly at: number;
}

/** `take` gets every event, in order; if it throws, the line is reported as impossible. */
export function parseJournal(
  path: string,
  pieces: Iterable<Buffer>,
  take: (event: Event) => void,
): Result<Parsed> {
  let [seq, at, bytes, goodBytes, compactedBytes] = [0, 0, 0, 0, 0];
  let isBad = false;
  let decision: Line[] = [];
  const wrong = (error: string): Result<Parsed> => ({ ok: false, error });
  for (const block of blocksOf(pieces)) {
    bytes += block.length;
    const isPlain = isAscii(block);
    // One string for many lines: slices of it cost almost nothing.
    for (const line of linesOf(block.toString('utf8'))) {
      if (isBad) return wrong(say.damaged(path, seq + 1, at));
      const decoded = decodeLine(line, seq + 1);
      if (decoded === undefined) {
        isBad = true; // torn, if nothing comes after it
        continue;
      }
      const { event, isPart } = decoded;
      if (event.type === 'journal' && event.format > FORMAT) {
        return wrong(say.newerFormat(path, event.format, FORMAT));
      }
      decision.push({ event, seq: ++seq, at });
      at += isPlain ? line.length : Buffer.byteLength(line);
      if (isPart) continue;
      const impossible = takeAll(path, decision, take);
      if (impossible !== undefined) return wrong(impossible);
      decision = [];
      goodBytes = at;
      if (event.type === 'base') compactedBytes = at;
    }
  }
  const good = { seq: seq - decision.length, goodBytes, tornBytes: bytes - goodBytes };
  return { ok: true, value: { ...good, compactedBytes } };
}

/** Returns what is wrong with the first bad line, if there is one. */
function takeAll(
  path: string,
  lines: readonly Line[],
  take: (event: Event) => void,
): string | undefined {
  for (const { event, seq, at } of lines) {
    try {
      take(event);
    } catch (error) {
      return say.impossible(path, seq, at, error instanceof Error ? error.message : String(error));
    }
  }
  return undefined;
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
const PART = ',"part":true';

interface Decoded {
  readonly event: Event;
  readonly isPart: boolean;
}

/** Undefined unless the line is byte for byte what `encodeLine` would have written. */
function decodeLine(line: string, seq: number): Decoded | undefined {
  const comma = line.indexOf(EVENT);
  if (comma < 0 || !line.endsWith('}\n')) return undefined;
  const event = line.slice(comma + EVENT.length, -2);
  const isPart = line.endsWith(PART, comma);
  const part = isPart ? PART : '';
  const crc = crc32(event, crc32(isPart ? `${seq} part ` : `${seq} `));
  if (line.slice(0, comma) !== `{"seq":${seq},"crc":${crc}${part}`) return undefined;
  return { event: JSON.parse(event) as Event, isPart };
}
