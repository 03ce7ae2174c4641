/**
 * A remote command that runs through the system's ssh (`via: "openssh"`). Ending ssh would not end
 * the command: sshd leaves a command running when its client is gone. As with ssh2, a small shell
 * listens on its stdin (remote-script.ts). It first prints a mark on stderr, and starts the command
 * only when it has received its input. Hence:
 *
 * - before the mark nothing has run: 255 is ssh's own, and says why it could not connect;
 * - a command that is to be stopped before the mark is never started;
 * - a 255 of the command's own, or of its KILL, comes with the mark again; without it the
 *   connection broke.
 *
 * A forced command prints no mark, and no stop reaches it: then nothing claims that it has ended.
 */
import { constants } from 'node:os';
import { type Readable, Transform } from 'node:stream';
import type { SshSession } from '../../daemon/core/plan.ts';
import { lastLine } from '../../daemon/shared/lines.ts';
import type { StopOrder, StopSignal } from '../../daemon/shared/stop.ts';
import type { Failure } from '../ssh/keeper-protocol.ts';
import { LOST_CODE, type Script, script, stopLine } from '../ssh/remote-script.ts';
import * as say from '../ssh/ssh-messages.ts';
import type { RemoteCommand } from './remote-command.ts';
import { type Ssh, spawnSsh } from './spawn-ssh.ts';
import { type End, lost } from './status-writer.ts';

/** How much of ssh's messages is kept for an error. */
const SAID_BYTES_MAX = 4_096;
const KILLED: End = { kind: 'signalled', signal: constants.signals.SIGKILL, core: false };

export class OpensshCommand implements RemoteCommand {
  readonly err: Marked;
  readonly #session: SshSession;
  readonly #script: Script;
  readonly #ssh: Ssh;
  #exit: { readonly code: number | null; readonly signal: string | null } | undefined;
  #isTold = false;
  #isStopping = false;
  #isKilled = false;
  #hasWritten = false;

  /** Starts it, with `args` before the command; or returns the errno if ssh(1) cannot start. */
  static async begin(
    session: SshSession,
    stop: StopOrder,
    args: readonly string[],
  ): Promise<OpensshCommand | string> {
    const text = script({ ...session, stop }, true);
    const ssh = await spawnSsh([...args, text.text]);
    return typeof ssh === 'string' ? ssh : new OpensshCommand(session, text, ssh);
  }

  private constructor(session: SshSession, text: Script, ssh: Ssh) {
    this.#session = session;
    this.#script = text;
    this.#ssh = ssh;
    this.#ssh.stdin.on('error', () => {}); // ssh has ended; `exit` says how
    this.#ssh.stdout.once('data', () => {
      this.#hasWritten = true;
    });
    this.err = new Marked(this.#script.mark, () => this.#begin());
    this.#ssh.stderr.pipe(this.err);
    if (session.verbatim) this.#ssh.stdin.end();
  }

  get out(): Readable {
    return this.#ssh.stdout;
  }

  /** The other side waits for its input. */
  #begin(): void {
    if (this.#isTold) return;
    if (this.#isStopping) return void this.#ssh.stdin.end();
    this.#isTold = true;
    this.#ssh.stdin.write(this.#script.input);
  }

  watch(ended: () => void, closed: () => void): void {
    this.#ssh.once('exit', (code, signal) => {
      this.#exit = { code, signal };
      ended();
      // The outcome depends on its last output.
      if (this.err.readableEnded) closed();
      else this.err.once('end', closed);
    });
  }

  signal(name: StopSignal | 'KILL', order: StopOrder): void {
    this.#isStopping = true;
    this.#isKilled ||= name === 'KILL';
    if (this.#isTold) this.#ssh.stdin.write(stopLine(name, order));
  }

  close(): void {
    this.#ssh.kill('SIGKILL');
  }

  get end(): End | undefined {
    if (this.#exit === undefined) return undefined;
    const { code, signal } = this.#exit;
    const mayHaveRun = this.#isTold || this.#isForced;
    if (this.#isKilled && this.err.marks > 1) return KILLED;
    if (code !== null && (code !== LOST_CODE || this.#isOwn)) return { kind: 'exited', code };
    if (!mayHaveRun && this.#isStopping) return { kind: 'not-started' };
    const said = signal === null ? this.err.said : say.sshKilled(signal);
    if (!mayHaveRun)
      return failed(phaseOf(said), say.sshFailed(this.#session.host, lastLine(said)));
    return lost(say.connectionBroke(this.#session.host, lastLine(said) || say.noStatus()));
  }

  /** A 255 that is, or may be, the command's own: with a forced command that is unknown. */
  get #isOwn(): boolean {
    return this.#isTold ? this.err.marks > 1 : this.#isForced && !this.#isStopping;
  }

  /** Something other than our small shell has run: ssh itself never fails silently. */
  get #isForced(): boolean {
    const isSilent = this.#exit?.code === LOST_CODE && this.err.said === '';
    return this.#session.verbatim || this.#hasWritten || isSilent;
  }
}

/** Passes a stream through without the marks in it, and keeps its end. */
class Marked extends Transform {
  readonly #mark: Buffer;
  readonly #seen: () => void;
  #rest: Buffer = Buffer.alloc(0);
  #said: Buffer = Buffer.alloc(0);
  marks = 0;

  constructor(mark: string, seen: () => void) {
    super();
    this.#mark = Buffer.from(`${mark}\n`);
    this.#seen = seen;
  }

  /** The end of its output. */
  get said(): string {
    return this.#said.toString();
  }

  override _transform(chunk: Buffer, _: BufferEncoding, done: () => void): void {
    let text = Buffer.concat([this.#rest, chunk]);
    for (let at = text.indexOf(this.#mark); at >= 0; at = text.indexOf(this.#mark)) {
      this.#pass(text.subarray(0, at));
      text = text.subarray(at + this.#mark.length);
      this.marks++;
      this.#seen();
    }
    const open = openBytes(text, this.#mark);
    this.#pass(text.subarray(0, text.length - open));
    this.#rest = text.subarray(text.length - open);
    done();
  }

  override _flush(done: () => void): void {
    this.#pass(this.#rest);
    done();
  }

  #pass(text: Buffer): void {
    if (text.length === 0) return;
    this.push(text);
    this.#said = Buffer.concat([this.#said, text.subarray(-SAID_BYTES_MAX)]).subarray(
      -SAID_BYTES_MAX,
    );
  }
}

/** How many bytes at the end may be the beginning of a mark. */
function openBytes(text: Buffer, mark: Buffer): number {
  for (let bytes = Math.min(text.length, mark.length - 1); bytes > 0; bytes--) {
    if (text.subarray(text.length - bytes).equals(mark.subarray(0, bytes))) return bytes;
  }
  return 0;
}

const AUTH = /Permission denied|Too many authentication failures|Authentication failed/;
const HOST_KEY = /Host key verification failed|HOST IDENTIFICATION HAS CHANGED/;

/** According to ssh's messages. */
export function phaseOf(said: string): Failure['phase'] {
  return HOST_KEY.test(said) ? 'hostkey' : AUTH.test(said) ? 'auth' : 'connect';
}

function failed(phase: Failure['phase'], message: string): End {
  return { kind: 'failed', failure: { phase, message } };
}
