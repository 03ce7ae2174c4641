/**
 * A remote command from the view of its run, whatever provides the connection: the package ssh2
 * (here) or the system's ssh (openssh.ts).
 */
import { constants } from 'node:os';
import type { Readable } from 'node:stream';
import type { Client, ClientChannel } from 'ssh2';
import type { SshSession } from '../../daemon/core/plan.ts';
import type { StopOrder, StopSignal } from '../../daemon/shared/stop.ts';
import { type Script, stopLine } from '../ssh/remote-script.ts';
import * as say from '../ssh/ssh-messages.ts';
import { type End, lost } from './status-writer.ts';

export interface RemoteCommand {
  readonly out: Readable;
  readonly err: Readable;
  /** How it ended, as far as known. */
  readonly end: End | undefined;
  /** `ended`: it has ended, but output may follow; `closed`: nothing follows. */
  watch(ended: () => void, closed: () => void): void;
  /** Asks the other side to end its group: by this signal now, by KILL after the grace time. */
  signal(name: StopSignal | 'KILL', order: StopOrder): void;
  /** Lets go of it; it may continue to run. */
  close(): void;
}

/** On a channel of ssh2. */
export class ChannelCommand implements RemoteCommand {
  readonly out: ClientChannel;
  readonly err: Readable;
  readonly #client: Client;
  readonly #isVerbatim: boolean;
  end: End | undefined;

  constructor(client: Client, channel: ClientChannel, session: SshSession, { input }: Script) {
    this.#client = client;
    this.out = channel;
    this.err = channel.stderr;
    this.#isVerbatim = session.verbatim;
    channel.on('error', () => {}); // `close` follows
    channel.stderr.on('error', () => {});
    if (input !== '') channel.write(input);
    if (session.verbatim) channel.end();
  }

  watch(ended: () => void, closed: () => void): void {
    this.out.on('exit', (code: number | null, signal?: string, core?: boolean) => {
      this.end = endOf(code, signal, core === true);
      ended();
    });
    this.out.on('close', closed);
  }

  signal(name: StopSignal | 'KILL', order: StopOrder): void {
    if (!this.#isVerbatim) this.out.write(stopLine(name, order));
    // A command with the listening shell must not get the signal twice.
    if (this.#isVerbatim || name === 'KILL') sendSignal(this.#client, this.out, name);
  }

  close(): void {
    this.out.close();
  }
}

function endOf(code: number | null, signal: string | undefined, core: boolean): End {
  if (code !== null) return { kind: 'exited', code };
  const numbers: Readonly<Record<string, number>> = constants.signals;
  const number = numbers[signal ?? ''];
  if (number !== undefined) return { kind: 'signalled', signal: number, core };
  return lost(say.foreignSignal(signal));
}

/**
 * ssh2's own `signal` does nothing once stdin is finished, which is the case for a verbatim
 * command; the protocol has no such rule. A test checks that these two private names exist.
 */
function sendSignal(client: Client, channel: ClientChannel, name: StopSignal | 'KILL'): void {
  const inner = client as unknown as { _protocol?: { signal?(id: number, name: string): void } };
  const { outgoing } = channel as unknown as { outgoing?: { id: number; state: string } };
  if (outgoing === undefined || outgoing.state === 'closed' || outgoing.state === 'closing') return;
  inner._protocol?.signal?.(outgoing.id, name);
}
