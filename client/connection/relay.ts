/**
 * One run as its client sees it: the request, the position in its output, and how it ended. It does
 * not deal with connections: the fast path (client/main.ts) starts with it, and when the connection
 * breaks, client/connection/conversation.ts continues with the same object, at the same byte.
 *
 *   asked ── accepted, joined ──> waiting ── ended ──────────────> Ending
 *     ├── refused, error ───────────────────────────────────────> Ending
 *     └── ignored, or (without wait) accepted, joined ──────────> Ending, status 0
 *
 * Invariants: every byte is written once, in the order of its stream; the status is never 0 for a
 * run that did not succeed, or if output could not be written; messages of baton never go to
 * stdout.
 */
import { isatty } from 'node:tty';
import { EXIT, PROTOCOL_VERSION, type Reply } from '../../daemon/protocol/request.ts';
import type { RequestInput } from '../../daemon/protocol/request-schema.ts';
import {
  forgotten,
  notCancelled,
  outputNotWritten,
  printedNothing,
  runContinues,
  uncancelled,
} from '../client-errors.ts';
import type { Ending } from '../ending.ts';
import { areOneFile, complain, writeAll } from '../terminal/output.ts';
import type { BegunRelay } from './begun-relay.ts';
import { isOwn, type ReplyOf } from './replies.ts';
import { labelOf, type NamedRun, type RunRequest, waitRequest } from './run-requests.ts';
import { onSignals } from './signals.ts';

const CANCEL_ID = 'cancel';
const DONE: Ending = { status: 0, isOwn: false };
const FD = { out: 1, err: 2 } as const;
const SIGHUP = 1;
const NEWLINE = 10;
/** How long a client that must end waits for any answer. */
const SIGNAL_PATIENCE_MS = 10_000;

export class Relay {
  readonly #request: RunRequest;
  readonly #label: string;
  readonly #writeOut: typeof writeAll;
  readonly #offsets = { out: 0, err: 0 };
  /** Streams that nobody reads any more. */
  readonly #closed = { out: false, err: false };
  #run: number | undefined;
  /** Tells the run from others with the same number. */
  #nonce: string | undefined;
  #isForeign = false;
  readonly #isMerged = areOneFile();
  #isMidLine = false;
  /** Some output could not be written, though somebody may have wanted it. */
  #isUnwritten = false;
  #wasAsked = false;
  #signal: number | undefined;
  /** The daemon has answered since the signal. */
  #wasHeard = false;
  #send: ((request: RequestInput) => void) | undefined;

  /** `write` gets the run's output. */
  constructor(request: RunRequest, write: typeof writeAll = writeAll) {
    this.#request = request;
    this.#writeOut = write;
    if (request.type === 'wait') {
      if (typeof request.run === 'number') this.#run = request.run;
      this.#nonce = request.nonce;
    }
    this.#isForeign = request.type !== 'run';
    this.#label = labelOf(request);
  }

  /** Continues from the state of an earlier client in this process. */
  static resumed(request: RunRequest, begun: BegunRelay): Relay {
    const relay = new Relay(request);
    relay.#wasAsked = true;
    relay.#run = begun.run ?? relay.#run;
    relay.#nonce = begun.nonce ?? relay.#nonce;
    relay.#isForeign = begun.isForeign;
    relay.#isMidLine = begun.isMidLine;
    for (const stream of ['out', 'err'] as const) {
      relay.#offsets[stream] = begun[stream].offset;
      relay.#closed[stream] = begun[stream].isShut;
    }
    if (begun.signal !== undefined) relay.#stop(begun.signal);
    return relay;
  }

  /** The run existed before: this client must not cancel it. */
  get isForeign(): boolean {
    return this.#isForeign;
  }

  get label(): string {
    return this.#label;
  }

  /** The first signal. */
  get signal(): number | undefined {
    return this.#signal;
  }

  get wasAsked(): boolean {
    return this.#wasAsked;
  }

  /** Once known. */
  get run(): number | undefined {
    return this.#run;
  }

  /** The daemon may have accepted a run that this client does not know of. */
  get isInDoubt(): boolean {
    return this.#wasAsked && this.#run === undefined && this.#request.type === 'run';
  }

  /** To be sent with the number. */
  get nonce(): Omit<NamedRun, 'run'> {
    return this.#nonce === undefined ? {} : { nonce: this.#nonce };
  }

