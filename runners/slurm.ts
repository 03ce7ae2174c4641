/**
 * slurm: a command as a job of an existing Slurm cluster. baton's policies still apply: nothing is
 * submitted before they let a run start. A keeper in the job supervises the command; it and the
 * daemon share `directory`.
 */
import type { Runner, SlurmPlan } from '../daemon/core/plan.ts';
import { sequence } from './command-sequence.ts';
import { SlurmInspector } from './slurm-inspect.ts';
import { Options, type SlurmOptions } from './slurm-options.ts';

const MINUTE_MS = 60_000;

export const slurm: Runner<SlurmOptions> = {
  type: 'slurm',
  options: Options,
  inspector: () => new SlurmInspector(),

  plan(options): SlurmPlan {
    const { directory, args, cmds = [], continueOn = [0], cwd, env, conf } = options;
    return {
      keeper: 'slurm',
      directory,
      args: args ?? sequence(cmds, continueOn),
      ...(cwd === undefined ? {} : { cwd }),
      env,
      options: sbatchOptions(options),
      ...(conf === undefined ? {} : { conf }),
    };
  },
};

function sbatchOptions(options: SlurmOptions): readonly string[] {
  const { timeMs, cpus, extra = [] } = options;
  const named = (
    ['partition', 'mem', 'gres', 'licenses', 'constraint', 'nodelist', 'account', 'qos'] as const
  ).flatMap((name) => {
    const value = options[name];
    return value === undefined ? [] : [`--${name}=${value}`];
  });
  return [
    ...named,
    ...(cpus === undefined ? [] : [`--cpus-per-task=${cpus}`]),
    ...(timeMs === undefined ? [] : [`--time=${Math.ceil(timeMs / MINUTE_MS)}`]),
    ...extra,
  ];
}
