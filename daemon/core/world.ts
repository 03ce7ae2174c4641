/**
 * What the machine says, as data: policies are pure, and what they go by beside the runs comes in
 * with the view of their group. A policy names its questions (`Policy.asks`), and the engine has
 * them answered.
 *
 * Some answers can be had at once and without a risk, from /proc: who holds a lockfile, what is
 * mounted, how busy the machine is. They are as old as the look at the group. Others take their
 * time, and may never come (a file system whose server is gone): a policy that needs one waits
 * with `Wait.asks`, and is asked again when the answer is there (engine/findings.ts).
 */
import type { RunId, TargetName } from '../shared/run.ts';

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

/** Nobody looks, and everything is taken to be as it should. */
export const NO_WORLD: World = { holders: new Map(), findings: new Map(), isAssumed: true };

/** Equal conditions have one answer, for all that ask. */
export function keyOf(condition: Condition): string {
  return JSON.stringify(condition);
}

export function isCondition(question: Question): question is Condition {
  return question.kind !== 'lockfile';
}

export function isSlow(question: Question): question is SlowCondition {
  return 'timeoutMs' in question;
}
