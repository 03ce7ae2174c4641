/**
 * One run on another machine, from `go` to its status file.
 *
 *   prepared ──go──> connecting ──exec──> executing ──close──> (status file written) ended
 *      │ drop, or daemon gone   │ stop         │ stop: TERM, grace, KILL, then given up as lost
 *      v                        v              v
 *    ended (never started)    ended          ended
 *
 * The remote command has no terminal and an empty stdin. It is ended by what script.ts wraps around
 * it, or by the server where it is sent verbatim. Nothing is ever run on a second channel to kill
 * the first: behind a forced command, that would run the command again.
 */
import { constants } from 'node:os';
import { join } from 'node:path';
import type { Client, ClientChannel } from 'ssh2';
import { showDuration } from '../../daemon/duration.ts';
import * as say from '../message.ts';
import type { Way } from './handshake.ts';
import { connect, type Desk } from './link.ts';
import type { Failure, Prepare } from './message.ts';
import { script, stopLine } from './script.ts';
import { Sink } from './sink.ts';
import { type End, monotonicMs, type Times, writeStatus } from './status.ts';

/** How long output of processes that the command left behind is waited for. */
const DRAIN_MS = 5_000;
/** How long a server has to report the end of a killed command. */
const KILL_WAIT_MS = 5_000;

export class Task {
  readonly prepare: Prepare;
  readonly #desk: Desk;
  readonly #done: () => void;
  readonly #abort = new AbortController();
  readonly #timers: NodeJS.Timeout[] = [];
  #link: Way | undefined;
  #channel: ClientChannel | undefined;
  #sink: Sink | undefined;
  #exit: End | undefined;
  #begunAtMs = monotonicMs();
  #ended: Times | undefined;
  #graceMs = 0;
  #isGoing = false;
  #isStopping = false;
  #isOver = false;

  /** `ended` is called once, when the status file is in place. */
  constructor(prepare: Prepare, desk: Desk, ended: () => void) {
    this.prepare = prepare;
    this.#desk = desk;
    this.#done = ended;
  }

  get isGoing(): boolean {
    return this.#isGoing;
  }

