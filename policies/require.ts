/**
 * require: what must be so on the machine before a run starts, such as a mounted disk. A run waits
 * until it is so, or is skipped.
 *
 * What is answered at once (mounts) is looked at in the very moment of the decision. An answer that
 * took time counts for as long as it may have taken and FRESH_MS more; an older one never starts a
 * run, but is asked for anew. So what remains is the time from the decision to the start of the
 * command, some milliseconds: nobody can rule out that a disk is unmounted just then.
 *
 * Nothing is looked at while another policy makes the run wait, nor while none waits.
 */
import * as v from 'valibot';
import { subjectOf } from '../daemon/core/describe-condition.ts';
import type { Policy, QueuedRun, Readiness } from '../daemon/core/policy.ts';
import {
  type Condition,
  type Finding,
  isSlow,
  keyOf,
  type SlowCondition,
} from '../daemon/core/world.ts';
import { BYTES, DURATION_EXPECTED, parseBytes, showDuration } from '../daemon/shared/duration.ts';
import { Limit, whole } from './option-types.ts';

/** How long good news counts, beyond the time that it may take to get it. */
export const FRESH_MS = 5_000;
/** More often would be no look now and then. */
const EVERY_MS_MIN = 1_000;
/** Most inodes that can be asked for. */
const INODES_MAX = 1_000_000_000_000;

const PATH_EXPECTED = 'an absolute path without "." and ".."';
const SIZE_EXPECTED = 'a size of 1 byte or more, such as "50GB"';

const Path = v.pipe(
  v.string(PATH_EXPECTED),
  v.regex(/^\/(?!(.*\/)?\.{1,2}(\/|$))[^\0]*$/, PATH_EXPECTED),
  v.transform((path) => path.replace(/\/+/g, '/').replace(/(.)\/$/, '$1')),
);

const Size = v.pipe(
  v.union(
    [
      v.pipe(v.number(), v.metadata({ type: 'integer', minimum: 1 })),
      v.pipe(v.string(), v.metadata({ pattern: BYTES.source })),
    ],
    SIZE_EXPECTED,
  ),
  v.check((size) => (parseBytes(size) ?? 0) > 0, SIZE_EXPECTED),
  v.metadata({ title: 'size' }),
  v.transform((size) => parseBytes(size) ?? 0),
);

/** The keys that are one. */
const CONDITIONS = [
  'mounted',
  'device',
  'free',
  'freeInodes',
  'freeOn',
  'exists',
  'missing',
] as const;

const Settings = v.strictObject({
  type: v.literal('require'),
  mounted: v.exactOptional(Path),
  device: v.exactOptional(v.pipe(v.string(), v.minLength(1))),
  free: v.exactOptional(Size),
  freeInodes: v.exactOptional(whole(1, INODES_MAX)),
  freeOn: v.exactOptional(Path),
  exists: v.exactOptional(Path),
  missing: v.exactOptional(Path),
  otherwise: v.optional(v.picklist(['wait', 'skip']), 'wait'),
  every: v.optional(
    v.pipe(Limit, v.minValue(EVERY_MS_MIN, `${DURATION_EXPECTED}, of 1 s or more`)),
    '30s',
  ),
  giveUp: v.exactOptional(Limit),
  timeout: v.optional(Limit, '10s'),
});
type RequireOptions = v.InferOutput<typeof Settings>;

const Options = v.pipe(
  Settings,
  v.metadata({
    dependencies: { device: ['mounted'] },
    keys: {
      type: 'Conditions for a start. All that are named here must hold.',
      mounted:
        'A path that must be a mount point, as in `/proc/self/mountinfo`: absolute, without symbolic ' +
        'links. An automount point counts only while something is mounted on it.',
      device:
        'What must be mounted there, as in fstab(5): `"UUID=…"`, `"LABEL=…"`, `"PARTUUID=…"`, ' +
        '`"/dev/disk/by-id/…"` or a source such as `"nas:/backup"`.',
      free: 'Minimum free space, as a user other than root sees it.',
      freeInodes:
        'Minimum number of free inodes. File systems that do not count them always have enough.',
      freeOn: 'Path whose file system must have the free space. Default: `mounted`.',
      exists: 'A path that must exist.',
      missing: 'A path that must not exist, such as `"/run/maintenance"`.',
      otherwise:
        'What to do with a run while a condition does not hold: let it `wait` (default), or `skip` ' +
        'it, with status 75.',
      every: 'Time between two checks while a run waits. Nothing is checked while none waits.',
      giveUp:
        'Skip a run, with status 75, if a condition still does not hold this long after the run was ' +
        'asked for. Time in which the machine sleeps counts. Default: never.',
      timeout:
        'Time limit for each check of `free`, `freeInodes`, `exists` and `missing`. A check without ' +
        'an answer counts as failed. Mounts are looked at without a delay.',
    },
  }),
  v.forward(
    v.check(
      (options) => CONDITIONS.some((key) => options[key] !== undefined),
      'at least one condition beside "type"',
    ),
    ['type'],
  ),
  v.forward(
    v.check(
      ({ device, mounted }) => device === undefined || mounted !== undefined,
      'nothing without "mounted"',
    ),
    ['device'],
  ),
  v.forward(
    v.check(
      (options) => !wantsSpace(options) || spacePath(options) !== undefined,
      'nothing without "mounted" or "freeOn"',
    ),
    ['free'],
  ),
  v.forward(
    v.check(
      (options) => options.freeOn === undefined || wantsSpace(options),
      'nothing without "free"',
    ),
    ['freeOn'],
  ),
);

