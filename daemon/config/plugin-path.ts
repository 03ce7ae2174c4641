/**
 * By way of which folders and links a file is found. Whoever can write to one of these folders, or
 * owns one of these links, can put another file in its place.
 */
import { lstatSync, readlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** As many as the kernel follows. */
const LINKS_MAX = 40;

interface Way {
  /** Without links. */
  readonly realPath: string;
  /** Without links, each in which a name is looked up, in that order. */
  readonly folders: readonly string[];
  readonly links: readonly string[];
}

/** Of an absolute path. Throws as the file system does. */
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
