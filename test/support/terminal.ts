/**
 * A real terminal for the client: util-linux's script(1) makes the pseudo-terminal, and a small
 * screen here interprets the client's few control sequences, so that a test sees what a person
 * would see. All output is kept as well.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { BATON } from './fake-daemon.ts';

interface TerminalOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly columns?: number;
  readonly rows?: number;
  /** After the command line, such as "2>/dev/null". */
  readonly redirect?: string;
}

export class Terminal {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  #text = '';
  readonly #watchers = new Set<() => void>();

  constructor(args: readonly string[], socket: string, options: TerminalOptions = {}) {
    const { columns = 80, rows = 24, redirect = '' } = options;
    const words = [process.execPath, BATON, ...args].map((word) => `'${word}'`).join(' ');
    const command = `stty cols ${columns} rows ${rows}; echo "pid $$"; exec ${words} ${redirect}`;
    this.child = spawn('script', ['-qec', command, '/dev/null'], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        PATH: process.env['PATH'] ?? '',
        TZ: 'UTC',
        TERM: 'xterm-256color',
        LANG: 'C.UTF-8',
        SHELL: '/bin/sh',
        BATON_SOCKET: socket,
        ...options.env,
      },
    });
    this.child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      this.#text += chunk;
      for (const watcher of [...this.#watchers]) watcher();
    });
    this.ended = new Promise((resolve) => this.child.once('close', (code) => resolve(code)));
  }

  /** All output since the client started. */
  get text(): string {
    return this.#text.replace(/^pid \d+\r\n/, '');
  }

  /** The client's own process, once something was written. */
  get pid(): number {
    return Number(/^pid (\d+)/.exec(this.#text)?.[1]);
  }

  /** The lines that are visible now. */
  get screen(): readonly string[] {
    return screenAfter(this.text);
  }

  /** Resolves with the line once this is visible in one. */
  seen(text: string): Promise<string> {
    return new Promise((resolve) => {
      const look = (): void => {
        const line = this.screen.find((it) => it.includes(text));
        if (line === undefined) return;
        this.#watchers.delete(look);
        resolve(line);
      };
      this.#watchers.add(look);
      look();
    });
  }
}

/** A control sequence, or one character. */
const TOKEN = '\u001b\\[(\\??[\\d;]*)([A-Za-z])|.';

/** What a terminal shows after these characters; supports only what the client uses. */
function screenAfter(text: string): readonly string[] {
  const lines = [''];
  let [row, column] = [0, 0];
  const tokens = text.matchAll(new RegExp(TOKEN, 'gsu'));
  for (const [token, argument, letter] of tokens) {
    const line = lines[row] ?? '';
    if (letter === 'K') lines[row] = line.slice(0, column);
    else if (letter === 'H') [row, column] = [0, 0];
    else if (letter === 'J') lines.splice(row + 1);
    else if (letter === 'm') continue;
    else if (letter !== undefined && argument?.startsWith('?')) continue;
    else if (letter !== undefined) throw new Error(`The client wrote ${JSON.stringify(token)}`);
    else if (token === '\r') column = 0;
    else if (token === '\n') lines[++row] ??= '';
    else {
      lines[row] = line.padEnd(column).slice(0, column) + token + line.slice(column + 1);
      column++;
    }
  }
  return lines.at(-1) === '' ? lines.slice(0, -1) : lines;
}
