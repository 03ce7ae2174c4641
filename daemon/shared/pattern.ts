/**
 * Matches a regular expression against untrusted text. JavaScript's own engine backtracks, and a
 * short text can keep it busy for minutes. Here all paths are followed at once (Thompson's
 * construction), so each character costs at most a step or two for each position in the pattern,
 * and steps are counted. It matches exactly what JavaScript's `^(?:…)$` with the flag "u" matches:
 * that engine itself compares single characters. Conditions on a position, such as "\b" or "(?!…)",
 * are computed beforehand for all positions. Only back-references cannot be bounded in this way.
 * Pure.
 */
import { type Condition, parse, type Tree } from './pattern-tree.ts';

export interface Pattern {
  /** As it was written. */
  readonly source: string;
  readonly atoms: readonly ((char: string) => boolean)[];
  readonly whole: Automaton;
  /** Inner ones first, because later ones may refer to them. */
  readonly views: readonly View[];
}

export type PatternFault = 'no-pattern' | 'back-reference' | 'too-large';

/** Most steps for one request; takes a few milliseconds. */
export const MATCH_STEPS_MAX = 1_000_000;
/** Most positions, counting each repetition: any text of 500 characters can then be decided. */
export const PATTERN_PLACES_MAX = 1_000;

interface State {
  readonly next: number[];
  /** Only for a character of this kind; absent: consumes no character. */
  readonly atom?: number;
  /** Only where this holds; a number refers to a view. */
  readonly condition?: Condition | number;
}

interface Automaton {
  /** The first state is the accepting one. */
  readonly states: readonly State[];
  readonly entry: number;
  /** -1 reads the text backwards. */
  readonly step: 1 | -1;
}

/** A lookahead or lookbehind. */
interface View {
  readonly automaton: Automaton;
  readonly isDenied: boolean;
}

export function parsePattern(source: string): Pattern | PatternFault {
  const parsed = parse(source);
  if (typeof parsed === 'string') return parsed;
  if (placesOf(parsed.tree) > PATTERN_PLACES_MAX) return 'too-large';
  const views: View[] = [];
  const whole = compile(parsed.tree, 1, views);
  return { source, atoms: parsed.atoms, whole, views };
}

/** Whether the whole text matches, and how many steps are left; undefined: too few were left. */
export function matchWhole(
  { atoms, whole, views }: Pattern,
  text: string,
  stepsMax: number,
): { readonly matches: boolean; readonly steps: number } | undefined {
  const chars = [...text];
  const walk: Walk = { chars, atoms, takes: new Map(), seen: [], left: stepsMax };
  for (const view of views) walk.seen.push(run(view.automaton, walk, view.isDenied));
  const ends = run(whole, walk);
  if (walk.left < 0) return undefined;
  return { matches: ends[chars.length] === 1, steps: walk.left };
}

function placesOf(tree: Tree): number {
  switch (tree.type) {
    case 'atom':
    case 'condition':
      return 1;
    case 'sequence':
    case 'choice':
      return tree.parts.reduce((sum, part) => sum + placesOf(part), 1);
    case 'view':
      return 1 + placesOf(tree.part);
    case 'repeat': {
      const { min, max } = tree;
      const more = max === Number.POSITIVE_INFINITY ? 1 : max - min;
      return min * placesOf(tree.part) + more * (1 + placesOf(tree.part));
    }
    default:
      return tree satisfies never;
  }
}

