/**
 * The interface of a policy: a pure plugin that decides if a request is admitted and when a run
 * may start. A plugin is an object literal of this shape, listed in policies/index.ts.
 *
 * A policy sees one group: the targets that name the same policy type and the same group. It has no
 * clock, no memory and no I/O; the scene is all there is, and equal scenes get equal answers.
 * Who is looked at first is not its business: the scheduler asks for the waiting runs of a group in
 * the order of their acceptance, and asks again after every change in the group.
 */
import type * as v from 'valibot';
import type { RunId, TargetName } from '../daemon/event.ts';

/** A run that waits. Times are steady milliseconds. */
export interface QueuedRun {
  readonly run: RunId;
  readonly target: TargetName;
  readonly queuedAtMs: number;
  /** How many younger runs of its groups have been started before it. */
  readonly overtaken: number;
}

/** A run that holds a place: from being started until its last process is gone. */
export interface ActiveRun {
  readonly run: RunId;
  readonly target: TargetName;
  readonly state: 'starting' | 'running' | 'stopping' | 'lost';
}

/** One target of the group. Only the head of its queue can start next. */
export interface Member<O> {
  readonly target: TargetName;
  readonly options: O;
  /** The oldest waiting run. */
  readonly first?: QueuedRun;
  /** The same, unless the target is paused: what could start next. */
  readonly head?: QueuedRun;
  /** How many runs wait, paused or not. */
  readonly waiting: number;
  readonly active: readonly ActiveRun[];
}

export interface Scene<O> {
  readonly nowMs: number;
  /** The target that the question is about. */
  readonly self: Member<O>;
  /** Every target of the group, `self` among them. */
  readonly members: readonly Member<O>[];
  /** What holds a place, over all members. */
  readonly active: readonly ActiveRun[];
  /** How many runs wait, over all members. */
  readonly waiting: number;
}

export type Admission =
  | { readonly type: 'admit' }
  /** The client hears the reason and exits with 75. */
  | { readonly type: 'refuse'; readonly reason: string }
  /** The client exits with 0: the wish is already being served. */
  | { readonly type: 'ignore'; readonly reason: string }
  /** The request shares that run, its output and its status. */
  | { readonly type: 'join'; readonly run: RunId };

export type Readiness =
  | { readonly type: 'start' }
  | {
      readonly type: 'wait';
      /** A sentence for people; it names the run in the way. */
      readonly reason: string;
      /** The runs in the way, for the chain that `baton why` prints. */
      readonly behind: readonly RunId[];
      /** Steady time of another look; without it, the next change in the group. */
      readonly untilMs?: number;
    };

/** What a policy may know of the target that names it, when the configuration is read. */
export interface PolicyTarget {
  readonly name: TargetName;
  /** The command of a local target. */
  readonly args?: readonly string[];
}

/** Methods, not function properties: a map of policies with different options stays assignable. */
export interface Policy<O> {
  readonly type: string;
  /** The keys that config.json may hold beside `type`. */
  readonly options: v.GenericSchema<unknown, O>;
  /** The group that this target belongs to under these options. */
  group(options: O, target: PolicyTarget): string;
  /** Why these options cannot stand together in one group, or undefined. */
  conflict?(self: Member<O>, other: Member<O>): string | undefined;
  admit(scene: Scene<O>): Admission;
  ready(run: QueuedRun, scene: Scene<O>): Readiness;
}

/** How every message names a run. */
export function nameRun(run: { readonly run: RunId; readonly target: TargetName }): string {
  return `run ${run.run} (${run.target})`;
}

/** "which is running", "which is being started", … for the sentence that names an active run. */
export function describeActive(active: ActiveRun): string {
  const how = {
    starting: 'is being started',
    running: 'is running',
    stopping: 'is being stopped',
    lost: 'was lost but still has living processes',
  };
  return `${nameRun(active)}, which ${how[active.state]}`;
}
