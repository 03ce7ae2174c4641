/** A frame of a run's output for a client. */
import { isUtf8 } from 'node:buffer';

/** Most bytes of one frame. */
export const CHUNK_BYTES = 65_536;

export interface Frame {
  readonly stream: 'out' | 'err';
  readonly offset: number;
  readonly bytes: number;
  readonly data: string;
  readonly encoding?: 'base64';
}

/**
 * Valid text is sent as text, cut at a character boundary; anything else as base64. So is text with
 * a NUL, because JSON needs six bytes for each. A full frame, after which more follow, is base64 as
 * well: that takes a quarter of the time of escaping text, though it has a third more bytes.
 */
export function encode(
  chunk: Buffer,
  { stream, offset }: Pick<Frame, 'stream' | 'offset'>,
  ended: boolean,
): Frame {
  const cut = ended ? chunk.length : wholeCharacters(chunk);
  const text = cut > 0 && cut < chunk.length ? chunk.subarray(0, cut) : chunk;
  if (chunk.length < CHUNK_BYTES && !text.includes(0) && isUtf8(text)) {
    return { stream, offset, bytes: text.length, data: text.toString('utf8') };
  }
  const data = chunk.toString('base64');
  return { stream, offset, bytes: chunk.length, data, encoding: 'base64' };
}

/** How many bytes remain if an incomplete character is cut off the end. */
function wholeCharacters(chunk: Buffer): number {
  for (let back = 1; back <= Math.min(4, chunk.length); back++) {
    const byte = chunk[chunk.length - back] ?? 0;
    if (byte < 0x80) return chunk.length;
    if (byte >= 0xc0) {
      const wanted = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return back < wanted ? chunk.length - back : chunk.length;
    }
  }
  return chunk.length;
}