/** Compiles from the end to the beginning, so that every state knows its successor. */
function compile(tree: Tree, step: Automaton['step'], views: View[]): Automaton {
  const states: State[] = [{ next: [] }];
  const add = (state: State): number => states.push(state) - 1;
  const enter = (part: Tree, after: number): number => {
    switch (part.type) {
      case 'atom':
        return add({ next: [after], atom: part.atom });
      case 'condition':
        return add({ next: [after], condition: part.condition });
      case 'view': {
        // A lookahead is matched backwards from the end of the text, towards the position.
        const automaton = compile(part.part, part.isAhead ? -1 : 1, views);
        const condition = views.push({ automaton, isDenied: part.isDenied }) - 1;
        return add({ next: [after], condition });
      }
      case 'sequence': {
        const parts = step === 1 ? part.parts.toReversed() : part.parts;
        return parts.reduce((next, one) => enter(one, next), after);
      }
      case 'choice':
        return add({ next: part.parts.map((one) => enter(one, after)) });
      case 'repeat':
        return repeat(part, after);
      default:
        return part satisfies never;
    }
  };
  const repeat = ({ part, min, max }: Extract<Tree, { type: 'repeat' }>, after: number): number => {
    let entry = after;
    if (max === Number.POSITIVE_INFINITY) {
      const next = [after];
      entry = add({ next });
      next.push(enter(part, entry));
    } else {
      for (let more = max - min; more > 0; more--)
        entry = add({ next: [after, enter(part, entry)] });
    }
    for (let times = 0; times < min; times++) entry = enter(part, entry);
    return entry;
  };
  return { entry: enter(tree, 0), states, step };
}

const NOWHERE: State = { next: [] };

interface Walk {
  readonly chars: readonly string[];
  readonly atoms: Pattern['atoms'];
  /** Which atoms accept a character, cached. */
  readonly takes: Map<string, boolean[]>;
  /** Where each view so far holds. */
  readonly seen: Uint8Array[];
  /** Remaining steps; below 0 the match is abandoned. */
  left: number;
}

/**
 * Marks the positions where the automaton accepts. The whole pattern starts only at the first
 * position; a view (with `isDenied`) starts at every one.
 */
function run({ states, entry, step }: Automaton, walk: Walk, isDenied?: boolean): Uint8Array {
  const { chars } = walk;
  const ends = new Uint8Array(chars.length + 1);
  const reached = new Int32Array(states.length).fill(-1);
  let place = step === 1 ? 0 : chars.length;
  let open = [entry];
  reached[entry] = 0;
  for (let read = 0; read <= chars.length && open.length > 0; read++, place += step) {
    // The list grows during the loop: states reached without a character belong to it.
    for (const number of open) {
      if (--walk.left < 0) return ends;
      const { next, atom, condition } = states[number] ?? NOWHERE;
      if (number === 0) ends[place] = 1;
      if (atom !== undefined || !holds(condition, place, walk)) continue;
      for (const other of next) if (take(reached, other, read)) open.push(other);
    }
    const char = chars[step === 1 ? place : place - 1];
    const after: number[] = [];
    if (isDenied !== undefined && take(reached, entry, read + 1)) after.push(entry);
    if (char !== undefined) {
      const takes = walk.takes.get(char) ?? [];
      walk.takes.set(char, takes);
      for (const number of open) {
        const { next, atom } = states[number] ?? NOWHERE;
        if (atom === undefined) continue;
        takes[atom] ??= walk.atoms[atom]?.(char) ?? false;
        if (!takes[atom]) continue;
        for (const other of next) if (take(reached, other, read + 1)) after.push(other);
      }
    }
    open = after;
  }
  return isDenied === true ? ends.map((end) => 1 - end) : ends;
}

/** False if it is already in this round's set. */
function take(reached: Int32Array, state: number, round: number): boolean {
  if (reached[state] === round) return false;
  reached[state] = round;
  return true;
}

function holds(condition: State['condition'], place: number, { chars, seen }: Walk): boolean {
  const isWord = (at: number): boolean => /^\w$/.test(chars[at] ?? '');
  switch (condition) {
    case undefined:
      return true;
    case 'start':
      return place === 0;
    case 'end':
      return place === chars.length;
    case 'edge':
      return isWord(place - 1) !== isWord(place);
    case 'no-edge':
      return isWord(place - 1) === isWord(place);
    default:
      return seen[condition]?.[place] === 1;
  }
}
