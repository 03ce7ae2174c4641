/**
 * The commands of baton, and how each verb's words and options are turned into one. The number of
 * words has been checked, and all options belong to the verb (client/command-line/grammar.ts).
 */
import {
  didYouMean,
  HISTORY_RUNS_MAX,
  OUTCOME_WORDS,
  type OutcomeWord,
  type PauseScope,
} from '../../daemon/protocol/request.ts';
import type { FastRun } from '../fast-path.ts';
import { Mistake, runNumberOf, type TypedFlags } from './flags.ts';
import { IMPORTS, type Imported, LISTS, type List, SOURCES, type Source } from './manual/upkeep.ts';
import type { VerbName } from './manual.ts';
import { type PlanCommand, planOf, SPAN_MS_MIN } from './plan-options.ts';
import * as say from './usage-errors.ts';

interface Crontabs {
  readonly files: readonly string[];
  readonly json: boolean;
}

/** A run by number, or the runs of a target by its name. */
type Whose = number | string;

export type Command =
  | (FastRun & {
      /** For a target that accepts arguments. */
      readonly args?: readonly string[];
      /** Print nothing for a successful run. */
      readonly quiet?: boolean;
      /** The last line says how a run failed. */
      readonly verdict?: boolean;
      readonly printId?: boolean;
      readonly maxWaitMs?: number;
      /** Hosts of a fleet. */
      readonly only?: readonly string[];
      /** For a fleet: only where the latest run failed. */
      readonly failed?: boolean;
      /** Where to write how it ended. */
      readonly report?: string;
    })
  | {
      readonly verb: 'several';
      readonly targets: readonly string[];
      readonly wait: boolean;
      readonly quiet: boolean;
      readonly verdict: boolean;
      readonly printId: boolean;
      readonly maxWaitMs: number | undefined;
    }
  | { readonly verb: 'wait'; readonly runs: readonly Whose[]; readonly report?: string }
  | { readonly verb: 'wait-all' }
  | { readonly verb: 'status'; readonly json: boolean; readonly watch?: boolean }
  | { readonly verb: 'why'; readonly of: Whose; readonly json: boolean }
  | {
      readonly verb: 'history';
      readonly target: string | undefined;
      readonly json: boolean;
      readonly limit: number | undefined;
      readonly sinceMs: number | undefined;
      readonly outcome: OutcomeWord | undefined;
    }
  | PlanCommand
  | { readonly verb: 'timeline'; readonly sinceMs: number | undefined }
  | {
      readonly verb: 'report';
      readonly sinceMs: number | undefined;
      readonly output: string | undefined;
    }
  | { readonly verb: 'metrics'; readonly output: string | undefined }
  | { readonly verb: 'logs'; readonly of: Whose; readonly follow: boolean }
  | { readonly verb: 'cancel'; readonly of: Whose }
  /** One run, or all that failed within this many milliseconds. */
  | {
      readonly verb: 'retry';
      readonly of: number | undefined;
      readonly wait: boolean;
      readonly sinceMs: number | undefined;
    }
  | ({ readonly verb: 'pause'; readonly forMs?: number } & PauseScope)
  | ({ readonly verb: 'resume' } & PauseScope)
  | { readonly verb: 'probe' | 'forget'; readonly target: string }
  | ({ readonly verb: 'check-crontab' } & Crontabs)
  | ({ readonly verb: 'doctor' } & Crontabs)
  | {
      readonly verb: 'import';
      readonly from: Imported;
      readonly files: readonly string[];
      readonly write?: string;
    }
  /** For one verb, or the overview. */
  | { readonly verb: 'help'; readonly about?: string }
  | { readonly verb: 'names'; readonly what: List }
  | { readonly verb: 'reload' | 'version' };

/** `rest` are the words after "--". */
type Builder = (words: readonly string[], flags: TypedFlags, rest: readonly string[]) => Command;

