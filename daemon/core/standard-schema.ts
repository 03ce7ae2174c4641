/**
 * What a plugin may provide as its `options`: any Standard Schema, version 1, of valibot, zod or
 * arktype, or a handwritten object of this shape (https://standardschema.dev). Types only.
 */

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

type StandardResult<O> =
  | { readonly value: O; readonly issues?: undefined }
  | { readonly issues: readonly StandardIssue[] };

interface StandardIssue {
  readonly message: string;
  /** Position in the value: keys, outermost first. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}
