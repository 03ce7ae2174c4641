/**
 * local: a command on this machine. A missing command, directory or user is not a mistake of the
 * configuration: only the run reports it (127, 126), because it may exist by that time.
 */
import * as v from 'valibot';
import type { ProcessPlan, Runner } from '../daemon/core/plan.ts';
import { Account } from '../policies/option-types.ts';
import { checkCommand, commandEntries, commandKeys, commandRules } from './command-options.ts';
import { sequence } from './command-sequence.ts';
import { inspectLocal } from './local-inspect.ts';

const UMASK_EXPECTED = 'an octal number in quotes, such as "027"';
const NICE_EXPECTED = 'an integer from -20 (highest priority) to 19 (lowest)';
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

const Settings = v.strictObject({
  type: v.literal('local'),
  ...commandEntries,
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
    ...commandRules,
    keys: {
      type: 'Run a command on this machine.',
      ...commandKeys,
      user:
        "User to run as (name or uid), with that user's groups. Default: the user of the " +
        'daemon.',
      group: 'Primary group (name or gid), instead of that of the user.',
      umask: 'File mode creation mask. Default: `"022"`.',
      nice:
        'CPU niceness, from -20 (highest priority) to 19 (lowest), added to that of the daemon, ' +
        'which is usually 0.',
      ionice:
        'I/O scheduling class, as for ionice(1): `"idle"`, or a class with a level such as ' +
        '`"best-effort:7"`.',
    },
  }),
  v.rawCheck(checkCommand),
);
type LocalOptions = v.InferOutput<typeof Options>;

export const local: Runner<LocalOptions> = {
  type: 'local',
  options: Options,
  inspector: () => ({ inspect: inspectLocal }),

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
