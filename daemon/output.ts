/**
 * Follows the output of one run for one client: pulls from the files by byte offset, as fast as the
 * client reads and no faster. The job never feels it; its only back-pressure is the disk.
 *
 * While bytes flow the files are looked at every 20 ms; after some quiet looks a one-shot fs.watch
 * takes over, so that a silent run costs nothing. `end` is sampled before the read: a read of
 * nothing after the end is the end of the output.
 */
import { isUtf8 } from 'node:buffer';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from './errno.ts';

/** Most bytes of one frame. */
export const CHUNK_BYTES = 65_536;
/** Why a file that is there may not be opened now: too many are open, no memory. */
const PASSING = new Set(['EMFILE', 'ENFILE', 'ENOMEM']);
const LOOK_MS = 20;
const LOOKS_QUIET = 10;

export interface Offsets {
  readonly out: number;
  readonly err: number;
}

export interface Frame {
  readonly stream: 'out' | 'err';
  readonly offset: number;
  readonly bytes: number;
  readonly data: string;
  readonly encoding?: 'base64';
}

interface Source {
  readonly stream: 'out' | 'err';
  file?: number;
  /** Where the client is. */
  offset: number;
  /** offset − position in the file: not 0 once a job has truncated its own output. */
  shift: number;
  /** There is no file to be had now; what it holds is not known. */
  isUnread?: boolean;
}

export class Follower {
  readonly #directory: string;
  readonly #sources: readonly Source[];
  readonly #send: (frame: Frame) => void;
  readonly #hasRoom: () => boolean;
  readonly #done: () => void;
  readonly #chunk: Buffer;
  #ended = false;
  #closed = false;
  #blocked = false;
  #quiet = 0;
  #timer: NodeJS.Timeout | undefined;
  #nextTurn: NodeJS.Immediate | undefined;
  #watchers: fs.FSWatcher[] = [];

