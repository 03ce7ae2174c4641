/**
 * Wraps an administrator's runner: it returns the options for the runner `local`, which does the
 * rest. It is called when the configuration is read, so that none of its code can fail when a run
 * starts.
 */
import * as v from 'valibot';
import { local } from '../../runners/local.ts';
import type { RunnerPlugin } from '../core/plugin.ts';
import * as say from './config-messages.ts';
import { CommandAnswer } from './plugin-answers.ts';
import type { Guard } from './plugin-guard.ts';
import { optionsOf, PLUGIN_SAYS } from './plugin-options.ts';

type Typed = { readonly type: string };

/** The schema of an entry of config.json, whose output is an entry of the runner `local`. */
export function guardRunner(
  plugin: RunnerPlugin<unknown>,
  guard: Guard,
): v.GenericSchema<unknown, Typed> {
  const transform = v.rawTransform<Typed, Typed>(({ dataset, addIssue, NEVER }) => {
    const ask = (): unknown => plugin.plan(dataset.value);
    const said = guard.ask('plan', ask, CommandAnswer, 'an object with args');
    if (!said.ok) {
      addIssue({ message: said.error });
      return NEVER;
    }
    const { type: _, ...rest } = said.value;
    const made = v.safeParse(local.options, { ...rest, type: local.type });
    if (made.success) return { ...Object(made.output), type: local.type };
    const [issue] = made.issues;
    const key = v.getDotPath(issue) ?? '';
    addIssue({ message: say.wrongPlan(plugin.type, key, issue.message) });
    return NEVER;
  });
  return v.pipe(optionsOf('runner', plugin, guard), { ...transform, type: PLUGIN_SAYS });
}
