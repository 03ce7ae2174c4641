/**
 * The interface of a policy: a pure plugin that decides if a request is admitted and when a run
 * may start. A plugin is an object literal of this shape, listed in policies/index.ts.
 *
 * A policy sees one group: the targets that name the same policy type and the same group. It has no
 * clock, no memory and no I/O; the view is all there is, and equal views get equal answers.
 * The scheduler asks for the waiting runs of a group in the order of their acceptance, unless a
 * policy gives them ranks, and asks again after every change in the group.
 */
import type * as v from 'valibot';
import type { RunId, TargetName, Verdict } from '../shared/run.ts';
import type { Question, SlowCondition, World } from './world.ts';

/** A run that waits. Times are steady milliseconds. */
export interface QueuedRun {
  readonly run: RunId;
  readonly target: TargetName;
  readonly queuedAtMs: number;
  /** For how long, with the time that the machine slept. */
  readonly waitedMs: number;
  /** The same since its last attempt ended, if it has had one. */
  readonly queuedMs: number;
  /** How many younger runs of its groups have been started before it. */
  readonly overtaken: number;
}

/** A run that holds a place: from being started until its last process is gone. */
export interface ActiveRun {
  readonly run: RunId;
  readonly target: TargetName;
  readonly state: 'starting' | 'running' | 'stopping' | 'lost';
}

/** Runs that hold a place, of which there may be thousands: look at no more of them than needed. */
export interface ActiveRuns extends Iterable<ActiveRun> {
  readonly length: number;
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
  /** How many requests in a row were ignored since the last accepted one. */
  readonly ignored: number;
  readonly active: ActiveRuns;
  /** How its latest run ended. */
  readonly last?: EndedRun;
  /** The latest start of a run of it, and the latest end of one that had started. */
  readonly lastStart?: PastMoment;
  readonly lastEnd?: PastMoment;
}

/** Something that a run did. */
export interface PastMoment {
  readonly run: RunId;
  /** How long ago, with the time that the machine slept. */
  readonly agoMs: number;
  /** From 0 up to 1, by chance, and always the same for this moment: for what is to vary. */
  readonly chance: number;
}

export interface EndedRun {
  readonly run: RunId;
  readonly verdict: Verdict;
  readonly endedAtMs: number;
}

interface StartedRun extends RunName {
  /** What the clock on the wall showed then, in ms since the epoch. */
  readonly startedWallMs: number;
}

export interface Deadline {
  /** By the clock on the wall, in ms since the epoch. */
  readonly wallMs: number;
  /** What has happened then, as a sentence: "its window closed". */
  readonly reason: string;
}

/** A run and its target: what a sentence names it by. */
export interface RunName {
  readonly run: RunId;
  readonly target: TargetName;
}

/** The place of a target in the order of its group. */
export interface Level {
  readonly name: string;
  /** All of them, lowest first. */
  readonly order: readonly string[];
}

/** A group at one moment. What is not asked for is not made. */
export interface SharedView<O> {
  readonly nowMs: number;
  /** What the clock on the wall shows, in ms since the epoch; somebody may set it at any time. */
  readonly wallMs: number;
  /** Every target of the group. */
  readonly members: readonly Member<O>[];
  /** What holds a place, over all members. */
  readonly active: ActiveRuns;
  /** How many runs wait, over all members. */
  readonly waiting: number;
  /** What the machine says to the questions of the group. */
  readonly world: World;
}

export interface GroupView<O> extends SharedView<O> {
  /** The target that the question is about, one of `members`. */
  readonly self: Member<O>;
}

export type Admission =
  | { readonly type: 'admit' }
  /** The client hears the reason and exits with 75. */
  | { readonly type: 'refuse'; readonly reason: string }
  /** The client exits with 0: the wish is already being served. */
  | { readonly type: 'ignore'; readonly reason: string }
  /** The request shares that run, its output and its status. */
  | { readonly type: 'join'; readonly run: RunId }
  /**
   * It is admitted, and the first of these runs that was asked for with the same arguments is
   * ended: its clients hear which run took its place.
   */
  | { readonly type: 'replace'; readonly oneOf: readonly RunId[] };

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
      /** The same is true of whatever waits in the group: nobody else need be asked. */
      readonly isForAll?: boolean;
      /** The world is looked at (also for `untilMs`) where nothing else makes the run wait. */
      readonly isOfWorld?: true;
      /** Answers that it waits for, or newer ones; when they are there, it is asked again. */
      readonly asks?: readonly SlowCondition[];
      /** With `asks`: meanwhile nobody behind it in its groups may take its place. */
      readonly isNext?: boolean;
    }
  /** It must not run, and ends once nothing else makes it wait; its client exits with 75. */
  | { readonly type: 'skip'; readonly reason: string };