  /** The request for a new connection. */
  request(): RequestInput {
    if (this.#run === undefined) return this.#request;
    const from = { ...this.#offsets };
    if (this.#request.type === 'output')
      return { ...this.#request, of: this.#run, ...this.nonce, from };
    const token = this.#request.type === 'run' ? this.#request.token : undefined;
    return waitRequest(
      { run: this.#run, ...this.nonce },
      { from, ...(token === undefined ? {} : { token }) },
    );
  }

  /** The request has been sent; `send` sends more on the same connection. */
  opened(send: (request: RequestInput) => void): void {
    this.#wasAsked = true;
    this.#send = send;
    this.#cancel();
  }

  lost(): void {
    this.#send = undefined;
  }

  /** From now on SIGINT and SIGTERM end the run, and a second one this client. */
  takeSignals(): void {
    onSignals((signal) => this.#interrupt(signal));
    process.on('SIGHUP', () => process.exit(EXIT.signalBase + SIGHUP));
  }

  /** Handles one reply; returns how to exit once that is known. */
  take(reply: Reply): Ending | undefined {
    this.#wasHeard = true;
    switch (reply.type) {
      case 'accepted':
      case 'joined':
        return this.#accepted(reply);
      case 'found':
        this.#run = reply.run;
        this.#nonce = reply.nonce;
        return undefined;
      case 'ignored':
        return DONE; // as the target wants: another run already serves this request
      case 'refused':
        return this.#own(reply.exit, reply.reason);
      case 'output':
        this.#write(reply);
        return undefined;
      case 'notice':
        // cron would mail it, although the next attempt may well succeed.
        if (reply.isNews !== true || isatty(FD.err)) {
          complain(`${this.#label}: ${reply.text}`, this.#isMidLine);
        }
        return undefined;
      case 'ended':
        return this.#request.type === 'output' ? this.#shown() : this.#ended(reply);
      case 'done':
        return this.#request.type === 'output' ? this.#shown() : undefined;
      case 'error':
        return this.#failed(reply);
      default:
        // Irrelevant for a run; fleet-answer.ts handles fleets. A newer daemon may send others.
        reply satisfies ReplyOf<
          'fleet' | 'started' | 'history' | 'status' | 'why' | 'probed' | 'pong'
        >;
        return undefined;
    }
  }

  #accepted({ type, run, nonce }: ReplyOf<'accepted' | 'joined'>): Ending | undefined {
    if (this.#run !== undefined) return undefined;
    [this.#run, this.#nonce] = [run, nonce];
    this.#isForeign = type === 'joined';
    if (!this.#isWaiting()) return DONE;
    this.#cancel();
    return undefined;
  }

  #isWaiting(): boolean {
    return this.#request.type !== 'run' || this.#request.wait === true;
  }

  #own(status: number, reason: string): Ending {
    const line = `${this.#label}: ${reason}`;
    return { status: status || EXIT.noVerdict, isOwn: true, line, isMidLine: this.#isMidLine };
  }

  /** Writes the new part of a frame: after a reconnect, it may begin before our offset. */
  #write(frame: ReplyOf<'output'>): void {
    const { stream, run } = frame;
    if (run !== this.#run) {
      this.#run = run;
      this.#offsets.out = 0;
      this.#offsets.err = 0;
    }
    const bytes = Buffer.from(frame.data, frame.encoding ?? 'utf8');
    const behind = this.#offsets[stream] - frame.offset;
    const fresh = behind > 0 ? bytes.subarray(behind) : bytes;
    if (fresh.length === 0) return;
    this.#offsets[stream] = frame.offset + bytes.length;
    if (this.#closed[stream]) return;
    const code = this.#writeOut(FD[stream], fresh);
    if (stream === 'err' || this.#isMerged) this.#isMidLine = fresh.at(-1) !== NEWLINE;
    if (code === undefined) return;
    this.#closed[stream] = true;
    if (code === 'EPIPE') return;
    this.#isUnwritten = true;
    complain(`${this.#label}: ${outputNotWritten(stream, code, this.#run)}`);
  }

  /** All of the requested output has arrived. */
  #shown(): Ending {
    return this.#isUnwritten ? { status: EXIT.unwritten, isOwn: true } : DONE;
  }

  #ended(reply: ReplyOf<'ended'>): Ending {
    const { exit, verdict, tell, target, run, text } = reply;
    const wasSilent = this.#offsets.out + this.#offsets.err === 0;
    const isSuccess = verdict !== 'failed';
    const ending = { status: exit, isOwn: isOwn(reply), isMidLine: this.#isMidLine, isSuccess };
    const line = `${target}: run ${run} ${text}`;
    if (tell) return { ...ending, line };
    // Output is missing, so this is a failure. Its line has already been printed.
    if (exit === 0 && this.#isUnwritten) return { ...ending, ...this.#shown() };
    // cron mails only if something is printed: a silent failure would go unnoticed.
    if (exit !== 0 && verdict === 'failed' && wasSilent) {
      return { ...ending, line: line + printedNothing() };
    }
    return isSuccess ? ending : { ...ending, failure: line };
  }

  #failed({ id, code, exit, message }: ReplyOf<'error'>): Ending | undefined {
    if (id === CANCEL_ID) {
      complain(`${this.#label}: ${notCancelled(this.#run, message)}`, this.#isMidLine);
      return undefined;
    }
    if (code === 'unknown-run' && this.#request.type === 'run') {
      return this.#own(EXIT.noVerdict, forgotten(this.#run));
    }
    return this.#own(exit, message);
  }

  #interrupt(signal: number): void {
    if (this.#signal !== undefined || !this.#wasAsked) process.exit(EXIT.signalBase + signal);
    this.#stop(signal);
  }

  #stop(signal: number): void {
    this.#signal = signal;
    this.#cancel();
    this.#wasHeard = false;
    setTimeout(() => this.#leaveUnheard(signal), SIGNAL_PATIENCE_MS).unref();
  }

  /** A client that must end does not wait for a daemon that is away or does not answer. */
  #leaveUnheard(signal: number): void {
    if (this.#wasHeard) return;
    complain(`${this.#label}: ${uncancelled(SIGNAL_PATIENCE_MS, this.#run)}`, this.#isMidLine);
    process.exit(EXIT.signalBase + signal);
  }

  /** Passes on a signal once there is a run and a connection. */
  #cancel(): void {
    if (this.#signal === undefined || this.#run === undefined) return;
    if (this.#isForeign) {
      complain(`${this.#label}: ${runContinues(this.#run)}`, this.#isMidLine);
      process.exit(EXIT.signalBase + this.#signal);
    }
    const of = { of: this.#run, ...this.nonce };
    this.#send?.({ type: 'cancel', v: PROTOCOL_VERSION, id: CANCEL_ID, ...of });
  }
}
