/** Options that several verbs have. */
import type { Option } from './verb.ts';

export const JSON_OPTION = {
  name: 'json',
  text: "print the daemon's reply as JSON; see baton-protocol(7)",
} as const satisfies Option;

export const SINCE = {
  name: 'since',
  value: 'TIME',
  text:
    'how far back to look, such as 12h or 7d (default: 24h for `timeline` and `retry`, 7d for ' +
    '`report`, no limit for `history`)',
} as const satisfies Option;

export const FOR = {
  name: 'for',
  value: 'TIME',
  text:
    'how long to pause or plan, such as `2h` or `7d` (`pause`: resume automatically after ' +
    'TIME, which includes time while the machine sleeps; `plan`: default 24h)',
} as const satisfies Option;

export const OUTPUT = {
  name: 'output',
  value: 'FILE',
  completes: 'file',
  text:
    'write to FILE, which is replaced atomically and readable by everybody; if that fails, exit ' +
    'with 73',
} as const satisfies Option;
