/**
 * Random configurations for simulated histories: all policies in combinations, in separate and
 * shared groups, and all other settings of a target. Plain data: a counterexample shrinks and shows
 * what config.json would contain.
 */
import fc from 'fast-check';
import type { Target } from '../../daemon/core/catalog.ts';
import {
  apart,
  CLASSIC_LEVELS,
  needed,
  onDuplicate,
  own,
  ranked,
  retries,
  whenFull,
} from './arbitraries.ts';
import { type RawPolicy, target } from './core.ts';
import { moody } from './moody.ts';

export interface RawTarget {
  readonly name: string;
  readonly policies: readonly RawPolicy[];
  readonly more: Partial<Target>;
}

export const TARGETS_MAX = 6;

/** What all targets of a group have to agree on. */
const groups = fc.record({
  disk1: fc.constantFrom(1, 1, 2),
  disk2: fc.constantFrom(1, 2, 3),
  conf1: fc.record({ settle: fc.constantFrom('2s', '0ms', '700ms') }),
  conf2: fc.record({
    settle: fc.constantFrom('2s', '700ms'),
    order: fc.constantFrom(['low', 'middle', 'high'], ['alpha', 'beta']),
  }),
});
type Groups = typeof groups extends fc.Arbitrary<infer G> ? G : never;

const level = fc.record({
  conf: fc.constantFrom('conf1' as const, 'conf1' as const, 'conf2' as const),
  height: fc.nat(4),
  isSync: fc.constantFrom(false, false, false, true),
  more: fc.record({ onDuplicate, afterFailedSync: fc.constantFrom('hold', 'hold', 'run') }),
});
const shares = fc.subarray(['disk1' as const, 'disk2' as const]);

/** Histories begin on a Thursday at midnight; their clock is set, and the machine sleeps. */
const hours = fc
  .record({
    open: fc.subarray(['00:00-00:01', '00:01-01:00', '12:00-12:01', '22:00-04:00', 'Fri'], {
      minLength: 1,
    }),
    atEnd: fc.constantFrom('goOn', 'end'),
  })
  .map((options): RawPolicy => ({ type: 'window', ...options }));

const rawPolicies = fc.record({
  level: seldom(2, level),
  own: seldom(2, own),
  shares: seldom(2, fc.record({ of: shares, whenFull })),
  others: fc.tuple(
    ...[seldom(5, apart), seldom(4, ranked), seldom(8, hours), seldom(5, needed)],
    seldom(5, moody(200_000, 'any')),
  ),
});

/** Each of them occasionally, so that most targets have few. */
const limits: readonly fc.Arbitrary<Partial<Target>>[] = [
  fc.record({ timeoutMs: fc.integer({ min: 1, max: 3_000 }) }),
  fc.record({ maxWaitMs: fc.integer({ min: 1, max: 10_000 }) }),
  fc.record({ lateAfterMs: fc.integer({ min: 1, max: 600_000 }) }),
  fc.record({ onLost: fc.constant('retry' as const) }),
  fc.record({ leftovers: fc.constantFrom('leave' as const, 'kill' as const) }),
  fc.record({ okExit: fc.constantFrom([0, 1], [0, 3]) }),
  fc.record({ warnExit: fc.constantFrom([2], [1, 2]) }),
  fc.record({ onFailureAfter: fc.constantFrom(2, 3) }),
  fc.record({ retry: retries }),
];
const keep = fc.record(
  {
    runs: fc.integer({ min: 1, max: 3 }),
    ms: fc.integer({ min: 1, max: 700_000 }),
    bytes: fc.nat(2_000),
  },
  { requiredKeys: ['runs'] },
);
const broken = fc.record({ broken: fc.constant('no such user on this machine') });
type Hook = keyof NonNullable<Target['hooks']>;
const HOOKS: Hook[] = ['onStart', 'onSuccess', 'onWarning', 'onFailure', 'onLate'];

/** Hooks are identified by the distance of the other target. */
const someTarget = fc.record({
  policies: rawPolicies,
  limits: fc.tuple(
    ...limits.map((limit) => seldom(4, limit)),
    seldom(2, fc.record({ keep })),
    seldom(20, broken),
  ),
  killAfterMs: fc.constantFrom(1_000, 10),
  hooks: seldom(
    3,
    fc.tuple(fc.subarray(HOOKS, { minLength: 1 }), fc.integer({ min: 1, max: TARGETS_MAX - 1 })),
  ),
});
type SomeTarget = typeof someTarget extends fc.Arbitrary<infer T> ? T : never;

/** One to TARGETS_MAX targets: t0, t1, … */
export const configurations: fc.Arbitrary<readonly RawTarget[]> = fc
  .tuple(groups, fc.array(someTarget, { minLength: 1, maxLength: TARGETS_MAX, size: 'max' }))
  .map(([group, list]) => list.map((it, index) => rawTarget(group, it, index, list.length)));

export function targetsOf(configuration: readonly RawTarget[]): readonly Target[] {
  return configuration.map(({ name, policies, more }) => target(name, policies, more));
}

function rawTarget(
  group: Groups,
  { policies, limits, killAfterMs, hooks }: SomeTarget,
  index: number,
  count: number,
): RawTarget {
  const more: Partial<Target> = Object.assign({ killAfterMs }, ...limits);
  const called = hooks === undefined ? {} : hooksOf(hooks, index, count);
  return {
    name: `t${index}`,
    policies: policiesOf(policies, group),
    more: Object.keys(called).length === 0 ? more : { ...more, hooks: called },
  };
}

/**
 * A late target calls one with a higher number, or two could call each other whenever both are
 * late, and no history would end.
 */
function hooksOf(
  [names, distance]: readonly [readonly Hook[], number],
  index: number,
  count: number,
): NonNullable<Target['hooks']> {
  const other = (index + distance) % count;
  const able = names.filter((name) => (name === 'onLate' ? other > index : other !== index));
  return Object.fromEntries(able.map((name) => [name, `t${other}`]));
}

function policiesOf(
  { level, own, shares, others }: SomeTarget['policies'],
  group: Groups,
): readonly RawPolicy[] {
  return [
    ...(level === undefined ? [] : [levelOf(level, group)]),
    ...(own === undefined ? [] : [own]),
    ...(shares?.of ?? []).map((name): RawPolicy => {
      const { whenFull } = shares ?? {};
      return { type: 'cardinality', instances: group[name], group: name, whenFull };
    }),
    ...others.filter((it) => it !== undefined),
  ];
}

function levelOf(
  { conf, height, isSync, more }: NonNullable<SomeTarget['policies']['level']>,
  group: Groups,
): RawPolicy {
  const { order = CLASSIC_LEVELS } = { order: undefined, ...group[conf] };
  const interval = isSync ? 'sync' : order[height % order.length];
  return { type: 'rsnapshot', interval, group: conf, ...group[conf], ...more };
}

/** Once in `times`; otherwise nothing, to which it shrinks. */
export function seldom<T>(times: number, arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.oneof(
    { withCrossShrink: true },
    { weight: times - 1, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary },
  );
}
