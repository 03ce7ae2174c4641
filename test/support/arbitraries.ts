/**
 * Random catalogs and random histories for the properties of the core. A catalog mixes rsnapshot
 * intervals, shared limits and limits of one target, as a careless administrator would. A history
 * is a list of steps with plain numbers, so that a counterexample shrinks and reads well.
 */
import fc from 'fast-check';
import type { Retry, Target } from '../../daemon/core/catalog.ts';
import type { Run } from '../../daemon/core/state.ts';
import type { PauseScope } from '../../daemon/shared/run.ts';
import { type Core, EXIT_0, exit, NEVER_RAN, type RawPolicy, target } from './core.ts';
import { moody } from './moody.ts';

export const CLASSIC_LEVELS = ['hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const;
const REPORTS = [
  EXIT_0,
  exit(1),
  NEVER_RAN,
  { started: true, code: null, signal: 9, core: true },
  { started: true, code: null, signal: 15, core: false, isDown: true },
  { ...EXIT_0, isDown: true, ended: { tookMs: 40, wallMs: 1_700_000_000_040 } },
  {
    ...EXIT_0,
    code: null,
    failure: { kind: 'not-started', stage: 'command', errno: 'ENOENT', detail: 'no such file' },
  },
] as const;

export const whenFull = fc.constantFrom('queue', 'refuse', 'ignore', 'join', 'replace');
export const onDuplicate = fc.constantFrom('refuse', 'ignore', 'join');

export const own = fc.record({
  type: fc.constant('cardinality' as const),
  instances: fc.integer({ min: 1, max: 3 }),
  whenFull: fc.oneof({ weight: 4, arbitrary: fc.constant('queue' as const) }, whenFull),
});
/** The limit of a shared group must be the same for all its targets: determined by its name. */
const shared = fc.subarray<RawPolicy>([
  { type: 'cardinality', instances: 1, group: 'disk1' },
  { type: 'cardinality', instances: 2, group: 'disk2' },
]);
/** Short compared to the steps of a history, so that gaps end within it. */
const ms = (max: number) => fc.integer({ min: 1, max }).map((some) => `${some}ms`);
export const apart = fc
  .record(
    { least: ms(3_000), jitter: ms(2_000), from: fc.constantFrom('start', 'end') },
    { requiredKeys: ['least', 'from'] },
  )
  .chain((options) =>
    // Members of a group count from the same event: determined by its name.
    fc.constantFrom({}, { group: `spaced from ${options.from}` }).map((group): RawPolicy => {
      return { type: 'spacing', ...options, ...group };
    }),
  );
export const ranked = fc
  .record({ rank: fc.integer({ min: -2, max: 2 }), group: fc.constant('ranks') })
  .map((options): RawPolicy => ({ type: 'priority', ageEvery: '2s', ...options }));

/** Histories begin on a Tuesday at 22:13:20, in UTC. */
const hours = fc
  .record({
    open: fc.subarray(
      ['22:13-22:14', '22:14-22:15', '23:00-22:00', 'Wed,Thu', 'Mon-Tue 12:00-24:00'],
      {
        minLength: 1,
      },
    ),
    atEnd: fc.constantFrom('goOn', 'end'),
  })
  .map((options): RawPolicy => ({ type: 'window', ...options }));

/** Conditions on the machine; several targets have the same ones. */
export const needed = fc
  .tuple(
    fc.constantFrom(
      { mounted: '/mnt/a' },
      { mounted: '/mnt/b', free: '1GB' },
      { free: '2GB', freeOn: '/srv' },
      { exists: '/etc/x', missing: '/run/maintenance' },
    ),
    fc.record({
      every: fc.constantFrom('1s', '1500ms', '3s'),
      timeout: fc.constantFrom('200ms', '400ms'),
      otherwise: fc.constantFrom('wait', 'wait', 'skip'),
    }),
    fc.oneof({ weight: 3, arbitrary: fc.constant({}) }, fc.record({ giveUp: ms(3_000) })),
  )
  .map(([what, how, more]): RawPolicy => ({ type: 'require', ...what, ...how, ...more }));

/** Distinct intervals in a group, or the same one twice: the policy must handle both. */
const level = fc
  .record({
    interval: fc.constantFrom(...CLASSIC_LEVELS),
    group: fc.constantFrom('conf1', 'conf2'),
    onDuplicate,
  })
  .map((options): RawPolicy => ({ type: 'rsnapshot', ...options }));

const bindings = (plugin: fc.Arbitrary<RawPolicy>) =>
  fc
    .tuple(
      fc.option(level),
      fc.option(own),
      shared,
      fc.option(apart, { freq: 2 }),
      fc.option(ranked, { freq: 2 }),
      fc.option(hours),
      fc.option(needed),
      fc.option(plugin, { freq: 2 }),
    )
    .map(([interval, alone, limits, ...others]): readonly RawPolicy[] =>
      [interval, alone, ...limits, ...others].filter((it) => it !== null),
    );

/** Short compared to the steps of a history, too. */
export const retries: fc.Arbitrary<Retry> = fc.record(
  {
    attempts: fc.integer({ min: 2, max: 4 }),
    delayMs: fc.nat(2_000),
    growth: fc.constantFrom(1, 1.5, 3),
    delayMsMax: fc.integer({ min: 1, max: 3_000 }),
    jitterMs: fc.nat(500),
    withinMs: fc.integer({ min: 1, max: 10_000 }),
    on: fc.subarray(
      [
        ...['exited', 'signalled', 'timed-out', 'window-closed', 'unreachable', 'not-started'],
        ...['lost', 'interrupted', 1, 2, 'SIGKILL'],
      ],
      { minLength: 1 },
    ),
  },
  { requiredKeys: ['attempts', 'delayMs', 'growth', 'on'] },
);

const someTarget = (plugin: fc.Arbitrary<RawPolicy>) =>
  fc.record({
    policies: bindings(plugin),
    retry: fc.option(retries, { freq: 2, nil: undefined }),
    limits: fc.record(
      {
        timeoutMs: fc.integer({ min: 1, max: 5_000 }),
        maxWaitMs: fc.integer({ min: 1, max: 20_000 }),
        broken: fc.constant('no such user on this machine'),
      },
      { requiredKeys: [] },
    ),
  });

/** One to six targets: t0, t1, … Few of them are broken or have time limits. */
export const targets = targetsWith(moody(20_000, 'punctual'));

/** The same, with plugins that fail and are repaired at a time that they did not announce. */
export const moodyTargets = targetsWith(moody(20_000, 'in time'));

function targetsWith(plugin: fc.Arbitrary<RawPolicy>): fc.Arbitrary<Target[]> {
  return fc
    .array(fc.tuple(someTarget(plugin), fc.nat(5)), { minLength: 1, maxLength: 6 })
    .map((list) => {
      const raw = list.map(([{ policies, limits, retry }, luck], index) => {
        const again = retry === undefined ? {} : { retry };
        return {
          name: `t${index}`,
          policies,
          limits: luck === 0 ? { ...limits, ...again } : again,
        };
      });
      const made = raw.map(({ name, policies, limits }) => target(name, policies, limits));
      // A counterexample shows what config.json would contain, not the internals of a schema.
      return Object.defineProperty(made, fc.toStringMethod, { value: () => JSON.stringify(raw) });
    });
}

const which = fc.nat(30);

/** The scope of a pause; "disk1" and "conf1" are groups of several targets. */
const scopes = fc.constantFrom<PauseScope | undefined>(
  ...[undefined, undefined, { group: 'disk1' }, { group: 'conf1' }, { all: true } as const],
);

const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('submit' as const), which }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('ask again' as const), which }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cancel' as const), which }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('keep' as const), which }) },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('end' as const), which, report: fc.nat(6) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('lose' as const),
      which,
      survivors: fc.nat(1),
      rebooted: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('vacate' as const), which }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('shutdown' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('pause' as const),
      which,
      scope: scopes,
      forMs: fc.option(fc.integer({ min: 1, max: 5_000 }), { nil: undefined }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('resume' as const), which, scope: scopes }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ max: 4_000 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom('restart' as const, 'compact' as const) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('retain' as const), which, runsMax: fc.nat(3) }),
  },
);
export type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

