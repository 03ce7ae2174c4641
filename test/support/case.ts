/** The definition of a fuzz case, and the parts from which test/support/hostile.ts makes them. */
import type { Random } from './random.ts';

export interface Case {
  readonly kind: string;
  /** Written in this order; each one arrives at the daemon as a separate chunk. */
  readonly pieces: readonly Buffer[];
  /** What the client does when everything is written; `vanish` closes both directions at once. */
  readonly end: 'stay' | 'half-close' | 'vanish';
  /** Before it vanishes. */
  readonly lingerMs: number;
  readonly reads: boolean;
  readonly expect: Expectation;
}

type Expectation =
  /** All replies are valid; the daemon closes once the client has. */
  | { readonly type: 'anything' }
  /** One error, then the daemon closes. No codes: any. */
  | { readonly type: 'error'; readonly codes: readonly string[] }
  /** A last reply to each of the ids 1 to `count`. */
  | { readonly type: 'answers'; readonly count: number };

/** What the cases need to know about the daemon. */
export interface Scenery {
  /** Run numbers. */
  readonly held: number;
  readonly big: number;
  /** The token of `big`: the same request means the same run. */
  readonly bigToken: string;
}

export type Make = (random: Random, context: Scenery) => Omit<Case, 'kind'>;
export type Fields = Readonly<Record<string, unknown>>;

/** Requests that are answered immediately. */
export function harmless(random: Random): Fields {
  return random.pick<Fields>([
    { type: 'status' },
    { type: 'why', of: 'quick' },
    { type: 'history', limit: random.below(20) },
    { type: 'history', target: 'quick' },
    { type: 'pause', target: 'switch' },
    { type: 'resume', target: 'switch' },
    { type: 'cancel', of: 'switch' },
    { type: 'wait', run: 9_000_000, from: { out: 0, err: 5 } },
    { type: 'output', of: 'switch', from: { out: 1, err: 0 }, follow: false },
  ]);
}

export function line(value: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(value)}\n`);
}

/** Bytes whose meaning is unpredictable. */
export function loose(bytes: Buffer, random: Random): Omit<Case, 'kind'> {
  return {
    ...{ pieces: cut(bytes, random), end: 'half-close', lingerMs: 0, reads: true },
    expect: { type: 'anything' },
  };
}

export function refused(bytes: Buffer, random: Random, ...codes: string[]): Omit<Case, 'kind'> {
  const end = random.pick<Case['end']>(['stay', 'half-close']);
  return {
    ...{ pieces: cut(bytes, random), end, lingerMs: 0, reads: true },
    expect: { type: 'error', codes },
  };
}

export function vanishing(pieces: readonly Buffer[], lingerMs: number): Omit<Case, 'kind'> {
  return { pieces, end: 'vanish', lingerMs, reads: true, expect: { type: 'anything' } };
}

/** Mostly whole, sometimes in up to three pieces. */
export function cut(bytes: Buffer, random: Random): Buffer[] {
  if (random.below(4) > 0) return [bytes];
  const [one = 0, two = 0] = [random.below(bytes.length), random.below(bytes.length)].sort(
    (a, b) => a - b,
  );
  const pieces = [bytes.subarray(0, one), bytes.subarray(one, two), bytes.subarray(two)];
  return pieces.filter((piece) => piece.length > 0);
}
