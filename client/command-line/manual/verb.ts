/**
 * The types of the manual's entries. Texts are plain English with `backticks` around what is typed;
 * words in capitals (TARGET, FILE) are placeholders.
 */

/** What a word on the command line names, for completion in a shell. */
export type Named =
  | 'target'
  | 'group'
  | 'host'
  | 'run'
  | 'run-or-target'
  | 'file'
  | 'directory'
  | 'verb';

export interface Option {
  /** Its long name in camelCase: `errorCode` is written --error-code. */
  readonly name: string;
  /** One letter. */
  readonly short?: string;
  /** Placeholder for its value in texts; an option without it is a switch. */
  readonly value?: string;
  /** Possible values: something to look up, or one of a few words. */
  readonly completes?: Named | readonly string[];
  /** Its meaning: in lower case, without a full stop at the end. */
  readonly text: string;
  /** A shorter text for one line of `baton --help`, if necessary. */
  readonly brief?: string;
}

export interface Operands {
  /** As the synopsis shows them, without the brackets of optional ones. */
  readonly show: string;
  /** Least and most number of them. */
  readonly least: number;
  readonly most: number;
  /** What the first one is, and each further one without `further`. */
  readonly completes: Named | readonly string[];
  readonly further?: Named;
}

interface Example {
  readonly line: string;
  readonly text: string;
}

export interface Verb {
  readonly name: string;
  /** One line, for completions and headings: in lower case, no full stop. */
  readonly summary: string;
  /**
   * Its line in `baton --help`: usage (30 columns) and meaning (46). Absent if another verb's line
   * covers it.
   */
  readonly overview?: readonly [usage: string, text: string];
  readonly operands?: Operands;
  /** The words after "--", if allowed. */
  readonly rest?: string;
  readonly options: readonly Option[];
  /** Paragraphs. */
  readonly text: readonly string[];
  readonly examples: readonly Example[];
  /** Names in other tools: for such a word, baton suggests this verb. */
  readonly elsewhere?: readonly string[];
  /** For baton's own scripts: not in any manual. */
  readonly isHidden?: boolean;
}
