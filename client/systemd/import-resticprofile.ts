/**
 * `baton import resticprofile [UNIT…]`: targets for the schedules of which `resticprofile schedule`
 * has made units. Its own files are not read: only resticprofile can resolve their templates,
 * inclusions and inheritance, and its units contain the result. Locks, hooks, retention and
 * `schedule-lock-wait` stay with resticprofile.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Place } from '../connection/conversation.ts';
import type { Ending } from '../ending.ts';
import { complain } from '../terminal/output.ts';
import { DROP_INS, EXIT_NOTHING, importSystemd } from './import-systemd.ts';
import * as say from './unit-messages.ts';

const SERVICE = /^resticprofile-.+@.+\.service$/;

export async function importResticprofile(
  named: readonly string[],
  directory: string | undefined,
  place: Place,
): Promise<Ending> {
  const units = named.length > 0 ? named : servicesIn(DROP_INS);
  if (units.length === 0) {
    return { status: EXIT_NOTHING, isOwn: true, line: say.noResticprofile(DROP_INS) };
  }
  const ending = await importSystemd(units, directory, place, withGroup);
  if (ending.status === 0) complain(say.sameRepository());
  return ending;
}

function servicesIn(directory: string): readonly string[] {
  try {
    const names = readdirSync(directory).filter((name) => SERVICE.test(name));
    return names.sort().map((name) => join(directory, name));
  } catch {
    return [];
  }
}

/** `resticprofile-backup@profile-web.service` and its other commands: one at a time. */
function withGroup(unit: string, target: object): object {
  const [, profile] = /^resticprofile-.+?@(?:profile-)?(.+)\.service$/.exec(unit) ?? [];
  if (profile === undefined) return target;
  const group = `resticprofile-${profile}`;
  return { ...target, policies: [{ type: 'cardinality', group }] };
}
