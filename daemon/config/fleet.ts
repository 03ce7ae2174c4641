/**
 * `hosts`: a fleet, one definition of the same command on many machines. It is an `each` over
 * `host` whose targets are named FLEET@HOST, so that the queue, the policies and the history only
 * deal with targets; the fleet is a name for all of them. Pure.
 */
import * as say from './config-messages.ts';
import type { Bag } from './defaults.ts';
import type { Diagnostic } from './diagnostics.ts';
import { type Each, findMistakes, hasPlaceholder } from './each.ts';
import type { Keys } from './json.ts';

/** The placeholder for a host in the strings of a definition. */
const HOST = 'host';
/** Separates fleet and host; host names cannot contain it. */
const BEFORE_HOST = '@';

/** A definition with `hosts`, converted to one with `each`. */
export interface FleetTemplate {
  /** With placeholders. */
  readonly name: string;
  readonly each: Each;
  /** Places are relative to the original definition. */
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
