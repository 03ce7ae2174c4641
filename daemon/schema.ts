/**
 * The shape of config.json: the one schema that every configuration goes through, py9tor's after
 * its conversion. What a runner or a policy takes is said by that plugin's own schema.
 */
import * as v from 'valibot';
import { policies } from '../policies/index.ts';
import { runners } from '../runners/index.ts';
import { DURATION_EXPECTED, parseBytes, parseDuration } from './duration.ts';
import { Sockets } from './socketsettings.ts';

const KILL_AFTER_DEFAULT = '30s';
export const KEEP_RUNS_MAX = 1_000_000;
export const NAME_CHARS_MAX = 100;
const DESCRIPTION_CHARS_MAX = 10_000;
const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

const NAME_EXPECTED = [
  `a target name: 1 to ${NAME_CHARS_MAX} characters, no "/" and no control characters`,
  'not starting with "-", not only digits (those name runs)',
].join(', ');
const CODES_EXPECTED = 'a list of exit codes';
const CODE_EXPECTED = 'an exit code: a whole number from 0 to 255';
const KEEP_EXPECTED = `a whole number from 1 to ${KEEP_RUNS_MAX}`;
const DAYS_EXPECTED = 'a number of days, more than 0';
const PATTERN_EXPECTED = 'a regular expression for one argument, such as "[a-z]+"';
const BYTES_EXPECTED = 'a number of bytes, or a text such as "500MB" or "2GiB"';

const Name = v.pipe(
  v.string(),
  v.regex(/^(?!\d+$)(?!-)[^/\p{Cc}]+$/u, NAME_EXPECTED),
  v.maxLength(NAME_CHARS_MAX, NAME_EXPECTED),
);
const Description = v.pipe(v.string(), v.maxLength(DESCRIPTION_CHARS_MAX));

/** To milliseconds. */
const Duration = v.pipe(
  v.string(DURATION_EXPECTED),
  v.check((text) => parseDuration(text) !== undefined, `${DURATION_EXPECTED}, at most 366d`),
  v.transform((text) => parseDuration(text) ?? 0),
);
/** The whole argument has to match. */
const Pattern = v.pipe(
  v.string(PATTERN_EXPECTED),
  v.check((text) => parsePattern(text) !== undefined, PATTERN_EXPECTED),
  v.transform((text) => parsePattern(text) ?? /^(?!)/),
);
/** Of 0 every run would expire or be ended at once. */
const Limit = v.pipe(Duration, v.minValue(1, `${DURATION_EXPECTED}, longer than 0`));

const Codes = v.array(
  v.pipe(
    v.number(CODE_EXPECTED),
    v.integer(CODE_EXPECTED),
    v.minValue(0, CODE_EXPECTED),
    v.maxValue(255, CODE_EXPECTED),
  ),
  CODES_EXPECTED,
);

const Bytes = v.pipe(
  v.union([v.number(), v.string()], BYTES_EXPECTED),
  v.check((size) => parseBytes(size) !== undefined, BYTES_EXPECTED),
  v.transform((size) => parseBytes(size) ?? 0),
);

const Keep = v.strictObject({
  runs: v.exactOptional(
    v.pipe(
      v.number(KEEP_EXPECTED),
      v.integer(KEEP_EXPECTED),
      v.minValue(1, KEEP_EXPECTED),
      v.maxValue(KEEP_RUNS_MAX, KEEP_EXPECTED),
    ),
  ),
  days: v.exactOptional(v.pipe(v.number(DAYS_EXPECTED), v.gtValue(0, DAYS_EXPECTED))),
  bytes: v.exactOptional(Bytes),
});
export type KeepSettings = v.InferOutput<typeof Keep>;

const Target = v.pipe(
  v.strictObject({
    description: v.exactOptional(Description),
    runner: anyOf(Object.values(runners)),
    policies: v.optional(v.array(anyOf(Object.values(policies))), []),
    timeout: v.exactOptional(Limit),
    killAfter: v.optional(Duration, KILL_AFTER_DEFAULT),
    maxWait: v.exactOptional(Limit),
    okExit: v.optional(Codes, [0]),
    warnExit: v.exactOptional(Codes),
    keep: v.exactOptional(Keep),
    onLost: v.exactOptional(v.picklist(['leave', 'retry'])),
    leftovers: v.exactOptional(v.picklist(['leave', 'kill'])),
    logMaxBytes: v.exactOptional(Bytes),
    progress: v.exactOptional(v.boolean()),
    acceptArgs: v.exactOptional(v.array(Pattern)),
  }),
  v.forward(
    v.check(
      ({ okExit, warnExit = [] }) => !warnExit.some((code) => okExit.includes(code)),
      'exit codes that okExit (0, where it is absent) does not name as well',
    ),
    ['warnExit'],
  ),
  v.forward(
    v.check(
      ({ runner, acceptArgs = [] }) => runner.type === 'local' || acceptArgs.length === 0,
      'none: only a runner of type "local" takes arguments',
    ),
    ['acceptArgs'],
  ),
);
export type TargetSettings = v.InferOutput<typeof Target>;

export const Settings = v.strictObject({
  $schema: v.exactOptional(v.string()),
  description: v.exactOptional(Description),
  log: v.exactOptional(
    v.strictObject({
      level: v.exactOptional(v.picklist(LEVELS)),
      format: v.exactOptional(v.picklist(['json', 'text'])),
    }),
  ),
  sockets: v.exactOptional(Sockets),
  idleExit: v.exactOptional(Limit),
  keep: v.exactOptional(Keep),
  targets: v.record(Name, Target),
});
export type Settings = v.InferOutput<typeof Settings>;

/** Options of a plugin: `type` says whose, and only that plugin knows the rest. */
interface Typed {
  readonly type: string;
}

/**
 * Plugins show their schemas as opaque. All of them are strict objects with a literal `type`, which
 * test/core/config.test.ts holds for every plugin of both maps.
 */
function anyOf(
  plugins: readonly { readonly options: v.GenericSchema<unknown, unknown> }[],
): v.GenericSchema<unknown, Typed> {
  const options = plugins.map((plugin) => plugin.options) as unknown as v.VariantOptions<'type'>;
  return v.variant('type', options) as unknown as v.GenericSchema<unknown, Typed>;
}

function parsePattern(text: string): RegExp | undefined {
  try {
    // By itself first: a ")" too many must not close what is put around it.
    new RegExp(text, 'u');
    return new RegExp(`^(?:${text})$`, 'u');
  } catch {
    return undefined;
  }
}
