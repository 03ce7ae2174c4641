/**
 * Keepers without a daemon: each is requested from the fork server, and released as soon as it is
 * ready. All else that a run costs is the daemon's: its decisions, the journal, its clients.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ForkServer } from '../../daemon/keepers/fork-server.ts';

export class BareKeepers {
  readonly #directory = mkdtempSync(join(tmpdir(), 'baton-keepers-'));
  readonly #forkServer = new ForkServer();
  /** The connection to the fork server does not keep the process alive, which suits a daemon. */
  readonly #alive = setInterval(() => {}, 60_000);
  #runs = 0;

  /** Runs `true` under a keeper. */
  keep(): Promise<void> {
    const directory = join(this.#directory, String(++this.#runs));
    mkdirSync(directory);
    const order = {
      title: `baton run ${this.#runs} t`,
      statusFile: join(directory, 'status.1'),
      umask: 0o022,
      cwd: '/',
      owner: '',
      in: '',
      out: join(directory, 'out'),
      err: join(directory, 'err'),
      env: {},
      args: ['/bin/true'],
    };
    return new Promise((resolve, reject) => {
      const fail = (why: string) => () => reject(new Error(why));
      this.#forkServer.keep(order, {
        kept: (_pid, control) => control.go(),
        none: (errno) => reject(new Error(`no keeper: ${errno}`)),
        begun: () => {},
        unwritten: fail('the keeper cannot write'),
        closed: resolve,
        unknown: fail('the fork server ended'),
      });
    });
  }

  close(): void {
    clearInterval(this.#alive);
    rmSync(this.#directory, { recursive: true, force: true, maxRetries: 5 });
  }
}
