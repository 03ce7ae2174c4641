/**
 * What is mounted where, from /proc/self/mountinfo: reading that touches no file system, so a dead
 * server blocks nobody. Pure; see proc(5) for the format.
 */

export interface Mount {
  readonly id: number;
  /** The mount that contains it. */
  readonly parent: number;
  /** MAJOR:MINOR, as in stat(2). */
  readonly device: string;
  /** Without escapes. */
  readonly path: string;
  /** Of the file system: ext4, nfs4, autofs … */
  readonly type: string;
  /** What is mounted: /dev/sdb1, nas:/backup … */
  readonly source: string;
}

export function parseMounts(text: string): readonly Mount[] {
  return text.split('\n').flatMap((line) => {
    const words = line.split(' ');
    const [id, parent, device, , path] = words;
    // Any number of optional fields comes before the hyphen.
    const end = words.indexOf('-', 6);
    const [type, source] = words.slice(end + 1);
    if (id === undefined || parent === undefined || device === undefined) return [];
    if (path === undefined || end < 0 || type === undefined || source === undefined) return [];
    return {
      ...{ id: Number(id), parent: Number(parent), device, type },
      ...{ path: unmangle(path), source: unmangle(source) },
    };
  });
}

/** Space, tab, line feed, backslash and "#" are three octal digits for each byte. */
function unmangle(word: string): string {
  return word.replace(/\\([0-3][0-7]{2})/g, (_, octal) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}

/**
 * The mount whose root is this path (absolute, without symbolic links), if there is one. Follows
 * mounts as the kernel does, from the root down: a mount may be hidden by a later one at the same
 * place or above it; it is then still in the list, but unreachable.
 */
export function mountAt(mounts: readonly Mount[], path: string): Mount | undefined {
  const ids = new Set(mounts.map(({ id }) => id));
  const on = new Map(mounts.map((mount) => [`${mount.parent} ${mount.path}`, mount]));
  let here = mounts.find((mount) => mount.path === '/' && !isOn(mount, ids));
  const parts = path.split('/').filter((part) => part !== '');
  for (let count = 0; here !== undefined && count <= parts.length; count++) {
    const place = `/${parts.slice(0, count).join('/')}`;
    for (let next = on.get(`${here.id} ${place}`); next !== undefined && next !== here; ) {
      here = next;
      next = on.get(`${here.id} ${place}`);
    }
  }
  return here?.path === `/${parts.join('/')}` ? here : undefined;
}

/** The parent of the root mount is not in the list, or is itself. */
function isOn({ id, parent }: Mount, ids: ReadonlySet<number>): boolean {
  return parent !== id && ids.has(parent);
}
