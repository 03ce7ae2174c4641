/** A file system that never answers, as that of a file server that hangs: see deaf-mount.pl. */
import { join } from 'node:path';
import { ROOT } from './config.ts';

/** What skipWithout() has to ask for. */
export const HUNG_NEEDS = ['root', 'unshare', 'a mount namespace', 'FUSE'];

/** Stands before a command, for which `place` is on such a file system. */
export function hung(place: string): readonly string[] {
  const server = join(ROOT, 'test/support/deaf-mount.pl');
  return ['unshare', '--mount', '--propagation', 'private', 'perl', server, place];
}