  go(): void {
    if (this.#isGoing || this.#isOver) return;
    this.#isGoing = true;
    this.#begunAtMs = monotonicMs();
    this.#run().catch((error: unknown) => this.#finish(lost(say.internal(error))));
  }

  /** The daemon is gone or does not want it any more: it never starts. */
  async drop(): Promise<void> {
    if (!this.#isGoing) await this.#finish({ kind: 'not-started' });
  }

  stop(graceMs: number): void {
    if (this.#isStopping || this.#isOver) return;
    this.#isStopping = true;
    this.#abort.abort();
    if (!this.#isGoing) return void this.drop();
    this.#graceMs = graceMs;
    if (this.#channel !== undefined) this.#kill();
  }

  async #run(): Promise<void> {
    const { session, directory, merged } = this.prepare;
    const linked = await connect(session, this.#desk, this.#abort.signal);
    if (this.#isStopping) {
      if (linked.ok) linked.link.close();
      return this.#finish({ kind: 'not-started' });
    }
    if (!linked.ok) return this.#finish({ kind: 'failed', failure: linked.failure });
    this.#link = linked.link;
    this.#sink = await Sink.open(directory, merged);
    // A full disk may have held it up for long.
    if (this.#isStopping) return this.#finish({ kind: 'not-started' });
    const { text, input } = script(session);
    linked.link.client.on('close', () => this.#close());
    linked.link.client.exec(text, (error, channel) => {
      linked.link.settled();
      if (error) return void this.#finish(this.#refused(error));
      this.#attach(channel, input);
    });
  }

  #attach(channel: ClientChannel, input: string): void {
    this.#channel = channel;
    channel.on('error', () => {}); // `close` follows
    channel.stderr.on('error', () => {});
    channel.on('exit', (code: number | null, signal?: string, core?: boolean) => {
      this.#exit = endOf(code, signal, core === true);
      this.#ended = this.#times();
      // Where it was told to end, others of its group have the same grace as the command.
      const graceMs = this.#isStopping ? this.#graceMs + KILL_WAIT_MS : DRAIN_MS;
      this.#after(graceMs, () => this.#close());
    });
    channel.on('close', () => this.#close());
    this.#sink?.drain(channel, 0);
    this.#sink?.drain(channel.stderr, 1);
    if (input !== '') channel.write(input);
    if (this.prepare.session.verbatim) channel.end();
    if (this.#isStopping) this.#kill();
  }

  /** TERM, grace, KILL; a server that lets nobody signal its command is given up. */
  #kill(): void {
    this.#signal('TERM');
    this.#after(this.#graceMs, () => {
      this.#signal('KILL');
      this.#after(KILL_WAIT_MS, () => {
        void this.#finish(this.#exit ?? lost(say.deaf(this.#link?.name)));
      });
    });
  }

  #signal(name: 'TERM' | 'KILL'): void {
    if (this.#link === undefined || this.#channel === undefined) return;
    const { verbatim } = this.prepare.session;
    if (!verbatim) this.#channel.write(stopLine(name, this.#graceMs));
    // A command that hears us must not hear TERM twice.
    if (verbatim || name === 'KILL') sendSignal(this.#link.client, this.#channel, name);
  }

  /** The channel or its connection is closed. */
  #close(): void {
    const why = this.#link?.trouble();
    const { keepaliveMs } = this.prepare.session;
    const reason =
      why === 'Keepalive timeout'
        ? say.noSign(showDuration(keepaliveMs * 5))
        : (why ?? say.noStatus());
    void this.#finish(this.#exit ?? lost(say.broke(this.#link?.name, reason)));
  }

  /** The server would not run it; or nobody knows, where the connection broke just then. */
  #refused(error: Error): End {
    const { name } = this.#link ?? { name: '' };
    if (this.#link?.trouble() !== undefined || /No response/.test(error.message)) {
      return lost(say.broke(name, error.message));
    }
    const message = say.noCommand(name, error.message);
    return { kind: 'failed', failure: { phase: 'connect', message } };
  }

  async #finish(end: End): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    const times = (end === this.#exit ? this.#ended : undefined) ?? this.#times();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#abort.abort();
    this.#channel?.close();
    await this.#sink?.close();
    this.#link?.close();
    const { directory, attempt } = this.prepare;
    await writeStatus(join(directory, `status.${attempt}`), end, times);
    this.#done();
  }

  #times(): Times {
    const steadyMs = monotonicMs();
    const { termAtMs } = this.#desk;
    return {
      tookMs: Math.round(steadyMs - this.#begunAtMs),
      steadyMs: Math.round(steadyMs),
      wallMs: Date.now(),
      termMs: termAtMs === undefined ? null : Math.round(steadyMs - termAtMs),
    };
  }

  #after(ms: number, callback: () => void): void {
    this.#timers.push(setTimeout(callback, ms));
  }
}

function lost(message: string): End {
  const failure: Failure = { phase: 'lost', message };
  return { kind: 'failed', failure };
}

function endOf(code: number | null, signal: string | undefined, core: boolean): End {
  if (code !== null) return { kind: 'exited', code };
  const numbers: Readonly<Record<string, number>> = constants.signals;
  const number = numbers[signal ?? ''];
  if (number !== undefined) return { kind: 'signalled', signal: number, core };
  return lost(say.foreignSignal(signal));
}

/**
 * ssh2's own `signal` does nothing once stdin is finished, as it is for a verbatim command; the
 * protocol knows no such rule. A test holds these two private names.
 */
function sendSignal(client: Client, channel: ClientChannel, name: 'TERM' | 'KILL'): void {
  const inner = client as unknown as { _protocol?: { signal?(id: number, name: string): void } };
  const { outgoing } = channel as unknown as { outgoing?: { id: number; state: string } };
  if (outgoing === undefined || outgoing.state === 'closed' || outgoing.state === 'closing') return;
  inner._protocol?.signal?.(outgoing.id, name);
}
