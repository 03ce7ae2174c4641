/**
 * A real headless Chromium, controlled with its own protocol over two pipes: no port, and answers
 * to wait for instead of sleeping. https://chromedevtools.github.io/devtools-protocol
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import './scratch.ts';

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

export class Browser {
  readonly #directory = mkdtempSync(join(tmpdir(), 'baton-browser-'));
  readonly #process: ChildProcess;
  readonly #commands: Writable;
  readonly #watchers = new Set<(message: Message) => void>();
  readonly #ended: Promise<void>;
  /** Of the only page. */
  #session: string | undefined;
  #ids = 0;
  /** Events in the page: errors, requests, loads. */
  readonly events: Message[] = [];

  private constructor() {
    const args = [
      ...['--headless', '--no-sandbox', '--disable-gpu', '--hide-scrollbars', '--no-first-run'],
      ...[
        '--disable-background-networking',
        '--remote-debugging-pipe',
        '--force-color-profile=srgb',
      ],
      `--user-data-dir=${join(this.#directory, 'profile')}`,
    ];
    const stdio = ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] as const;
    const env = { PATH: process.env['PATH'], HOME: this.#directory, LANG: 'C.UTF-8', TZ: 'UTC' };
    this.#process = spawn('chromium', args, { stdio: [...stdio], env, detached: true });
    this.#ended = new Promise((resolve) => {
      this.#process.once('close', () => {
        this.#tell({ error: { message: 'chromium has ended' } });
        resolve();
      });
      this.#process.once('error', () => {});
    });
    this.#commands = this.#process.stdio[3] as Writable;
    this.#commands.on('error', () => {});
    let rest = '';
    (this.#process.stdio[4] as Readable).setEncoding('utf8').on('data', (chunk: string) => {
      const texts = (rest + chunk).split('\0');
      rest = texts.pop() ?? '';
      for (const text of texts) this.#tell(JSON.parse(text) as Message);
    });
  }

  static async open(): Promise<Browser> {
    const browser = new Browser();
    const { targetId } = await browser.ask('Target.createTarget', { url: 'about:blank' });
    const attached = await browser.ask('Target.attachToTarget', { targetId, flatten: true });
    browser.#session = String(attached['sessionId']);
    for (const domain of ['Page', 'Runtime', 'Log', 'Network', 'Accessibility']) {
      await browser.ask(`${domain}.enable`);
    }
    return browser;
  }

  /** Ends it with all its processes: they form a group, and write to the profile until they end. */
  async close(): Promise<void> {
    const { pid } = this.#process;
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
    await this.#ended;
    rmSync(this.#directory, { recursive: true, force: true, maxRetries: 10 });
  }

  /** Sends a command and resolves with its result. */
  ask(method: string, params: object = {}): Promise<Record<string, unknown>> {
    const id = ++this.#ids;
    const to = this.#session === undefined ? {} : { sessionId: this.#session };
    const answer = new Promise<Record<string, unknown>>((resolve, reject) => {
      const watch = (message: Message): void => {
        const { error, result = {} } = message;
        if (message.id !== id && !(error && message.id === undefined)) return;
        this.#watchers.delete(watch);
        if (error === undefined) resolve(result);
        else reject(new Error(`${method}: ${error.message}`));
      };
      this.#watchers.add(watch);
    });
    this.#commands.write(`${JSON.stringify({ id, method, params, ...to })}\0`);
    return answer;
  }

  /** Loads a page completely. */
  async load(url: string): Promise<void> {
    this.events.length = 0;
    const loaded = new Promise<void>((resolve) => {
      const watch = ({ method }: Message): void => {
        if (method !== 'Page.loadEventFired') return;
        this.#watchers.delete(watch);
        resolve();
      };
      this.#watchers.add(watch);
    });
    await this.ask('Page.navigate', { url });
    await loaded;
  }

  /** How the page is displayed: the width in pixels, and the reader's preferences. */
  async show(look: {
    width?: number;
    scheme?: 'light' | 'dark';
    media?: '' | 'print';
  }): Promise<void> {
    const { width = 1200, scheme = 'light', media = '' } = look;
    const metrics = { width, height: 900, deviceScaleFactor: 1, mobile: false };
    await this.ask('Emulation.setDeviceMetricsOverride', metrics);
    const features = [{ name: 'prefers-color-scheme', value: scheme }];
    await this.ask('Emulation.setEmulatedMedia', { media, features });
  }

  /** The value of an expression in the page, as JSON. The page's own policy does not apply. */
  async evaluate<T>(expression: string): Promise<T> {
    const options = { expression, returnByValue: true, awaitPromise: true };
    const { result, exceptionDetails } = await this.ask('Runtime.evaluate', options);
    if (exceptionDetails) throw new Error(JSON.stringify(exceptionDetails));
    return (result as { value: T }).value;
  }

  /** A screenshot of the whole page, as PNG. */
  async picture(): Promise<Buffer> {
    const options = { format: 'png', captureBeyondViewport: true };
    const { data } = await this.ask('Page.captureScreenshot', options);
    return Buffer.from(String(data), 'base64');
  }

  /** The content of all events of this kind since the page was loaded. */
  told(method: string): readonly Record<string, unknown>[] {
    return this.events.flatMap((event) => (event.method === method ? [event.params ?? {}] : []));
  }

  #tell(message: Message): void {
    if (message.method !== undefined) this.events.push(message);
    for (const watcher of [...this.#watchers]) watcher(message);
  }
}
