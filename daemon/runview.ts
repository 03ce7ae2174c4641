/**
 * What clients are shown of one run: what the state knows, what is expected of it, and how it
 * compares with the runs before it. Reads only.
 */
import type { Catalog } from './catalog.ts';
import { paceOf, usualOf } from './estimate.ts';
import type { ProcessId, RunId, Stamp, TargetName } from './event.ts';
import { type Expected, forecast } from './forecast.ts';
import { describeOutcome, exitStatus, type RunView } from './protocol.ts';
import { type Holders, type SceneOf, sceneMaker } from './scene.ts';
import { explain } from './scheduler.ts';
import type { Queued, ReadonlyState, Run } from './state.ts';

export interface Scenery {
  readonly state: ReadonlyState;
  readonly catalog: Catalog;
  readonly now: Stamp;
  readonly lives: (process: ProcessId) => boolean;
  /** Of the lockfiles around a target. */
  readonly holdersAround: (target: TargetName) => Holders;
  /** How far a run is by its own output, in percent. */
  readonly progressOf: (run: RunId) => number | undefined;
}

/** The same with what is expected of each run. */
export interface Prospect extends Scenery {
  readonly expected: ReadonlyMap<RunId, Expected>;
  /** The groups around a target. */
  readonly sceneOf: (target: TargetName) => SceneOf;
}

export function prospectOf(scenery: Scenery): Prospect {
  const expected = forecast({ ...scenery, endOf: (run) => endOf(run, scenery) });
  return { ...scenery, expected, sceneOf: scenesOf(scenery) };
}

/** Looks at a group once for all that wait in it, where it is the same for all: without strangers. */
export function scenesOf({ state, catalog, now, holdersAround }: Scenery): Prospect['sceneOf'] {
  const free = sceneMaker(state, catalog, now.steadyMs);
  return (target) => {
    const holders = holdersAround(target);
    return holders.size === 0 ? free : sceneMaker(state, catalog, now.steadyMs, holders);
  };
}

/** A run that tells how far it is goes on as fast as it went so far. */
function endOf(number: RunId, scenery: Scenery): number | undefined {
  const run = scenery.state.runs.get(number);
  if (run?.state !== 'running') return undefined;
  const percent = progressOf(run, scenery);
  if (percent === undefined || percent < PROGRESS_PERCENT_MIN) return undefined;
  const { steadyMs } = run.started;
  return steadyMs + ((scenery.now.steadyMs - steadyMs) * 100) / percent;
}

/** Below it nothing can be foretold by it. */
const PROGRESS_PERCENT_MIN = 2;

function progressOf({ run, target }: Run, { catalog, progressOf }: Scenery): number | undefined {
  return catalog.targets.get(target)?.progress === true ? progressOf(run) : undefined;
}

export function viewRun(run: Run, scenery: Prospect): RunView {
  const { now, lives } = scenery;
  const base = {
    run: run.run,
    target: run.target,
    acceptedAtMs: run.accepted.wallMs,
    ...(run.cause === undefined ? {} : { cause: run.cause }),
    ...comparison(run, scenery),
  };
  const waitedUntil = (stamp: Stamp): number => stamp.steadyMs - run.accepted.steadyMs;
  switch (run.state) {
    case 'queued': {
      const waits = waitsOf(run, scenery);
      const behind = [...new Set(waits.flatMap((wait) => wait.behind))];
      return {
        ...base,
        state: 'queued',
        waitedMs: waitedUntil(now),
        reasons: waits.map((wait) => wait.reason),
        ...(behind.length === 0 ? {} : { behind }),
        ...(run.overtaken > 0 ? { overtaken: run.overtaken } : {}),
        ...expectation(run, scenery),
      };
    }
    case 'starting':
      return { ...base, state: 'starting', waitedMs: waitedUntil(now) };
    case 'running': {
      const percent = progressOf(run, scenery);
      return {
        ...base,
        ...expectation(run, scenery),
        ...(percent === undefined ? {} : { progressPercent: percent }),
        state: run.stopping === undefined ? 'running' : 'stopping',
        startedAtMs: run.started.wallMs,
        waitedMs: waitedUntil(run.started),
        tookMs: now.steadyMs - run.started.steadyMs,
        pid: run.keeper.pid,
      };
    }
    case 'ended': {
      const { started, ended, outcome, verdict, heldBy, bytes, leftovers = [] } = run;
      const left = leftovers.filter(lives).map(({ pid }) => pid);
      return {
        ...base,
        state: 'ended',
        endedAtMs: ended.wallMs,
        waitedMs: waitedUntil(started ?? ended),
        ...(started === undefined
          ? {}
          : { startedAtMs: started.wallMs, tookMs: ended.steadyMs - started.steadyMs }),
        outcome,
        verdict,
        exit: exitStatus(outcome),
        text: describeOutcome(outcome),
        ...(bytes === undefined ? {} : { bytes }),
        ...(left.length > 0 ? { leftovers: left } : {}),
        ...(heldBy.length > 0 ? { heldBy } : {}),
      };
    }
    default:
      return run satisfies never;
  }
}

type Prospects = Pick<RunView, 'expectedStartAtMs' | 'expectedEndAtMs'>;

function expectation({ run }: Run, { expected, now }: Prospect): Prospects {
  const { startMs, endMs } = expected.get(run) ?? {};
  const wallMs = (steadyMs: number): number => Math.round(now.wallMs + steadyMs - now.steadyMs);
  return {
    ...(startMs === undefined ? {} : { expectedStartAtMs: wallMs(startMs) }),
    ...(endMs === undefined ? {} : { expectedEndAtMs: wallMs(endMs) }),
  };
}

/** What is usual for the target of a run, and how the run compares. */
function comparison(run: Run, { state, now }: Scenery): Pick<RunView, 'usual' | 'pace'> {
  const usual = usualOf(state.lanes.get(run.target)?.tookMs ?? []);
  if (usual === undefined) return {};
  const started = run.state === 'running' || run.state === 'ended' ? run.started : undefined;
  if (started === undefined) return { usual };
  const until = run.state === 'ended' ? run.ended : now;
  const pace = paceOf(usual, until.steadyMs - started.steadyMs, run.state === 'ended');
  return pace === undefined ? { usual } : { usual, pace };
}

export function waitsOf(run: Queued, prospect: Prospect): ReturnType<typeof explain> {
  const { state, catalog, sceneOf } = prospect;
  return explain(state, run, catalog, sceneOf(run.target));
}
