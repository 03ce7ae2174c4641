/**
 * The form of the manual's entries. Texts are plain English with `backticks` around what is typed;
 * words in capitals (TARGET, FILE) stand for what a person fills in.
 */

/** What a word on the command line names, so that a shell can complete it. */
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
  /** Stands for its value in texts; an option without it is a switch. */
  readonly value?: string;
  /** What the value may be: something to look up, or one of a few words. */
  readonly completes?: Named | readonly string[];
  /** Its meaning: begins in lower case, without a full stop at the end. */
  readonly text: string;
  /** The same for one line of `baton --help`, where the meaning is too long for it. */
  readonly brief?: string;
}

export interface Operands {
  /** As the synopsis shows them, without the brackets of optional ones. */
  readonly show: string;
  /** How many there have to be, and may be. */
  readonly least: number;
  readonly most: number;
  /** What the first is, and each further one unless `further` says otherwise. */
  readonly completes: Named | readonly string[];
  readonly further?: Named;
}

interface Example {
  readonly line: string;
  readonly text: string;
}

export interface Verb {
  readonly name: string;
  /** One line, for completions and headings: begins in lower case, no full stop. */
  readonly summary: string;
  /**
   * Its line in `baton --help`: usage (30 columns) and meaning (46). Absent where another verb's
   * line covers it.
   */
  readonly overview?: readonly [usage: string, text: string];
  readonly operands?: Operands;
  /** What stands after "--", where that is allowed. */
  readonly rest?: string;
  readonly options: readonly Option[];
  /** Paragraphs. */
  readonly text: readonly string[];
  readonly examples: readonly Example[];
  /** What other tools call it: such a word is answered with this verb's name. */
  readonly elsewhere?: readonly string[];
  /** For scripts of baton's own: no manual names it. */
  readonly isHidden?: boolean;
}
