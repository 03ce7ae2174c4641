/**
 * Field types of config.json: names, durations, sizes, exit codes. Each one states what it expects,
 * as the rest of a sentence, and what the value becomes. Checks that JSON Schema can express are
 * repeated in `v.metadata`, as a fragment of it; see contrib/generate/schema.ts.
 */
import * as v from 'valibot';
import { BYTES, parseBytes } from '../shared/duration.ts';
import { PATTERN_PLACES_MAX, parsePattern } from '../shared/pattern.ts';
import { PATTERN_CHARS_MAX } from '../shared/pattern-tree.ts';
import { STOP_SIGNALS } from '../shared/stop.ts';

export const NAME_CHARS_MAX = 100;
const DESCRIPTION_CHARS_MAX = 10_000;

const NAME_EXPECTED = [
  `a target name: 1 to ${NAME_CHARS_MAX} characters, no "/" and no control characters`,
  'not starting with "-", not only digits (those name runs)',
].join(', ');
const CODES_EXPECTED = 'a list of exit codes';
const CODE_EXPECTED = 'an exit code: an integer from 0 to 255';
const PATTERN_EXPECTED = 'a regular expression for one argument, such as "[a-z]+"';
const PATTERN_FAULTS = {
  'no-pattern': PATTERN_EXPECTED,
  'back-reference':
    `${PATTERN_EXPECTED}, without back-references (such as "\\1"), because one short argument ` +
    'could keep the daemon busy for minutes',
  'too-large':
    `${PATTERN_EXPECTED}, of at most ${PATTERN_CHARS_MAX} characters and ${PATTERN_PLACES_MAX} places, each ` +
    'repetition counted: "[a-z]{1,64}" has 64 and some',
} as const;
const BYTES_EXPECTED = 'a number of bytes, or a string such as "500MB" or "2GiB"';

export const Name = v.pipe(
  v.string(),
  v.regex(/^(?!\d+$)(?!-)[^/\p{Cc}]+$/u, NAME_EXPECTED),
  v.maxLength(NAME_CHARS_MAX, NAME_EXPECTED),
);

const HOST_CHARS_MAX = 90;
const HOST_EXPECTED =
  'a host: its name, its address, or an alias of ~/.ssh/config; letters, digits and any of "._:-"';

/** Most hosts in one fleet: all of its runs are accepted in one turn. */
export const FLEET_HOSTS_MAX = 1_000;

/** Part of a target name, and a word of `--only`. */
const Host = v.pipe(
  v.string(HOST_EXPECTED),
  v.regex(/^[A-Za-z0-9][A-Za-z0-9._:-]*$/, HOST_EXPECTED),
  v.maxLength(HOST_CHARS_MAX, HOST_EXPECTED),
);
export const Hosts = v.pipe(v.array(Host), v.minLength(1), v.maxLength(FLEET_HOSTS_MAX));
export const Description = v.pipe(v.string(), v.maxLength(DESCRIPTION_CHARS_MAX));

const INCLUDE_EXPECTED =
  'a path of a file, such as "conf.d/*.json", with "*" in its last part only';

export const IncludePattern = v.pipe(
  v.string(INCLUDE_EXPECTED),
  v.regex(/^(?:[^*\0]*\/)?[^/\0]+$/, INCLUDE_EXPECTED),
);

/** The whole argument has to match. */
export const Pattern = v.pipe(
  v.string(PATTERN_EXPECTED),
  v.metadata({ title: 'regular expression', format: 'regex' }),
  v.rawTransform(({ dataset, addIssue, NEVER }) => {
    const pattern = parsePattern(dataset.value);
    if (typeof pattern !== 'string') return pattern;
    addIssue({ message: PATTERN_FAULTS[pattern] });
    return NEVER;
  }),
);
export const Code = v.pipe(
  v.number(CODE_EXPECTED),
  v.integer(CODE_EXPECTED),
  v.minValue(0, CODE_EXPECTED),
  v.maxValue(255, CODE_EXPECTED),
  v.metadata({ title: 'exit code' }),
);
export const Codes = v.array(Code, CODES_EXPECTED);

const STOP_EXPECTED = `a signal that a command can handle as a request to stop: ${STOP_SIGNALS.join(', ')}`;
export const StopSignal = v.picklist(STOP_SIGNALS, STOP_EXPECTED);

export const Bytes = v.pipe(
  v.union(
    [
      v.pipe(v.number(), v.metadata({ type: 'integer', minimum: 0 })),
      v.pipe(v.string(), v.metadata({ pattern: BYTES.source })),
    ],
    BYTES_EXPECTED,
  ),
  v.check((size) => parseBytes(size) !== undefined, BYTES_EXPECTED),
  v.metadata({ title: 'size' }),
  v.transform((size) => parseBytes(size) ?? 0),
);
