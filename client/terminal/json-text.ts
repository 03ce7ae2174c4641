/** The daemon's replies for programs: `--json`. Its fields are those of the wire contract. */
import type { Reply } from '../../daemon/protocol/request.ts';

/** Indented JSON, without the fields for the connection. */
export function showJson({ id: _, ...reply }: Reply): string {
  return jsonText(reply);
}

/** Indented JSON; no control character is printed. */
export function jsonText(value: object): string {
  const json = JSON.stringify(value, null, 2);
  return `${json.replace(/(?!\n)\p{Cc}/gu, escapeControl)}\n`;
}

function escapeControl(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
