/**
 * Crontab lines that set a variable, as cron's load_env reads them: `NAME = value`, name and value
 * quoted or not. They apply to the lines below them. Pure, and linear in the line's length.
 */

export interface Setting {
  readonly name: string;
  readonly value: string;
}

const BLANKS = [' ', '\t'];
const QUOTES = ['"', "'"];

/** Undefined for a line that sets nothing. */
export function parseSetting(line: string): Setting | undefined {
  const name = readName(line, skipBlanks(line, 0));
  if (name === undefined) return undefined;
  const equals = skipBlanks(line, name.end);
  if (line[equals] !== '=') return undefined;
  const value = readValue(line, skipBlanks(line, equals + 1));
  return value === undefined ? undefined : { name: name.text, value };
}

function skipBlanks(line: string, from: number): number {
  let at = from;
  while (isBlank(line[at])) at++;
  return at;
}

export function isBlank(sign: string | undefined): boolean {
  return sign !== undefined && BLANKS.includes(sign);
}

function readName(
  line: string,
  at: number,
): { readonly text: string; readonly end: number } | undefined {
  const first = line[at] ?? '';
  if (QUOTES.includes(first)) {
    const end = line.indexOf(first, at + 1);
    return end < 0 ? undefined : { text: line.slice(at + 1, end), end: end + 1 };
  }
  let end = at;
  while (end < line.length && line[end] !== '=' && !isBlank(line[end])) end++;
  const text = line.slice(at, end);
  return /^[A-Za-z_]\w*$/.test(text) ? { text, end } : undefined;
}

/** Blanks around a value count only in quotes; those inside it always do. */
function readValue(line: string, at: number): string | undefined {
  const first = line[at] ?? '';
  if (!QUOTES.includes(first)) return line.slice(at).trimEnd();
  const end = line.indexOf(first, at + 1);
  if (end < 0 || skipBlanks(line.trimEnd(), end + 1) < line.trimEnd().length) return undefined;
  return line.slice(at + 1, end);
}
