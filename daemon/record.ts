/**
 * The lines of the journal:
 *
 *   {"seq":7,"crc":2774821094,"event":{"type":"accepted",…}}
 *
 * `seq` is dense, `crc` is that of "SEQ EVENT". The first line names the format. A torn last line
 * is what a power cut leaves: it is cut off. A bad line elsewhere means that something else wrote
 * here: the journal refuses to open, and is left as it is.
 */
import { crc32 } from 'node:zlib';
import type { Event } from './event.ts';
import type { Result } from './journal.ts';

/** The format that this version writes; it reads this and all before. */
export const FORMAT = 1;

export function encodeLine(seq: number, event: Event): string {
  const text = JSON.stringify(event);
  return `{"seq":${seq},"crc":${crc32(`${seq} ${text}`)},"event":${text}}\n`;
}

interface Parsed {
  readonly events: readonly Event[];
  readonly seq: number;
  readonly goodBytes: number;
  readonly tornBytes: number;
}

const NEWLINE = 10;

export function parseJournal(path: string, content: Buffer): Result<Parsed> {
  const events: Event[] = [];
  let [seq, at, line] = [0, 0, 0];
  while (at < content.length) {
    line++;
    const end = content.indexOf(NEWLINE, at);
    const event = end < 0 ? undefined : decodeLine(content.toString('utf8', at, end), seq + 1);
    if (event === undefined) {
      const isLast = end < 0 || end === content.length - 1;
      if (isLast) break;
      const where = `${path}: line ${line} (byte ${at})`;
      const what = 'is damaged: its checksum or its number is wrong';
      return {
        ok: false,
        error: `${where} ${what}. Nothing was changed. Restore the file from a backup, or move the state directory aside to begin anew`,
      };
    }
    if (event.type === 'journal' && event.format > FORMAT) {
      const error = `${path}: was written by a newer baton (format ${event.format}; this one reads up to ${FORMAT}). Install that version or a later one`;
      return { ok: false, error };
    }
    events.push(event);
    seq++;
    at = end + 1;
  }
  return { ok: true, value: { events, seq, goodBytes: at, tornBytes: content.length - at } };
}

function decodeLine(text: string, seq: number): Event | undefined {
  const [, number, crc, event] = /^\{"seq":(\d+),"crc":(\d+),"event":(.*)\}$/s.exec(text) ?? [];
  if (event === undefined || Number(number) !== seq) return undefined;
  return crc32(`${seq} ${event}`) === Number(crc) ? (JSON.parse(event) as Event) : undefined;
}
