/**
 * Deterministic pseudo-random numbers, hard to predict, derived from what is known about a run. The
 * core has no source of randomness, and a replay must get the same numbers. Pure.
 */
import type { RunId, Stamp } from './run.ts';

/** From 0 up to 1, derived from a run number and the time of one of its events, in ms. */
export function chanceOf(run: RunId, { wallMs }: Stamp): number {
  return scatter(scatter(run) ^ scatter(Math.floor(wallMs)) ^ Math.floor(wallMs / UINT32)) / UINT32;
}

/** The same for any numbers, such as a seed and what it is used for. */
export function chanceIn(numbers: readonly number[]): number {
  let mixed = 0;
  for (const number of numbers) {
    const part = scatter(number) ^ scatter(Math.floor(number / UINT32) + SALT);
    mixed = scatter((mixed + SALT) ^ part);
  }
  return mixed / UINT32;
}

/** Keeps zeros from staying zeros. */
const SALT = 0x9e3779b9;

const UINT32 = 2 ** 32;

/** Each input bit affects each output bit (the finalizer of MurmurHash3). */
function scatter(value: number): number {
  let mixed = value >>> 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
