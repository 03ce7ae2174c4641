/**
 * The input and output of the scheduler: commands are requests of clients and observations of the
 * world; decisions are events and their consequences. Pure data.
 */

import type {
  KeeperId,
  Nonce,
  Outcome,
  PauseScope,
  ProcessId,
  RunId,
  Stamp,
  TargetName,
} from '../shared/run.ts';
import type { Keep } from './catalog.ts';
import type { CallerWait } from './deadlock.ts';
import type { Event } from './event.ts';
import type { FleetMember } from './fleet.ts';
import type { SlowCondition, World } from './world.ts';

/** When a command ended, by the clocks of its keeper. */
export interface EndTime {
  readonly tookMs: number;
  readonly wallMs: number;
  /** In the daemon's steady time; absent if the machine has been restarted since. */
  readonly steadyMs?: number;
}

/** A released attempt of a run, from this journal or an earlier one. */
export interface LetGo {
  /** Its number in that journal. */
  readonly run: RunId;
  /** Nonce of the daemon that accepted it. */
  readonly nonce?: Nonce;
  /** Nonce of the daemon that first started it. */
  readonly startNonce?: Nonce;
  readonly target: TargetName;
  readonly merged: boolean;
  /** A request that repeats this token means this run. */
  readonly token: string;
  readonly attempt: number;
  readonly keeper: KeeperId;
  readonly at: Stamp;
  /** Its command is running. */
  readonly isLive: boolean;
}

/** What a keeper recorded when its child ended. */
export interface Report {
  /** False: the command provably never ran. */
  readonly started: boolean;
  readonly code: number | null;
  readonly signal: number | null;
  readonly core: boolean;
  /** Absent if a keeper of an older version recorded it. */
  readonly ended?: EndTime;
  /** The machine was shutting down, so the keeper was told to end as well. */
  readonly isDown?: true;
  /** Its keeper ended it, because it exceeded its timeout. */
  readonly isTimedOut?: true;
  /** Size of the output. */
  readonly bytes?: number;
  /** Output that could not be written. */
  readonly lostBytes?: number;
  /** Processes that it left behind. */
  readonly leftovers?: readonly ProcessId[];
  /** The child could not be executed, or its machine could not be reached. */
  readonly failure?: Extract<Outcome, { kind: 'not-started' | 'unreachable' | 'lost' }>;
}

/**
 * Requests and observations. Each one carries its time and the nonce of the daemon that got it:
 * `decide` has no other clock and no source of randomness.
 */
export type Command = { readonly at: Stamp; readonly nonce: Nonce } & (
  | {
      readonly type: 'submit';
      readonly target: TargetName;
      readonly token: string;
      readonly merged: boolean;
      readonly args?: readonly string[];
      /** For a fleet: only these hosts; * matches any characters. */
      readonly only?: readonly string[];
      /** For a fleet: only where the latest run failed. */
      readonly failed?: boolean;
      /** Limits the wait, in addition to the target's own limit. */
      readonly maxWaitMs?: number;
      /** The run whose command makes the request, if that command waits for the end. */
      readonly caller?: RunId;
      /** Which other runs wait for which, if there is a caller. */
      readonly waits?: readonly CallerWait[];
    }
  | {
      readonly type: 'cancel';
      readonly runs: readonly RunId[];
      /** What was done so far; in lists of chunks, so that they are not copied at every step. */
      readonly done?: { readonly runs: number; readonly cancelled: readonly (readonly RunId[])[] };
    }
  | ({ readonly type: 'pause'; readonly forMs?: number } & PauseScope)
  | ({ readonly type: 'resume' } & PauseScope)
  /** A pause may have ended. */
  | { readonly type: 'pause-due' }
  /** Drop what is remembered of a target that is no longer configured. */
  | { readonly type: 'forget'; readonly target: TargetName }
  /** A keeper is ready. */
  | {
      readonly type: 'kept';
      readonly run: RunId;
      readonly attempt: number;
      readonly keeper: KeeperId;
    }
  | {
      readonly type: 'reported';
      readonly run: RunId;
      readonly attempt: number;
      readonly report: Report;
    }
  /** The keeper is gone and left no report. */
  | {
      readonly type: 'gone';
      readonly run: RunId;
      readonly attempt: number;
      readonly rebooted: boolean;
      readonly survivors: readonly number[];
      readonly startTimes?: readonly number[];
      /** The daemon ended all its processes, including the keeper, which did not answer. */
      readonly wasEnded?: true;
      /** Why its outcome is unknown, if its keeper was not on this machine. */
      readonly detail?: string;
      /** Its command may still be running where nobody can see it. */
      readonly mayLive?: true;
    }
  /** The machine is shutting down: running runs must end. */
  | { readonly type: 'shutdown' }
  /** What keepers and run directories say; the journal may be older. */
  | { readonly type: 'found'; readonly letGo: readonly LetGo[] }
  /** The last survivor of a lost run is gone. */
  | { readonly type: 'vacated'; readonly run: RunId }
  /** Something may be due for these runs: expiry, timeout, another look. */
  | { readonly type: 'due'; readonly runs: readonly RunId[] }
  /** This target may be late. */
  | { readonly type: 'overdue'; readonly target: TargetName }
  /** `worldAround`: the machine's answers to the questions around the target. */
  | {
      readonly type: 'evaluate';
      readonly target: TargetName;
      readonly worldAround?: (target: TargetName) => World;
    }
  /** A daemon takes over a run. */
  | { readonly type: 'recover'; readonly run: RunId }
  /** The catalog has changed. */
  | { readonly type: 'configured' }
  | {
      readonly type: 'retain';
      readonly target: TargetName;
      readonly keep: Keep;
      /** The steady time since which clients can reach this daemon. */
      readonly upSinceMs?: number;
    }
);

