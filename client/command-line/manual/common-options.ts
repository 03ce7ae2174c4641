/** Options that several verbs have. */
import type { Option } from './verb.ts';

export const JSON_OPTION = {
  name: 'json',
  text: "print the daemon's reply as JSON; see baton-protocol(7)",
} as const satisfies Option;

/** For a verb that describes its own JSON. */
export const DESCRIBED_JSON = {
  name: 'json',
  text: 'print one JSON object instead; its fields are described above',
} as const satisfies Option;

export const forTime = (text: string) =>
  ({ name: 'for', value: 'TIME', text }) as const satisfies Option;

export const since = (standard: string) =>
  ({
    name: 'since',
    value: 'TIME',
    text: `how far back to look, such as 12h or 7d (default: ${standard})`,
  }) as const satisfies Option;

export const OUTPUT = {
  name: 'output',
  value: 'FILE',
  completes: 'file',
  text:
    'write to FILE, which is replaced atomically and readable by everybody; if that fails, exit ' +
    'with 73',
} as const satisfies Option;