export type Wait = Extract<Readiness, { readonly type: 'wait' }>;

/** A file, or the name of the error that reading it met, such as ENOENT. */
export type FileRead =
  | { readonly ok: true; readonly text: string; readonly realPath: string }
  | { readonly ok: false; readonly error: string };

/** With `bytes`, each byte of the file is one character of the text; else it is UTF-8. */
export type ReadFile = (path: string, as?: 'bytes') => FileRead;

/** Options that know what the machine says, when the configuration is read. */
export interface Prepared<O> {
  readonly options: O;
  /** Why the target cannot work on this machine. */
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
  /** What was read for it, or could not be: a change may mean other options. */
  readonly files: readonly string[];
}

/** Completes options by files of this machine, each of which it reads once for all targets. */
export interface Preparer<O> {
  prepare(options: O, target: PolicyTarget): Prepared<O>;
}

/** What a policy may know of the target that names it, when the configuration is read. */
export interface PolicyTarget {
  readonly name: TargetName;
  /** The command; of a target on another machine, the one that is run there. */
  readonly args?: readonly string[];
  /** The machine where it runs, if not this one. */
  readonly host?: string;
  /** The fleet that it belongs to, if any. */
  readonly fleet?: TargetName;
  /** A run that is lost is run again. */
  readonly retriesLost?: boolean;
}

/**
 * Methods, not function properties: a map of policies with different options stays assignable. `S`
 * is what a policy makes of a group, where it looks at the whole of it.
 */
export interface Policy<O, S = unknown> {
  readonly type: string;
  /** The keys that config.json may hold beside `type`. */
  readonly options: v.GenericSchema<unknown, O>;
  /** Exit codes that are warnings where the target does not say. */
  readonly warnExit?: readonly number[];
  /** For one configuration; asked before anything else. */
  preparer?(read: ReadFile): Preparer<O>;
  /** A target can have one policy of this type, whatever its groups. */
  readonly exclusivePerTarget?: true;
  /** What two groups cannot use at the same time, such as "lockfile /run/x.pid". */
  resources?(options: O): readonly string[];
  /** Its place in an order; two targets at one place of a group are a slip. */
  level?(options: O): Level | undefined;
  /** What `ready` wants to know of the world. */
  asks?(options: O): readonly Question[];
  /** The group that this target belongs to under these options. */
  group(options: O, target: PolicyTarget): string;
  /** Why these options cannot stand together in one group, or undefined. */
  conflict?(self: Member<O>, other: Member<O>): string | undefined;
  /**
   * What is the same for all queued runs, worked out once: thousands of targets
   * of a group that each look at all others would keep the daemon busy for minutes.
   */
  survey?(group: SharedView<O>): S;
  admit(view: GroupView<O>): Admission;
  ready(run: QueuedRun, view: GroupView<O>, survey: S): Readiness;
  /**
   * Among the waiting runs of the group that could start, the highest rank is asked first, and of
   * equal ones the oldest. It keeps nobody from starting. A target has one policy with ranks.
   */
  rank?(run: QueuedRun, options: O): number;
  /** What stands behind a rank, such as "rank 5". */
  describeRank?(run: QueuedRun, options: O): string;
  /** When a run that has started must have ended; then it is told to end, as by its timeout. */
  deadline?(run: StartedRun, options: O): Deadline | undefined;
}

/** How every message names a run. */
export function nameRun(run: RunName): string {
  return `run ${run.run} (${run.target})`;
}

/** "which is running", "which is being started", … for the sentence that names an active run. */
export function describeActive(active: ActiveRun): string {
  const how = {
    starting: 'is being started',
    running: 'is running',
    stopping: 'is being stopped',
    lost: 'was lost but still has processes',
  };
  return `${nameRun(active)}, which ${how[active.state]}`;
}