export const steps: fc.Arbitrary<Step[]> = fc.array(step, { maxLength: 60, size: 'max' });

/** Performs one step of a history; a step without anything to act on does nothing. */
export function perform(core: Core, step: Step): void {
  switch (step.do) {
    case 'submit':
      core.submit(nameAt(core, step.which));
      return;
    case 'ask again': {
      const token = pick([...core.state.tokens.keys()], step.which);
      if (token !== undefined) core.submit(nameAt(core, step.which), token);
      return;
    }
    case 'cancel':
      onRun([...core.state.runs.values()], step.which, ({ run }) =>
        core.send({ type: 'cancel', runs: [run] }),
      );
      return;
    case 'keep':
      onRun(core.runs('starting'), step.which, ({ run }) => core.keep(run));
      return;
    case 'end':
      onRun(core.runs('running'), step.which, ({ run }) => core.end(run, REPORTS[step.report]));
      return;
    case 'lose':
      onRun([...core.runs('starting'), ...core.runs('running')], step.which, ({ run }) =>
        core.lose(run, step.survivors > 0 ? [4_711] : [], step.rebooted),
      );
      return;
    case 'vacate':
      onRun(core.runs('ended'), step.which, ({ run }) => core.send({ type: 'vacated', run }));
      return;
    case 'shutdown':
      core.send({ type: 'shutdown' });
      return;
    case 'pause': {
      const { scope = { target: nameAt(core, step.which) }, forMs } = step;
      core.send({ type: 'pause', ...scope, ...(forMs === undefined ? {} : { forMs }) });
      return;
    }
    case 'resume':
      core.send({ type: 'resume', ...(step.scope ?? { target: nameAt(core, step.which) }) });
      return;
    case 'pass':
      core.advance(core.nowMs + Math.max(0, step.ms));
      return;
    case 'restart':
      core.restart();
      return;
    case 'compact':
      core.compact();
      return;
    case 'retain':
      core.send({ type: 'retain', target: nameAt(core, step.which), keep: { runs: step.runsMax } });
      return;
    default:
      step satisfies never;
  }
}

function nameAt(core: Core, at: number): string {
  return pick([...core.catalog.targets.keys()], at) ?? '';
}

function onRun(runs: readonly Run[], at: number, act: (run: Run) => void): void {
  const run = pick(runs, at);
  if (run !== undefined) act(run);
}

function pick<T>(list: readonly T[], at: number): T | undefined {
  return list[at % list.length];
}
