/**
 * The types of plugins for batond; see baton-plugin(7). Generated from the sources of baton.
 *
 *   import type { Policy } from 'batond/plugin';
 */

/** A queued run. Times are steady milliseconds. */
export interface QueuedRun {
  readonly run: RunId;
  readonly target: TargetName;
  readonly queuedAtMs: number;
  /** How long it has waited, including time in which the machine slept. */
  readonly waitedMs: number;
  /** The same since its last attempt ended, if it has had one. */
  readonly queuedMs: number;
  /** How many younger runs of its groups have been started before it. */
  readonly overtaken: number;
}

/** A run that holds a place: from its start until its last process is gone. */
export interface ActiveRun {
  readonly run: RunId;
  readonly target: TargetName;
  readonly state: 'starting' | 'running' | 'stopping' | 'lost';
}

/** Runs that hold a place. There may be thousands: look at no more of them than needed. */
export interface ActiveRuns extends Iterable<ActiveRun> {
  readonly length: number;
}

/** One target of the group. Only the head of its queue can start next. */
export interface Member<O> {
  readonly target: TargetName;
  readonly options: O;
  /** The oldest queued run. */
  readonly first?: QueuedRun;
  /** The same, unless the target is paused: the run that could start next. */
  readonly head?: QueuedRun;
  /** Number of queued runs, paused or not. */
  readonly waiting: number;
  /** How many requests in a row were ignored since the last accepted one. */
  readonly ignored: number;
  readonly active: ActiveRuns;
  /** How its latest run ended. */
  readonly last?: EndedRun;
  /** Its latest start of a run, and the latest end of a run that had started. */
  readonly lastStart?: PastMoment;
  readonly lastEnd?: PastMoment;
}

/** When a run started or ended. */
export interface PastMoment {
  readonly run: RunId;
  /** How long ago, including time in which the machine slept. */
  readonly agoMs: number;
  /** Random, from 0 up to 1, but always the same for this moment: for things that should vary. */
  readonly chance: number;
}

export interface EndedRun {
  readonly run: RunId;
  readonly verdict: Verdict;
  readonly endedAtMs: number;
}

export interface StartedRun extends RunName {
  /** Wall-clock time, in ms since the epoch. */
  readonly startedWallMs: number;
}

export interface Deadline {
  /** Wall-clock time, in ms since the epoch. */
  readonly wallMs: number;
  /** What has happened then, as a sentence: "its window closed". */
  readonly reason: string;
}

/** A run and its target, as sentences name them. */
export interface RunName {
  readonly run: RunId;
  readonly target: TargetName;
}

/** The position of a target in the order of its group. */
export interface Level {
  readonly name: string;
  /** All levels, lowest first. */
  readonly order: readonly string[];
}

/** A group at one moment. Parts are computed only when used. */
export interface SharedView<O> {
  readonly nowMs: number;
  /** Wall-clock time in ms since the epoch; somebody may set the clock at any time. */
  readonly wallMs: number;
  /** Every target of the group. */
  readonly members: readonly Member<O>[];
  /** Runs that hold a place, of all members. */
  readonly active: ActiveRuns;
  /** Number of queued runs, of all members. */
  readonly waiting: number;
  /** The machine's answers to the questions of the group. */
  readonly world: World;
}

export interface GroupView<O> extends SharedView<O> {
  /** The target that the question is about, one of `members`. */
  readonly self: Member<O>;
}

export type Admission =
  | { readonly type: 'admit' }
  /** The client prints the reason and exits with 75. */
  | { readonly type: 'refuse'; readonly reason: string }
  /** The client exits with 0: the request is already being served. */
  | { readonly type: 'ignore'; readonly reason: string }
  /** The request shares that run, its output and its status. */
  | { readonly type: 'join'; readonly run: RunId }
  /**
   * The request is admitted, and the first of these runs with the same arguments is ended: its
   * clients are told which run replaced it.
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
      /** Steady time of another look; without it, after the next change in the group. */
      readonly untilMs?: number;
      /** The same applies to all queued runs of the group: no need to ask about the others. */
      readonly isForAll?: boolean;
      /** Check the machine (also for `untilMs`) once nothing else makes the run wait. */
      readonly isOfWorld?: true;
      /** Conditions whose answers it needs; it is asked again when they are known. */
      readonly asks?: readonly SlowCondition[];
      /** With `asks`: nobody behind it in its groups may take its place in the meantime. */
      readonly isNext?: boolean;
    }
  /** It must not run, and ends once nothing else makes it wait; its client exits with 75. */
  | { readonly type: 'skip'; readonly reason: string };

/** The content of a file, or the error code of reading it, such as ENOENT. */
export type FileRead =
  | { readonly ok: true; readonly text: string; readonly realPath: string }
  | { readonly ok: false; readonly error: string };

/** With `bytes`, each byte becomes one character of the text; otherwise it is UTF-8. */
export type ReadFile = (path: string, as?: 'bytes') => FileRead;

/** Options, completed with facts about the machine when the configuration is read. */
export interface Prepared<O> {
  readonly options: O;
  /** Why the target cannot work on this machine. */
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
  /** Files that were read, or could not be: a change may change the options. */
  readonly files: readonly string[];
}

