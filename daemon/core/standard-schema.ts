/**
 * What a plugin may give as its `options`: any Standard Schema, version 1, as valibot, zod and
 * arktype make them, or an object of this shape by hand (https://standardschema.dev). Types only.
 */

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

type StandardResult<O> =
  | { readonly value: O; readonly issues?: undefined }
  | { readonly issues: readonly StandardIssue[] };

interface StandardIssue {
  readonly message: string;
  /** Where in the value; keys, from the outermost on. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}
