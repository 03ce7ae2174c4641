/**
 * The runs of a fleet as their client sees them: each is waited for by its number, on one
 * connection and only a limited number at a time, and FleetOutput arranges their output. When the
 * connection breaks, the unfinished ones are requested again, at the same byte.
 *
 * At a terminal, output arrives during the wait. Otherwise the client waits only for the end, and
 * then fetches the output, one host after the other: until then it stays with the daemon, however
 * much it is.
 */
import { isatty } from 'node:tty';
import {
  EXIT,
  type FleetRun,
  PROTOCOL_VERSION,
  type Reply,
} from '../../daemon/protocol/request.ts';
import type { RequestInput } from '../../daemon/protocol/request-schema.ts';
import { fleetContinues, notCancelled, outputNotWritten, uncancelled } from '../client-errors.ts';
import type { FleetOutput } from '../terminal/fleet-output.ts';
import type { HostEnd } from '../terminal/fleet-text.ts';
import { complain } from '../terminal/output.ts';
import type { Conversation } from './conversation.ts';
import { isOwn, type ReplyOf } from './replies.ts';
import { type NamedRun, waitRequest } from './run-requests.ts';

/** Most simultaneous waits; a connection may have 256 open requests. */
export const WAITS_MAX = 150;
/** The same for requests that are answered soon. */
export const ASKS_MAX = 50;
/** How long a client that must end waits for any answer. */
const SIGNAL_PATIENCE_MS = 10_000;
const STDERR = 2;

type Stream = 'out' | 'err';

interface Member {
  readonly target: string;
  readonly host: string;
  named: NamedRun;
  /** This client has requested it, so it may cancel it. */
  readonly isOurs: boolean;
  readonly offsets: { out: number; err: number };
  end?: HostEnd;
}

interface Options {
  readonly output: FleetOutput;
  /** The output arrives during the wait. */
  readonly isLive: boolean;
  /** Print nothing for successful runs. */
  readonly quiet: boolean;
}

export class FleetRelay implements Conversation<readonly HostEnd[]> {
  readonly label: string;
  readonly #members: readonly Member[];
  readonly #output: FleetOutput;
  readonly #isLive: boolean;
  readonly #quiet: boolean;
  /** Ended runs whose output has not been shown; the first one is being shown. */
  readonly #toShow: number[] = [];
  /** Members to be cancelled, the youngest last. */
  #toCancel: number[] = [];
  readonly #open = new Set<string>();
  readonly #closed = { out: false, err: false };
  /** Some output could not be written, though somebody may have wanted it. */
  isUnwritten = false;
  #send: ((request: RequestInput) => void) | undefined;
  #signal: number | undefined;
  #wasHeard = false;

  constructor(fleet: string, runs: readonly FleetRun[], options: Options) {
    this.label = fleet;
    this.#output = options.output;
    this.#isLive = options.isLive;
    this.#quiet = options.quiet;
    this.#members = runs.flatMap((one) => (one.type === 'ignored' ? [] : memberOf(one, fleet)));
  }

  get run(): number | undefined {
    return this.#members.find(({ end }) => end === undefined)?.named.run;
  }

  request(): RequestInput {
    this.#open.clear();
    // It is unknown whether earlier requests had any effect.
    if (this.#signal !== undefined) this.#toCancel = this.#ours();
    const [first] = this.#next();
    return first ?? { type: 'ping', v: PROTOCOL_VERSION };
  }

  opened(send: (request: RequestInput) => void): void {
    this.#send = send;
    this.#pump();
  }

  lost(): void {
    this.#send = undefined;
  }

  take(reply: Reply): readonly HostEnd[] | undefined {
    this.#wasHeard = true;
    const [what = '', index = '-1'] = String(reply.id ?? '').split(' ');
    const member = this.#members[Number(index)];
    // It applies to the whole connection.
    if (member === undefined && reply.type === 'error') this.#lostAll(reply);
    if (member !== undefined) {
      if (what === 'cancel') this.#cancelled(reply, member);
      else if (what === 'output') this.#shown(reply, member);
      else this.#waited(reply, member);
      if (isLast(reply)) this.#open.delete(`${what} ${index}`);
    }
    this.#pump();
    const isOver = this.#toShow.length === 0 && this.run === undefined;
    return isOver ? this.#members.flatMap(({ end }) => end ?? []) : undefined;
  }

  /** The first signal ends what this client has requested, the second one this client. */
  readonly interrupt = (signal: number): void => {
    const status = EXIT.signalBase + signal;
    if (this.#signal !== undefined) process.exit(status);
    this.#signal = signal;
    const ours = this.#ours();
    if (ours.length === 0) {
      complain(`${this.label}: ${fleetContinues(this.label)}`);
      process.exit(status);
    }
    this.#toCancel = ours;
    this.#wasHeard = false;
    this.#pump();
    setTimeout(() => this.#leaveUnheard(status), SIGNAL_PATIENCE_MS).unref();
  };

  /** Runs that this client has requested and that have not ended. */
  #ours(): number[] {
    return this.#members.flatMap(({ isOurs, end }, index) =>
      isOurs && end === undefined ? index : [],
    );
  }

  #lostAll({ exit, message: text }: ReplyOf<'error'>): void {
    this.#toShow.length = 0;
    const status = exit || EXIT.noVerdict;
    for (const member of this.#members) {
      const { host, named, end } = member;
      member.end = end ?? { host, run: named.run, status, isOwn: true, verdict: 'failed', text };
    }
  }

