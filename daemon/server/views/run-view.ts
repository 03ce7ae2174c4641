/**
 * One run as clients see it: its state, the estimates, and how it compares with earlier runs. Read
 * only.
 */

import { groupsOf } from '../../core/affected.ts';
import type { Catalog } from '../../core/catalog.ts';
import { paceOf, usualOf } from '../../core/estimate.ts';
import { type Expected, forecast } from '../../core/forecast.ts';
import { type GroupViewOf, groupViewMaker } from '../../core/group-view.ts';
import { pausedUntil } from '../../core/pauses.ts';
import { restOf } from '../../core/retry.ts';
import {
  type Queued,
  type ReadonlyState,
  type Run,
  triesBefore,
  triesOf,
} from '../../core/state.ts';
import { explain } from '../../core/waiting.ts';
import { NO_WORLD, type World } from '../../core/world.ts';
import type { UnrecordedEnd } from '../../engine/unrecorded.ts';
import { describeUnrecorded } from '../../protocol/outcome-text.ts';
import type { AttemptView, JobView, Usual } from '../../protocol/reply.ts';
import { describeOutcome, exitStatus, type RunView } from '../../protocol/request.ts';
import type { CooperativeSteps } from '../../shared/cooperative.ts';
import { elapsedMs, wallOf } from '../../shared/elapsed.ts';
import type { Attempt, ProcessId, RunId, Stamp, TargetName } from '../../shared/run.ts';

export interface ViewContext {
  readonly state: ReadonlyState;
  readonly catalog: Catalog;
  readonly now: Stamp;
  readonly lives: (process: ProcessId) => boolean;
  /** What is known about the machine for runs that wait around a target. */
  readonly worldAround: (target: TargetName) => World;
  /** Progress of a run according to its output, in percent. */
  readonly progressOf: (run: RunId) => number | undefined;
  /** How a run ended, if its end cannot be written to the journal. */
  readonly unrecordedEnd: (run: RunId) => UnrecordedEnd | undefined;
  /** The Slurm job of a run, if it is one. */
  readonly jobOf?: (run: RunId) => JobView | undefined;
}

/** The same with the estimates for each run. */
export interface ForecastView extends ViewContext {
  readonly expected: ReadonlyMap<RunId, Expected>;
  /** The groups around a target. */
  readonly groupViewOf: (target: TargetName) => GroupViewOf;
  /** How long the most recent successful runs of a target took. */
  readonly usual: (target: TargetName) => Usual | undefined;
}

export function* forecastViewOf(context: ViewContext): CooperativeSteps<ForecastView> {
  const expected = yield* forecast({ ...context, endOf: (run) => endOf(run, context) });
  return { ...pastOf(context), expected };
}

/** Without a forecast; enough for runs that have ended. */
export function pastOf(context: ViewContext): ForecastView {
  return {
    ...context,
    expected: new Map(),
    groupViewOf: groupViewsOf(context),
    usual: usualIn(context.state),
  };
}

/** Computes it only once for all runs of a target. */
function usualIn(state: ReadonlyState): ForecastView['usual'] {
  const known = new Map<TargetName, Usual | undefined>();
  return (target) => {
    if (!known.has(target))
      known.set(target, usualOf(state.targetStates.get(target)?.tookMs ?? []));
    return known.get(target);
  };
}

/**
 * Looks at each group only once for all runs that wait in it, if it looks the same to all of them:
 * if they do not depend on the state of the machine.
 */
function groupViewsOf({
  state,
  catalog,
  now,
  worldAround,
}: ViewContext): ForecastView['groupViewOf'] {
  const free = groupViewMaker(state, catalog, now);
  const known = new Map<string, GroupViewOf>();
  return (target) => {
    // Targets in the same groups depend on the same facts about the machine.
    const around = JSON.stringify(groupsOf(target, catalog));
    const seen = known.get(around);
    if (seen !== undefined) return seen;
    const world = worldAround(target);
    const view = world === NO_WORLD ? free : groupViewMaker(state, catalog, now, world);
    known.set(around, view);
    return view;
  };
}

/** Assumes that a run that shows its progress continues at the same speed. */
function endOf(number: RunId, context: ViewContext): number | undefined {
  const run = context.state.runs.get(number);
  if (run?.state !== 'running') return undefined;
  const percent = progressOf(run, context);
  if (percent === undefined || percent < PROGRESS_PERCENT_MIN) return undefined;
  const { steadyMs } = run.started;
  return steadyMs + ((context.now.steadyMs - steadyMs) * 100) / percent;
}

/** Below this percentage there is no estimate. */
const PROGRESS_PERCENT_MIN = 2;

function progressOf(
  { run, target }: Run,
  { catalog, progressOf }: ViewContext,
): number | undefined {
  return catalog.targets.get(target)?.progress === true ? progressOf(run) : undefined;
}

type Draft = { -readonly [K in keyof RunView]: RunView[K] };

