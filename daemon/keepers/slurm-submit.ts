/**
 * Submits a run as a held job of Slurm, however long that takes: a controller that is down, slow or
 * full delays it. A submission without an answer may have been accepted, or may still be: the job
 * is searched for by its token, and submitted again under the same one. A duplicate runs nothing;
 * see slurm-files.ts.
 */
import { randomBytes } from 'node:crypto';
import type { SlurmPlan } from '../core/plan.ts';
import type { KeptRun } from '../engine/daemon.ts';
import type { KeeperId, Nonce, SlurmJob } from '../shared/run.ts';
import { stopOrderOf } from '../shared/stop.ts';
import type { Clock } from '../system/clock.ts';
import type { SpawnRequest } from './fork-server.ts';
import type { Launch } from './launch.ts';
import type { SlurmCommands, Submission } from './slurm-commands.ts';
import { makeJobDirectory } from './slurm-files.ts';
import type { KeptJob } from './slurm-look.ts';

/** Random bytes that make the name unique, in any life of any state directory. */
const NONCE_BYTES = 8;
/** Characters of a target's name, which may be longer than the name of a job. */
const NAME_MAX = 100;
/** Longer than a request may stay in slurmctld's queue: MessageTimeout is 10 s. */
const DOUBT_MS = 30_000;
const WAIT_MS = 1_000;
const WAIT_MS_MAX = 30_000;

/** All users can see it: nothing of the command, and nothing at which squeue or a path splits. */
export function tokenOf({ run, target }: KeptRun, attempt: number): string {
  const name = target.replace(/[^\w.-]/g, '_').slice(0, NAME_MAX);
  return `baton:${name}:${run}.${attempt}:${randomBytes(NONCE_BYTES).toString('hex')}`;
}

/** Creates all that the keeper in the job needs. Throws system errors. */
export async function makeJobFiles(kept: KeptJob, launch: Launch, slurm: SlurmJob): Promise<void> {
  const { attempt, stop = stopOrderOf(), timeoutMs = 0 } = kept;
  const { directory, token } = slurm;
  const files = { directory, attempt };
  await makeJobDirectory(files, token, requestOf(kept, launch, directory), { stop, timeoutMs });
}

function requestOf(
  { run, target, merged, attempt }: KeptJob,
  { args, env, cwd, umask }: Launch,
  directory: string,
): SpawnRequest {
  return {
    title: `baton job ${run} ${target}`,
    statusFile: `${directory}/status.${attempt}`,
    ...{ umask, cwd, owner: '', in: '' },
    out: `${directory}/out`,
    err: merged ? '' : `${directory}/err`,
    ...{ env, args },
  };
}

/** It is not a process of this machine, or of this boot. */
export function keeperOf(slurm: SlurmJob, nonce: Nonce): KeeperId {
  return { pid: 0, startTime: 0, bootId: '', nonce, kind: 'slurm', slurm };
}

export function submissionOf(
  { options, conf }: SlurmPlan,
  { token, directory }: SlurmJob,
  attempt: number,
  avoided: readonly string[],
): Submission {
  const isFree = !options.some((option) => /^--(nodelist|exclude)=/.test(option));
  const exclude = isFree && avoided.length > 0 ? [`--exclude=${avoided.join(',')}`] : [];
  return {
    token,
    directory,
    attempt,
    options: [...options, ...exclude],
    ...(conf === undefined ? {} : { conf }),
  };
}

export type Taken =
  | { readonly kind: 'taken'; readonly job: string; readonly isSure: boolean }
  | { readonly kind: 'refused'; readonly why: string }
  /** It is no longer wanted. */
  | { readonly kind: 'dropped' };

interface Waits {
  readonly commands: SlurmCommands;
  readonly clock: Clock;
  readonly isDropped: () => boolean;
  /** Called with what Slurm said instead of an answer. */
  readonly trouble: (why: string) => void;
}

export async function submitUntilTaken(submission: Submission, waits: Waits): Promise<Taken> {
  let isSure = true;
  for (;;) {
    const submitted = await waits.commands.submit(submission);
    if (waits.isDropped()) return { kind: 'dropped' };
    if (submitted.kind === 'taken') return { ...submitted, isSure };
    if (submitted.kind === 'refused') return submitted;
    isSure = false;
    waits.trouble(submitted.why);
    const job = await lookFor(submission, waits);
    if (waits.isDropped()) return { kind: 'dropped' };
    if (job !== undefined) return { kind: 'taken', job, isSure };
  }
}

/** Undefined once the job is not there and cannot appear any more, or is dropped. */
async function lookFor({ token, conf }: Submission, waits: Waits): Promise<string | undefined> {
  const { commands, clock, isDropped, trouble } = waits;
  let noneAtMs: number | undefined;
  for (let waitMs = WAIT_MS; ; waitMs = Math.min(2 * waitMs, WAIT_MS_MAX)) {
    await new Promise<void>((resolve) => clock.after(waitMs, resolve));
    if (isDropped()) return undefined;
    const jobs = await commands.jobs(conf);
    if (!jobs.ok) {
      trouble(jobs.error);
      continue;
    }
    const found = jobs.value.find((job) => job.token === token);
    if (found !== undefined) return found.job;
    const { steadyMs } = clock.now();
    noneAtMs ??= steadyMs;
    if (steadyMs - noneAtMs >= DOUBT_MS) return undefined;
  }
}
