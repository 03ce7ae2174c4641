/**
 * `hosts`: a fleet, one definition for the same command on many machines. It is an `each` over
 * `host` whose targets are named FLEET@HOST, so that the queue, the policies and the history know
 * nothing but targets; the fleet itself is a name that stands for them. Pure.
 */
import * as say from './config-messages.ts';
import type { Bag } from './defaults.ts';
import type { Diagnostic } from './diagnostics.ts';
import { type Each, findMistakes, hasPlaceholder } from './each.ts';
import type { Keys } from './json.ts';

/** The word that stands for a host in the texts of a definition. */
const HOST = 'host';
/** Between fleet and host; no host has it in its name. */
const BEFORE_HOST = '@';

/** What a definition with `hosts` means, as one with `each`. */
export interface FleetTemplate {
  /** With placeholders. */
  readonly name: string;
  readonly each: Each;
  /** With places inside the definition as it is written. */
  readonly mistakes: readonly Diagnostic[];
}

/** `value` is without its `each` and its `hosts`. */
export function fleetTemplate(
  name: string,
  value: Bag,
  { each = {}, hosts }: { readonly each?: Each; readonly hosts: readonly string[] },
): FleetTemplate {
  const all = { ...each, [HOST]: hosts };
  const template = `${name}${BEFORE_HOST}{${HOST}}`;
  const mistakes = findMistakes(template, value, all).map(({ at, text }) => ({
    at: placeOf(at),
    text,
  }));
  if (Object.hasOwn(each, HOST)) mistakes.push({ at: ['each', HOST], text: say.hostTwice() });
  else if (!hasPlaceholder(value, HOST)) mistakes.push({ at: ['hosts'], text: say.unusedHosts() });
  return { name: template, each: all, mistakes };
}

/** The fleet of a target that such a definition has made. */
export function fleetOf(target: string): string {
  return target.slice(0, target.lastIndexOf(BEFORE_HOST));
}

function placeOf(at: Keys): Keys {
  const [first, key, ...rest] = at;
  return first === 'each' && key === HOST ? ['hosts', ...rest] : at;
}
