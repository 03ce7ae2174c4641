/**
 * One live line on stderr while a person waits for a run: what it waits for, then its progress.
 * Only at a terminal, and only in the foreground. The line is never mixed with the run's output: it
 * is removed before anything is written, and returns when the output is at the start of a line. It
 * is a conversation around the run's own (client/connection/relay.ts), which requests `why` on the
 * same connection; if the daemon does not permit that, it stops.
 */
import { fstatSync, readFileSync } from 'node:fs';
import { isatty } from 'node:tty';
import { PROTOCOL_VERSION, type Reply, type WhyReply } from '../../daemon/protocol/request.ts';
import type { RequestInput } from '../../daemon/protocol/request-schema.ts';
import type { Conversation } from '../connection/conversation.ts';
import type { Relay } from '../connection/relay.ts';
import type { Ending } from '../ending.ts';
import { showLive } from './live-text.ts';
import { writeAll } from './output.ts';
import { sheet } from './screen.ts';
import type { Screen } from './style.ts';
import { draw } from './styled-line.ts';

const STDERR = 2;
const NEWLINE = 10;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const LIVE_ID = 'live';
/** A run that ends before this needs no line. */
const QUIET_MS = 400;
const DRAW_MS = 1_000;
const REDRAW_MS = 100;
/** Interval of requests; in between, the displayed time keeps running. */
const ASK_MS = 2_000;
const CLEAR = '\r\x1b[K';

export class Live implements Conversation<Ending> {
  readonly #relay: Relay;
  #send: ((request: RequestInput) => void) | undefined;
  #known: { readonly reply: WhyReply; readonly atMs: number } | undefined;
  readonly #beganAtMs = performance.now();
  #askedAtMs = Number.NEGATIVE_INFINITY;
  #isRefused = false;
  #isShown = false;
  /** The terminal's cursor is in the middle of a line. */
  #isMidLine = false;
  /** Output went to a file that may or may not be this terminal. */
  #isBlind = false;
  #timer: NodeJS.Timeout | undefined;
  #soon: NodeJS.Timeout | undefined;

  /** `make` gets the function that writes the run's output. */
  constructor(make: (write: typeof writeAll) => Relay) {
    this.#relay = make(this.#pass);
    this.#timer = setTimeout(() => this.#tick(), QUIET_MS).unref();
    const clear = (): void => this.#clear();
    process.on('exit', clear);
    for (const signal of SIGNALS) process.prependListener(signal, clear);
  }

  get label(): string {
    return this.#relay.label;
  }

  get run(): number | undefined {
    return this.#relay.run;
  }

  get isInDoubt(): boolean {
    return this.#relay.isInDoubt;
  }

  get signal(): number | undefined {
    return this.#relay.signal;
  }

  request(): RequestInput {
    return this.#relay.request();
  }

  opened(send: (request: RequestInput) => void): void {
    this.#send = send;
    this.#relay.opened(send);
  }

  lost(): void {
    this.#send = undefined;
    this.#relay.lost();
  }

  take(reply: Reply): Ending | undefined {
    if (reply.id === LIVE_ID) {
      this.#hear(reply);
      return undefined;
    }
    if (reply.type === 'started' || reply.type === 'notice') this.#ask();
    if (reply.type === 'notice') this.#clear();
    const ending = this.#relay.take(reply);
    if (ending !== undefined) this.close();
    return ending;
  }

  /** All output of the run goes through here. */
  readonly #pass = (fd: number, bytes: Uint8Array): string | undefined => {
    const isSeen = isatty(fd);
    if (isSeen) this.#clear();
    else if (!fstatSync(fd).isFile()) this.#giveUp();
    const code = writeAll(fd, bytes);
    if (isSeen) this.#isMidLine = bytes.at(-1) !== NEWLINE;
    this.#drawSoon();
    return code;
  };

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#clear();
  }

  #giveUp(): void {
    this.#clear();
    this.#isBlind = true;
  }

  #tick(): void {
    if (performance.now() - this.#askedAtMs >= ASK_MS) this.#ask();
    this.#draw();
    this.#timer = setTimeout(() => this.#tick(), DRAW_MS).unref();
  }

  /** Not after every write: there may be thousands a second. */
  #drawSoon(): void {
    if (this.#soon !== undefined || this.#timer === undefined) return;
    this.#soon = setTimeout(() => {
      this.#soon = undefined;
      this.#draw();
    }, REDRAW_MS).unref();
  }

  #ask(): void {
    const { run } = this.#relay;
    if (run === undefined || this.#isRefused || this.#isBlind) return;
    this.#askedAtMs = performance.now();
    const of = { of: run, ...this.#relay.nonce };
    this.#send?.({ type: 'why', v: PROTOCOL_VERSION, id: LIVE_ID, ...of });
  }

  #hear(reply: Reply): void {
    if (reply.type === 'error') this.#isRefused = true;
    if (reply.type !== 'why') return;
    this.#known = { reply, atMs: performance.now() };
    if (performance.now() - this.#beganAtMs > QUIET_MS) this.#draw();
  }

  #draw(): void {
    if (this.#known === undefined || this.#isMidLine || this.#isBlind || !isForeground()) return;
    if (this.#timer === undefined) return;
    const screen = sheet(process.stderr);
    const { reply, atMs } = this.#known;
    const line =
      this.#send === undefined
        ? [{ text: `${this.label}: the daemon is not running; running runs continue` }]
        : showLive(reply, performance.now() - atMs, screen);
    // The last column stays free, because terminals differ in when they wrap.
    const narrow: Screen = { ...screen, columns: screen.columns - 1 };
    this.#isShown = true;
    writeAll(STDERR, Buffer.from(`${CLEAR}${draw(line, narrow)}`));
  }

  #clear(): void {
    if (!this.#isShown) return;
    this.#isShown = false;
    writeAll(STDERR, Buffer.from(CLEAR));
  }
}

/** Whether there is a person to show a live line to. */
export function hasViewer(): boolean {
  return isatty(STDERR) && process.env['TERM'] !== 'dumb';
}

/** Not `baton run x --wait &`: the terminal then belongs to the shell. */
function isForeground(): boolean {
  try {
    const [, rest = ''] = /\) (.*)$/s.exec(readFileSync('/proc/self/stat', 'utf8')) ?? [];
    const [, , processGroup, , , terminalGroup] = rest.split(' ');
    return processGroup === terminalGroup;
  } catch {
    return true;
  }
}
