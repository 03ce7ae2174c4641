/** What the fork server and the keepers need on the machine: perl and their script. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { noKeeperScript, noPerl } from '../system/boot-messages.ts';
import { installed } from '../system/installed.ts';

export const KEEPER_SCRIPT = installed('daemon/keeper.pl');

/** Why keepers cannot work here, and what to do; undefined if they can. */
export function findKeeperTrouble(
  path: string | undefined,
  script: string = KEEPER_SCRIPT,
): string | undefined {
  if (findPerl(path) === undefined) {
    return noPerl(path);
  }
  if (isUsable(script, constants.R_OK)) return undefined;
  return noKeeperScript(script);
}

/** In the PATH of the daemon, because that of a target may be anything. */
export function findPerl(path = '/usr/bin:/bin'): string | undefined {
  const places = path.split(delimiter).map((place) => join(place || '.', 'perl'));
  return places.find((place) => isUsable(place, constants.X_OK));
}

function isUsable(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}
