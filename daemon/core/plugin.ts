/**
 * The interfaces of plugins that an administrator adds by path: the same as those of built-in ones,
 * except that any library may provide the schema of their options.
 */
import type { Policy } from './policy.ts';
import type { StandardSchema } from './standard-schema.ts';

export interface PolicyPlugin<O, S = unknown> extends Omit<Policy<O, S>, 'options'> {
  /** The keys that config.json may have beside `type`; an object. */
  readonly options: StandardSchema<O>;
}

export interface RunnerPlugin<O> {
  readonly type: string;
  /** The keys that config.json may have beside `type`; an object. */
  readonly options: StandardSchema<O>;
  /** What would be in config.json beside `"type": "local"`; called when the file is read. */
  plan(options: O): LocalCommand;
}

/** As for the runner `local`; see baton.json(5). */
interface LocalCommand {
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
