/**
 * Results of the conditions of a run: clauses for `baton why` and for the reason why a run was
 * skipped, such as "/mnt/backup is not a mount point".
 */
import { showDuration } from '../shared/duration.ts';
import { showBytes } from '../shared/show-bytes.ts';

export const notMounted = (path: string): string => `${path} is not a mount point`;

export const onlyAutomount = (path: string): string =>
  `${path} is an automount point with nothing mounted on it`;

export const isMounted = (path: string, source: string, type: string): string =>
  `${path} is mounted (${source}, ${type})`;

export const otherDevice = (path: string, source: string, wanted: string): string =>
  `${path} is mounted from ${source}, not from ${wanted}`;

export const noDevice = (path: string, source: string, wanted: string): string =>
  `${path} is mounted from ${source}, and there is no ${wanted} on this machine`;

export const freeBytes = (path: string, free: number): string =>
  `${path} has ${showBytes(free)} free`;

export const fewBytes = (path: string, free: number, least: number): string =>
  `${path} has ${showBytes(free)} free, less than ${showBytes(least)}`;

export const freeInodes = (path: string, free: number): string => `${path} has ${free} inodes free`;

export const fewInodes = (path: string, free: number, least: number): string =>
  `${path} has ${free} inodes free, fewer than ${least}`;

export const exists = (path: string): string => `${path} exists`;

export const doesNotExist = (path: string): string => `${path} does not exist`;

/** `subject` is a command. */
export const exitedWith = (subject: string, code: number): string =>
  `${subject} exited with ${code}`;

export const wasKilled = (subject: string): string => `${subject} was killed by a signal`;

export const noSuchUser = (user: string | number): string => `no user ${user}`;

export const answers = (host: string, port: number): string => `${host} answers on port ${port}`;

export const notReached = (host: string, port: number, errno: string): string =>
  `${host} does not answer on port ${port} (${errno})`;

export const unknownHost = (host: string): string => `host ${host} cannot be resolved`;

export const busy = (load: string, below: number): string =>
  `the load is ${load}, not below ${below}`;

export const calm = (load: string): string => `the load is ${load}`;

export const onAcPower = (): string => 'the machine is on AC power';

/** `adapter` and `battery` are the kernel's names, such as AC0 and BAT0. */
export const noAcPower = (adapter: string): string =>
  `the machine is not on AC power (${adapter} is offline)`;

export const onBattery = (battery: string): string =>
  `the machine is not on AC power (${battery} discharges)`;

/** `what` is cpu, io or memory. */
export const pressed = (what: string, percent: string, below: number): string =>
  `the ${what} pressure is ${percent}%, not below ${below}%`;

export const unpressed = (what: string, percent: string): string =>
  `the ${what} pressure is ${percent}%`;

/** `why` is from the system. */
export const notSeen = (subject: string, why: string): string =>
  `${subject} cannot be checked (${why})`;

/** It may have hung for days. */
export const noAnswer = (subject: string, tookMs: number): string =>
  `${subject} could not be checked within ${showDuration(tookMs)}`;
