/**
 * What the loop asks of the scheduler, and what it gets: commands are requests of clients and
 * observations of the world, decisions are events and what follows from them. Pure data.
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
  /** In the daemon's steady time; absent where the machine was started anew since. */
  readonly steadyMs?: number;
}

/** An attempt at a run that was let go, by this or another life of the state directory. */
export interface LetGo {
  /** The number that it had there. */
  readonly run: RunId;
  /** Of the daemon that accepted it there. */
  readonly nonce?: Nonce;
  /** Of the daemon that started it first. */
  readonly startNonce?: Nonce;
  readonly target: TargetName;
  readonly merged: boolean;
  /** Who asks again with it asks for this run. */
  readonly token: string;
  readonly attempt: number;
  readonly keeper: KeeperId;
  readonly at: Stamp;
  /** Its command runs. */
  readonly isLive: boolean;
}

/** What a keeper recorded of the end of its child. */
export interface Report {
  /** False: the command provably never ran. */
  readonly started: boolean;
  readonly code: number | null;
  readonly signal: number | null;
  readonly core: boolean;
  /** Absent where a keeper of an older version recorded it. */
  readonly ended?: EndTime;
  /** The machine was going down, which had told the keeper to end as well. */
  readonly isDown?: true;
  /** Its keeper ended it: it ran longer than its timeout. */
  readonly isTimedOut?: true;
  /** Size of the output. */
  readonly bytes?: number;
  /** Output that could not be written. */
  readonly lostBytes?: number;
  /** What it left behind. */
  readonly leftovers?: readonly ProcessId[];
  /** The child could not be executed, or its machine not be reached. */
  readonly failure?: Extract<Outcome, { kind: 'not-started' | 'unreachable' | 'lost' }>;
}

/**
 * Wishes and observations. Every one carries its time, and the nonce of the daemon that it came to:
 * `decide` has no other clock, and no dice.
 */
export type Command = { readonly at: Stamp; readonly nonce: Nonce } & (
  | {
      readonly type: 'submit';
      readonly target: TargetName;
      readonly token: string;
      readonly merged: boolean;
      readonly args?: readonly string[];
      /** Of a fleet: for these hosts, with * for any characters. */
      readonly only?: readonly string[];
      /** Of a fleet: where the latest run failed. */
      readonly failed?: boolean;
      /** Bounds the wait beside the target's own. */
      readonly maxWaitMs?: number;
      /** The run whose command asks, if that waits for the end. */
      readonly caller?: RunId;
      /** Who else waits for whom, where there is a caller. */
      readonly waits?: readonly CallerWait[];
    }
  | {
      readonly type: 'cancel';
      readonly runs: readonly RunId[];
      /** What has come of the first ones; lists of some each, not copied at every step. */
      readonly done?: { readonly runs: number; readonly cancelled: readonly (readonly RunId[])[] };
    }
  | ({ readonly type: 'pause'; readonly forMs?: number } & PauseScope)
  | ({ readonly type: 'resume' } & PauseScope)
  /** The time of a pause may be over. */
  | { readonly type: 'pause-due' }
  /** The past of a target that is no longer configured is to be dropped. */
  | { readonly type: 'forget'; readonly target: TargetName }
  /** A keeper stands ready. */
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
      /** All of it was ended by the daemon, the keeper last, which did not answer. */
      readonly wasEnded?: true;
      /** Why nobody knows how it ended, where its keeper was not one of this machine. */
      readonly detail?: string;
      /** Its command may go on where nobody can see it. */
      readonly mayLive?: true;
    }
  /** The machine goes down: what runs is to end. */
  | { readonly type: 'shutdown' }
  /** What keepers and the directories of runs tell; the journal may be older than that. */
  | { readonly type: 'found'; readonly letGo: readonly LetGo[] }
  /** The last survivor of a lost run is gone. */
  | { readonly type: 'vacated'; readonly run: RunId }
  /** Something about these runs may be due: expiry, timeout, another look. */
  | { readonly type: 'due'; readonly runs: readonly RunId[] }
  /** This target may be late. */
  | { readonly type: 'overdue'; readonly target: TargetName }
  /** `worldAround`: what the world says to the questions around the target, or another one. */
  | {
      readonly type: 'evaluate';
      readonly target: TargetName;
      readonly worldAround?: (target: TargetName) => World;
    }
  /** A daemon takes over: `bootId` is that of this boot. */
  | { readonly type: 'recover'; readonly run: RunId }
  /** The catalog has changed. */
  | { readonly type: 'configured' }
  | {
      readonly type: 'retain';
      readonly target: TargetName;
      readonly keep: Keep;
      /** Steady time since when clients find this daemon. */
      readonly upSinceMs?: number;
    }
);

/** Most events that one turn makes of one command, such as the ends of runs. */
export const ENDED_AT_ONCE_MAX = 250;

export type CommandOf<T extends Command['type']> = Extract<Command, { readonly type: T }>;

/** A command before it is given its time and its nonce. */
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
  /** What has become of a request for a fleet, at each of its targets that it was for. */
  | { readonly type: 'fleet'; readonly members: readonly FleetMember[] }
  /** Those that had not ended before. */
  | { readonly type: 'cancelled'; readonly runs: readonly RunId[] }
  | { readonly type: 'done' };

export interface Decision {
  readonly events: readonly Event[];
  readonly answer: Answer;
  /** Targets whose groups deserve a look, beside those that the events concern. */
  readonly touched: readonly TargetName[];
  /** Times at which a run may be due, a target late, or a pause over. */
  readonly wakeups: readonly Wakeup[];
  /** What has to be found out before more can be decided. */
  readonly asks?: readonly Ask[];
  /** What does not fit into one turn; the answer comes when that is done. */
  readonly rest?: CommandInput;
}

/** Around this target it has to be looked again once that is known. */
export interface Ask {
  readonly target: TargetName;
  readonly condition: SlowCondition;
}

/** In elapsed time; see daemon/shared/elapsed.ts. It may be early, for what goes by steady time. */
export type Wakeup = { readonly atMs: number } & (
  | { readonly run: RunId }
  | { readonly target: TargetName }
  | { readonly pauses: true }
);

export const NOTHING: Decision = { events: [], answer: { type: 'done' }, touched: [], wakeups: [] };

/** Nothing happens, and this is why. */
export function answered(answer: Answer): Decision {
  return { ...NOTHING, answer };
}

/** This happens, and nothing else follows from it. */
export function decided(event: Event): Decision {
  return { ...NOTHING, events: [event] };
}
