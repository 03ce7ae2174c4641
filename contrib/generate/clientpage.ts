/** baton(1), from client/command-line/manual.ts. */

import {
  ENVIRONMENT,
  EXIT_STATUSES,
  FILES,
  GLOBAL_OPTIONS,
  OLD_OPTIONS,
} from '../../client/command-line/manual/place.ts';
import type { Option, Verb } from '../../client/command-line/manual/verb.ts';
import { optionOf, synopsisOf, VERBS } from '../../client/command-line/manual.ts';
import { DIAGNOSTICS } from './diagnostics.ts';
import {
  example,
  heading,
  item,
  page,
  paragraph,
  quotation,
  subheading,
  synopsis,
} from './roff.ts';

const DESCRIPTION = [
  'baton runs named commands, called targets, one after another in the right order. The ' +
    'daemon, batond(8), decides by policies when a target may run, runs it and records the ' +
    'result. The program baton sends it requests over a Unix socket. In a crontab(5), the name ' +
    'of a target takes the place of its command:',
  'No run and no exit status is lost if the daemon is killed, upgraded or restarted during a ' +
    'run, and baton never exits with 0 for a run that did not succeed. Users of the socket can ' +
    'only request configured targets; they cannot run other commands.',
] as const;

const CRONTAB = '0 3 * * *   root   baton run rsnap-daily --wait';

const OWN_FAILURES =
  'If baton itself fails, it prints one line `baton: TARGET: reason` on stderr, so that cron ' +
  'mails it. It does the same if a command fails without any output. It never adds anything ' +
  'of its own to stdout while it prints the output of a run.';

const OF_DIAGNOSTICS =
  'Every message says what to do next. These are the most common ones, without the leading ' +
  '`baton: TARGET: `, each with its exit status and cause:';

const SEE_ALSO = 'batond(8), baton.json(5), baton-protocol(7), crontab(5), rsnapshot(1)';

export function clientPage(version: string): string {
  const verbs = VERBS.filter(({ isHidden }) => isHidden !== true);
  const [first, second] = DESCRIPTION;
  const brief = 'run named commands under policies, one after another';
  return page('baton', 1, { brief, version }, [
    ...heading('SYNOPSIS'),
    ...verbs.flatMap((verb) => synopsis('baton', synopsisOf(verb))),
    ...heading('DESCRIPTION'),
    ...paragraph(first),
    ...example(CRONTAB),
    ...paragraph(second),
    ...heading('COMMANDS'),
    ...verbs.flatMap(described),
    ...heading('OPTIONS'),
    ...paragraph('Every command accepts:'),
    ...GLOBAL_OPTIONS.flatMap(option),
    ...paragraph('The command line of py9tor is accepted too:'),
    ...OLD_OPTIONS.flatMap(option),
    ...heading('EXIT STATUS'),
    ...paragraph(
      '`run --wait`, `retry --wait` and `wait` exit with any of these. Other commands exit ' +
        'with 0, or with the status from this list that applies, unless COMMANDS says otherwise.',
    ),
    ...EXIT_STATUSES.flatMap(({ status, text }) => item(`\`${status}\``, sentence(text))),
    ...paragraph(OWN_FAILURES),
    ...heading('DIAGNOSTICS'),
    ...paragraph(OF_DIAGNOSTICS),
    ...DIAGNOSTICS.flatMap(({ message, status, text }) =>
      quotation(message, `Status ${status}. ${text}`),
    ),
    ...heading('ENVIRONMENT'),
    ...ENVIRONMENT.flatMap(({ name, text }) => item(`\`${name}\``, sentence(text))),
    ...heading('FILES'),
    ...FILES.flatMap(({ name, text }) => item(`\`${name}\``, sentence(text))),
    ...heading('EXAMPLES'),
    ...verbs.flatMap(({ examples }) =>
      examples.flatMap(({ line, text }) => [...paragraph(ended(text, ':')), ...example(line)]),
    ),
    ...heading('SEE ALSO'),
    ...paragraph(SEE_ALSO),
  ]);
}

function described(verb: Verb): readonly string[] {
  const options: readonly Option[] = verb.options;
  return [
    ...subheading(`\`${synopsisOf(verb)}\``),
    ...verb.text.flatMap(paragraph),
    ...options.flatMap(option),
  ];
}

function option({ name, short, value, text }: Option): readonly string[] {
  const written = short === undefined ? optionOf(name) : `-${short}, ${optionOf(name)}`;
  return item(`\`${written}${value === undefined ? '' : ` ${value}`}\``, sentence(text));
}

/** The manual's texts are parts of lines; here they become sentences. */
function sentence(text: string): string {
  return ended(text, '.');
}

function ended(text: string, end: string): string {
  const capital = /^[a-z]/.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text;
  return /[.:]$/.test(capital) ? capital : `${capital}${end}`;
}
