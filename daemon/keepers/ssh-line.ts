/**
 * The daemon's one connection to the SSH keeper: opened when there is something to say, shared by
 * all who have something to say, and closed some time after the last of them has come to rest.
 */
import type { FromKeeper } from '../../runners/ssh/keeper-protocol.ts';
import type { Clock } from '../system/clock.ts';
import type { NoConnection, openConnection, SshConnection } from './ssh-connection.ts';

/** How long the connection is kept with nothing to say; without one the keeper leaves. */
const LINGER_MS = 10_000;

export class SshLine {
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #open: typeof openConnection;
  readonly #isBusy: () => boolean;
  readonly #take: (message: FromKeeper) => void;
  readonly #closed: (link: SshConnection) => void;
  #opening:
    | { readonly link: Promise<SshConnection | NoConnection>; readonly mayStart: boolean }
    | undefined;
  #linger: (() => void) | undefined;

  constructor(options: {
    /** The state directory. */
    readonly directory: string;
    readonly clock: Clock;
    readonly open: typeof openConnection;
    /** Somebody waits for an answer. */
    readonly isBusy: () => boolean;
    readonly take: (message: FromKeeper) => void;
    /** The keeper is gone, or it has closed this connection. */
    readonly closed: (link: SshConnection) => void;
  }) {
    this.#directory = options.directory;
    this.#clock = options.clock;
    this.#open = options.open;
    this.#isBusy = options.isBusy;
    this.#take = options.take;
    this.#closed = options.closed;
  }

  /** The connection, or why there is none; with `mayStart` false only to a keeper that runs. */
  connect(mayStart: boolean): Promise<SshConnection | NoConnection> {
    this.#linger?.();
    this.#linger = undefined;
    const { link, mayStart: started } = this.#opening ?? {};
    if (link !== undefined && (started === true || !mayStart)) return link;
    // Whoever opens it now would start no keeper, and this one needs one.
    if (link !== undefined) return this.#orStarted(link);
    const opening = this.#open(this.#directory, mayStart, {
      take: this.#take,
      closed: () => void this.#part(opening),
    });
    this.#opening = { link: opening, mayStart };
    void opening.then((link) => {
      if ('why' in link) this.#drop(opening);
    });
    return opening;
  }

  /** With nothing left to ask the connection is closed, later. */
  rest(): void {
    if (this.#isBusy() || this.#linger !== undefined) return;
    this.#linger = this.#clock.after(LINGER_MS, () => {
      this.#linger = undefined;
      if (!this.#isBusy()) this.close();
    });
  }

  /** Lets the connection go; the keeper goes on by itself. */
  close(): void {
    this.#linger?.();
    void this.#opening?.link.then((link) => {
      if (!('why' in link)) link.close();
    });
  }

  async #part(opening: Promise<SshConnection | NoConnection>): Promise<void> {
    this.#drop(opening);
    const link = await opening;
    if (!('why' in link)) this.#closed(link);
  }

  async #orStarted(
    opening: Promise<SshConnection | NoConnection>,
  ): Promise<SshConnection | NoConnection> {
    const link = await opening;
    if (!('why' in link)) return link;
    this.#drop(opening);
    return await this.connect(true);
  }

  #drop(opening: Promise<SshConnection | NoConnection>): void {
    if (this.#opening?.link === opening) this.#opening = undefined;
  }
}
