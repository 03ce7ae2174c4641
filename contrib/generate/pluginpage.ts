/** baton-plugin(7): how an administrator writes a policy, and what a faulty one cannot harm. */

import { SLOW_MS } from '../../daemon/config/plugin-guard.ts';
import { ANSWER_MS_MAX } from '../../daemon/config/plugin-time.ts';
import { IMPORT_MS_MAX } from '../../daemon/config/plugin-trial.ts';
import { example, heading, item, page, paragraph } from './roff.ts';

const DESCRIPTION = [
  'A plugin is an ES module that batond(8) imports because its file is listed in the key ' +
    '`plugins` of baton.json(5). Each of its exports is either a policy, an object that decides ' +
    'when runs may start, or a runner, which decides what is executed. Targets refer to it by ' +
    'its `type`, like the built-in ones.',
  "A plugin runs inside the daemon with the daemon's permissions, often as root: use only " +
    'plugins that you would run as that user. Its file and every parent directory must belong ' +
    'to root or to the user of the daemon, and must not be writable by anyone else.',
  'The file is imported when the daemon starts, and again on `baton reload` if it has ' +
    'changed. Modules that it imports itself, for example by a relative path, are not watched: ' +
    'if you change one, change the plugin as well, or restart the daemon. To test that it can ' +
    'be imported, a separate process imports the module first; the module must therefore do ' +
    'nothing except define its exports.',
] as const;

const KEYS = [
  ['type', 'String, required. Name of the type in config.json. It must not be in use already.'],
  [
    'options',
    'Standard Schema (valibot, zod, arktype, or written by hand), required. It receives an ' +
      'entry of `policies` without its `type`, and must synchronously return an object or ' +
      'issues.',
  ],
  [
    'group(options, target)',
    'Required; returns a string. Targets with the same policy and the same group are ' +
      'evaluated together.',
  ],
  [
    'admit(view)',
    "Required. Decides whether a request is accepted. Returns `{ type: 'admit' }`; `refuse` " +
      'or `ignore` with a `reason`; `join` with a `run` of the same target that also serves ' +
      'this request; or `replace` with `oneOf`, a list of runs of the same target, one of which ' +
      'is stopped.',
  ],
  [
    'ready(run, view, survey)',
    "Required. Decides whether a run may start. Returns `{ type: 'start' }`; `wait` with a " +
      '`reason`, with `behind` (the numbers of the runs in the way), and optionally with ' +
      '`untilMs` (when to evaluate it again); or `skip` with a `reason`. `baton why` prints the ' +
      'reason.',
  ],
  ['survey(view)', 'Computes what is common to all runs of the group, once per evaluation.'],
  [
    'preparer(read)',
    'Gives a policy access to files: `read(path)` returns the content of a file or the reason ' +
      'why it cannot be read. `preparer` returns an object with `prepare(options, target)`, ' +
      'which returns the `options` for the scheduler, and `problems`, `warnings` and `files`. A ' +
      'file that has changed is read again on the next request of an idle target, and on `baton ' +
      'reload`.',
  ],
  [
    'rank, describeRank, deadline, level, asks, resources, conflict, warnExit, exclusivePerTarget',
    "See the comments in the types: `import type { Policy } from 'batond/plugin'`.",
  ],
] as const;

const RULES = [
  'A policy has no state of its own and no side effects. Everything it may use is in `view`; ' +
    'the clocks are `view.nowMs` (monotonic, for calculations) and `view.wallMs` (time of day). ' +
    'Equal views must give equal results, so that `batond --replay` can reproduce its decisions.',
] as const;

const RUNNER =
  'A runner has a `type`, `options` as above, and `plan(options)`, which returns the keys of ' +
  'an equivalent `"type": "local"` runner in config.json: `args`, and optionally `env`, ' +
  '`user` and so on. It is called when the configuration is read, and a failure is an error ' +
  'of the configuration.';

const FAILURES = [
  'A plugin that cannot be loaded is an error of the configuration, reported with its file; a ' +
    'reload then keeps the current plugins. If a policy throws, or returns an invalid result, ' +
    'its runs wait, `baton why` shows what happened, the log reports it once, and the policy is ' +
    'called again after a minute. Requests are still accepted, and other targets are not ' +
    'affected.',
] as const;

const LIMITS = [
  [`${IMPORT_MS_MAX / 1_000} s`, 'Time limit for importing a module.'],
  [
    `${ANSWER_MS_MAX / 1_000} s`,
    'Time limit for one call. A longer call is interrupted, and the policy is not called ' +
      'again for a minute. Calls that block in the kernel, such as execFileSync, cannot be ' +
      'interrupted and block the daemon.',
  ],
  [
    `${SLOW_MS} ms`,
    'Expected time for one call. If two calls in a row take longer, the log reports the ' +
      'plugin as slow, once.',
  ],
] as const;

const BEYOND =
  'batond does not guard timers, promises and sockets that a plugin creates: an uncaught ' +
  'error there ends the daemon, like any other bug. Running runs continue, and so does the ' +
  'next daemon.';

/** A test checks that this loads unchanged. */
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
  return page('baton-plugin', 7, { brief: 'write policies and runners for batond', version }, [
    ...heading('DESCRIPTION'),
    ...DESCRIPTION.flatMap(paragraph),
    ...heading('A POLICY'),
    ...paragraph('A policy is an object with these keys. Any other key is an error.'),
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
    ...paragraph('A policy that lets runs start only in some hours, `/etc/baton/hours.mjs`:'),
    ...example(PLUGIN_EXAMPLE),
    ...paragraph('Its use in `/etc/baton/config.json`; check it with `batond --check`:'),
    ...example(JSON.stringify(NAMED, null, 2)),
    ...heading('SEE ALSO'),
    ...paragraph('baton.json(5), batond(8), https://standardschema.dev'),
  ]);
}
