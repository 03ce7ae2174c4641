/**
 * One run on another machine, from `go` to its status file.
 *
 *   prepared ──go──> connecting ──exec──> executing ──close──> (status file written) ended
 *      │ drop, or daemon gone   │ stop         │ stop: signal, grace, KILL, then given up as lost
 *      v                        v              v
 *    ended (never started)    ended          ended
 *
 * The remote command has no terminal and an empty stdin. It is ended by the shell that
 * remote-script.ts wraps around it, or by the server if it is sent verbatim. Never run anything on
 * a second channel to kill the first: behind a forced command, that would run the command again.
 */
import { join } from 'node:path';
import { showDuration } from '../../daemon/shared/duration.ts';
import { isShortage } from '../../daemon/shared/errno.ts';
import type { StopOrder } from '../../daemon/shared/stop.ts';
import { connect, type SharedParts } from '../ssh/connect.ts';
import type { JumpChain, Unlinked } from '../ssh/handshake.ts';
import type { Prepare } from '../ssh/keeper-protocol.ts';
import { script } from '../ssh/remote-script.ts';
import * as say from '../ssh/ssh-messages.ts';
import { HeldRecord } from './held-record.ts';
import { OpensshCommand } from './openssh.ts';
import { checkAgent } from './openssh-agent.ts';
import { OutputWriter } from './output-writer.ts';
import { ChannelCommand, type RemoteCommand } from './remote-command.ts';
import { type End, lost, monotonicMs, type Times, writeStatus } from './status-writer.ts';

/** How long to wait for output of processes that the command left behind. */
const DRAIN_MS = 5_000;
/** How long a server may take to report the end of a killed command. */
const KILL_WAIT_MS = 5_000;

export class Task {
  readonly prepare: Prepare;
  readonly #shared: SharedParts;
  readonly #done: () => void;
  readonly #abort = new AbortController();
  readonly #timers: NodeJS.Timeout[] = [];
  #link: JumpChain | undefined;
  #command: RemoteCommand | undefined;
  #writer: OutputWriter | undefined;
  #record: HeldRecord | undefined;
  #begunAtMs = monotonicMs();
  #ended: Times | undefined;
  #order: StopOrder;
  #isGoing = false;
  #isStopping = false;
  #isOver = false;

  /** `ended` is called once, when the status file is in place. */
  constructor(prepare: Prepare, shared: SharedParts, ended: () => void) {
    this.prepare = prepare;
    this.#order = prepare.stop;
    this.#shared = shared;
    this.#done = ended;
  }

  get isGoing(): boolean {
    return this.#isGoing;
  }

