/**
 * Node's spawn, where descriptors run out in the middle of it (EMFILE, ENFILE), keeps those that it
 * has opened already until the process ends: a caller that tries again and again would use up all
 * that others give back. So it is asked beforehand whether there is room. Seen with Node 20.20.
 */
import { closeSync, openSync } from 'node:fs';

/** Three pipes, and the one by which a child tells that it could not exec; some to spare. */
const SPAWN_DESCRIPTORS = 12;

/** Throws what the system says (EMFILE, ENFILE) where a child could not have its pipes. */
export function checkRoomToSpawn(): void {
  const held: number[] = [];
  try {
    while (held.length < SPAWN_DESCRIPTORS) held.push(openSync('/dev/null', 'r'));
  } finally {
    for (const one of held) closeSync(one);
  }
}
