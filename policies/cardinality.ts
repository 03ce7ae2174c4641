/**
 * cardinality: at most `instances` runs of a group at the same time.
 *
 * Without `group`, the target is its own group, or its fleet is. A group named by several targets
 * is a limit that they share ("one job on this disk at a time"). Queued runs start in the order of
 * their acceptance, except that a run that another policy holds back is passed over.
 */
import * as v from 'valibot';
import type {
  ActiveRun,
  ActiveRuns,
  Admission,
  GroupView,
  Member,
  Policy,
  QueuedRun,
  Readiness,
} from '../daemon/core/policy.ts';
import { describeActive, nameRun } from '../daemon/core/policy.ts';
import { GroupName } from './option-types.ts';
import { differs } from './policy-messages.ts';

/** Most instances that a group may allow. */
export const INSTANCES_MAX = 10_000;

/** Most runs in one sentence. */
const NAMED_MAX = 3;

const Options = v.pipe(
  v.strictObject({
    type: v.literal('cardinality'),
    instances: v.optional(
      v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(INSTANCES_MAX)),
      1,
    ),
    group: v.exactOptional(GroupName),
    whenFull: v.optional(v.picklist(['queue', 'refuse', 'ignore', 'join', 'replace']), 'queue'),
    queueMax: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0))),
  }),
  v.metadata({
    keys: {
      type: 'Limit on the number of runs at the same time.',
      instances: 'Maximum number of runs at the same time.',
      group:
        'Targets with the same group share the limit: "one job on this disk at a time". ' +
        'Without a group, the limit applies to this target alone, or to its whole fleet.',
      whenFull:
        'What a request does when the group is full. `queue`: wait. `refuse`: fail with status ' +
        '75. `ignore`: do nothing, with status 0. `join`: share the queued run, or else the ' +
        'running one, with its output and status. `replace`: end the queued run, or else the ' +
        'oldest running one, then start. `join` and `replace` apply only to runs of the same ' +
        'target with the same arguments.',
      queueMax: 'Maximum number of queued runs. Further requests are refused.',
    },
  }),
);
type CardinalityOptions = v.InferOutput<typeof Options>;

export const cardinality: Policy<CardinalityOptions> = {
  type: 'cardinality',
  options: Options,

  group(options, target) {
    if (options.group !== undefined) return options.group;
    return target.fleet === undefined ? `target ${target.name}` : `fleet ${target.fleet}`;
  },

  conflict(self, other) {
    if (self.options.instances === other.options.instances) return undefined;
    const [here, there] = [self.options.instances, other.options.instances];
    return differs('instances', String(here), String(there), other.target);
  },

  admit(view): Admission {
    const { whenFull, instances, queueMax } = view.self.options;
    const { active } = view;
    // Counts the queued runs of every target of the group.
    const isFree = active.length < instances && active.length + view.waiting < instances;
    if (isFree) return { type: 'admit' };
    switch (whenFull) {
      case 'refuse':
        return { type: 'refuse', reason: describeFull(view) };
      case 'ignore':
        return { type: 'ignore', reason: describeFull(view) };
      case 'join': {
        const run = joinable(view.self);
        if (run !== undefined) return { type: 'join', run };
        break;
      }
      case 'replace': {
        // It takes over a place in the queue, or the next free place, so no limit applies.
        const oneOf = replaceable(view.self);
        if (oneOf.length > 0) return { type: 'replace', oneOf };
        break;
      }
      case 'queue':
        break;
      default:
        whenFull satisfies never;
    }
    if (queueMax !== undefined && view.waiting >= queueMax) {
      const reason = `its queue is full: ${describeFull(view)}, queueMax is ${queueMax}`;
      return { type: 'refuse', reason };
    }
    return { type: 'admit' };
  },

  ready(_run: QueuedRun, view): Readiness {
    const { active } = view;
    if (active.length < view.self.options.instances) return { type: 'start' };
    const named = firstOf(active);
    const more = active.length > NAMED_MAX ? ` or one of ${active.length - NAMED_MAX} more` : '';
    const { group } = view.self.options;
    const where = group === undefined ? '' : ` (group "${group}")`;
    return {
      type: 'wait',
      reason: `waits for ${named.map(describeActive).join(' or ')}${more}${where}`,
      behind: named.map((run) => run.run),
      isForAll: true,
    };
  },
};

/**
 * The run of this target that a further request can share: a queued one, else a running one that is
 * not being stopped.
 */
function joinable(self: Member<CardinalityOptions>): number | undefined {
  if (self.first !== undefined) return self.first.run;
  const running = [...self.active];
  return running.findLast(({ state }) => state === 'starting' || state === 'running')?.run;
}

/**
 * The run of this target that a further request can replace: the queued one, else the oldest one
 * that holds a place. If one is already being stopped, its place becomes free next.
 */
function replaceable(self: Member<CardinalityOptions>): readonly number[] {
  const waiting = self.first === undefined ? [] : [self.first.run];
  const active = [...self.active];
  if (active.some(({ state }) => state === 'stopping')) return waiting;
  return [...waiting, ...active.map(({ run }) => run)];
}

/** Those that a sentence names. */
function firstOf(active: ActiveRuns): readonly ActiveRun[] {
  const named: ActiveRun[] = [];
  for (const run of active) {
    named.push(run);
    if (named.length >= NAMED_MAX) break;
  }
  return named;
}

function describeFull({ active, waiting, self }: GroupView<CardinalityOptions>): string {
  const { instances, group } = self.options;
  const who = firstOf(active).map(nameRun).join(', ');
  const more = active.length > NAMED_MAX ? ` and ${active.length - NAMED_MAX} more` : '';
  const running = active.length > 0 ? `already serving ${who}${more}` : 'no run is running yet';
  const queue = waiting > 0 ? `, ${waiting} waiting` : '';
  const where = group === undefined ? '' : ` in group "${group}"`;
  return `${running}${queue}; at most ${instances} at once${where}`;
}
