/**
 * The input of a simulated history besides its seed, as plain data that shrinks: the configuration,
 * the changes by reloads, the requests of clients, and what may go wrong.
 */
import fc from 'fast-check';
import { RECENT_MS } from '../../daemon/core/retention.ts';
import type { PauseScope } from '../../daemon/shared/run.ts';
import { configurations, type RawTarget, seldom, TARGETS_MAX } from '../support/configurations.ts';
import type { Hazards } from './world.ts';

/** Selects a target, or a client; any number will do. */
interface Moment {
  readonly which: number;
  readonly atMs: number;
  /** Much later, when runs can be forgotten and targets are late. */
  readonly wave: number;
}

export interface Scenario {
  readonly hazards: Partial<Hazards>;
  readonly targets: readonly RawTarget[];
  /** All waves at once, or this far apart. */
  readonly waveMs: number;
  readonly requests: readonly Moment[];
  readonly cancels: readonly Moment[];
  readonly reloads: readonly (Moment & { readonly targets: readonly RawTarget[] })[];
  /** Somebody pauses something, and perhaps resumes it; at the end everything is resumed. */
  readonly pauses: readonly (Moment & {
    readonly scope: PauseScope | undefined;
    readonly forMs: number | undefined;
    readonly isResumed: boolean;
  })[];
  /** The wall clock is set. */
  readonly wallShifts: readonly (Moment & { readonly byMs: number })[];
}

const WAVES = 3;
const HOUR_MS = 3_600_000;

const ROUGH: readonly Partial<Hazards>[] = [
  {},
  { crash: 0.02 },
  { crash: 0.1, reboot: 0.2, keeperDeath: 0.1 },
  { crash: 0.03, full: 0.1, keeperDeath: 0.3 },
  { shutdown: 0.01 },
  { crash: 0.03, reboot: 0.1, shutdown: 0.01, full: 0.03, keeperDeath: 0.1 },
  { crash: 0.02, sleep: 0.05 },
  { crash: 0.05, restore: 0.3 },
  { crash: 0.05, reboot: 0.1, shutdown: 0.01, full: 0.03, keeperDeath: 0.1, restore: 0.1 },
];

/** A time in a history. */
function moment(within: number) {
  return { which: fc.nat(TARGETS_MAX * 10), atMs: fc.nat(within), wave: fc.nat(WAVES - 1) };
}

function listOf<T>(arbitrary: fc.Arbitrary<T>, maxLength: number): fc.Arbitrary<readonly T[]> {
  return fc.array(arbitrary, { maxLength, size: 'max' });
}

function sometimes<T>(arbitrary: fc.Arbitrary<T>, maxLength: number): fc.Arbitrary<readonly T[]> {
  return seldom(3, listOf(arbitrary, maxLength)).map((list) => list ?? []);
}

export const scenarios: fc.Arbitrary<Scenario> = fc.record({
  hazards: fc.constantFrom(...ROUGH),
  targets: configurations,
  waveMs: fc.constantFrom(0, 0, RECENT_MS + 10_000),
  requests: listOf(fc.record(moment(2_500)), 12),
  cancels: sometimes(fc.record(moment(4_000)), 2),
  reloads: sometimes(fc.record({ ...moment(3_000), targets: configurations }), 2),
  pauses: sometimes(
    fc.record({
      ...moment(3_000),
      scope: fc.constantFrom<PauseScope | undefined>(
        ...[undefined, { group: 'disk1' }, { group: 'conf1' }, { all: true } as const],
      ),
      forMs: fc.option(fc.integer({ min: 1, max: 900_000 }), { nil: undefined }),
      isResumed: fc.boolean(),
    }),
    3,
  ),
  wallShifts: sometimes(
    fc.record({ ...moment(3_000), byMs: fc.integer({ min: -2 * HOUR_MS, max: 2 * HOUR_MS }) }),
    1,
  ),
});