/** Most events, such as ends of runs, that one turn makes from one command. */
export const ENDED_AT_ONCE_MAX = 250;

export type CommandOf<T extends Command['type']> = Extract<Command, { readonly type: T }>;

/** A command without its time and nonce. */
export type CommandInput = Command extends infer C
  ? C extends Command
    ? Omit<C, 'at' | 'nonce'>
    : never
  : never;

export type Answer =
  | { readonly type: 'accepted'; readonly run: RunId }
  | { readonly type: 'joined'; readonly run: RunId }
  | { readonly type: 'ignored'; readonly reason: string }
  | { readonly type: 'refused'; readonly reason: string }
  | { readonly type: 'broken'; readonly reason: string }
  | { readonly type: 'not-permitted'; readonly reason: string }
  | { readonly type: 'unknown-target' }
  | { readonly type: 'unknown-group'; readonly group: string }
  | { readonly type: 'unknown-host'; readonly reason: string }
  /** The result of a request for a fleet, for each of its targets that the request included. */
  | { readonly type: 'fleet'; readonly members: readonly FleetMember[] }
  /** Those that had not ended before. */
  | { readonly type: 'cancelled'; readonly runs: readonly RunId[] }
  | { readonly type: 'done' };

export interface Decision {
  readonly events: readonly Event[];
  readonly answer: Answer;
  /** More targets whose groups need a look, besides those that the events affect. */
  readonly touched: readonly TargetName[];
  /** When a run may be due, a target late, or a pause over. */
  readonly wakeups: readonly Wakeup[];
  /** What must be found out before more can be decided. */
  readonly asks?: readonly Ask[];
  /** What does not fit into one turn; the answer follows when that is done. */
  readonly rest?: CommandInput;
}

/** Once the answer is known, look again around this target. */
export interface Ask {
  readonly target: TargetName;
  readonly condition: SlowCondition;
}

/** In elapsed time; see daemon/shared/elapsed.ts. May be early for things that use steady time. */
export type Wakeup = { readonly atMs: number } & (
  | { readonly run: RunId }
  | { readonly target: TargetName }
  | { readonly pauses: true }
);

export const NOTHING: Decision = { events: [], answer: { type: 'done' }, touched: [], wakeups: [] };

/** A decision with an answer and no events. */
export function answered(answer: Answer): Decision {
  return { ...NOTHING, answer };
}

/** A decision with one event and nothing else. */
export function decided(event: Event): Decision {
  return { ...NOTHING, events: [event] };
}
