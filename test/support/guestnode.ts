/** Node as a package in a guest, which baton's Debian package requires. */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { nodePackage } from './deb.ts';
import type { Guest } from './guest.ts';

/** Debian 13 has its own; Debian 12 would use NodeSource's, for which this is a substitute. */
export function installNode(guest: Guest, directory: string): void {
  if (hasNode(guest)) return;
  cpSync(nodePackage(directory), join(guest.share, 'nodejs.deb'));
  cpSync(process.execPath, join(guest.share, 'node'));
  guest.ask('dpkg -i /share/nodejs.deb && install -m 755 /share/node /usr/bin/node');
}

export function hasNode(guest: Guest): boolean {
  const version = '"$(dpkg-query -W nodejs | cut -f 2)"';
  return guest.run(`dpkg --compare-versions ${version} ge 20.15`).status === 0;
}
