/** The probes that the SSH keeper has been asked for, and the callers that wait for the answers. */

import type { Failure } from '../../runners/ssh/keeper-protocol.ts';
import type { SshSession } from '../core/plan.ts';
import type { SshConnection } from './ssh-connection.ts';

export interface Probed {
  readonly lines: readonly string[];
  readonly failure?: Failure;
}

export class SshProbes {
  readonly #open = new Map<string, (probed: Probed) => void>();
  #asked = 0;

  /** Number of unanswered probes. */
  get size(): number {
    return this.#open.size;
  }

  ask(link: SshConnection, session: SshSession): Promise<Probed> {
    const id = `p${++this.#asked}`;
    return new Promise((resolve) => {
      this.#open.set(id, resolve);
      link.send({ type: 'probe', id, session });
    });
  }

  answer(id: string, probed: Probed): void {
    this.#open.get(id)?.(probed);
    this.#open.delete(id);
  }

  /** There will be no more answers. */
  giveUp(why: string): void {
    for (const resolve of this.#open.values()) resolve(unreachable(why));
    this.#open.clear();
  }
}

export function unreachable(why: string): Probed {
  return { lines: [], failure: { phase: 'connect', message: why } };
}