export const require: Policy<RequireOptions> = {
  type: 'require',
  options: Options,

  /** A target may have several, each with its own `otherwise`. */
  group: (options, target) =>
    `target ${target.name}, ${conditionsOf(options).map(subjectOf).join(', ')}`,

  asks: conditionsOf,

  admit: () => ({ type: 'admit' }),

  ready(run, { self: { options }, nowMs, world }): Readiness {
    const conditions = conditionsOf(options);
    const isLast = isOver(run, options);
    const unmet: Finding[] = [];
    const asks: SlowCondition[] = [];
    let isNext = true;
    for (const condition of conditions) {
      const found = world.findings.get(keyOf(condition));
      if (world.isAssumed === true && found?.holds !== false) continue;
      const isValid = found !== undefined && found.agoMs <= validMs(found, options, isLast);
      if (isValid && !found.holds) unmet.push(found);
      if (isValid || !isSlow(condition)) continue;
      asks.push(condition);
      if (found?.holds === false) isNext = false;
    }
    const [first] = unmet;
    if (first !== undefined) {
      const texts = unmet.map(({ text }) => text).join(', and ');
      if (isLast) return { type: 'skip', reason: skipReason(texts, first, options) };
      const every = showDuration(options.every);
      return {
        type: 'wait',
        reason: `waits for: ${texts} (seen ${first.seen}, looked at again every ${every})`,
        behind: [],
        isOfWorld: true,
        untilMs: nextMs(run, nowMs, first, options),
      };
    }
    const [next] = asks;
    if (next === undefined) return { type: 'start' };
    const reason = `waits for: ${subjectOf(next)}, which is looked at right before the start`;
    return { type: 'wait', reason, behind: [], isOfWorld: true, asks, isNext };
  },
};

function conditionsOf(options: RequireOptions): readonly Condition[] {
  const { mounted, device, free, freeInodes, exists, missing, timeout: timeoutMs } = options;
  const path = spacePath(options);
  return [
    ...(mounted === undefined
      ? []
      : [{ kind: 'mounted' as const, path: mounted, ...(device === undefined ? {} : { device }) }]),
    ...(path === undefined || !wantsSpace(options)
      ? []
      : [
          {
            kind: 'free' as const,
            path,
            ...(free === undefined ? {} : { bytes: free }),
            ...(freeInodes === undefined ? {} : { inodes: freeInodes }),
            timeoutMs,
          },
        ]),
    ...(exists === undefined ? [] : [{ kind: 'exists' as const, path: exists, timeoutMs }]),
    ...(missing === undefined ? [] : [{ kind: 'missing' as const, path: missing, timeoutMs }]),
  ];
}

function wantsSpace({ free, freeInodes }: RequireOptions): boolean {
  return free !== undefined || freeInodes !== undefined;
}

function spacePath({ freeOn, mounted }: RequireOptions): string | undefined {
  return freeOn ?? mounted;
}

/** It is decided now, and is not to wait any more. */
function isOver({ waitedMs }: QueuedRun, { otherwise, giveUp }: RequireOptions): boolean {
  return otherwise === 'skip' || (giveUp !== undefined && waitedMs >= giveUp);
}

/** How long an answer counts. */
function validMs({ holds }: Finding, { timeout, every }: RequireOptions, isLast: boolean): number {
  // Bad news is looked at again by its own time, but nothing is given up for old ones.
  return holds || isLast ? timeout + FRESH_MS : every - 1;
}

function nextMs(
  { waitedMs }: QueuedRun,
  nowMs: number,
  { agoMs }: Finding,
  { every, giveUp = Number.POSITIVE_INFINITY }: RequireOptions,
): number {
  return nowMs + Math.max(1, Math.min(every - agoMs, giveUp - waitedMs));
}

function skipReason(
  texts: string,
  { seen }: Finding,
  { otherwise, giveUp }: RequireOptions,
): string {
  const what = `${texts} (seen ${seen})`;
  if (otherwise === 'skip' || giveUp === undefined) return what;
  return `${what}, ${showDuration(giveUp)} after it was asked for`;
}
