/**
 * An administrator's policy for random histories: a plugin behind the daemon's guard, which for
 * some runs throws, returns nonsense, is silent, late or slow, until it is repaired. Its behaviour
 * depends only on the run and the time, so repeated calls get the same answer.
 */
import fc from 'fast-check';
import { Guard } from '../../daemon/config/plugin-guard.ts';
import { FAILED_LOOK_MS, guardPolicy } from '../../daemon/config/plugin-policy.ts';
import type { Binding, Catalog } from '../../daemon/core/catalog.ts';
import type { PolicyPlugin } from '../../daemon/core/plugin.ts';
import type { GroupView, Policy } from '../../daemon/core/policy.ts';
import type { RunId, TargetName } from '../../daemon/shared/run.ts';

const FAILING = ['throws', 'throws nothing', 'nonsense', 'silent', 'late'] as const;
const MOODS = [...FAILING, 'start', 'slow', 'wait', 'skip'] as const;
type Mood = (typeof MOODS)[number];

interface MoodyOptions {
  /** One after the other, by the numbers of the runs. */
  readonly moods: readonly Mood[];
  /** In steady time: from then on it lets every run start. */
  readonly repairedAtMs: number;
  readonly admits: 'admit' | 'throws' | 'nonsense' | 'join';
  /** Returns nothing for its group: all queued runs of the group wait for the repair. */
  readonly hasSurvey: boolean;
  readonly group?: string;
}

/** After a repair: a plugin that was late is left alone, and queued runs are looked at later. */
const REPAIR_MS = 3 * FAILED_LOOK_MS;

/**
 * A late plugin is not called again for a while, for any run: two runs that share it may get
 * different answers. A `punctual` one changes its answer only at times that it has announced.
 */
export function moody(repairedMsMax: number, kind: 'any' | 'in time' | 'punctual') {
  const isPunctual = kind === 'punctual';
  const punctual: readonly Mood[] = ['start', 'slow', 'skip'];
  const moods = MOODS.filter((mood) =>
    isPunctual ? punctual.includes(mood) : kind === 'any' || mood !== 'late',
  );
  return fc
    .record({
      moods: fc.array(fc.constantFrom(...moods), { minLength: 1, maxLength: 4 }),
      repairedAtMs: fc.nat(repairedMsMax),
      admits: fc.constantFrom('admit' as const, 'throws', 'nonsense', 'join'),
      hasSurvey: isPunctual ? fc.constant(false) : fc.constantFrom(false, false, false, true),
      group: fc.constantFrom(undefined, undefined, 'moods'),
    })
    .map(({ group, ...options }) => ({
      type: 'moody' as const,
      ...options,
      ...(group === undefined ? {} : { group }),
    }));
}

/** A new plugin each time, as after each load of a configuration. */
export function moodyPolicy(): Policy<unknown> {
  const clock = { nowMs: 0 };
  const guard = new Guard('policy moody', '/etc/baton/moody.mjs', {
    bounded: (call) => call(),
    nowMs: () => clock.nowMs,
    report: () => {},
  });
  const guarded = guardPolicy(plugin(clock) as PolicyPlugin<unknown>, guard);
  const { ready, admit, survey } = guarded;
  // The guard has a clock of its own, which follows the views.
  const noted =
    <A extends readonly unknown[], R>(ask: (...args: A) => R, at: number) =>
    (...args: A): R => {
      clock.nowMs = Math.max(clock.nowMs, (args[at] as { readonly nowMs: number }).nowMs);
      return ask(...args);
    };
  return {
    ...guarded,
    admit: noted(admit.bind(guarded), 0),
    ready: noted(ready.bind(guarded), 1),
    ...(survey === undefined ? {} : { survey: noted(survey.bind(guarded), 0) }),
  };
}

function plugin(clock: { nowMs: number }): PolicyPlugin<MoodyOptions> {
  return {
    type: 'moody',
    options: {
      '~standard': {
        version: 1,
        vendor: 'hand',
        validate: (value) => ({ value: value as MoodyOptions }),
      },
    },
    group: ({ group }, target) => group ?? `target ${target.name}`,
    survey: ({ members, nowMs }) => {
      const isLost = members.some(({ options }) => isWithoutSurvey(options, nowMs));
      if (isLost) throw new Error('no survey');
    },
    admit: ({ self, nowMs }) => {
      const { admits, repairedAtMs } = self.options;
      if (nowMs >= repairedAtMs || admits === 'admit') return { type: 'admit' };
      if (admits === 'throws') throw new TypeError('no admission');
      if (admits === 'nonsense') return 5 as never;
      return { type: 'join', run: self.first?.run ?? 99_999 };
    },
    ready: (run, view) => answer(moodOf(view.self.options, run.run, view.nowMs), view, clock),
  };
}

function answer(mood: Mood, { nowMs }: GroupView<MoodyOptions>, clock: { nowMs: number }) {
  switch (mood) {
    case 'throws':
      throw new Error('in a bad mood');
    case 'throws nothing':
      throw undefined;
    case 'nonsense':
      return { type: 'wait', reason: 7 } as never;
    case 'silent':
      return new Promise(() => {}) as never;
    case 'late':
      throw Object.assign(new Error('late'), { code: 'ERR_SCRIPT_EXECUTION_TIMEOUT' });
    case 'slow':
      clock.nowMs += 20;
      return { type: 'start' } as const;
    case 'wait':
      return {
        type: 'wait',
        reason: 'waits for a mood',
        behind: [],
        untilMs: nowMs + 5_000,
      } as const;
    case 'skip':
      return { type: 'skip', reason: 'not in the mood' } as const;
    case 'start':
      return { type: 'start' } as const;
    default:
      return mood satisfies never;
  }
}

function moodOf({ moods, repairedAtMs }: MoodyOptions, run: RunId, nowMs: number): Mood {
  return nowMs >= repairedAtMs ? 'start' : (moods[run % moods.length] ?? 'start');
}

function isWithoutSurvey({ hasSurvey, repairedAtMs }: MoodyOptions, nowMs: number): boolean {
  return hasSurvey && nowMs < repairedAtMs;
}

/** What policies of this kind answer for the next run of a target, or may answer for a while. */
interface MoodsOf {
  /** None of them lets it start. */
  readonly isHeld: boolean;
  /** One of them fails, and gives that as a reason. */
  readonly fails: boolean;
  /** The repair is recent. */
  readonly isFresh: boolean;
}

/** The same, computed from the configuration rather than by `plugin`. */
export function moodsOf(catalog: Catalog, target: TargetName, run: RunId, nowMs: number): MoodsOf {
  const bindings = (catalog.targets.get(target)?.bindings ?? []).filter(isMoody);
  const groups = bindings.map(({ key }) => catalog.groups.get(key)?.members ?? []);
  const lost = groups.map((members) =>
    members.some(({ options }) => isWithoutSurvey(options as MoodyOptions, nowMs)),
  );
  const moods = bindings.map(({ options }) => moodOf(options as MoodyOptions, run, nowMs));
  const failing: readonly string[] = FAILING;
  const fails = lost.includes(true) || moods.some((mood) => failing.includes(mood));
  return {
    fails,
    isHeld: fails || moods.includes('wait') || moods.includes('skip'),
    isFresh: groups
      .flat()
      .some(({ options }) => nowMs < (options as MoodyOptions).repairedAtMs + REPAIR_MS),
  };
}

function isMoody({ policy }: Binding): boolean {
  return policy.type === 'moody';
}
