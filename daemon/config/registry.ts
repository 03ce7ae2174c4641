/**
 * Finds the runner and the policy of a type. The schema has accepted the type, so an unknown one is
 * a bug. Built-in ones are in their maps; those of an administrator are passed in.
 */
import type * as v from 'valibot';
import { policies } from '../../policies/index.ts';
import { runners } from '../../runners/index.ts';
import type { Runner } from '../core/plan.ts';
import type { Policy } from '../core/policy.ts';

/** What the files in the key `plugins` provide. */
export interface Plugins {
  readonly policies: ReadonlyMap<string, Policy<unknown>>;
  /** Schemas whose output is an entry of the runner `local`. */
  readonly runners: ReadonlyMap<string, v.GenericSchema<unknown, { readonly type: string }>>;
}

export const NO_PLUGINS: Plugins = { policies: new Map(), runners: new Map() };

export function runnerOf(type: string): Runner<unknown> {
  return find<Runner<unknown>>(runners, type);
}

export function policyOf(type: string, plugins: Plugins): Policy<unknown> {
  return plugins.policies.get(type) ?? find<Policy<unknown>>(policies, type);
}

function find<P>(known: Readonly<Record<string, P>>, type: string): P {
  const plugin = known[type];
  if (plugin === undefined) throw new Error(`Internal error: no plugin "${type}"`);
  return plugin;
}
