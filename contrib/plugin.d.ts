/**
 * The types of plugins for batond; see baton-plugin(7). Generated from the sources of baton.
 *
 *   import type { Policy } from 'batond/plugin';
 */

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

export interface StartedRun extends RunName {
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
  readonly options: StandardSchema<O>;
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

export type Question = Lockfile | Condition;

export interface Lockfile {
  readonly kind: 'lockfile';
  readonly path: string;
  /** How the name of the program begins that takes it, such as "rsnapshot". */
  readonly program: string;
  /** One whose process is gone has to be removed by hand before anything runs again. */
  readonly stopsWhenStale: boolean;
}

/** Something that is to be so before a run starts. */
export type Condition = InstantCondition | SlowCondition;

/** Its answer can be had at once. */
export type InstantCondition =
  /** `device` as fstab names it: UUID=…, LABEL=…, a path, or another source. */
  | { readonly kind: 'mounted'; readonly path: string; readonly device?: string }
  /** The machine runs on AC power. */
  | { readonly kind: 'acPower' }
  /** The average of the last minute. */
  | { readonly kind: 'load'; readonly below: number }
  /** The percentage of the last ten seconds in which something waited for it. */
  | { readonly kind: 'pressure'; readonly of: 'cpu' | 'io' | 'memory'; readonly below: number };

/** Its answer takes time, but is given up after `timeoutMs`. */
export type SlowCondition = { readonly timeoutMs: number } & (
  | {
      readonly kind: 'free';
      readonly path: string;
      readonly bytes?: number;
      readonly inodes?: number;
    }
  | { readonly kind: 'exists' | 'missing'; readonly path: string }
  /** It exits with 0. */
  | {
      readonly kind: 'command';
      readonly args: readonly [string, ...string[]];
      readonly user?: string | number;
    }
  | { readonly kind: 'host'; readonly host: string; readonly port: number }
);

/** A living process that holds a lockfile. */
export interface Holder {
  readonly pid: number;
  /** What it is, such as "rsnapshot hourly". */
  readonly text: string;
  /** The run that it belongs to, if it is one of baton's. */
  readonly run?: { readonly run: RunId; readonly target: TargetName };
  /** It is something else than who writes such locks: its pid was given out anew. */
  readonly isOther?: boolean;
}

/** What was found of a condition. */
export interface Finding {
  /** Not: it is not so, or could not be found out. */
  readonly holds: boolean;
  /** What was found, as a clause: "/mnt/backup is not a mount point". */
  readonly text: string;
  /** How long ago, with the time that the machine slept. */
  readonly agoMs: number;
  /** When that was, for people. */
  readonly seen: string;
}

/** What is known at one moment. */
export interface World {
  /** Who holds lockfiles, by the path of the lockfile. */
  readonly holders: ReadonlyMap<string, Holder>;
  /** By the key of their condition; see `keyOf`. */
  readonly findings: ReadonlyMap<string, Finding>;
  /** What is not known here is taken to be as it should: this is a forecast or a replay. */
  readonly isAssumed?: true;
}

export interface Runner<O> {
  readonly type: string;
  /** The keys that config.json may hold beside `type`; an object. */
  readonly options: StandardSchema<O>;
  /** What would stand in config.json beside `"type": "local"`; asked when the file is read. */
  plan(options: O): LocalCommand;
}

/** As for the runner `local`; see baton.json(5). */
export interface LocalCommand {
  readonly args?: readonly [string, ...string[]];
  readonly cmds?: readonly (readonly [string, ...string[]])[];
  readonly continueOn?: readonly number[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly user?: string | number;
  readonly group?: string | number;
  readonly umask?: string;
  readonly nice?: number;
  readonly ionice?: string;
}

export interface StandardSchema<O> {
  readonly '~standard': {
    readonly version: 1;
    /** Who made it, such as "zod"; any word in one that is written by hand. */
    readonly vendor: string;
    /** The options as the plugin wants them, or what is wrong. The answer must come at once. */
    validate(
      value: unknown,
    ): StandardResult<O> | PromiseLike<StandardResult<O>> | Promise<StandardResult<O>>;
    readonly types?: { readonly input: unknown; readonly output: O } | undefined;
  };
}

export type StandardResult<O> =
  | { readonly value: O; readonly issues?: undefined }
  | { readonly issues: readonly StandardIssue[] };

export interface StandardIssue {
  readonly message: string;
  /** Where in the value; keys, from the outermost on. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** Rises in order of acceptance; a restored or new journal can assign the same numbers again. */
export type RunId = number;

export type TargetName = string;

/** How the target rates an outcome, by its `okExit` and `warnExit`. */
export type Verdict = 'ok' | 'warning' | 'failed';
