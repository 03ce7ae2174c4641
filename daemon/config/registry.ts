/**
 * The runner and the policy of a type that the schema has let through: a plugin that is not known
 * is a bug by now.
 */
import { policies } from '../../policies/index.ts';
import { runners } from '../../runners/index.ts';
import type { Runner } from '../core/plan.ts';
import type { Policy } from '../core/policy.ts';

export function runnerOf(type: string): Runner<unknown> {
  return find<Runner<unknown>>(runners, type);
}

export function policyOf(type: string): Policy<unknown> {
  return find<Policy<unknown>>(policies, type);
}

function find<P>(plugins: Readonly<Record<string, P>>, type: string): P {
  const plugin = plugins[type];
  if (plugin === undefined) throw new Error(`Internal error: no plugin "${type}"`);
  return plugin;
}
