/**
 * Ends a run that is a job of Slurm. One that has not begun never does (slurm-files.ts), whether
 * Slurm answers or not. Otherwise its keeper is asked, both by a file and by a signal, because
 * either may be blocked; it ends the whole tree within the grace period. If it does not answer,
 * Slurm is told repeatedly to end what it can reach.
 */
import { errnoOf } from '../shared/errno.ts';
import type { SlurmJob } from '../shared/run.ts';
import type { StopOrder } from '../shared/stop.ts';
import type { Clock } from '../system/clock.ts';
import type { Log } from '../system/log.ts';
import type { SlurmCommands } from './slurm-commands.ts';
import { askToStop, withhold } from './slurm-files.ts';
import type { KeptJob } from './slurm-look.ts';
import { RETRY_MS, type Stop } from './supervision.ts';

/** How long a keeper may take to answer, beyond the grace period. */
const ANSWER_MS = 10_000;
/** Time between two orders to Slurm. */
const CANCEL_MS = 30_000;

interface Parts {
  readonly commands: SlurmCommands;
  readonly clock: Clock;
  readonly log: Log;
  /** Called if the command never runs. */
  readonly withheld: () => void;
}

/** Continues until the run has ended. */
export async function stopJob(
  kept: KeptJob,
  slurm: SlurmJob,
  { order, stop }: { readonly order: StopOrder; readonly stop: Stop },
  parts: Parts,
): Promise<void> {
  const { commands, clock, log } = parts;
  const { run, target, attempt } = kept;
  const files = { directory: slurm.directory, attempt };
  const isOver = (): boolean => kept.end !== undefined || kept.life.state === 'ended';
  const pause = (ms: number) => new Promise<void>((resolve) => clock.after(ms, resolve));
  const tryUntilDone = async (what: () => Promise<void>): Promise<void> => {
    for (let isSaid = false; !isOver(); isSaid = true) {
      try {
        return await what();
      } catch (error) {
        // Its directory was removed: only Slurm can end it.
        if (errnoOf(error) === 'ENOENT') return;
        if (!isSaid) log.warn({ run, target, errno: errnoOf(error) }, 'run cannot be stopped now');
        await pause(RETRY_MS);
      }
    }
  };
  await tryUntilDone(async () => {
    if (kept.begun === undefined && (await withhold(files)) === 'withheld') return parts.withheld();
    await askToStop(files, order);
  });
  if (isOver()) return;
  const told = await commands.tell(slurm.token, slurm.conf);
  if (!told.ok) log.warn({ run, target, reason: told.error }, 'Slurm cannot tell a job to stop');
  await pause(order.graceMs + ANSWER_MS);
  while (!isOver()) {
    if (!stop.wasEnded) log.warn({ run, target }, 'keeper in a job does not answer');
    const cancelled = await commands.cancel(slurm.token, slurm.conf);
    if (cancelled.ok) stop.wasEnded = true;
    await pause(CANCEL_MS);
  }
}
