/**
 * Error codes of the system: what a person can do about them (part of the tables of
 * daemon/messages.ts), and which ones are temporary, so that the caller retries and must not draw
 * conclusions from the failure.
 */

/** The code of a system error, such as ENOENT. */
export function errnoOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'EUNKNOWN';
}

/** What a person can do about each error. */
const ADVICE: Readonly<Record<string, string>> = {
  EACCES: 'give access to the user that runs this (chown, chmod), or run it as root',
  EPERM: 'give that permission to the user that runs this, or run it as root',
  ENOENT: 'create it, or name another',
  ENOTDIR: 'one of its directories is a file; name another',
  EEXIST: 'something with this name already exists; remove it, or name another',
  EISDIR: 'it is a directory; name a file',
  EROFS: 'its file system is read-only; remount it read-write, or name another place',
  ENOSPC: 'free space on its disk',
  EDQUOT: 'free space within the quota of its user',
  EIO: 'the disk reports an error; check the kernel log (dmesg)',
  EMFILE: 'too many open files; increase the limit (LimitNOFILE= of the service, ulimit -n)',
  ENFILE: 'too many open files on this machine; increase the limit (fs.file-max)',
  EAGAIN: 'too many processes; increase the limit (TasksMax= of the service, ulimit -u)',
  ENOMEM: 'out of memory; free some, or increase the limit (MemoryMax= of the service)',
  ESTALE: 'it was moved, removed or changed; see the log of the daemon',
  E2BIG: 'its arguments are too long; put the script into a file there',
  EBUSY: 'another process is using it; stop that process first',
  ETXTBSY: 'another process is writing to it; try again later',
  EADDRINUSE: 'another process listens there; stop it, or name another',
  EFTYPE: 'it is a pipe, a device or a directory; put a regular file in its place',
  EFBIG: 'it is too long; name another file, or shorten this one',
  ENAMETOOLONG: 'the path is too long; name a shorter one',
  ELOOP: 'its symbolic links form a loop; name another',
};

/** The code and what to do: "(ENOSPC); free space on its disk". Takes an error or its code. */
export function describeErrno(error: unknown): string {
  const errno = typeof error === 'string' ? error : errnoOf(error);
  // A code that means nothing to people is replaced by the system's own text.
  const advice = ADVICE[errno];
  if (advice !== undefined) return `(${errno}); ${advice}`;
  return errno === 'EUNKNOWN' ? `(${String(error)})` : `(${errno}); see errno(3)`;
}

const SHORTAGES = new Set(['EAGAIN', 'EMFILE', 'ENFILE', 'ENOMEM']);
const NO_ROOM = new Set(['ENOSPC', 'EDQUOT', 'EIO']);

/** Too many processes, too many open files (daemon or machine), or out of memory. */
export function isShortage(errno: string): boolean {
  return SHORTAGES.has(errno);
}

/** A shortage, or a disk that cannot be written at the moment. */
export function isPassing(errno: string): boolean {
  return SHORTAGES.has(errno) || NO_ROOM.has(errno);
}
