/**
 * Warnings of `batond --check` if a Slurm cluster does not keep what baton promises; printed after
 * the target. See daemon/messages.ts for the style.
 */
import { showDuration } from '../daemon/shared/duration.ts';

/** Processes that Slurm does not find, by ProctrackType. */
const ESCAPES = {
  pgid: 'have left the process group of the command',
  linuxproc: 'have lost their parent',
} as const;

export const mayOutlive = (proctrack: keyof typeof ESCAPES): string =>
  `its cluster has ProctrackType=proctrack/${proctrack}: if the keeper in the job is killed, ` +
  `processes that ${ESCAPES[proctrack]} may survive a cancel; use proctrack/cgroup, which ` +
  'finds all processes';

export const shortKillWait = (killWaitMs: number, killAfterMs: number): string =>
  `its cluster has KillWait=${killWaitMs / 1_000}, less than its "killAfter" ` +
  `(${showDuration(killAfterMs)}): a job that Slurm ends (time limit, preemption, scancel by ` +
  `hand) gets only ${showDuration(killWaitMs)}; set a longer KillWait, or a shorter ` +
  '"killAfter"';

export const neverGivenUp = (): string =>
  'its cluster has SlurmdTimeout=0: a run on a lost node never ends; set SlurmdTimeout, or ' +
  'cancel such runs by hand';

export const mayBePreempted = (mode: string): string =>
  `its cluster has PreemptMode=${mode}: a job with a higher priority may end this one, and ` +
  'the run then fails without a retry; choose a partition or QOS that is not preempted, or ' +
  'set "retry"';

export const noShared = (directory: string, errno: string): string =>
  `its "directory" ${directory} cannot be used (${errno}); create it on a file system that ` +
  'all nodes share, owned by the user of the daemon';

export const openShared = (directory: string, mode: string): string =>
  `its "directory" ${directory} has mode ${mode}: others could change what its jobs run; run ` +
  `chmod go-w ${directory}`;

/** `said` is the last line of scontrol. */
export const notAsked = (said: string, limitMs: number): string => {
  const why = said === '' ? `scontrol did not answer within ${showDuration(limitMs)}` : said;
  return (
    `the settings of its cluster cannot be read: ${why}; check that slurmctld and munged are ` +
    'running, and that "conf" names its slurm.conf'
  );
};
