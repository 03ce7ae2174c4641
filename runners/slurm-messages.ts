/**
 * What `batond --check` warns of where a cluster of Slurm does not keep what baton promises; the
 * target stands in front. See daemon/messages.ts for the style.
 */
import { showDuration } from '../daemon/shared/duration.ts';

/** Which processes Slurm does not find, by its ProctrackType. */
const ESCAPES = {
  pgid: 'have left the process group of the command',
  linuxproc: 'have lost their parent',
} as const;

export const mayOutlive = (proctrack: keyof typeof ESCAPES): string =>
  `its cluster has ProctrackType=proctrack/${proctrack}: should the keeper in the job be killed, ` +
  `processes that ${ESCAPES[proctrack]} may outlive a cancel; use proctrack/cgroup, ` +
  'which finds all';

export const shortKillWait = (killWaitMs: number, killAfterMs: number): string =>
  `its cluster has KillWait=${killWaitMs / 1_000}, less than its "killAfter" ` +
  `(${showDuration(killAfterMs)}): a job that Slurm itself ends (time limit, preemption, scancel ` +
  `by hand) has ${showDuration(killWaitMs)} only; set a longer KillWait, or a shorter "killAfter"`;

export const neverGivenUp = (): string =>
  'its cluster has SlurmdTimeout=0: a run on a node that is lost goes on for ever; set ' +
  'SlurmdTimeout, or cancel such a run by hand';

export const mayBePreempted = (mode: string): string =>
  `its cluster has PreemptMode=${mode}: a job of a higher priority may end this one in the ` +
  'middle, which fails the run and never repeats it; choose a partition or QOS that is not ' +
  'preempted, or set "retry"';

export const noShared = (directory: string, errno: string): string =>
  `its "directory" ${directory} cannot be used (${errno}); make it on a file system ` +
  "that all nodes share, for the daemon's user";

export const openShared = (directory: string, mode: string): string =>
  `its "directory" ${directory} has mode ${mode}: others could change what its jobs run; let only ` +
  `the daemon's user write to it: chmod go-w ${directory}`;

/** `said` is the last line of scontrol. */
export const notAsked = (said: string, limitMs: number): string => {
  const why = said === '' ? `scontrol did not answer within ${showDuration(limitMs)}` : said;
  return (
    `its cluster cannot be asked what it keeps: ${why}; see if slurmctld and munged run, and if ` +
    '"conf" names its slurm.conf'
  );
};