  go(): void {
    if (this.#isGoing || this.#isOver) return;
    this.#isGoing = true;
    this.#record = new HeldRecord(this.prepare);
    this.#begunAtMs = monotonicMs();
    this.#run().catch((error: unknown) => this.#finish(lost(say.internal(error))));
  }

  /** The daemon is gone or does not want it any more: it never starts. */
  async drop(): Promise<void> {
    if (!this.#isGoing) await this.#finish({ kind: 'not-started' });
  }

  stop(order: StopOrder): void {
    if (this.#isStopping || this.#isOver) return;
    this.#isStopping = true;
    this.#abort.abort();
    if (!this.#isGoing) return void this.drop();
    this.#order = order;
    if (this.#command !== undefined) this.#kill();
  }

  async #run(): Promise<void> {
    const { session, merged } = this.prepare;
    if (session.openssh === undefined) {
      const linked = await connect(session, this.#shared, this.#abort.signal);
      if (linked.ok) this.#link = linked.link;
      else if (!this.#isStopping) return this.#finish(unconnected(linked));
    }
    if (!this.#isStopping) this.#writer = await OutputWriter.open(this.#directory, merged);
    // A full disk may have delayed it for long.
    if (this.#isStopping) return this.#finish({ kind: 'not-started' });
    if (session.openssh === undefined) this.#exec();
    else await this.#begin(session.openssh);
  }

  /** Through ssh(1). */
  async #begin(args: readonly string[]): Promise<void> {
    const { session, stop } = this.prepare;
    const trouble = await checkAgent(session, this.#shared.router, this.#abort.signal);
    if (this.#isStopping) return this.#finish({ kind: 'not-started' });
    if (trouble !== undefined) return this.#finish(trouble);
    const command = await OpensshCommand.begin(session, stop, args);
    if (typeof command !== 'string') return this.#attach(command);
    if (isShortage(command)) return this.#finish({ kind: 'shortage', errno: command });
    const failure = { phase: 'connect', message: say.noSpawn(command) } as const;
    return this.#finish({ kind: 'failed', failure });
  }

  #exec(): void {
    const { session, stop } = this.prepare;
    const link = this.#link;
    if (link === undefined) throw new Error('Internal error: no link');
    const { client } = link;
    const sent = script({ ...session, stop });
    client.on('close', () => this.#close());
    client.exec(sent.text, (error, channel) => {
      link.settled();
      if (error) return void this.#finish(this.#refused(error));
      this.#attach(new ChannelCommand(client, channel, session, sent));
    });
  }

  #attach(command: RemoteCommand): void {
    this.#command = command;
    command.watch(
      () => {
        this.#ended = this.#times();
        // If it was told to end, the rest of its group gets the same grace time as the command.
        const graceMs = this.#isStopping ? this.#order.graceMs + KILL_WAIT_MS : DRAIN_MS;
        this.#after(graceMs, () => this.#close());
      },
      () => this.#close(),
    );
    this.#writer?.drain(command.out, 0);
    this.#writer?.drain(command.err, 1);
    if (this.#isStopping) this.#kill();
  }

  /** Signal, grace time, KILL; then gives up on a server that lets nobody signal its command. */
  #kill(): void {
    const order = this.#order;
    this.#command?.signal(order.signal, order);
    this.#after(order.graceMs, () => {
      this.#command?.signal('KILL', order);
      this.#after(KILL_WAIT_MS, () => {
        void this.#finish(this.#command?.end ?? lost(say.remoteIgnoresSignals(this.#name)));
      });
    });
  }

  /** The host, for people. */
  get #name(): string {
    return this.#link?.name ?? this.prepare.session.host;
  }

  /** The channel or its connection is closed. */
  #close(): void {
    const why = this.#link?.trouble();
    const { keepaliveMs } = this.prepare.session;
    const reason =
      why === 'Keepalive timeout'
        ? say.noSign(showDuration(keepaliveMs * 5))
        : (why ?? say.noStatus());
    void this.#finish(this.#command?.end ?? lost(say.connectionBroke(this.#name, reason)));
  }

  /** The server refused to run it; or that is unknown, if the connection broke at that moment. */
  #refused(error: Error): End {
    const name = this.#name;
    if (this.#link?.trouble() !== undefined || /No response/.test(error.message)) {
      return lost(say.connectionBroke(name, error.message));
    }
    const message = say.noCommand(name, error.message);
    return { kind: 'failed', failure: { phase: 'connect', message } };
  }

  async #finish(end: End): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    const times = this.#ended ?? this.#times();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#abort.abort();
    this.#command?.close();
    await this.#writer?.close();
    this.#link?.close();
    const { attempt, nonce } = this.prepare;
    const { lostBytes = 0 } = this.#writer ?? {};
    const place = (): string => join(this.#directory, `status.${attempt}.${nonce}`);
    await writeStatus(place, end, { ...times, lostBytes });
    this.#record?.close();
    this.#done();
  }

  /** Its current place: it may have been moved. */
  get #directory(): string {
    return this.#record?.directory ?? this.prepare.directory;
  }

  #times(): Times {
    const steadyMs = monotonicMs();
    const { termAtMs } = this.#shared;
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

function unconnected({ failure, shortage }: Unlinked): End {
  return shortage === undefined
    ? { kind: 'failed', failure }
    : { kind: 'shortage', errno: shortage };
}