export const COMMANDS = {
  run: (targets, flags, rest) => runOf(targets, flags, rest),
  wait: (words, flags) => {
    if (flags.is('all')) {
      if (words.length > 0) throw new Mistake(say.bothGiven('wait', 'RUN', '--all'));
      if (flags.text('report') !== undefined) throw new Mistake(say.allAndReport());
      return { verb: 'wait-all' };
    }
    const runs = words.map((word) => (/^\d+$/.test(word) ? runNumberOf('wait', word) : word));
    if (runs.length === 0) throw new Mistake(say.missingWord('wait', 'RUN, TARGET or --all'));
    const report = flags.text('report');
    if (report === undefined) return { verb: 'wait', runs };
    if (runs.length > 1) throw new Mistake(say.forOne('wait', '--report is', 'RUN'));
    return { verb: 'wait', runs, report };
  },
  logs: ([of = ''], flags) => ({ verb: 'logs', of: whose(of), follow: flags.is('follow') }),
  cancel: ([of = '']) => ({ verb: 'cancel', of: whose(of) }),
  retry: ([word], flags) => {
    const isForAll = flags.is('failed');
    const sinceMs = sinceOf(flags);
    if (isForAll && word) throw new Mistake(say.bothGiven('retry', 'RUN', '--failed'));
    const wait = flags.is('wait');
    if (isForAll) return { verb: 'retry', of: undefined, wait, sinceMs };
    if (!word) throw new Mistake(say.missingWord('retry', 'RUN or --failed'));
    if (sinceMs !== undefined) throw new Mistake(say.bothGiven('retry', 'RUN', '--since'));
    return { verb: 'retry', of: runNumberOf('retry', word), wait, sinceMs };
  },
  status: (_, flags) => {
    const json = flags.is('json');
    if (!flags.is('watch')) return { verb: 'status', json };
    if (json) {
      const [watch, other] = ['--watch (for people)', '--json (for programs)'];
      throw new Mistake(say.bothGiven('status', watch, other));
    }
    return { verb: 'status', json, watch: true };
  },
  why: ([of = ''], flags) => ({ verb: 'why', of: whose(of), json: flags.is('json') }),
  history: ([target], flags) => ({
    verb: 'history',
    target: target || undefined,
    json: flags.is('json'),
    limit: flags.count('limit', HISTORY_RUNS_MAX),
    sinceMs: flags.duration('since'),
    outcome: outcomeOf(flags.text('outcome')),
  }),
  plan: (files, flags) => planOf(files, flags),
  timeline: (_, flags) => ({ verb: 'timeline', sinceMs: sinceOf(flags) }),
  report: (_, flags) => ({
    verb: 'report',
    sinceMs: sinceOf(flags),
    output: flags.text('output'),
  }),
  metrics: (_, flags) => ({ verb: 'metrics', output: flags.text('output') }),
  pause: ([target], flags) => {
    const forMs = flags.duration('for');
    if (forMs === 0) throw new Mistake(say.wrongValue('--for', 'more than 0', flags.text('for')));
    const scope = scopeOf('pause', target, flags);
    return { verb: 'pause', ...scope, ...(forMs === undefined ? {} : { forMs }) };
  },
  resume: ([target], flags) => ({ verb: 'resume', ...scopeOf('resume', target, flags) }),
  probe: ([target = '']) => ({ verb: 'probe', target }),
  forget: ([target = '']) => ({ verb: 'forget', target }),
  reload: () => ({ verb: 'reload' }),
  'check-crontab': (files, flags) => ({ verb: 'check-crontab', files, json: flags.is('json') }),
  doctor: (files, flags) => ({ verb: 'doctor', files, json: flags.is('json') }),
  import: ([word = '', ...files], flags) => {
    const from = SOURCES.find((it) => it === word);
    if (from === undefined) throw new Mistake(say.wrongWord('import', listOf(SOURCES), word));
    const write = flags.text('write');
    const { needs, most, writes }: Source = IMPORTS[from];
    if (write !== undefined && writes !== true)
      throw new Mistake(say.foreignOption(`import ${from}`, '--write'));
    if (needs !== undefined && !files[0])
      throw new Mistake(say.missingWord(`import ${from}`, needs));
    const more = most === undefined ? undefined : files[most];
    if (more !== undefined) throw new Mistake(say.extraWord('import', more));
    return { verb: 'import', from, files, ...(write === undefined ? {} : { write }) };
  },
  names: ([what = '']) => {
    const found = LISTS.find((name) => name === what);
    if (found !== undefined) return { verb: 'names', what: found };
    throw new Mistake(say.wrongWord('names', 'targets, groups, hosts or runs', what));
  },
  help: ([about]) => ({ verb: 'help', ...(about ? { about } : {}) }),
} as const satisfies Readonly<Record<VerbName, Builder>>;

