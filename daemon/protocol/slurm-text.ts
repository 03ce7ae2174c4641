/**
 * What is said of jobs of Slurm: why one waits there, why it could not be submitted, and why nobody
 * knows how it ended. Pure. See daemon/messages.ts for the style.
 */
import { showDuration } from '../shared/duration.ts';
import { describeErrno } from '../shared/errno.ts';

export const noSlurm = (program: string, errno: string): string => {
  if (errno === 'ENOENT') {
    return (
      `${program} was not found; install the client of Slurm, or add its place to the ` +
      "daemon's PATH"
    );
  }
  if (errno === 'ETIMEDOUT') {
    return (
      `${program} was not found in time; a directory of the daemon's PATH does not answer: ` +
      'check its file system, or take it out of the PATH'
    );
  }
  return `${program} cannot be started ${describeErrno(errno)}`;
};

export const slurmSilent = (program: string, limitMs: number): string =>
  `${program} did not answer within ${showDuration(limitMs)}; see if slurmctld and munged run`;

/** `said` is what it has printed until then. */
export const slurmLate = (program: string, limitMs: number, said: string): string =>
  `${program} did not end within ${showDuration(limitMs)}; it says: ${said}`;

export const slurmFailed = (program: string, code: number): string =>
  `${program} exited with ${code} and said nothing; try it by hand`;

export const slurmRefused = (why: string): string => `its job is not taken: ${why}`;

/** Slurm gave it up again and again. */
export const slurmNeverRan = (times: number, state: string, node: string): string =>
  `its job was ended ${times} times by Slurm before the command began, the last time as ` +
  `${state}; see the log of slurmd on ${node}`;

/** `state` is the last word of Slurm; absent: it does not know the job any more. */
export const slurmLost = (state: string | undefined, node: string): string => {
  const at = node === '' ? 'its node' : `node ${node}`;
  if (state === 'NODE_FAIL') {
    return `${at} does not answer to Slurm (NODE_FAIL), and the command may still run there`;
  }
  const said =
    state === undefined
      ? 'its job is not known to Slurm any more'
      : `its job is over for Slurm (${state})`;
  return `${said}, and the keeper on ${at} left no word of how the command ended`;
};

/** What a person knows of the more frequent ones; see squeue(1). */
const REASONS: Readonly<Record<string, string>> = {
  Resources: 'not enough of what it needs is free',
  Priority: 'jobs of a higher priority are first',
  Licenses: 'its licenses are in use',
  PartitionConfig: 'its partition can never give it what it needs',
  PartitionDown: 'its partition is down',
  PartitionInactive: 'its partition is inactive',
  PartitionNodeLimit: 'it asks for more nodes than its partition has',
  PartitionTimeLimit: 'it asks for more time than its partition gives',
  ReqNodeNotAvail: 'a node that it needs is down or reserved',
  BeginTime: 'its time to begin has not come',
  Dependency: 'it waits for another job',
  JobHeldAdmin: 'an administrator of the cluster holds it',
  JobHeldUser: 'it is held and about to be released',
  NodeDown: 'a node that it needs is down',
  Reservation: 'it waits for its reservation',
};

/** Why a job waits, as the rest of a sentence that begins with the run. */
export const slurmWaits = (reason: string): string => {
  const known = REASONS[reason];
  const word = reason === '' || reason === 'None' ? 'no reason yet' : reason;
  return `waits in Slurm: ${known === undefined ? word : `${known} (${word})`}`;
};

export const slurmSubmits = (): string => 'is being submitted to Slurm';

export const slurmHeld = (): string => 'waits in Slurm until its start is on record';

/** `why` is what the last command said. */
export const slurmTrouble = (why: string): string => `waits for Slurm: ${why}`;

/** It is over for Slurm, and the keeper lives. */
export const slurmGoesOn = (state: string): string => `goes on, though Slurm says ${state}`;
