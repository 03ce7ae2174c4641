/**
 * What the system says went wrong, and which of it passes by itself: then waiting and trying again
 * is right, and to conclude anything from the failure would be wrong.
 */

/** The code of a system error, such as ENOENT. */
export function errnoOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'EUNKNOWN';
}

const SHORTAGES = new Set(['EAGAIN', 'EMFILE', 'ENFILE', 'ENOMEM']);
const NO_ROOM = new Set(['ENOSPC', 'EDQUOT', 'EIO']);

/** Too many processes, too many open files of the daemon or of the machine, no memory. */
export function isShortage(errno: string): boolean {
  return SHORTAGES.has(errno);
}

/** A shortage, or a disk that cannot be written now. */
export function isPassing(errno: string): boolean {
  return SHORTAGES.has(errno) || NO_ROOM.has(errno);
}
