/**
 * If descriptors run out in the middle of Node's spawn (EMFILE, ENFILE), it keeps those that it has
 * opened until the process ends: a caller that retries would use up all that others release. So
 * this checks beforehand whether there are enough. Seen with Node 20.20.
 */
import { closeSync, openSync } from 'node:fs';

/** Three pipes, and the one by which a child reports that it could not exec; some to spare. */
const SPAWN_DESCRIPTORS = 12;

/** Throws the system's error (EMFILE, ENFILE) if a child could not have its pipes. */
export function checkRoomToSpawn(): void {
  const held: number[] = [];
  try {
    while (held.length < SPAWN_DESCRIPTORS) held.push(openSync('/dev/null', 'r'));
  } finally {
    for (const one of held) closeSync(one);
  }
}
