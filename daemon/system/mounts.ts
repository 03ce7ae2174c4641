/**
 * What is mounted where, by /proc/self/mountinfo: to read it touches no file system, so a dead
 * server holds nobody up. Pure; see proc(5) for the format.
 */

export interface Mount {
  readonly id: number;
  /** The mount on which it lies. */
  readonly parent: number;
  /** MAJOR:MINOR, as stat(2) gives it. */
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
    // Optional fields stand before the hyphen, as many as there are.
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

/** Space, tab, line feed, backslash and "#" are three octal digits, each a byte. */
function unmangle(word: string): string {
  return word.replace(/\\([0-3][0-7]{2})/g, (_, octal) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}

/**
 * The mount whose root one is at by this path (absolute, without symbolic links), if it is the root
 * of one. Followed as the kernel does, from the root down: a mount may be covered by a later one at
 * its own place or above it, and then it is in the list, and nobody gets there.
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

/** The root of the tree lies on none of the others, or on itself. */
function isOn({ id, parent }: Mount, ids: ReadonlySet<number>): boolean {
  return parent !== id && ids.has(parent);
}
