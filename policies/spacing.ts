/**
 * spacing: the least time between two runs of a group, counted from the start of the one before or
 * from its end. For what must not be done too often: a server that limits its clients, a disk that
 * is to cool down, a mirror that asks for an hour between two visits.
 *
 * The time is that of a watch: it goes on while the machine sleeps or is off. `jitter` lengthens
 * each gap by chance. It hangs on the run that the gap follows, so that all who wait for the gap
 * agree on its end, a look at it changes nothing, and another machine has another one.
 *
 * Counted from the start, a gap does not keep runs apart that take longer than it: that is what
 * `cardinality` is for. Counted from the end it does, since a run that goes on has no end yet.
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
      type: 'Keeps runs apart in time.',
      least: 'Least time between two runs. The time goes on while the machine sleeps or is off.',
      from:
        'Where the time begins: when the run before started (`start`), or when it ended (`end`). ' +
        'With `end`, no two runs of the group run at once.',
      jitter:
        'Longest time by which each gap is lengthened at random, so that many machines do not ' +
        'ask one server at the same time.',
      group:
        'Targets that name the same group keep apart from each other, each by its own `least`. ' +
        'Without it, a target keeps apart only its own runs.',
    },
  }),
);
type SpacingOptions = v.InferOutput<typeof Options>;

/** A run that a gap follows. */
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
      const reason = `waits for ${describeActive(running)}, and ${showDuration(least)} after its end`;
      return { type: 'wait', reason, behind: [running.run], isForAll: true };
    }
    const before = latest[from];
    if (before === undefined) return { type: 'start' };
    const gapMs = least + Math.floor(before.chance * jitter);
    if (before.agoMs >= gapMs) return { type: 'start' };
    const reason = `waits for ${showDuration(gapMs)} to pass since the ${from} of ${nameRun(before)}`;
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
