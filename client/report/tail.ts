/**
 * The end of a run's output as readable lines: from the first complete line on, as text even if it
 * is binary, without colours and without earlier states of progress bars. Pure.
 */
import { stripVTControlCharacters } from 'node:util';

/** The last bytes of one stream. */
export interface Tail {
  readonly bytes: Uint8Array;
  /** There was more before. */
  readonly isCut: boolean;
}

const NEWLINE = 10;
/** Node 24's expression restarts at each escape, so a long text is processed in parts. */
const PART_CHARS = 1_000;

/** The text of a tail, without the remainder of a line that was cut. */
export function readTail({ bytes, isCut }: Tail): string {
  const first = isCut ? bytes.indexOf(NEWLINE) + 1 : 0;
  const whole = first < bytes.length ? bytes.subarray(first) : bytes;
  const lines = new TextDecoder().decode(whole).split('\n');
  return lines.map(withoutColours).map(lastState).join('\n').trimEnd();
}

function withoutColours(line: string): string {
  let text = '';
  for (let at = 0; at < line.length; at += PART_CHARS) {
    text += stripVTControlCharacters(line.slice(at, at + PART_CHARS));
  }
  return text;
}

/**
 * What a line finally shows: the text after the last carriage return that has text behind it. No
 * regular expression, because it would restart at each character of a long line.
 */
function lastState(line: string): string {
  let end = line.length;
  while (line[end - 1] === '\r') end--;
  return line.slice(line.lastIndexOf('\r', end - 1) + 1, end);
}