  #leaveUnheard(status: number): void {
    if (this.#wasHeard) return;
    complain(`${this.label}: ${uncancelled(SIGNAL_PATIENCE_MS, this.run)}`);
    process.exit(status);
  }

  #pump(): void {
    const send = this.#send;
    if (send === undefined) return;
    for (const request of this.#next()) send(request);
  }

  /** Requests that can be sent now. */
  *#next(): Generator<RequestInput> {
    let waits = [...this.#open].filter((id) => id.startsWith('wait')).length;
    for (const [index, { named, offsets, end }] of this.#members.entries()) {
      const id = `wait ${index}`;
      if (end !== undefined || this.#open.has(id)) continue;
      if (waits++ >= WAITS_MAX) break;
      this.#open.add(id);
      const more = this.#isLive ? { from: { ...offsets } } : { output: false };
      yield { ...waitRequest(named, more), id };
    }
    yield* this.#nextAsks();
  }

  *#nextAsks(): Generator<RequestInput> {
    const [index] = this.#toShow;
    const shown = index === undefined ? undefined : this.#members[index];
    if (shown !== undefined && !this.#open.has(`output ${index}`)) {
      const { run: of, ...nonce } = shown.named;
      this.#open.add(`output ${index}`);
      const from = { ...shown.offsets };
      yield { type: 'output', v: PROTOCOL_VERSION, id: `output ${index}`, of, ...nonce, from };
    }
    while (this.#toCancel.length > 0) {
      if ([...this.#open].filter((id) => id.startsWith('cancel')).length >= ASKS_MAX) return;
      // Youngest first: a queued run must not start because another one ended.
      const at = this.#toCancel.pop();
      const member = at === undefined ? undefined : this.#members[at];
      if (member === undefined || member.end !== undefined) continue;
      const { run: of, ...nonce } = member.named;
      this.#open.add(`cancel ${at}`);
      yield { type: 'cancel', v: PROTOCOL_VERSION, id: `cancel ${at}`, of, ...nonce };
    }
  }

  #waited(reply: Reply, member: Member): void {
    switch (reply.type) {
      case 'found': {
        const { run, nonce } = reply;
        member.named = nonce === undefined ? { run } : { run, nonce };
        return;
      }
      case 'output':
        return this.#write(reply, member);
      case 'notice':
        if (reply.isNews !== true || isatty(STDERR)) complain(`${member.target}: ${reply.text}`);
        return;
      case 'ended':
        return this.#ended(member, {
          status: reply.exit,
          isOwn: isOwn(reply),
          verdict: reply.verdict,
          outcome: reply.outcome,
          text: reply.text,
        });
      case 'refused':
      case 'error': {
        const text = reply.type === 'error' ? reply.message : reply.reason;
        const status = reply.exit || EXIT.noVerdict;
        return this.#ended(member, { status, isOwn: true, verdict: 'failed', text });
      }
      default:
        return;
    }
  }

  #ended(member: Member, end: Omit<HostEnd, 'host' | 'run'>): void {
    if (member.end !== undefined) return;
    const { host, named } = member;
    member.end = { host, run: named.run, ...end };
    if (this.#isLive) this.#told(this.#output.end(host), 'out', named.run);
    else if (!this.#quiet || end.verdict === 'failed') {
      this.#toShow.push(this.#members.indexOf(member));
    }
  }

  #shown(reply: Reply, member: Member): void {
    if (reply.type === 'output') return this.#write(reply, member);
    if (reply.type === 'notice') return complain(`${member.target}: ${reply.text}`);
    if (reply.type === 'error') complain(`${member.target}: ${reply.message}`);
    if (!isLast(reply)) return;
    this.#told(this.#output.end(member.host), 'out', member.named.run);
    this.#toShow.shift();
  }

  /** Writes the new part of a frame: after a reconnect, it may begin before our offset. */
  #write(frame: ReplyOf<'output'>, { host, offsets, named }: Member): void {
    const { stream } = frame;
    const bytes = Buffer.from(frame.data, frame.encoding ?? 'utf8');
    const behind = offsets[stream] - frame.offset;
    const fresh = behind > 0 ? bytes.subarray(behind) : bytes;
    if (fresh.length === 0) return;
    offsets[stream] = frame.offset + bytes.length;
    if (!this.#closed[stream]) {
      this.#told(this.#output.write(host, stream, fresh), stream, named.run);
    }
  }

  /** `code` says why it could not be written. */
  #told(code: string | undefined, stream: Stream, run: number): void {
    if (code === undefined || this.#closed[stream]) return;
    this.#closed[stream] = true;
    if (code === 'EPIPE') return;
    this.isUnwritten = true;
    complain(`${this.label}: ${outputNotWritten(stream, code, run)}`);
  }

  #cancelled(reply: Reply, { target, named, end }: Member): void {
    if (reply.type !== 'error' || end !== undefined) return;
    complain(`${target}: ${notCancelled(named.run, reply.message)}`);
  }
}

function memberOf(
  { type, target, run, nonce }: Exclude<FleetRun, { readonly type: 'ignored' }>,
  fleet: string,
): Member {
  const host = target.startsWith(`${fleet}@`) ? target.slice(fleet.length + 1) : target;
  const named = nonce === undefined ? { run } : { run, nonce };
  return { target, host, named, isOurs: type === 'accepted', offsets: { out: 0, err: 0 } };
}

function isLast({ type }: Reply): boolean {
  return type === 'ended' || type === 'done' || type === 'error' || type === 'refused';
}
