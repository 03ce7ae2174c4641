/**
 * Chance without dice: a number that nobody foresees, made from what is known of a run. The rooms
 * that decide have no randomness of their own, and a replay has to come to the same number. Pure.
 */
import type { RunId, Stamp } from './run.ts';

/** From 0 up to 1, by the number of a run and the moment of something that it did, to the ms. */
export function chanceOf(run: RunId, { wallMs }: Stamp): number {
  return scatter(scatter(run) ^ scatter(Math.floor(wallMs)) ^ Math.floor(wallMs / UINT32)) / UINT32;
}

/** The same of any numbers, such as a seed and what is drawn for. */
export function chanceIn(numbers: readonly number[]): number {
  let mixed = 0;
  for (const number of numbers) {
    const part = scatter(number) ^ scatter(Math.floor(number / UINT32) + SALT);
    mixed = scatter((mixed + SALT) ^ part);
  }
  return mixed / UINT32;
}

/** Without it, zeros would stay zeros. */
const SALT = 0x9e3779b9;

const UINT32 = 2 ** 32;

/** Each bit of the one has a say in each bit of the other (the finalizer of MurmurHash3). */
function scatter(value: number): number {
  let mixed = value >>> 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
