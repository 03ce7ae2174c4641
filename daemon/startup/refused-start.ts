/**
 * What happens if the start fails on sockets that systemd holds. There are two cases:
 *
 *   somebody started it (boot, `systemctl restart`)   it exits, so that the start visibly fails
 *   a client woke it                                  it stays, and tells clients why (refuser.ts)
 *
 * systemd does not say which one it is, and after a restart there may also be clients, those of the
 * previous daemon. So the first failure always exits, and leaves a note in the state directory;
 * systemd starts the daemon again for the waiting clients, and the note makes that one stay. A stop
 * removes the note.
 */
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Log } from '../system/log.ts';
import type { Notify, PassedSocket } from '../system/systemd.ts';
import { type Refusal, Refuser } from './refuser.ts';

export interface Cured<T> {
  readonly value: T;
  /** Including clients that arrived meanwhile. */
  readonly passed: readonly PassedSocket[];
}

/** The note, which exists as long as the daemon cannot start. */
export class FailureNote {
  readonly #directory: string;

  constructor(stateDirectory: string) {
    this.#directory = stateDirectory;
  }

  get #path(): string {
    return join(this.#directory, 'refused');
  }

  /** Returns whether it already existed. A note that cannot be written counts as existing. */
  leave(): boolean {
    if (existsSync(this.#path)) return true;
    try {
      mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
      // wx: does not follow a link that others may have put there.
      writeFileSync(this.#path, '', { mode: 0o600, flag: 'wx' });
      return false;
    } catch {
      return true;
    }
  }

  remove(): void {
    rmSync(this.#path, { force: true });
  }
}

/** Resolves when the daemon can start, or with undefined: the process has to exit. */
export async function refuseClients<T>(options: {
  readonly passed: readonly PassedSocket[];
  readonly note: FailureNote;
  readonly notify: Notify;
  readonly log: Log;
  readonly refusal: () => Refusal;
  readonly cure: () => Promise<T | undefined>;
}): Promise<Cured<T> | undefined> {
  const { passed, note, notify, log, refusal } = options;
  if (passed.length === 0 || !note.leave()) return undefined;
  const refuser = new Refuser<T>(options);
  if (!(await refuser.open(passed))) return undefined;
  const stop = (): void => {
    note.remove();
    process.exit(0);
  };
  const look = (): void => void refuser.look();
  const signals = [
    ['SIGTERM', stop],
    ['SIGINT', stop],
    ['SIGHUP', look],
  ] as const;
  for (const [signal, action] of signals) process.on(signal, action);
  log.error({ reason: refusal().message }, 'clients are refused');
  notify(refusal().message, log);
  const value = await refuser.refuse();
  for (const [signal, action] of signals) process.off(signal, action);
  return value === undefined ? undefined : { value, passed: refuser.sockets };
}
