/**
 * Hands over a finished text: on stdout, or in the place of a file. Who reads that file finds all
 * of the new text or all of the old one, and may read it whatever the umask is: a web server and
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

/** Whether both names are, maybe by links, those of one file that is there. */
export function isSameFile(one: string, other: string): boolean {
  try {
    const [a, b] = [one, other].map((file) => statSync(file, { bigint: true }));
    return a !== undefined && a.dev === b?.dev && a.ino === b.ino;
  } catch {
    // What cannot be looked at, if it is there, is told where it is read or written.
    return false;
  }
}

function replace(file: string, text: string): Ending {
  const fail = (line: string): Ending => ({ status: EXIT_CANNOT_CREATE, isOwn: true, line });
  // A link stays, and so does what is no file: renaming over /dev/null would be the end of it.
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
