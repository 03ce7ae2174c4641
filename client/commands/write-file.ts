/**
 * Writes a finished text to stdout, or replaces a file. Readers of the file get either the complete
 * new text or the complete old one, and may read it whatever the umask is, because a web server and
 * node_exporter are other users.
 */
import { randomUUID } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { cannotWrite, noFile } from '../client-errors.ts';
import { type Ending, printed } from '../ending.ts';
import { codeOf } from '../terminal/output.ts';

const FILE_MODE = 0o644;
/** EX_CANTCREAT of sysexits(3). */
const EXIT_CANNOT_CREATE = 73;

export function writeFile(text: string, file: string | undefined): Ending {
  return file === undefined ? printed(text) : replace(file, text);
}

/** Whether both paths, possibly links, are the same existing file. */
export function isSameFile(one: string, other: string): boolean {
  try {
    const [a, b] = [one, other].map((file) => statSync(file, { bigint: true }));
    return a !== undefined && a.dev === b?.dev && a.ino === b.ino;
  } catch {
    // If it exists but cannot be examined, reading or writing it will report that.
    return false;
  }
}

function replace(file: string, text: string): Ending {
  const fail = (line: string): Ending => ({ status: EXIT_CANNOT_CREATE, isOwn: true, line });
  // Keeps links and special files: a rename would replace /dev/null.
  const place = existsSync(file) ? realpathSync(file) : file;
  if (existsSync(place) && !statSync(place).isFile()) {
    return fail(noFile(file));
  }
  const fresh = `${place}.${randomUUID()}`;
  try {
    writeFileSync(fresh, text, { flag: 'wx', mode: FILE_MODE, flush: true });
    chmodSync(fresh, FILE_MODE);
    renameSync(fresh, place);
    return { status: 0, isOwn: false };
  } catch (error) {
    rmSync(fresh, { force: true });
    return fail(cannotWrite(file, codeOf(error)));
  }
}
