/**
 * Facts about the machine, as data: policies are pure, so everything that they use besides the runs
 * comes with the view of their group. A policy lists its questions (`Policy.asks`), and the engine
 * gets the answers.
 *
 * Some answers are available at once and without risk, from /proc: who holds a lockfile, what is
 * mounted, how busy the machine is. They are read for each look at the group. Others are slow, and
 * may never come (a file system whose server is gone): a policy that needs one waits with
 * `Wait.asks`, and is asked again when the answer is known (engine/findings.ts).
 */
import type { RunId, TargetName } from '../shared/run.ts';

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

/** Nothing is checked, and everything is assumed to be favourable. */
export const NO_WORLD: World = { holders: new Map(), findings: new Map(), isAssumed: true };

/** Equal conditions share one answer. */
export function keyOf(condition: Condition): string {
  return JSON.stringify(condition);
}

export function isCondition(question: Question): question is Condition {
  return question.kind !== 'lockfile';
}

export function isSlow(question: Question): question is SlowCondition {
  return 'timeoutMs' in question;
}
