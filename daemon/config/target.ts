/**
 * Turns a target of config.json into the scheduler's: durations become milliseconds, policies are
 * bound, and if its plugins miss something on this machine it is broken.
 */

import { KEEP_DEFAULT, type Keep, type Retry, type Target } from '../core/catalog.ts';
import type { PolicyTarget } from '../core/policy.ts';
import type { BindAll } from './bind-policies.ts';
import { commandOf } from './defaults.ts';
import { KEEP_RUNS_MAX, type KeepSettings } from './keep.ts';
import { type Plugins, policyOf, runnerOf } from './registry.ts';
import type { RetrySettings } from './retry.ts';
import type { TargetSettings } from './schema.ts';

/** What is the same for all targets of a configuration. */
interface Around {
  readonly bindAll: BindAll;
  readonly plugins: Plugins;
  readonly keepAll: KeepSettings | undefined;
  /** By target name. */
  readonly fleets: ReadonlyMap<string, string>;
}

export function makeTarget(
  name: string,
  settings: TargetSettings,
  { bindAll, plugins, keepAll, fleets }: Around,
): { readonly target: Target; readonly warnings: readonly string[] } {
  const {
    runner,
    policies: options,
    timeout,
    killAfter,
    maxWait,
    lateAfter,
    onStart,
    onSuccess,
    onWarning,
    onFailure,
    onLate,
    keep,
    logMaxBytes,
    retry,
    ...rest
  } = settings;
  const hooks = {
    ...(onStart === undefined ? {} : { onStart }),
    ...(onSuccess === undefined ? {} : { onSuccess }),
    ...(onWarning === undefined ? {} : { onWarning }),
    ...(onFailure === undefined ? {} : { onFailure }),
    ...(onLate === undefined ? {} : { onLate }),
  };
  const fleet = fleets.get(name);
  const known = {
    ...knownOf(name, runner, rest.onLost === 'retry' || retriesLost(retry)),
    ...(fleet === undefined ? {} : { fleet }),
  };
  const list = options.map((it) => ({ policy: policyOf(it.type, plugins), options: it }));
  const bound = bindAll(list, known);
  const found = runnerOf(runner.type).check?.(runner) ?? [];
  const problems = [...found, ...bound.problems];
  const target = {
    ...known,
    ...rest,
    warnExit: rest.warnExit ?? bound.warnExit.filter((code) => !rest.okExit.includes(code)),
    runner: { type: runner.type, options: runner },
    bindings: bound.bindings,
    ...(bound.files.length === 0 ? {} : { files: bound.files }),
    killAfterMs: killAfter,
    ...(timeout === undefined ? {} : { timeoutMs: timeout }),
    ...(maxWait === undefined ? {} : { maxWaitMs: maxWait }),
    ...(lateAfter === undefined ? {} : { lateAfterMs: lateAfter }),
    ...(Object.keys(hooks).length === 0 ? {} : { hooks }),
    ...(retry === undefined ? {} : { retry: makeRetry(retry) }),
    ...makeKeep({ ...keepAll, ...keep }),
    ...(logMaxBytes === undefined ? {} : { logBytesMax: logMaxBytes }),
    ...(problems.length === 0 ? {} : { broken: problems.join('; ') }),
  };
  return { target, warnings: bound.warnings };
}

/** What policies may know about a target. */
function knownOf(
  name: string,
  runner: TargetSettings['runner'],
  retriesLost: boolean,
): PolicyTarget {
  const { host }: Readonly<Record<string, unknown>> = { ...runner };
  const args = commandOf(runner);
  return {
    name,
    ...(args.length === 0 ? {} : { args }),
    ...(typeof host === 'string' ? { host } : {}),
    ...(retriesLost ? { retriesLost } : {}),
  };
}

function makeKeep({ runs, days, bytes }: KeepSettings): { readonly keep?: Keep } {
  if (runs === undefined && days === undefined && bytes === undefined) return {};
  const keep = {
    runs: runs ?? (days === undefined && bytes === undefined ? KEEP_DEFAULT.runs : KEEP_RUNS_MAX),
    ...(days === undefined ? {} : { ms: days * DAY_MS }),
    ...(bytes === undefined ? {} : { bytes }),
  };
  return { keep };
}

function retriesLost(retry: RetrySettings | undefined): boolean {
  return retry !== undefined && LOSSES.some((end) => retry.on.includes(end));
}

/** Outcomes for which it is unknown how far the command got. */
const LOSSES = ['lost', 'interrupted'] as const;

function makeRetry({
  attempts,
  delay: delayMs,
  growth,
  maxDelay,
  jitter,
  within,
  on,
}: RetrySettings): Retry {
  return {
    ...{ attempts, delayMs, growth, on },
    ...(maxDelay === undefined ? {} : { delayMsMax: maxDelay }),
    ...(jitter === undefined ? {} : { jitterMs: jitter }),
    ...(within === undefined ? {} : { withinMs: within }),
  };
}

const DAY_MS = 86_400_000;
