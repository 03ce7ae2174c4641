/**
 * Whether the machine runs on AC power, according to the power supplies in sysfs. One adapter that
 * is online is enough, and a mains adapter that is offline means no; without adapters, the machine
 * is on AC power unless a battery of its own discharges.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../shared/errno.ts';
import type { Answer } from './checks.ts';
import * as say from './condition-text.ts';

const ROOT = '/sys/class/power_supply';

export function findAcPower(subject: string, root = ROOT): Answer {
  let names: readonly string[];
  try {
    names = readdirSync(root).sort();
  } catch (error) {
    // A kernel without power supply support: a machine without a battery.
    if (errnoOf(error) === 'ENOENT') return onAcPower();
    return { holds: false, text: say.notSeen(subject, errnoOf(error)) };
  }
  const supplies = names.map((name) => ({ name, ...supplyAt(join(root, name)) }));
  // A mouse or a pen: it does not power the machine.
  const own = supplies.filter(({ scope }) => scope !== 'Device');
  const adapters = own.filter(({ type }) => type !== '' && type !== 'Battery' && type !== 'UPS');
  if (adapters.some(({ online }) => online)) return onAcPower();
  // A USB port of a desktop that supplies power is "offline".
  const offline = adapters.find(({ type }) => type === 'Mains');
  if (offline !== undefined) return { holds: false, text: say.noAcPower(offline.name) };
  const empties = own.find(({ path, type }) => type === 'Battery' && isDischarging(path));
  return empties === undefined ? onAcPower() : { holds: false, text: say.onBattery(empties.name) };
}

function onAcPower(): Answer {
  return { holds: true, text: say.onAcPower() };
}

interface Supply {
  readonly path: string;
  readonly type: string;
  readonly scope: string;
  readonly online: boolean;
}

function supplyAt(path: string): Supply {
  // A USB port with power delivery has other values, from 1 up.
  const online = Number.parseInt(readLine(path, 'online'), 10) > 0;
  return { path, type: readLine(path, 'type'), scope: readLine(path, 'scope'), online };
}

/** Read only if no adapter has an answer: a battery may take some milliseconds. */
function isDischarging(path: string): boolean {
  return readLine(path, 'status') === 'Discharging';
}

/** A supply need not have every file, and may be unplugged meanwhile. */
function readLine(path: string, name: string): string {
  try {
    return readFileSync(join(path, name), 'utf8').trim();
  } catch {
    return '';
  }
}
