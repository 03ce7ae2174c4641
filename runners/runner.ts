/**
 * The interface of a runner: a plugin that turns a target's options into something a keeper can
 * keep. A plugin is an object literal of this shape, listed in runners/index.ts. A runner starts
 * nothing itself: it only plans, so that the same keeper looks after every kind of run.
 */
import type * as v from 'valibot';

/** What the process keeper is to keep. */
export interface ProcessPlan {
  readonly keeper: 'process';
  /** The command and its arguments; never a shell's text. */
  readonly args: readonly [string, ...string[]];
  /** Absolute; the home of the user where absent. */
  readonly cwd?: string;
  /** On top of the environment that cron would give. */
  readonly env: Readonly<Record<string, string>>;
  /** A name or a number; the daemon's own where absent. */
  readonly user?: string | number;
  readonly group?: string | number;
  /** 022 where absent. */
  readonly umask?: number;
  readonly nice?: number;
  readonly ionice?: {
    readonly class: 'idle' | 'best-effort' | 'realtime';
    readonly level?: number;
  };
}

export type Plan = ProcessPlan;

/** Methods, not function properties: a map of runners with different options stays assignable. */
export interface Runner<O> {
  readonly type: string;
  /** The keys that config.json may hold beside `type`. */
  readonly options: v.GenericSchema<unknown, O>;
  plan(options: O): Plan;
  /** What cannot work on this machine, as sentences. May read files; is asked at every load. */
  check?(options: O): readonly string[];
}
