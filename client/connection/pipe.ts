/**
 * A connection for the fast path. node:net would work, but it loads all of Node's streams: some 6
 * ms for every crontab line. So on the tested versions of Node, the handle below node:net is used
 * directly; on all others, and if Node was told to warn about that, node:net.
 */

export interface Connection {
  send(line: string): void;
  /** Ends all callbacks, even `closed`. */
  close(): void;
}

export interface Listener {
  opened(connection: Connection): void;
  heard(bytes: Buffer): void;
  /** It could not be opened, or it broke. */
  closed(): void;
}

const TESTED = /^v(20|22|24)\./;

export function connect(path: string, listener: Listener): void {
  const { NODE_OPTIONS, NODE_PENDING_DEPRECATION } = process.env;
  const isPlain = !NODE_OPTIONS && !NODE_PENDING_DEPRECATION && process.execArgv.length === 0;
  const binding = isPlain && TESTED.test(process.version) ? findBinding() : undefined;
  if (binding === undefined) dialByNet(path, listener);
  else dialByPipe(binding, path, listener);
}

/** Only what is used here of Node's lib/net.js and lib/internal/stream_base_commons.js. */
interface PipeHandle {
  onread: (chunk: ArrayBuffer | undefined) => void;
  /** These return 0 or undefined, or a negative errno. */
  connect(request: object, path: string): number | undefined;
  readStart(): number | undefined;
  writeUtf8String(request: object, text: string): number | undefined;
  close(): void;
}

interface Binding {
  readonly Pipe: new (type: number) => PipeHandle;
  readonly PipeConnectWrap: new () => object;
  readonly WriteWrap: new () => object;
  readonly constants: { readonly SOCKET: number };
  readonly streamBaseState: Int32Array;
  readonly kReadBytesOrError: number;
  readonly kArrayBufferOffset: number;
}

function findBinding(): Binding | undefined {
  const inner = process as unknown as { readonly binding?: (name: string) => object };
  try {
    const found = { ...inner.binding?.('pipe_wrap'), ...inner.binding?.('stream_wrap') };
    return 'Pipe' in found && 'streamBaseState' in found ? (found as Binding) : undefined;
  } catch {
    return undefined;
  }
}

function dialByPipe(binding: Binding, path: string, listener: Listener): void {
  const { Pipe, PipeConnectWrap, WriteWrap, streamBaseState: state } = binding;
  const handle = new Pipe(binding.constants.SOCKET);
  let isOpen = true;
  const close = (): void => {
    if (isOpen) handle.close();
    isOpen = false;
  };
  const lose = (): void => {
    if (!isOpen) return;
    close();
    listener.closed();
  };
  const check = (code: number | undefined): void => {
    if (code) setImmediate(lose);
  };
  handle.onread = (chunk) => {
    const count = state[binding.kReadBytesOrError] ?? 0;
    if (count < 0) lose();
    else if (chunk !== undefined && count > 0 && isOpen) {
      listener.heard(Buffer.from(chunk, state[binding.kArrayBufferOffset], count));
    }
  };
  const send = (line: string): void => {
    if (isOpen) check(handle.writeUtf8String(Object.assign(new WriteWrap(), { handle }), line));
  };
  const oncomplete = (code: number): void => {
    if (code < 0) return lose();
    check(handle.readStart());
    listener.opened({ send, close });
  };
  check(handle.connect(Object.assign(new PipeConnectWrap(), { oncomplete }), path));
}

function dialByNet(path: string, listener: Listener): void {
  const socket = net().connect(path);
  socket.on('connect', () => {
    listener.opened({
      send: (line) => socket.write(line),
      close: () => socket.removeAllListeners('close').destroy(),
    });
  });
  socket.on('data', (bytes: Buffer) => {
    if (!socket.destroyed) listener.heard(bytes);
  });
  socket.on('error', () => {}); // `close` follows
  socket.on('close', () => listener.closed());
}

function net(): typeof import('node:net') {
  return require('node:net');
}
