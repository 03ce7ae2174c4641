/**
 * A policy of an administrator's, as random histories have it: a plugin behind the guard that the
 * daemon puts around it, which for some runs throws, answers nonsense, is silent, late or slow,
 * until it is repaired. What it does follows from the run and the time, so that whoever asks again
 * hears the same.
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
  /** In steady time: then it lets every run start. */
  readonly repairedAtMs: number;
  readonly admits: 'admit' | 'throws' | 'nonsense' | 'join';
  /** Makes nothing of its group: all that wait there wait for the repair. */
  readonly hasSurvey: boolean;
  readonly group?: string;
}

/** After a repair: a plugin that was late is left alone, and whoever waits is looked at later. */
const REPAIR_MS = 3 * FAILED_LOOK_MS;

/**
 * Who is late is not asked again for a while, by nobody: two that share it hear differently. Who is
 * `punctual` changes its answer only when it has said so.
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

/** A plugin of its own each time, as each load of a configuration makes. */
export function moodyPolicy(): Policy<unknown> {
  const clock = { nowMs: 0 };
  const guard = new Guard('policy moody', '/etc/baton/moody.mjs', {
    bounded: (call) => call(),
    nowMs: () => clock.nowMs,
    report: () => {},
  });
  const guarded = guardPolicy(plugin(clock) as PolicyPlugin<unknown>, guard);
  const { ready, admit, survey } = guarded;
  // The guard has a clock of its own, which goes on with the views.
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

/** What the policies of this kind say of the next run of a target, or may say for a while yet. */
interface MoodsOf {
  /** None of them lets it start. */
  readonly isHeld: boolean;
  /** One of them fails, and says so as a reason. */
  readonly fails: boolean;
  /** The repair is not long ago. */
  readonly isFresh: boolean;
}

/** The same as `plugin` has it, worked out from the configuration. */
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
