/**
 * local: a command on this machine. A missing command, directory or user is no mistake of the
 * configuration: it is found at the run (127, 126), since it may be there by then.
 */
import * as v from 'valibot';
import type { ProcessPlan, Runner } from '../daemon/core/plan.ts';
import { Account } from '../policies/option-types.ts';
import { sequence } from './command-sequence.ts';
import { inspectLocal } from './local-inspect.ts';

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
const UMASK_EXPECTED = 'an octal number in quotes, such as "027"';
const NICE_EXPECTED = 'a whole number from -20 (first) to 19 (last)';
const IONICE_EXPECTED = '"idle", "best-effort", "best-effort:0" to ":7" or "realtime:0" to ":7"';

const Umask = v.pipe(
  v.string(UMASK_EXPECTED),
  v.regex(/^0?[0-7]{1,3}$/, UMASK_EXPECTED),
  v.metadata({ title: 'octal number' }),
  v.transform((text) => Number.parseInt(text, 8)),
);

const Ionice = v.pipe(
  v.string(IONICE_EXPECTED),
  v.regex(/^(idle|best-effort(:[0-7])?|realtime:[0-7])$/, IONICE_EXPECTED),
  v.transform(parseIonice),
);

const CODE_EXPECTED = 'an exit code from 0 to 255';
const Code = v.pipe(
  v.number(CODE_EXPECTED),
  v.integer(CODE_EXPECTED),
  v.minValue(0, CODE_EXPECTED),
  v.maxValue(255, CODE_EXPECTED),
  v.metadata({ title: 'exit code' }),
);
const Command = v.tupleWithRest([Program], Text);

const Settings = v.strictObject({
  type: v.literal('local'),
  args: v.exactOptional(Command),
  cmds: v.exactOptional(v.pipe(v.array(Command), v.minLength(1))),
  continueOn: v.exactOptional(v.pipe(v.array(Code), v.minLength(1))),
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
const Options = v.pipe(
  Settings,
  v.metadata({
    oneOf: [{ required: ['args'] }, { required: ['cmds'] }],
    dependencies: { continueOn: ['cmds'] },
    keys: {
      type: 'Runs a command on this machine.',
      args:
        'The command and its arguments, each a text of its own; no shell reads them. A name ' +
        'without a "/" is looked up in its `PATH`.',
      cmds:
        'Several commands in place of `args`, one after the other, each as a list of its own. One ' +
        'that ends with a code outside of `continueOn` is the last. The code of the last one ' +
        'counts, or if it is 0 the first other one.',
      continueOn: 'With `cmds`: exit codes after which the next command runs; [0] by default.',
      cwd: "Where it runs, an absolute path; the user's home by default.",
      env:
        'Variables for its environment, beside `SHELL`, `PATH=/usr/bin:/bin`, `HOME`, `LOGNAME`, ' +
        "`USER`, `BATON_TARGET`, `BATON_RUN`, `BATON_RUN_DIR` and `BATON_RUN_ID`. Nothing else of the daemon's " +
        'own gets there.',
      user:
        "Whose it is, by name or number, with that user's groups; the daemon's own user by " +
        'default.',
      group: "Its main group, in place of the user's.",
      umask: 'The mode bits that its new files do not get; `"022"` by default.',
      nice: 'How far it stands back for the processor: from -20 (first) to 19 (last).',
      ionice:
        'How far it stands back for the disk, as for ionice(1): `"idle"`, or a class with a ' +
        'level such as `"best-effort:7"`.',
    },
  }),
  v.forward(
    v.check(
      ({ args, cmds }) => args !== undefined || cmds !== undefined,
      'the command as a list of words, or several as "cmds"',
    ),
    ['args'],
  ),
  v.forward(
    v.check(({ args, cmds }) => args === undefined || cmds === undefined, 'nothing beside "args"'),
    ['cmds'],
  ),
  v.forward(
    v.check(
      ({ continueOn, cmds }) => continueOn === undefined || cmds !== undefined,
      'nothing without "cmds"',
    ),
    ['continueOn'],
  ),
);
type LocalOptions = v.InferOutput<typeof Options>;

export const local: Runner<LocalOptions> = {
  type: 'local',
  options: Options,
  inspect: inspectLocal,

  plan({ type: _, args, cmds = [], continueOn = [0], ...what }): ProcessPlan {
    return { keeper: 'process', args: args ?? sequence(cmds, continueOn), ...what };
  },
};

function parseIonice(text: string): NonNullable<ProcessPlan['ionice']> {
  if (text === 'idle') return { class: 'idle' };
  const kind = text.startsWith('realtime') ? 'realtime' : 'best-effort';
  const [, level] = text.split(':');
  return level === undefined ? { class: kind } : { class: kind, level: Number(level) };
}
