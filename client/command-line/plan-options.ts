/** The options of `baton plan`, and which of them need or exclude each other. */
import { parseDuration } from '../../daemon/protocol/request.ts';
import { Mistake, type TypedFlags } from './flags.ts';
import { MOMENT_EXPECTED, momentOf } from './moment.ts';
import * as say from './usage-errors.ts';

/** A shorter time is too short to draw. */
export const SPAN_MS_MIN = 60_000;
/** Longest plan: a year. */
const PLAN_MS_MAX = 366 * 86_400_000;
/** Largest seed for random durations. */
const SEED_MAX = 2 ** 32 - 1;

export interface PlanCommand {
  readonly verb: 'plan';
  readonly files: readonly string[];
  /** For `momentOf`. */
  readonly from: string | undefined;
  readonly forMs: number | undefined;
  /** Durations of runs, by target. */
  readonly assumedMs: Readonly<Record<string, number>>;
  /** Runs take their 90th percentile. */
  readonly isSlow: boolean;
  /** Many simulations with random durations, for a seed, and which runs are running at a time. */
  readonly isWorst: boolean;
  readonly seed: number | undefined;
  readonly at: string | undefined;
  /** A changed configuration to compare with. */
  readonly diff: string | undefined;
  readonly json: boolean;
  /** As an HTML page, optionally in a file. */
  readonly html: boolean;
  readonly output: string | undefined;
}

export function planOf(files: readonly string[], flags: TypedFlags): PlanCommand {
  const [from, at] = (['from', 'at'] as const).map((name) => {
    const text = flags.text(name);
    if (text === undefined || momentOf(text, 0) !== undefined) return text;
    throw new Mistake(say.wrongValue(`--${name}`, MOMENT_EXPECTED, text));
  });
  const forMs = flags.duration('for');
  if (forMs !== undefined && (forMs < SPAN_MS_MIN || forMs > PLAN_MS_MAX))
    throw new Mistake(say.wrongValue('--for', '1min to 366d', flags.text('for')));
  const seed = flags.count('seed', SEED_MAX);
  const isWorst = flags.is('worst');
  for (const name of ['seed', 'at'] as const) {
    if (!isWorst && flags.text(name) !== undefined)
      throw new Mistake(say.needsOther('plan', `--${name}`, '--worst'));
  }
  const assumedMs = assumedOf(flags.text('assume'));
  const isSlow = flags.is('slow');
  const diff = flags.text('diff');
  if (diff !== undefined && isWorst) throw new Mistake(say.bothGiven('plan', '--diff', '--worst'));
  const [json, html, output] = [flags.is('json'), flags.is('html'), flags.text('output')];
  if (json && html) throw new Mistake(say.bothGiven('plan', '--json', '--html'));
  if (output !== undefined && !html)
    throw new Mistake(say.needsOther('plan', '--output', '--html'));
  return {
    ...{ verb: 'plan', files, from, forMs, assumedMs, isSlow, isWorst, seed, at },
    ...{ diff, json, html, output },
  };
}

/** "TARGET=2h,TARGET=10m" */
function assumedOf(text: string | undefined): Readonly<Record<string, number>> {
  const pairs = (text?.split(',') ?? []).map((pair): readonly [string, number] => {
    const at = pair.lastIndexOf('=');
    const ms = at < 1 ? undefined : parseDuration(pair.slice(at + 1));
    if (ms !== undefined) return [pair.slice(0, at).trim(), ms];
    const expected = 'TARGET=TIME, such as rsnap-daily=2h';
    throw new Mistake(say.wrongValue('--assume', expected, pair));
  });
  const names = pairs.map(([name]) => name);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice === undefined) return Object.fromEntries(pairs);
  throw new Mistake(say.wrongValue('--assume', 'each target once', twice));
}
