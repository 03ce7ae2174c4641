/** An SSH agent as in ssh2, except that a failed connection gives the reason, by its errno. */
import { createConnection, type Socket } from 'node:net';
import ssh2 from 'ssh2';
import { errnoOf } from '../../daemon/shared/errno.ts';
import { noAgentThere } from './ssh-messages.ts';

type Connected = (error: Error | null, stream?: Socket) => void;

export class SshAgent extends ssh2.OpenSSHAgent {
  readonly #place: { readonly path: string; readonly signal: AbortSignal };

  /** `signal` closes what is open. */
  constructor(path: string, signal: AbortSignal) {
    super(path);
    this.#place = { path, signal };
  }

  override getStream(done: Connected): void {
    const socket = createConnection(this.#place);
    const fail = (error: Error): void => {
      const code = errnoOf(error);
      done(Object.assign(new Error(noAgentThere(code)), { code }));
    };
    socket.once('error', fail);
    socket.once('connect', () => {
      socket.off('error', fail);
      done(null, socket);
    });
  }
}
