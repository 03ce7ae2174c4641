/**
 * `baton status --watch`: the status, refreshed every second on the terminal's alternate screen, so
 * that the previous content returns however the command ends.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { EXIT, PROTOCOL_VERSION, type Reply } from '../../daemon/protocol/request.ts';
import { noTerminal } from '../command-line/usage-errors.ts';
import { converse, type Place } from '../connection/conversation.ts';
import type { Ending } from '../ending.ts';
import { print } from '../terminal/output.ts';
import { sheet } from '../terminal/screen.ts';
import { showStatus } from '../terminal/status-text.ts';

const PAUSE_MS = 1_000;
const SIGINT = 2;
const SIGNALS = { SIGINT, SIGTERM: 15, SIGHUP: 1 } as const;

/** xterm: alternate screen, no cursor, no wrapping; and back. */
const ENTER = '\x1b[?1049h\x1b[?25l\x1b[?7l';
const LEAVE = '\x1b[?7h\x1b[?25h\x1b[?1049l';
const [HOME, CLEAR_LINE, CLEAR_BELOW] = ['\x1b[H', '\x1b[K', '\x1b[J'];

export async function watch(place: Place): Promise<Ending> {
  if (!process.stdout.isTTY) {
    return { status: EXIT.usage, isOwn: false, line: noTerminal() };
  }
  const view = new View();
  view.enter();
  try {
    for (;;) {
      const answer = await converse(place, talk);
      if (!answer.ok) return answer.ending;
      const reply = answer.value;
      if (reply.type === 'error') return { status: reply.exit, isOwn: true, line: reply.message };
      if (reply.type === 'status') view.show(reply);
      await delay(PAUSE_MS);
    }
  } finally {
    view.leave();
  }
}

const talk = {
  label: undefined,
  run: undefined,
  request: () => ({ type: 'status', v: PROTOCOL_VERSION }) as const,
  opened() {},
  lost() {},
  take: (reply: Reply) => reply,
};

/** The terminal while this command uses it. */
class View {
  #last: Extract<Reply, { type: 'status' }> | undefined;
  #isOurs = false;

  enter(): void {
    process.on('exit', () => this.leave());
    for (const [name, number] of Object.entries(SIGNALS)) {
      process.on(name, () => process.exit(name === 'SIGINT' ? 0 : EXIT.signalBase + number));
    }
    // Ctrl-Z: restores the shell's screen; fg switches back.
    process.on('SIGTSTP', () => {
      this.leave();
      process.kill(process.pid, 'SIGSTOP');
    });
    process.on('SIGCONT', () => {
      this.#take();
      this.#draw();
    });
    process.stdout.on('resize', () => this.#draw());
    this.#take();
  }

  show(status: Extract<Reply, { type: 'status' }>): void {
    this.#last = status;
    this.#draw();
  }

  leave(): void {
    if (this.#isOurs) print(LEAVE);
    this.#isOurs = false;
  }

  #take(): void {
    if (!this.#isOurs) print(ENTER);
    this.#isOurs = true;
  }

  #draw(): void {
    if (this.#last === undefined || !this.#isOurs) return;
    const lines = showStatus(this.#last, sheet(process.stdout)).trimEnd().split('\n');
    const { rows } = process.stdout;
    const isCut = rows > 0 && lines.length > rows;
    const shown = isCut ? lines.slice(0, rows - 1) : lines;
    const rest = isCut ? [`and ${lines.length - shown.length} more lines`] : [];
    const frame = [...shown, ...rest].map((line) => `${CLEAR_LINE}${line}`).join('\r\n');
    print(`${HOME}${frame}${CLEAR_BELOW}`);
  }
}
