/**
 * Wraps an administrator's policy: the result never throws, and its answers are what the scheduler
 * expects. If `ready` fails, the run waits with that as its reason, and is looked at again; if
 * `admit` fails, the request is accepted, and waits.
 *
 * The core knows nothing about plugins.
 */
import type { PolicyPlugin } from '../core/plugin.ts';
import type {
  Admission,
  GroupView,
  Policy,
  Preparer,
  QueuedRun,
  ReadFile,
  Readiness,
} from '../core/policy.ts';
import type { Result } from '../shared/result.ts';
import type { RunId } from '../shared/run.ts';
import * as answers from './plugin-answers.ts';
import type { Guard } from './plugin-guard.ts';
import { optionsOf } from './plugin-options.ts';

/** A policy that failed is called again after this time. */
export const FAILED_LOOK_MS = 60_000;
/** A policy is not called again sooner than this because of a time that it returned. */
export const LOOK_MS_MIN = 1_000;

export function guardPolicy(plugin: PolicyPlugin<unknown>, guard: Guard): Policy<unknown> {
  const { type, warnExit, exclusivePerTarget } = plugin;
  return {
    type,
    options: optionsOf('policy', plugin, guard),
    ...(warnExit === undefined ? {} : { warnExit }),
    ...(exclusivePerTarget === undefined ? {} : { exclusivePerTarget }),
    group: (options, target) => {
      const ask = (): unknown => plugin.group(options, target);
      return or(guard.ask('group', ask, answers.GroupAnswer, 'a string'), `target ${target.name}`);
    },
    ...loading(plugin, guard),
    ...scheduling(plugin, guard),
    admit: (view) => {
      const ask = (): unknown => plugin.admit(view);
      const said = guard.ask('admit', ask, answers.AdmissionAnswer, ADMISSION);
      return said.ok ? ofItsTarget(said.value, view) : { type: 'admit' };
    },
    ready: (run, view, surveyed) => {
      const failed = surveyed instanceof FailedSurvey ? surveyed.error : undefined;
      if (failed !== undefined) return awaitRepair(failed, view);
      const ask = (): unknown => plugin.ready(run, view, surveyed);
      const said = guard.ask('ready', ask, answers.ReadinessAnswer, READINESS);
      return said.ok ? notTooSoon(said.value, view) : awaitRepair(said.error, view);
    },
  };
}

const ADMISSION = 'admit, refuse or ignore with a reason, join with a run, or replace with oneOf';
const READINESS = 'start, wait with a reason, or skip with a reason';

type Optional = Partial<Policy<unknown>>;

/** Methods that are called when the configuration is read, if the plugin has them. */
function loading(plugin: PolicyPlugin<unknown>, guard: Guard): Optional {
  return {
    ...(plugin.preparer && { preparer: (read: ReadFile) => preparerOf(plugin, guard, read) }),
    ...(plugin.resources && {
      resources: (options: unknown) => {
        const ask = (): unknown => plugin.resources?.(options);
        return or(guard.ask('resources', ask, answers.ResourcesAnswer, 'a list of strings'), []);
      },
    }),
    ...(plugin.level && {
      level: (options: unknown) => {
        const ask = (): unknown => plugin.level?.(options);
        return or(guard.ask('level', ask, answers.LevelAnswer, 'name and order'), undefined);
      },
    }),
    ...(plugin.asks && {
      asks: (options: unknown) => {
        const ask = (): unknown => plugin.asks?.(options);
        const expected = 'a list of lockfiles and mounts';
        return or(guard.ask('asks', ask, answers.AsksAnswer, expected), []);
      },
    }),
    ...(plugin.conflict && {
      conflict: (self, other) => {
        const ask = (): unknown => plugin.conflict?.(self, other);
        return or(guard.ask('conflict', ask, answers.ConflictAnswer, 'a sentence'), undefined);
      },
    }),
  };
}

/** Methods other than `admit` and `ready` that are called while the daemon runs. */
function scheduling(plugin: PolicyPlugin<unknown>, guard: Guard): Optional {
  return {
    ...(plugin.survey && {
      survey: (group) => {
        const ask = (): unknown => plugin.survey?.(group);
        const made = guard.ask('survey', ask, answers.Anything, 'a value');
        return made.ok ? made.value : new FailedSurvey(made.error);
      },
    }),
    ...(plugin.rank && {
      rank: (run: QueuedRun, options: unknown) => {
        const ask = (): unknown => plugin.rank?.(run, options);
        return or(guard.ask('rank', ask, answers.RankAnswer, 'a number'), 0);
      },
    }),
    ...(plugin.describeRank && {
      describeRank: (run: QueuedRun, options: unknown) => {
        const ask = (): unknown => plugin.describeRank?.(run, options);
        const said = guard.ask('describeRank', ask, answers.SentenceAnswer, 'a string');
        return or(said, plugin.type);
      },
    }),
    ...(plugin.deadline && {
      deadline: (run, options) => {
        const ask = (): unknown => plugin.deadline?.(run, options);
        return or(
          guard.ask('deadline', ask, answers.DeadlineAnswer, 'wallMs and reason'),
          undefined,
        );
      },
    }),
  };
}

/** Replaces the result of a failed `survey`. */
class FailedSurvey {
  readonly error: string;

  constructor(error: string) {
    this.error = error;
  }
}

/** A target whose options cannot be completed is broken, and says why. */
function preparerOf(
  plugin: PolicyPlugin<unknown>,
  guard: Guard,
  read: ReadFile,
): Preparer<unknown> {
  const broken = (options: unknown, error: string) => {
    return { options, problems: [error], warnings: [], files: [] };
  };
  const made = guard.ask(
    'preparer',
    () => plugin.preparer?.(read),
    answers.PreparerAnswer,
    'an object with prepare',
  );
  if (!made.ok) return { prepare: (options) => broken(options, made.error) };
  const preparer = made.value;
  return {
    prepare: (options, target) => {
      const ask = (): unknown => preparer.prepare(options, target);
      const said = guard.ask('prepare', ask, answers.PreparedAnswer, 'an object with options');
      return said.ok ? said.value : broken(options, said.error);
    },
  };
}

function awaitRepair(reason: string, { nowMs }: GroupView<unknown>): Readiness {
  return { type: 'wait', reason, behind: [], untilMs: nowMs + FAILED_LOOK_MS };
}

/** A time in the past would keep the daemon busy. */
function notTooSoon(said: Readiness, { nowMs }: GroupView<unknown>): Readiness {
  if (said.type !== 'wait' || said.untilMs === undefined) return said;
  return { ...said, untilMs: Math.max(said.untilMs, nowMs + LOOK_MS_MIN) };
}

/** Only a run of the same target can be joined or replaced. */
function ofItsTarget(said: Admission, { self }: GroupView<unknown>): Admission {
  if (said.type !== 'join' && said.type !== 'replace') return said;
  const own = new Set<RunId>(self.first === undefined ? [] : [self.first.run]);
  for (const { run } of self.active) own.add(run);
  if (said.type === 'join') return own.has(said.run) ? said : { type: 'admit' };
  return { type: 'replace', oneOf: said.oneOf.filter((run) => own.has(run)) };
}

/** The answer, or the replacement for a missing one. */
function or<T>(said: Result<T>, otherwise: T): T {
  return said.ok ? said.value : otherwise;
}
