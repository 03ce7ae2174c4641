/** The map of runners. A new runner is a file in this directory, and a line here. */
import { dummy } from './dummy.ts';
import { local } from './local.ts';
import { slurm } from './slurm.ts';
import { ssh } from './ssh.ts';

export const runners = { local, dummy, ssh, slurm } as const;