/** Completes options from files on this machine, each read once for all targets. */
export interface Preparer<O> {
  prepare(options: O, target: PolicyTarget): Prepared<O>;
}

/** What a policy may know of its target when the configuration is read. */
export interface PolicyTarget {
  readonly name: TargetName;
  /** The command; for a target on another machine, the remote command. */
  readonly args?: readonly string[];
  /** The machine where it runs, if not this one. */
  readonly host?: string;
  /** The fleet that it belongs to, if any. */
  readonly fleet?: TargetName;
  /** A lost run is retried. */
  readonly retriesLost?: boolean;
}

/**
 * Methods, not function properties: a map of policies with different options stays assignable. `S`
 * is what a policy computes from the whole group, if it does.
 */
export interface Policy<O, S = unknown> {
  readonly type: string;
  /** The keys that config.json may have beside `type`. */
  readonly options: StandardSchema<O>;
  /** Exit codes that count as warnings unless the target has `warnExit`. */
  readonly warnExit?: readonly number[];
  /** One for each configuration; called before anything else. */
  preparer?(read: ReadFile): Preparer<O>;
  /** A target can have only one policy of this type, whatever its groups. */
  readonly exclusivePerTarget?: true;
  /** What two groups cannot use at the same time, such as "lockfile /run/x.pid". */
  resources?(options: O): readonly string[];
  /** Its position in an order; two targets at one position in a group are a mistake. */
  level?(options: O): Level | undefined;
  /** What `ready` needs to know about the machine. */
  asks?(options: O): readonly Question[];
  /** The group that this target belongs to under these options. */
  group(options: O, target: PolicyTarget): string;
  /** Why these options cannot be together in one group, or undefined. */
  conflict?(self: Member<O>, other: Member<O>): string | undefined;
  /**
   * What is the same for all queued runs, computed once: if each of thousands of targets in a group
   * looked at all others, the daemon would be busy for minutes.
   */
  survey?(group: SharedView<O>): S;
  admit(view: GroupView<O>): Admission;
  ready(run: QueuedRun, view: GroupView<O>, survey: S): Readiness;
  /**
   * Of the queued runs of the group that could start, the highest rank is asked first, and among
   * equals the oldest. It prevents no run from starting. A target has one policy with ranks.
   */
  rank?(run: QueuedRun, options: O): number;
  /** Describes a rank, such as "rank 5". */
  describeRank?(run: QueuedRun, options: O): string;
  /** When a run that has started must end; it is then stopped as by its timeout. */
  deadline?(run: StartedRun, options: O): Deadline | undefined;
}

export type Question = Lockfile | Condition;

export interface Lockfile {
  readonly kind: 'lockfile';
  readonly path: string;
  /** How the name of the program that takes the lock begins, such as "rsnapshot". */
  readonly program: string;
  /** A stale lockfile has to be removed by hand before anything runs again. */
  readonly stopsWhenStale: boolean;
}

/** Something that must be true before a run starts. */
export type Condition = InstantCondition | SlowCondition;

/** The answer is available at once. */
export type InstantCondition =
  /** `device` as in fstab: UUID=…, LABEL=…, a path, or another source. */
  | { readonly kind: 'mounted'; readonly path: string; readonly device?: string }
  /** The machine runs on AC power. */
  | { readonly kind: 'acPower' }
  /** The average of the last minute. */
  | { readonly kind: 'load'; readonly below: number }
  /** The percentage of the last ten seconds in which something waited for it. */
  | { readonly kind: 'pressure'; readonly of: 'cpu' | 'io' | 'memory'; readonly below: number };

/** The answer takes time; the check is given up after `timeoutMs`. */
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
  /** A description, such as "rsnapshot hourly". */
  readonly text: string;
  /** The run that it belongs to, if it is one of baton's. */
  readonly run?: { readonly run: RunId; readonly target: TargetName };
  /** Not a program that writes such locks: its pid was reused. */
  readonly isOther?: boolean;
}

/** The result of checking a condition. */
export interface Finding {
  /** False: it is not met, or could not be checked. */
  readonly holds: boolean;
  /** What was found, as a clause: "/mnt/backup is not a mount point". */
  readonly text: string;
  /** How long ago, including time in which the machine slept. */
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
  /** Unknown answers are assumed to be favourable: this is a forecast or a replay. */
  readonly isAssumed?: true;
}

export interface Runner<O> {
  readonly type: string;
  /** The keys that config.json may have beside `type`; an object. */
  readonly options: StandardSchema<O>;
  /** What would be in config.json beside `"type": "local"`; called when the file is read. */
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
    /** The library, such as "zod"; any word in a handwritten one. */
    readonly vendor: string;
    /** The options as the plugin wants them, or what is wrong. Must be synchronous. */
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
  /** Position in the value: keys, outermost first. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** Rises in order of acceptance; a restored or new journal can assign the same numbers again. */
export type RunId = number;

export type TargetName = string;

/** How the target rates an outcome, by its `okExit` and `warnExit`. */
export type Verdict = 'ok' | 'warning' | 'failed';
