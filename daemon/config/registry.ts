/**
 * The runner and the policy of a type that the schema has let through: a plugin that is not known
 * is a bug. Our own are known by their maps; those of an administrator are passed along.
 */
import type * as v from 'valibot';
import { policies } from '../../policies/index.ts';
import { runners } from '../../runners/index.ts';
import type { Runner } from '../core/plan.ts';
import type { Policy } from '../core/policy.ts';

/** What the files of the key `plugins` have brought. */
export interface Plugins {
  readonly policies: ReadonlyMap<string, Policy<unknown>>;
  /** Schemas of entries that become ones of the runner `local`. */
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
