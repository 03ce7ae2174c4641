/**
 * The options of runners that run a command without a shell: the command, where it runs, and its
 * environment.
 */
import * as v from 'valibot';

/** The kernel accepts no string that contains NUL. */
const Text = v.pipe(
  v.string('a string in double quotes'),
  v.check((text) => !text.includes('\0'), 'a string without NUL characters'),
);

const PROGRAM_EXPECTED = 'the path or name of a program';
const Program = v.pipe(
  v.string(PROGRAM_EXPECTED),
  v.check((text) => text !== '' && !text.includes('\0'), PROGRAM_EXPECTED),
);
const CWD_EXPECTED = 'an absolute path';
const ENV_NAME_EXPECTED = 'the name of a variable: letters, digits and "_", no digit first';

const CODE_EXPECTED = 'an exit code from 0 to 255';
const Code = v.pipe(
  v.number(CODE_EXPECTED),
  v.integer(CODE_EXPECTED),
  v.minValue(0, CODE_EXPECTED),
  v.maxValue(255, CODE_EXPECTED),
  v.metadata({ title: 'exit code' }),
);
const Command = v.tupleWithRest([Program], Text);

export const commandEntries = {
  args: v.exactOptional(Command),
  cmds: v.exactOptional(v.pipe(v.array(Command), v.minLength(1))),
  continueOn: v.exactOptional(v.pipe(v.array(Code), v.minLength(1))),
  cwd: v.exactOptional(v.pipe(Text, v.startsWith('/', CWD_EXPECTED))),
  env: v.optional(
    v.record(v.pipe(v.string(), v.regex(/^[A-Za-z_][A-Za-z0-9_]*$/, ENV_NAME_EXPECTED)), Text),
    {},
  ),
};

/** For editors; `checkCommand` checks the same. */
export const commandRules = {
  oneOf: [{ required: ['args'] }, { required: ['cmds'] }],
  dependencies: { continueOn: ['cmds'] },
};

export const commandKeys = {
  args:
    'The command and its arguments, each a separate string; no shell is involved. A command ' +
    'without a "/" is looked up in the `PATH` of the run.',
  cmds:
    'Several commands instead of `args`, run one after the other, each a list of strings. A ' +
    'command that exits with a code that is not in `continueOn` is the last. The exit status ' +
    'is that of the last command, or, if that is 0, the first one that is not 0.',
  continueOn: 'With `cmds`: exit codes after which the next command runs. Default: [0].',
  cwd: 'Working directory, an absolute path. Default: the home directory of the user.',
  env:
    'Environment variables for the command, in addition to `SHELL`, `PATH=/usr/bin:/bin`, ' +
    '`HOME`, `LOGNAME`, `USER`, `BATON_TARGET`, `BATON_RUN`, `BATON_RUN_DIR` and ' +
    '`BATON_RUN_ID`. The environment of the daemon is not inherited.',
};

interface CommandOptions {
  readonly args?: unknown;
  readonly cmds?: unknown;
  readonly continueOn?: unknown;
}

/** Exactly one of a command and several commands; a mistake names the missing or extra key. */
export function checkCommand<O extends CommandOptions>({
  dataset,
  addIssue,
}: v.RawCheckContext<O>): void {
  if (!dataset.typed) return;
  const { value } = dataset;
  const { args, cmds, continueOn } = value;
  const add = (key: keyof CommandOptions, message: string): void => {
    const path = [{ type: 'object', origin: 'value', input: value, key, value: value[key] }];
    addIssue({ message, path: path as [v.ObjectPathItem] });
  };
  if (args === undefined && cmds === undefined) {
    add('args', 'the command as a list of words, or several as "cmds"');
  }
  if (args !== undefined && cmds !== undefined) add('cmds', 'nothing beside "args"');
  if (continueOn !== undefined && cmds === undefined) add('continueOn', 'nothing without "cmds"');
}