function runOf(targets: readonly string[], flags: TypedFlags, rest: readonly string[]): Command {
  const [target = ''] = targets;
  const wait = flags.is('wait');
  const quiet = flags.is('quietSuccess');
  const verdict = flags.is('verdict');
  const printId = flags.is('printId');
  const report = flags.text('report');
  const maxWaitMs = flags.duration('maxWait');
  const only = hostsOf(flags.text('only'));
  const failed = flags.is('failed');
  if (quiet && !wait) throw new Mistake(say.needsWait('run', '--quiet-success'));
  if (verdict && !wait) throw new Mistake(say.needsWait('run', '--verdict'));
  if (report !== undefined && !wait) throw new Mistake(say.needsWait('run', '--report'));
  if (printId && wait) throw new Mistake(say.withoutWait('--print-id'));
  if (maxWaitMs === 0)
    throw new Mistake(say.wrongValue('--max-wait', 'more than 0', flags.text('maxWait')));
  if (targets.length === 1) {
    return {
      verb: 'run',
      target,
      wait,
      ...(quiet ? { quiet } : {}),
      ...(verdict ? { verdict } : {}),
      ...(printId ? { printId } : {}),
      ...(maxWaitMs === undefined ? {} : { maxWaitMs }),
      ...(only === undefined ? {} : { only }),
      ...(failed ? { failed } : {}),
      ...(report === undefined ? {} : { report }),
      ...(rest.length === 0 ? {} : { args: rest }),
    };
  }
  if (rest.length > 0) throw new Mistake(say.forOne('run', 'arguments are', 'TARGET'));
  if (report !== undefined) throw new Mistake(say.forOne('run', '--report is', 'TARGET'));
  if (only !== undefined) throw new Mistake(say.forOne('run', '--only is', 'TARGET'));
  if (failed) throw new Mistake(say.forOne('run', '--failed is', 'TARGET'));
  return { verb: 'several', targets, wait, quiet, verdict, printId, maxWaitMs };
}

/** What is paused or resumed: one of the three. */
function scopeOf(verb: string, target: string | undefined, flags: TypedFlags): PauseScope {
  const group = flags.text('group');
  const all = flags.is('all');
  const [one, other] = [
    ...(target ? ['TARGET'] : []),
    ...(group === undefined ? [] : ['--group']),
    ...(all ? ['--all'] : []),
  ];
  if (one === undefined) throw new Mistake(say.missingWord(verb, 'TARGET, --group or --all'));
  if (other !== undefined) throw new Mistake(say.bothGiven(verb, one, other));
  if (group !== undefined) return { group };
  return target ? { target } : { all: true };
}

/** "a, b or c". */
function listOf(words: readonly string[]): string {
  return `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

/** Hosts or host patterns, separated by commas. */
function hostsOf(text: string | undefined): readonly string[] | undefined {
  const hosts = text?.split(',');
  if (hosts?.includes('') === true) {
    throw new Mistake(say.wrongValue('--only', 'hosts, such as "web1,web2" or "web*"', text));
  }
  return hosts;
}

function sinceOf(flags: TypedFlags): number | undefined {
  const ms = flags.duration('since');
  if (ms === undefined || ms >= SPAN_MS_MIN) return ms;
  throw new Mistake(say.wrongValue('--since', 'at least 1min', flags.text('since')));
}

function outcomeOf(text: string | undefined): OutcomeWord | undefined {
  if (text === undefined) return undefined;
  const word = OUTCOME_WORDS.find((it) => it === text);
  if (word !== undefined) return word;
  const expected = `one of ${OUTCOME_WORDS.join(', ')}`;
  throw new Mistake(say.wrongValue('--outcome', expected, text, didYouMean(text, OUTCOME_WORDS)));
}

function whose(word: string): Whose {
  return /^\d+$/.test(word) && Number.isSafeInteger(Number(word)) ? Number(word) : word;
}
