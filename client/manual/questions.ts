/** The manual of the verbs that ask: what runs and waits, why, and what was. */
import type { Option, Verb } from './verb.ts';

const JSON_OPTION = {
  name: 'json',
  text: "print the daemon's answer as JSON, as baton-protocol(7) describes it",
} as const satisfies Option;

export const QUESTIONS = [
  {
    name: 'status',
    summary: 'show what runs, what waits and why, and how targets last ended',
    overview: ['status [--json]', 'what runs, what waits and why, the last end'],
    options: [JSON_OPTION],
    text: [
      'Shows each target with what runs of it and since when, what waits and for whom, and how ' +
        'it last ended.',
    ],
    examples: [
      { line: 'baton status', text: 'everything at one glance' },
      {
        line: 'baton status --json | jq \'.targets[] | select(.last.verdict == "failed")\'',
        text: 'the targets whose last run failed',
      },
    ],
  },
  {
    name: 'why',
    summary: 'tell why a run waits',
    overview: ['why RUN|TARGET', 'who waits for whom'],
    operands: { show: 'RUN|TARGET', least: 1, most: 1, completes: 'run-or-target' },
    options: [],
    text: ['Shows the run, and indented below it the runs that it waits for, to the last one.'],
    examples: [{ line: 'baton why rsnap-daily', text: 'what keeps it from starting' }],
  },
  {
    name: 'history',
    summary: 'list the runs that have ended',
    overview: ['history [TARGET] [--limit N]', 'past runs: when, how long, how they ended'],
    operands: { show: 'TARGET', least: 0, most: 1, completes: 'target' },
    options: [
      {
        name: 'limit',
        value: 'N',
        text: 'no more than the N latest runs (1 to 10000; 50 without this option)',
      },
      JSON_OPTION,
    ],
    text: [
      'Lists the runs that have ended, of all targets or of TARGET: when, how long they waited ' +
        'and took, and how they ended. How many are remembered is said by `keep` in the ' +
        'configuration.',
    ],
    examples: [
      { line: 'baton history rsnap-daily --limit 7', text: 'the last seven runs of one target' },
    ],
  },
] as const satisfies readonly Verb[];
