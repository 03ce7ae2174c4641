/** What users see of a run that is a job of Slurm: which job, on which node, why it waits. */
import type { JobView } from '../protocol/reply.ts';
import * as say from '../protocol/slurm-text.ts';
import type { KeptJob } from './slurm-look.ts';

export function viewOf(kept: KeptJob): JobView {
  const { slurm, begun, sight } = kept;
  const job = begun?.job ?? sight.job?.job ?? slurm?.job;
  const node = begun?.node;
  const shown = {
    ...(job === undefined ? {} : { job }),
    ...(node === undefined ? {} : { node }),
  };
  const waits = waitsOf(kept);
  return waits === undefined ? shown : { ...shown, waits };
}

function waitsOf(kept: KeptJob): string | undefined {
  const { begun, sight, trouble, life } = kept;
  const { job, overAtMs } = sight;
  if (begun !== undefined) {
    return overAtMs === undefined || job === undefined ? undefined : say.slurmGoesOn(job.state);
  }
  if (trouble !== undefined) return say.slurmTrouble(trouble);
  if (kept.isSubmitting) return say.slurmSubmits();
  if (life.state !== 'released') return say.slurmHeld();
  return job?.state === 'PENDING' ? say.slurmWaits(job.reason) : undefined;
}