/** Field by field: spreading optional fields takes many times as long. */
export function viewRun(run: Run, context: ForecastView): RunView {
  const { now } = context;
  const view: Draft = {
    run: run.run,
    target: run.target,
    state: run.state,
    acceptedAtMs: run.accepted.wallMs,
    waitedMs: elapsedMs(now) - elapsedMs(run.accepted),
  };
  if (run.cause !== undefined) view.cause = run.cause;
  const tries = triesIn(run);
  if (tries > 1) view.attempt = tries;
  if (run.earlier !== undefined) view.attempts = run.earlier.attempts.map(viewAttempt);
  compare(view, run, context);
  switch (run.state) {
    case 'queued': {
      const waits = waitsOf(run, context);
      const behind = [...new Set(waits.flatMap((wait) => wait.behind))];
      view.reasons = waits.map((wait) => wait.reason);
      if (behind.length > 0) view.behind = behind;
      if (run.overtaken > 0) view.overtaken = run.overtaken;
      const restMs = restOf(run, now);
      if (restMs !== undefined) view.nextAttemptAtMs = wallOf(restMs, now);
      if (run.expiresAtMs !== undefined) view.expiresAtMs = wallOf(run.expiresAtMs, now);
      const pausedMs = pausedUntil(context.state, run.target, context.catalog);
      if (pausedMs !== undefined) view.pausedUntilMs = wallOf(pausedMs, now);
      expect(view, context);
      return view;
    }
    case 'starting':
      showJob(view, context);
      return view;
    case 'running': {
      const percent = progressOf(run, context);
      expect(view, context);
      if (percent !== undefined) view.progressPercent = percent;
      if (run.stopping !== undefined) view.state = 'stopping';
      const end = context.unrecordedEnd(run.run);
      if (end !== undefined)
        view.unrecorded = describeUnrecorded(describeOutcome(end.outcome), end.errno);
      view.startedAtMs = run.started.wallMs;
      view.waitedMs = elapsedMs(firstStart(run) ?? run.started) - elapsedMs(run.accepted);
      view.tookMs = now.steadyMs - run.started.steadyMs;
      if (run.keeper.kind === 'slurm') showJob(view, context);
      else view.pid = run.keeper.pid;
      return view;
    }
    case 'ended':
      viewEnd(view, run, context);
      return view;
    default:
      return run satisfies never;
  }
}

function showJob(view: Draft, { jobOf }: ForecastView): void {
  const job = jobOf?.(view.run);
  if (job !== undefined) view.slurm = job;
}

/** Start of the first attempt, if there were earlier attempts. */
function firstStart({ earlier }: Run): Stamp | undefined {
  return earlier?.attempts[0]?.started;
}

function viewAttempt({ started, ended, outcome }: Attempt): AttemptView {
  const text = describeOutcome(outcome);
  return { startedAtMs: started.wallMs, endedAtMs: ended.wallMs, outcome, text };
}

function triesIn(run: Run): number {
  if (run.state === 'queued') return triesBefore(run) + 1;
  return run.state === 'ended' ? (run.tries ?? 1) : triesOf(run);
}

function viewEnd(
  view: Draft,
  run: Extract<Run, { state: 'ended' }>,
  { lives }: ForecastView,
): void {
  const { ended, outcome, verdict, heldBy, bytes, lostBytes, leftovers } = run;
  const { started } = run;
  view.endedAtMs = ended.wallMs;
  view.waitedMs = elapsedMs(firstStart(run) ?? started ?? ended) - elapsedMs(run.accepted);
  // If it ended while waiting for another attempt, the times are those of its last attempt.
  const last = started === undefined ? run.earlier?.attempts.at(-1) : { started, ended };
  if (last !== undefined) {
    view.startedAtMs = last.started.wallMs;
    view.tookMs = last.ended.steadyMs - last.started.steadyMs;
  }
  view.outcome = outcome;
  view.verdict = verdict;
  view.exit = exitStatus(outcome, verdict);
  view.text = describeOutcome(outcome);
  if (bytes !== undefined) view.bytes = bytes;
  if (lostBytes !== undefined) view.lostBytes = lostBytes;
  const left = leftovers?.filter(lives) ?? [];
  if (left.length > 0) view.leftovers = left.map(({ pid }) => pid);
  if (heldBy.length > 0) view.heldBy = heldBy;
}

function expect(view: Draft, { expected, now }: ForecastView): void {
  const { startMs, endMs } = expected.get(view.run) ?? {};
  const wallMs = (steadyMs: number): number => Math.round(now.wallMs + steadyMs - now.steadyMs);
  if (startMs !== undefined) view.expectedStartAtMs = wallMs(startMs);
  if (endMs !== undefined) view.expectedEndAtMs = wallMs(endMs);
}

/** Adds the usual durations of the run's target, and how the run compares. */
function compare(view: Draft, run: Run, { now, usual: usually }: ForecastView): void {
  const usual = usually(run.target);
  if (usual === undefined) return;
  view.usual = usual;
  const started = run.state === 'running' || run.state === 'ended' ? run.started : undefined;
  if (started === undefined) return;
  const until = run.state === 'ended' ? run.ended : now;
  const pace = paceOf(usual, until.steadyMs - started.steadyMs, run.state === 'ended');
  if (pace !== undefined) view.pace = pace;
}

export function waitsOf(run: Queued, view: ForecastView): ReturnType<typeof explain> {
  const { state, now, catalog, groupViewOf } = view;
  return explain(state, run, now, catalog, groupViewOf(run.target));
}
