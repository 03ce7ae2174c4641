/**
 * What baton can be asked to do, and how each verb's words and options become it. The words have
 * been counted and the options are known to belong to the verb (client/grammar.ts).
 */
import { HISTORY_RUNS_MAX, OUTCOME_WORDS, type OutcomeWord, suggest } from '../daemon/protocol.ts';
import type { FastRun } from './fast.ts';
import { countOf, type Given, Mistake } from './given.ts';
import type { VerbName } from './manual.ts';

/** Less than that is no span of time to draw. */
const SINCE_MS_MIN = 60_000;

/** A run by its number, or the runs of a target by its name. */
type Whose = number | string;

export type Command =
  | (FastRun & {
      /** For a target that accepts some. */
      readonly args?: readonly string[];
      /** Print nothing of a run that succeeds. */
      readonly quiet?: boolean;
      readonly printId?: boolean;
      readonly maxWaitMs?: number;
      /** Where to write how it ended. */
      readonly report?: string;
    })
  | {
      readonly verb: 'several';
      readonly targets: readonly string[];
      readonly wait: boolean;
      readonly quiet: boolean;
      readonly printId: boolean;
      readonly maxWaitMs: number | undefined;
    }
  | { readonly verb: 'wait'; readonly runs: readonly number[]; readonly report?: string }
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
  | { readonly verb: 'timeline'; readonly sinceMs: number | undefined }
  | {
      readonly verb: 'report';
      readonly sinceMs: number | undefined;
      readonly output: string | undefined;
    }
  | { readonly verb: 'metrics'; readonly output: string | undefined }
  | { readonly verb: 'logs'; readonly of: Whose; readonly follow: boolean }
  | { readonly verb: 'cancel'; readonly of: Whose }
  | { readonly verb: 'pause' | 'resume' | 'probe'; readonly target: string }
  | { readonly verb: 'check-crontab'; readonly files: readonly string[] }
  | { readonly verb: 'import'; readonly from: 'rsnapshot' | 'py9tor'; readonly file?: string }
  /** Of one verb, or of everything. */
  | { readonly verb: 'help'; readonly about?: string }
  | { readonly verb: 'names'; readonly what: 'targets' | 'runs' }
  | { readonly verb: 'reload' | 'version' };

/** `rest` is what stood after "--". */
type Builder = (words: readonly string[], given: Given, rest: readonly string[]) => Command;

export const COMMANDS = {
  run: (targets, given, rest) => runOf(targets, given, rest),
  wait: (words, given) => {
    if (given.is('all')) {
      if (words.length > 0) throw new Mistake('wait: either RUN or --all, found both');
      if (given.text('report') !== undefined) throw new Mistake('wait: --report needs one RUN');
      return { verb: 'wait-all' };
    }
    const runs = words.map((word) => countOf('wait', word, Number.MAX_SAFE_INTEGER));
    if (runs.length === 0) throw new Mistake('wait: expected RUN or --all, found nothing');
    const report = given.text('report');
    if (report === undefined) return { verb: 'wait', runs };
    if (runs.length > 1) throw new Mistake('wait: --report is for one RUN');
    return { verb: 'wait', runs, report };
  },
  logs: ([of = ''], given) => ({ verb: 'logs', of: whose(of), follow: given.is('follow') }),
  cancel: ([of = '']) => ({ verb: 'cancel', of: whose(of) }),
  status: (_, given) => {
    const json = given.is('json');
    if (!given.is('watch')) return { verb: 'status', json };
    if (json) throw new Mistake('status: --watch is for people, --json for programs: one of them');
    return { verb: 'status', json, watch: true };
  },
  why: ([of = ''], given) => ({ verb: 'why', of: whose(of), json: given.is('json') }),
  history: ([target], given) => ({
    verb: 'history',
    target: target || undefined,
    json: given.is('json'),
    limit: given.count('limit', HISTORY_RUNS_MAX),
    sinceMs: given.duration('since'),
    outcome: outcomeOf(given.text('outcome')),
  }),
  timeline: (_, given) => ({ verb: 'timeline', sinceMs: sinceOf(given) }),
  report: (_, given) => ({
    verb: 'report',
    sinceMs: sinceOf(given),
    output: given.text('output'),
  }),
  metrics: (_, given) => ({ verb: 'metrics', output: given.text('output') }),
  pause: ([target = '']) => ({ verb: 'pause', target }),
  resume: ([target = '']) => ({ verb: 'resume', target }),
  probe: ([target = '']) => ({ verb: 'probe', target }),
  reload: () => ({ verb: 'reload' }),
  'check-crontab': (files) => ({ verb: 'check-crontab', files }),
  import: ([from = '', file]) => {
    if (from === 'py9tor' && !file) {
      throw new Mistake('import py9tor: expected FILE, found nothing');
    }
    if (from === 'rsnapshot' || from === 'py9tor') {
      return { verb: 'import', from, ...(file === undefined ? {} : { file }) };
    }
    throw new Mistake(`import: expected rsnapshot or py9tor, found "${from}"`);
  },
  names: ([what = '']) => {
    if (what === 'targets' || what === 'runs') return { verb: 'names', what };
    throw new Mistake(`names: expected targets or runs, found "${what}"`);
  },
  help: ([about]) => ({ verb: 'help', ...(about ? { about } : {}) }),
} as const satisfies Readonly<Record<VerbName, Builder>>;

function runOf(targets: readonly string[], given: Given, rest: readonly string[]): Command {
  const [target = ''] = targets;
  const wait = given.is('wait');
  const quiet = given.is('quietSuccess');
  const printId = given.is('printId');
  const report = given.text('report');
  const maxWaitMs = given.duration('maxWait');
  if (quiet && !wait) throw new Mistake('run: --quiet-success needs --wait');
  if (report !== undefined && !wait) throw new Mistake('run: --report needs --wait');
  if (printId && wait) throw new Mistake('run: --print-id is for a run that is not waited for');
  if (maxWaitMs === 0) throw new Mistake('--max-wait: expected more than 0');
  if (targets.length === 1) {
    return {
      verb: 'run',
      target,
      wait,
      ...(quiet ? { quiet } : {}),
      ...(printId ? { printId } : {}),
      ...(maxWaitMs === undefined ? {} : { maxWaitMs }),
      ...(report === undefined ? {} : { report }),
      ...(rest.length === 0 ? {} : { args: rest }),
    };
  }
  if (rest.length > 0) throw new Mistake('run: arguments are for one TARGET, found several');
  if (report !== undefined) throw new Mistake('run: --report is for one TARGET, found several');
  return { verb: 'several', targets, wait, quiet, printId, maxWaitMs };
}

function sinceOf(given: Given): number | undefined {
  const ms = given.duration('since');
  if (ms === undefined || ms >= SINCE_MS_MIN) return ms;
  throw new Mistake(`--since: expected at least 1min, found "${given.text('since')}"`);
}

function outcomeOf(text: string | undefined): OutcomeWord | undefined {
  if (text === undefined) return undefined;
  const word = OUTCOME_WORDS.find((it) => it === text);
  if (word !== undefined) return word;
  const near = suggest(text, OUTCOME_WORDS);
  const hint = near === undefined ? '' : `; did you mean "${near}"?`;
  const expected = `one of ${OUTCOME_WORDS.join(', ')}`;
  throw new Mistake(`--outcome: expected ${expected}, found "${text}"${hint}`);
}

function whose(word: string): Whose {
  return /^\d+$/.test(word) && Number.isSafeInteger(Number(word)) ? Number(word) : word;
}
