/**
 * local: a command on this machine. A missing command, directory or user is no mistake of the
 * configuration: it is found at the run (127, 126), since it may be there by then.
 */
import * as v from 'valibot';
import type { ProcessPlan, Runner } from './runner.ts';

/** The kernel takes no text with NUL inside. */
const Text = v.pipe(
  v.string('a text in double quotes'),
  v.check((text) => !text.includes('\0'), 'a text without NUL characters'),
);

const PROGRAM_EXPECTED = 'the path or name of a program';
const Program = v.pipe(
  v.string(PROGRAM_EXPECTED),
  v.check((text) => text !== '' && !text.includes('\0'), PROGRAM_EXPECTED),
);
const CWD_EXPECTED = 'an absolute path';
const ENV_NAME_EXPECTED = 'the name of a variable: letters, digits and "_", no digit first';
const ACCOUNT_EXPECTED = 'a name (no spaces, no ":", not starting with "-") or a number';
const ID_MAX = 2 ** 32 - 2;
const UMASK_EXPECTED = 'an octal number in quotes, such as "027"';
const NICE_EXPECTED = 'a whole number from -20 (first) to 19 (last)';
const IONICE_EXPECTED = '"idle", "best-effort", "best-effort:0" to ":7" or "realtime:0" to ":7"';

/** Neither an option nor a second field for getent(1) and setpriv(1). */
const Account = v.union(
  [
    v.pipe(v.string(), v.regex(/^[^\s\p{Cc}:-][^\s\p{Cc}:]*$/u, ACCOUNT_EXPECTED)),
    v.pipe(
      v.number(),
      v.integer(ACCOUNT_EXPECTED),
      v.minValue(0, ACCOUNT_EXPECTED),
      v.maxValue(ID_MAX, ACCOUNT_EXPECTED),
    ),
  ],
  ACCOUNT_EXPECTED,
);

const Umask = v.pipe(
  v.string(UMASK_EXPECTED),
  v.regex(/^0?[0-7]{1,3}$/, UMASK_EXPECTED),
  v.transform((text) => Number.parseInt(text, 8)),
);

const Ionice = v.pipe(
  v.string(IONICE_EXPECTED),
  v.regex(/^(idle|best-effort(:[0-7])?|realtime:[0-7])$/, IONICE_EXPECTED),
  v.transform(parseIonice),
);

const Options = v.strictObject({
  type: v.literal('local'),
  args: v.tupleWithRest([Program], Text),
  cwd: v.exactOptional(v.pipe(Text, v.startsWith('/', CWD_EXPECTED))),
  env: v.optional(
    v.record(v.pipe(v.string(), v.regex(/^[A-Za-z_][A-Za-z0-9_]*$/, ENV_NAME_EXPECTED)), Text),
    {},
  ),
  user: v.exactOptional(Account),
  group: v.exactOptional(Account),
  umask: v.exactOptional(Umask),
  nice: v.exactOptional(
    v.pipe(
      v.number(NICE_EXPECTED),
      v.integer(NICE_EXPECTED),
      v.minValue(-20, NICE_EXPECTED),
      v.maxValue(19, NICE_EXPECTED),
    ),
  ),
  ionice: v.exactOptional(Ionice),
});
type LocalOptions = v.InferOutput<typeof Options>;

export const local: Runner<LocalOptions> = {
  type: 'local',
  options: Options,

  plan({ type: _, ...what }): ProcessPlan {
    return { keeper: 'process', ...what };
  },
};

function parseIonice(text: string): NonNullable<ProcessPlan['ionice']> {
  if (text === 'idle') return { class: 'idle' };
  const kind = text.startsWith('realtime') ? 'realtime' : 'best-effort';
  const [, level] = text.split(':');
  return level === undefined ? { class: kind } : { class: kind, level: Number(level) };
}
