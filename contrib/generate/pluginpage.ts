/** baton-plugin(7): how an administrator writes a policy, and what is kept from harm. */

import { SLOW_MS } from '../../daemon/config/plugin-guard.ts';
import { ANSWER_MS_MAX } from '../../daemon/config/plugin-time.ts';
import { IMPORT_MS_MAX } from '../../daemon/config/plugin-trial.ts';
import { example, heading, item, page, paragraph } from './roff.ts';

const DESCRIPTION = [
  'A plugin is an ES module that batond(8) imports because the key `plugins` of baton.json(5) ' +
    'names its file. Each of its exports is a policy, an object that decides when runs may ' +
    'start, or a runner, which says what is run. Targets name it by its `type`, as they name ' +
    'those of baton.',
  'A plugin has the rights of the daemon. It runs in the daemon itself, often as root: take none ' +
    'that you would not run as that user. Its file, and every folder above it, must belong to ' +
    "root or to the daemon's user, and nobody else may be able to write to them.",
  'The file is imported when the daemon starts, and again on `baton reload` if it has changed. ' +
    'What it imports itself, by a relative path, say, is not looked at: change the plugin as ' +
    'well, or restart the daemon. The module is first imported by a process of its own, to see ' +
    'whether it can be; so it must do no more than define its exports.',
] as const;

const KEYS = [
  ['type', 'Text, required. The name in config.json; none of those that are taken.'],
  [
    'options',
    'A Standard Schema (valibot, zod, arktype, or by hand), required. It is given an entry of ' +
      '`policies` without its `type`, and answers at once with an object, or with what is wrong.',
  ],
  [
    'group(options, target)',
    'Text, required. Targets with the same policy and the same group are looked at together.',
  ],
  [
    'admit(view)',
    "Required. Is a request taken? `{ type: 'admit' }`, or `refuse` or `ignore` with a `reason`; " +
      'or `join` with the `run` of the same target that serves it as well; or `replace` with ' +
      '`oneOf`, runs of the same target of which one is ended.',
  ],
  [
    'ready(run, view, survey)',
    "Required. May this run start? `{ type: 'start' }`, or `wait` with a `reason`, with " +
      '`behind`, the numbers of the runs in the way, and with `untilMs` if another look is ' +
      'needed then; or `skip` with a `reason`. The reason is what `baton why` prints.',
  ],
  ['survey(view)', 'What is the same for all runs of the group, worked out once for a look.'],
  [
    'preparer(read)',
    'How a policy knows of files: `read(path)` gives the text of one or the reason why not. ' +
      '`prepare(options, target)` of what it returns gives `options` for the scheduler, and ' +
      '`problems`, `warnings` and `files`. A file that has changed is read again for the next ' +
      'request of an idle target, and on `baton reload`.',
  ],
  [
    'rank, describeRank, deadline, level, asks, resources, conflict, warnExit, exclusivePerTarget',
    "As explained in the types, `import type { Policy } from 'batond/plugin'`.",
  ],
] as const;

const RULES = [
  'A policy has no memory and starts nothing. All that it knows is in `view`, and the clock is ' +
    '`view.nowMs` (steady, to compute with) or `view.wallMs` (the time of day). Equal views get ' +
    'equal answers. So `batond --replay` can tell what it decided.',
] as const;

const RUNNER =
  'A runner has a `type`, `options` as above, and `plan(options)`, which gives what would stand ' +
  'in config.json beside `"type": "local"`: `args`, and perhaps `env`, `user` and so on. It is ' +
  'asked when the configuration is read, and a failure is a mistake of the configuration.';

const FAILURES = [
  'A plugin that cannot be loaded is a mistake of the configuration, with its file, and a reload ' +
    'keeps the plugins that are in force. Where a policy throws, or answers what nobody asked ' +
    'for, its runs wait, `baton why` says what happened, the log says it once, and the policy is ' +
    'asked again after a minute. Requests are accepted meanwhile, and other targets go on.',
] as const;

const LIMITS = [
  [`${IMPORT_MS_MAX / 1_000} s`, 'to import a module.'],
  [
    `${ANSWER_MS_MAX / 1_000} s`,
    'for one answer. It is interrupted then, and the policy is not asked again for a minute. ' +
      'What waits in the kernel, such as execFileSync, is not interrupted and holds up the ' +
      'daemon.',
  ],
  [
    `${SLOW_MS} ms`,
    'for one answer. If two in a row take longer, the log names the plugin as slow, once.',
  ],
] as const;

const BEYOND =
  'Timers, promises and sockets that a plugin opens by itself are its own business: an error ' +
  'that nobody catches there ends the daemon, as any bug does. The runs go on, and so does the ' +
  'next one.';

/** Loads as it stands; a test sees to it. */
export const PLUGIN_EXAMPLE = `const WRONG = 'expected a list of hours, 0 to 23';
const areHours = (it) =>
  Array.isArray(it) && it.every(Number.isInteger);

/** @type {import('batond/plugin').Policy<{ hours: number[] }>} */
export const hours = {
  type: 'hours',
  options: {
    '~standard': {
      version: 1,
      vendor: 'by hand',
      validate: (value) =>
        areHours(value.hours)
          ? { value }
          : { issues: [{ message: WRONG, path: ['hours'] }] },
    },
  },
  group: (options, target) => target.name,
  admit: () => ({ type: 'admit' }),
  ready: (run, { self, nowMs, wallMs }) => {
    const hour = new Date(wallMs).getUTCHours();
    if (self.options.hours.includes(hour)) return { type: 'start' };
    const untilMs = nowMs + 3_600_000 - (wallMs % 3_600_000);
    const text = 'waits for one of its hours; it is';
    const reason = [text, hour, 'UTC'].join(' ');
    return { type: 'wait', reason, behind: [], untilMs };
  },
};`;

const NAMED = {
  plugins: ['./hours.mjs'],
  targets: {
    dump: {
      runner: { type: 'local', args: ['/usr/local/bin/dump'] },
      policies: [{ type: 'hours', hours: [1, 2, 3] }],
    },
  },
};

export function pluginPage(version: string): string {
  return page(
    'baton-plugin',
    7,
    { brief: 'policies and runners of your own for batond', version },
    [
      ...heading('DESCRIPTION'),
      ...DESCRIPTION.flatMap(paragraph),
      ...heading('A POLICY'),
      ...paragraph('A policy is an object with these keys; another one is a mistake.'),
      ...KEYS.flatMap(([term, text]) => item(`\`${term}\``, text)),
      ...RULES.flatMap(paragraph),
      ...heading('A RUNNER'),
      ...paragraph(RUNNER),
      ...heading('WHEN ONE FAILS'),
      ...FAILURES.flatMap(paragraph),
      ...paragraph(BEYOND),
      ...heading('LIMITS'),
      ...LIMITS.flatMap(([term, text]) => item(term, text)),
      ...heading('EXAMPLES'),
      ...paragraph('Runs start in some hours only. `/etc/baton/hours.mjs`:'),
      ...example(PLUGIN_EXAMPLE),
      ...paragraph('`/etc/baton/config.json`; `batond --check` says whether all is well:'),
      ...example(JSON.stringify(NAMED, null, 2)),
      ...heading('SEE ALSO'),
      ...paragraph('baton.json(5), batond(8), https://standardschema.dev'),
    ],
  );
}
