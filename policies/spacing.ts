/**
 * spacing: the minimum time between two runs of a group, from the start or the end of the one
 * before. For things that must not happen too often: a server that limits its clients, a disk that
 * has to cool down, a mirror that asks for an hour between two visits.
 *
 * The time includes time in which the machine sleeps or is off. `jitter` lengthens each gap at
 * random. It is derived from the run before the gap, so that all runs that wait for the gap agree
 * on its end, looking at it changes nothing, and other machines get other values.
 *
 * If counted from the start, a gap does not separate runs that take longer than it: use
 * `cardinality` for that. If counted from the end it does, because a running run has no end yet.
 */
import * as v from 'valibot';
import {
  describeActive,
  nameRun,
  type Policy,
  type Readiness,
  type RunName,
  type SharedView,
} from '../daemon/core/policy.ts';
import { showDuration } from '../daemon/shared/duration.ts';
import { Duration, GroupName, Limit } from './option-types.ts';
import { differs } from './policy-messages.ts';

const Options = v.pipe(
  v.strictObject({
    type: v.literal('spacing'),
    least: Limit,
    from: v.optional(v.picklist(['start', 'end']), 'start'),
    jitter: v.exactOptional(Duration),
    group: v.exactOptional(GroupName),
  }),
  v.metadata({
    keys: {
      type: 'Minimum time between runs.',
      least: 'Minimum time between two runs. Time while the machine sleeps or is off counts.',
      from:
        'Measure from the `start` (default) or the `end` of the previous run. With `end`, runs ' +
        'of the group never overlap.',
      jitter:
        'Add a random time of up to this to each gap, so that many machines do not use one ' +
        'server at the same time.',
      group:
        'Targets with the same group share one gap, each with its own `least`. Default: the gap ' +
        'applies to runs of this target only.',
    },
  }),
);
type SpacingOptions = v.InferOutput<typeof Options>;

/** The run before a gap. */
interface Before extends RunName {
  readonly agoMs: number;
  readonly chance: number;
}

/** What happened last in a group. */
export interface Latest {
  readonly start?: Before;
  readonly end?: Before;
}

export const spacing: Policy<SpacingOptions, Latest> = {
  type: 'spacing',
  options: Options,

  group: ({ group }, target) => group ?? `target ${target.name}`,

  conflict(self, other) {
    const [here, there] = [self.options.from, other.options.from];
    return here === there ? undefined : differs('from', here, there, other.target);
  },

  survey: latestOf,

  admit: () => ({ type: 'admit' }),

  ready(_run, { nowMs, self, active }, latest): Readiness {
    const { from, least, jitter = 0 } = self.options;
    const [running] = active;
    if (from === 'end' && running !== undefined) {
      const gap = showDuration(least);
      const reason = `waits for ${describeActive(running)}, and ${gap} after its end`;
      return { type: 'wait', reason, behind: [running.run], isForAll: true };
    }
    const before = latest[from];
    if (before === undefined) return { type: 'start' };
    const gapMs = least + Math.floor(before.chance * jitter);
    if (before.agoMs >= gapMs) return { type: 'start' };
    const gap = showDuration(gapMs);
    const reason = `waits for ${gap} to pass since the ${from} of ${nameRun(before)}`;
    return { type: 'wait', reason, behind: [], untilMs: nowMs + gapMs - before.agoMs };
  },
};

function latestOf({ members }: SharedView<SpacingOptions>): Latest {
  let start: Before | undefined;
  let end: Before | undefined;
  for (const { target, lastStart, lastEnd } of members) {
    if (lastStart !== undefined && lastStart.agoMs < (start?.agoMs ?? Number.POSITIVE_INFINITY)) {
      start = { ...lastStart, target };
    }
    if (lastEnd !== undefined && lastEnd.agoMs < (end?.agoMs ?? Number.POSITIVE_INFINITY)) {
      end = { ...lastEnd, target };
    }
  }
  return { ...(start === undefined ? {} : { start }), ...(end === undefined ? {} : { end }) };
}