  /**
   * Without room nothing is read until `resume`. `done` is called once, when the run has ended (see
   * `end`) and its last byte has been sent.
   */
  constructor(options: {
    readonly directory: string;
    readonly from: Offsets;
    /** Of CHUNK_BYTES; used within a call only, so that all followers can share one. */
    readonly chunk: Buffer;
    readonly send: (frame: Frame) => void;
    readonly hasRoom: () => boolean;
    readonly done: () => void;
  }) {
    this.#directory = options.directory;
    this.#chunk = options.chunk;
    this.#send = options.send;
    this.#hasRoom = options.hasRoom;
    this.#done = options.done;
    this.#sources = (['out', 'err'] as const).map((stream) => ({
      stream,
      offset: options.from[stream],
      shift: 0,
    }));
  }

  /**
   * Sends a frame of each stream, and goes on by itself: in further turns, for a client that reads
   * as fast as it is written to would have the daemon for itself.
   */
  pump(): void {
    if (this.#closed || this.#blocked) return;
    this.#sleep();
    const ended = this.#ended;
    let moved = false;
    for (const source of this.#sources) {
      this.#blocked = !this.#hasRoom();
      if (this.#blocked) return;
      if (this.#read(source, ended)) moved = true;
      if (this.#closed) return; // the client was cut off by this frame
    }
    if (moved) {
      this.#quiet = 0;
      this.#nextTurn = setImmediate(() => this.pump());
      return;
    }
    if (ended && !this.#sources.some(({ isUnread }) => isUnread)) {
      this.close();
      this.#done();
      return;
    }
    this.#quiet++;
    if (this.#quiet < LOOKS_QUIET) this.#timer = setTimeout(() => this.pump(), LOOK_MS);
    else this.#doze();
  }

  /** The client has read what it was sent. */
  resume(): void {
    if (!this.#blocked) return;
    this.#blocked = false;
    this.pump();
  }

  /** The run has ended: what is in the files now is all of its output. */
  end(): void {
    this.#ended = true;
    this.pump();
  }

  close(): void {
    this.#closed = true;
    this.#sleep();
    for (const source of this.#sources) {
      if (source.file !== undefined) fs.closeSync(source.file);
      delete source.file;
    }
  }

  /** Sends one frame of this stream; false if there was nothing to send. */
  #read(source: Source, ended: boolean): boolean {
    const file = this.#open(source);
    if (file === undefined) return false;
    const position = source.offset - source.shift;
    const bytes = fs.readSync(file, this.#chunk, 0, CHUNK_BYTES, position);
    if (bytes === 0) {
      // A job that opens its own /dev/stdout anew truncates the file; go on at its new beginning.
      if (fs.fstatSync(file).size >= position) return false;
      source.shift = source.offset;
      return true;
    }
    const frame = encode(this.#chunk.subarray(0, bytes), source, ended);
    source.offset += frame.bytes;
    this.#send(frame);
    return true;
  }

  #open(source: Source): number | undefined {
    try {
      source.file ??= fs.openSync(join(this.#directory, source.stream), 'r');
      source.isUnread = false;
    } catch (error) {
      // Else not there: nothing was written yet, both streams share one file, or it is forgotten.
      source.isUnread = PASSING.has(errnoOf(error));
    }
    return source.file;
  }

  /** Sleeps until a file changes. Looks once more, for what came while the watch was set up. */
  #doze(): void {
    try {
      for (const source of this.#sources) {
        if (source.file === undefined) continue;
        const path = join(this.#directory, source.stream);
        const watcher = fs.watch(path, { persistent: true }, () => this.#wake());
        watcher.on('error', () => this.#wake());
        this.#watchers.push(watcher);
      }
    } catch {
      this.#quiet = 0; // no watches left, or the directory is gone: go on looking
    }
    const fresh = this.#sources.some(
      ({ file, offset, shift }) => file !== undefined && fs.fstatSync(file).size !== offset - shift,
    );
    if (fresh || this.#watchers.length === 0) this.#wake();
  }

  #wake(): void {
    this.#quiet = 0;
    this.#sleep();
    this.#timer = setTimeout(() => this.pump(), this.#watchers.length === 0 ? LOOK_MS : 0);
  }

  #sleep(): void {
    clearImmediate(this.#nextTurn);
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const watcher of this.#watchers) watcher.close();
    this.#watchers = [];
  }
}

/** Where the last `bytes` of each stream begin; 0 where there are fewer, or no file. */
export function tailOffsets(directory: string, bytes: number): Offsets {
  const offsetOf = (stream: 'out' | 'err'): number => {
    const { size } = fs.statSync(join(directory, stream), { throwIfNoEntry: false }) ?? { size: 0 };
    return Math.max(0, size - bytes);
  };
  return { out: offsetOf('out'), err: offsetOf('err') };
}

/**
 * Text where it is text, cut at a character's boundary; base64 where it is not. What holds a NUL is
 * not: JSON would make six bytes of each.
 */
function encode(chunk: Buffer, { stream, offset }: Source, ended: boolean): Frame {
  const cut = ended && chunk.length < CHUNK_BYTES ? chunk.length : wholeCharacters(chunk);
  const text = cut > 0 && cut < chunk.length ? chunk.subarray(0, cut) : chunk;
  if (!text.includes(0) && isUtf8(text)) {
    return { stream, offset, bytes: text.length, data: text.toString('utf8') };
  }
  const data = chunk.toString('base64');
  return { stream, offset, bytes: chunk.length, data, encoding: 'base64' };
}

/** How many bytes are left if a character that has only begun is cut off the end. */
function wholeCharacters(chunk: Buffer): number {
  for (let back = 1; back <= Math.min(4, chunk.length); back++) {
    const byte = chunk[chunk.length - back] ?? 0;
    if (byte < 0x80) return chunk.length;
    if (byte >= 0xc0) {
      const wanted = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return back < wanted ? chunk.length - back : chunk.length;
    }
  }
  return chunk.length;
}
