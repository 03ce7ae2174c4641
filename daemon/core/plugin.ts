/**
 * The interfaces of plugins that an administrator names by path: the same as those of our own, but
 * for the schema of their options, which may be of any maker.
 */
import type { Policy } from './policy.ts';
import type { StandardSchema } from './standard-schema.ts';

export interface PolicyPlugin<O, S = unknown> extends Omit<Policy<O, S>, 'options'> {
  /** The keys that config.json may hold beside `type`; an object. */
  readonly options: StandardSchema<O>;
}
