/**
 * Texts about Slurm jobs: why a job is waiting there, why it could not be submitted, and why its
 * outcome is unknown. Pure. See daemon/messages.ts for the style.
 */
import { showDuration } from '../shared/duration.ts';
import { describeErrno } from '../shared/errno.ts';

export const noSlurm = (program: string, errno: string): string => {
  if (errno === 'ENOENT') {
    return (
      `${program} was not found; install the Slurm client, or add its directory to the PATH ` +
      'of the daemon'
    );
  }
  if (errno === 'ETIMEDOUT') {
    return (
      `${program} was not found in time, because a directory in the PATH of the daemon does ` +
      'not respond; check its file system, or remove it from PATH'
    );
  }
  return `${program} cannot be started ${describeErrno(errno)}`;
};

export const slurmSilent = (program: string, limitMs: number): string =>
  `${program} did not answer within ${showDuration(limitMs)}; check that slurmctld and munged ` +
  'are running';

/** `said` is what it has printed so far. */
export const slurmLate = (program: string, limitMs: number, said: string): string =>
  `${program} did not end within ${showDuration(limitMs)}; it says: ${said}`;

export const slurmFailed = (program: string, code: number): string =>
  `${program} exited with ${code} and printed nothing; try it by hand`;

export const slurmRefused = (why: string): string => `its job was not accepted: ${why}`;

/** Slurm ended the job again and again. */
export const slurmNeverRan = (times: number, state: string, node: string): string =>
  `its job was ended by Slurm ${times} times before the command started, the last time with ` +
  `state ${state}; see the log of slurmd on ${node}`;

/** `state` is the last state that Slurm reported; absent: Slurm no longer knows the job. */
export const slurmLost = (state: string | undefined, node: string): string => {
  const at = node === '' ? 'its node' : `node ${node}`;
  if (state === 'NODE_FAIL') {
    const doubt = 'the command may still be running there';
    return `${at} does not respond to Slurm (NODE_FAIL), and ${doubt}`;
  }
  const said =
    state === undefined
      ? 'its job is no longer known to Slurm'
      : `its job has ended according to Slurm (${state})`;
  return `${said}, but the keeper on ${at} left no record of how the command ended`;
};

/** Explanations for the more frequent reasons; see squeue(1). */
const REASONS: Readonly<Record<string, string>> = {
  Resources: 'not enough of the resources that it needs are free',
  Priority: 'jobs with a higher priority come first',
  Licenses: 'its licenses are in use',
  PartitionConfig: 'its partition can never satisfy its request',
  PartitionDown: 'its partition is down',
  PartitionInactive: 'its partition is inactive',
  PartitionNodeLimit: 'it requests more nodes than its partition has',
  PartitionTimeLimit: 'it requests more time than its partition allows',
  ReqNodeNotAvail: 'a node that it needs is down or reserved',
  BeginTime: 'its begin time has not been reached',
  Dependency: 'it waits for another job',
  JobHeldAdmin: 'an administrator of the cluster has put it on hold',
  JobHeldUser: 'it is on hold and about to be released',
  NodeDown: 'a node that it needs is down',
  Reservation: 'it waits for its reservation',
};

/** Why a job is waiting, as the rest of a sentence that begins with the run. */
export const slurmWaits = (reason: string): string => {
  const known = REASONS[reason];
  const word = reason === '' || reason === 'None' ? 'no reason given yet' : reason;
  return `waits in Slurm: ${known === undefined ? word : `${known} (${word})`}`;
};

export const slurmSubmits = (): string => 'is being submitted to Slurm';

export const slurmHeld = (): string => 'waits in Slurm until its start is recorded';

/** `why` is the output of the last command. */
export const slurmTrouble = (why: string): string => `waits for Slurm: ${why}`;

/** Slurm considers the job finished, but its keeper is alive. */
export const slurmGoesOn = (state: string): string => `continues, although Slurm reports ${state}`;
