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
  'baton runs named commands, the targets, one after another in the right order. The daemon ' +
    'batond(8) decides by policies when a target may run, runs it, records it, and is asked by ' +
    'this program over a Unix socket. A line of crontab(5) names a target where the command ' +
    'stood:',
  'No run and no exit status is lost when the daemon is killed, upgraded or restarted in the ' +
    'middle of a run, and the status is never 0 for a run that did not succeed. Whoever may use ' +
    'the socket can name targets, and can run no command of their own.',
] as const;

const CRONTAB = '0 3 * * *   root   baton run rsnap-daily --wait';

const OWN_FAILURES =
  "A failure of baton's own prints one line `baton: TARGET: reason` on stderr, so that cron mails it, and so does a command that fails and prints nothing. Nothing of baton's own is printed on stdout beside the output of a run.";

const OF_DIAGNOSTICS =
  'Every message says what to do next. Those that are met most, after `baton: TARGET: `, with their status and what is behind them:';

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
    ...paragraph('Every command takes these:'),
    ...GLOBAL_OPTIONS.flatMap(option),
    ...paragraph('The command line of py9tor is understood, too:'),
    ...OLD_OPTIONS.flatMap(option),
    ...heading('EXIT STATUS'),
    ...paragraph(
      'Of `run --wait` and `wait`; the other commands exit with 0, or with one of those below 100.',
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

/** The manual's texts are parts of lines; here they are sentences. */
function sentence(text: string): string {
  return ended(text, '.');
}

function ended(text: string, end: string): string {
  const capital = /^[a-z]/.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text;
  return /[.:]$/.test(capital) ? capital : `${capital}${end}`;
}
