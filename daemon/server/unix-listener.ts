/**
 * Finds out from /proc who listens on a Unix socket: without connecting, because that would wake
 * the service behind a socket of systemd. Sees only this network namespace.
 */
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { basename } from 'node:path';

/** The first process that has it open; processes of other users are not seen. */
export interface Listening {
  readonly pid?: number;
  readonly name?: string;
}

/** __SO_ACCEPTCON in the column Flags of /proc/net/unix. */
const LISTENS = 0x10000;

/** Undefined: nobody, as far as can be seen from here. */
export function whoListens(path: string): Listening | undefined {
  const there = statSync(path, { throwIfNoEntry: false });
  if (there === undefined) return undefined;
  for (const line of readFileSync('/proc/net/unix', 'utf8').split('\n')) {
    const [, , , flags = '', , , socket = '', ...words] = line.split(/ +/);
    const bound = words.join(' ');
    if ((Number.parseInt(flags, 16) & LISTENS) === 0 || basename(bound) !== basename(path))
      continue;
    // If it is bound under another name, such as /var/run/… for /run/…, it is the same file.
    const its = statSync(bound, { throwIfNoEntry: false });
    if (its?.ino !== there.ino || its.dev !== there.dev) continue;
    return holderOf(`socket:[${socket}]`);
  }
  return undefined;
}

function holderOf(link: string): Listening {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const pid = pids.find((name) => descriptorsOf(`/proc/${name}/fd`).includes(link));
  if (pid === undefined) return {};
  return { pid: Number(pid), name: readFileSync(`/proc/${pid}/comm`, 'utf8').trim() };
}

/** The targets of the descriptors; none if access is denied. */
function descriptorsOf(directory: string): readonly string[] {
  try {
    return readdirSync(directory).map((name) => {
      try {
        return readlinkSync(`${directory}/${name}`);
      } catch {
        return '';
      }
    });
  } catch {
    return [];
  }
}
