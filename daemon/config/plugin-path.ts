/**
 * The directories and links by which a file is found. A user who can write to one of these
 * directories, or owns one of these links, can put another file in its place.
 */
import { lstatSync, readlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The kernel's limit. */
const LINKS_MAX = 40;

interface Way {
  /** Without links. */
  readonly realPath: string;
  /** Without links, in the order in which names are looked up in them. */
  readonly folders: readonly string[];
  readonly links: readonly string[];
}

/** Takes an absolute path. Throws the errors of the file system. */
export function wayTo(path: string): Way {
  const folders = new Set<string>();
  const links: string[] = [];
  const left = path.split('/');
  let at = '/';
  for (let name = left.shift(); name !== undefined; name = left.shift()) {
    if (name === '' || name === '.') continue;
    if (name === '..') {
      at = dirname(at);
      continue;
    }
    folders.add(at);
    const next = join(at, name);
    if (!lstatSync(next).isSymbolicLink()) {
      at = next;
      continue;
    }
    links.push(next);
    if (links.length > LINKS_MAX) throw Object.assign(new Error(next), { code: 'ELOOP' });
    const target = readlinkSync(next);
    if (target.startsWith('/')) at = '/';
    left.unshift(...target.split('/'));
  }
  return { realPath: at, folders: [...folders], links };
}
