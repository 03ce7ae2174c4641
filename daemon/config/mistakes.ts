/**
 * Formats the mistakes of a configuration: each with its file, line and column, in the order of the
 * files.
 */
import * as say from './config-messages.ts';
import { type Diagnostic, showKeys } from './diagnostics.ts';
import type { Readable, Stamped } from './file.ts';
import { type Keys, Locator, type Position } from './json.ts';

/** A file of the configuration that could be read. */
export interface Source extends Readable {
  readonly path: string;
}

/** A place in one of the files. */
export interface Place {
  readonly source: Source;
  readonly at: Keys;
}

/** What is wrong at a place. */
export interface Fault extends Place {
  readonly text: string;
  /** Which of the targets that `each` makes from this place is affected. */
  readonly target?: string;
}

export interface Mistake {
  readonly file: string;
  /** Such as targets.web.policies[0]; empty for the file itself. */
  readonly path: string;
  readonly text: string;
  /** Absent: the file could not be read. */
  readonly position?: Position;
}

export interface Mistakes {
  readonly ok: false;
  /** The main file. */
  readonly path: string;
  readonly mistakes: readonly Mistake[];
  /** Files and directories that were checked: while they are unchanged, the result is the same. */
  readonly files: readonly Stamped[];
}

export function faultsIn(source: Source, diagnostics: readonly Diagnostic[]): readonly Fault[] {
  return diagnostics.map(({ at, text }) => ({ source, at, text }));
}

/** A line for each mistake: FILE:LINE:COLUMN: place: what is wrong. */
export function formatMistakes({ mistakes }: Mistakes): string {
  return mistakes.map(formatWhole).join('\n');
}

function formatWhole({ file, position, ...mistake }: Mistake): string {
  const where = position === undefined ? '' : `:${position.line}:${position.column}`;
  return `${file}${where}: ${formatText(mistake)}`;
}

/** For a reader who knows the main file: line LINE: place: what is wrong. */
export function shortMistakes({ path, mistakes }: Mistakes): readonly string[] {
  return mistakes.map((mistake) => {
    if (mistake.file !== path) return formatWhole(mistake);
    const { position } = mistake;
    const text = formatText(mistake);
    return position === undefined ? text : `line ${position.line}: ${text}`;
  });
}

/** A mistake in one place may affect many targets: it is reported for one of them. */
function onceEach(faults: readonly Fault[]): readonly Diagnostic[] {
  const byPlace = new Map<string, Diagnostic>();
  for (const { at, text, target } of faults) {
    const key = JSON.stringify(target === undefined ? [at, text] : at);
    const said = target === undefined ? text : say.inTarget(text, target);
    if (!byPlace.has(key)) byPlace.set(key, { at, text: said });
  }
  return [...byPlace.values()];
}

function formatText({ path, text }: Pick<Mistake, 'path' | 'text'>): string {
  return path === '' ? text : `${path}: ${text}`;
}

/** Finds places, in the order of the files, so that a reader can follow along in an editor. */
export class Locators {
  readonly #bySource = new Map<Source, Locator>();

  /** All mistakes of these files: syntax errors, and these faults. */
  mistakes(sources: readonly Source[], faults: readonly Fault[]): readonly Mistake[] {
    return sources.flatMap((source) => this.#mistakesOf(source, faults));
  }

  /** A place for the text of another mistake: FILE:LINE:COLUMN. */
  show({ source, at }: Place): string {
    const locator = this.#of(source);
    const { line, column } = locator.positionOf(locator.offsetOf(at));
    return `${source.path}:${line}:${column}`;
  }

  #mistakesOf(source: Source, faults: readonly Fault[]): readonly Mistake[] {
    const own = onceEach(faults.filter((fault) => fault.source === source));
    if (own.length + source.faults.length === 0) return [];
    const locator = this.#of(source);
    const found = [
      ...source.faults,
      ...own.map(({ at, text }) => ({ at, text, offset: locator.offsetOf(at) })),
    ];
    found.sort((a, b) => a.offset - b.offset || a.at.length - b.at.length);
    return found.map(({ at, text, offset }) => ({
      file: source.path,
      path: showKeys(at),
      text,
      position: locator.positionOf(offset),
    }));
  }

  #of(source: Source): Locator {
    const locator = this.#bySource.get(source) ?? new Locator(source.text);
    this.#bySource.set(source, locator);
    return locator;
  }
}
