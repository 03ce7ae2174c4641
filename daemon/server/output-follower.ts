/**
 * Follows the output of one run for one client: reads the files by byte offset, only as fast as the
 * client reads. The job is not affected; its only back-pressure is the disk.
 *
 * While output arrives, the files are checked every 20 ms; after some checks without output, a
 * one-shot watch of their directory takes over, so that a silent run costs nothing, nor one whose
 * files do not exist yet. `end` is sampled before the read: an empty read after the end is the end
 * of the output.
 */
import * as fs from 'node:fs';
import { join } from 'node:path';
import { unreadFile } from '../protocol/refusal-text.ts';
import { errnoOf, isShortage } from '../shared/errno.ts';
import { openRegular } from '../system/regular-file.ts';
import type { FairQueue } from './fair-queue.ts';
import { CHUNK_BYTES, encode, type Frame } from './output-frame.ts';

const LOOK_MS = 20;
const LOOKS_QUIET = 10;
/** If the directory cannot be watched: it does not exist, or the system has no watches left. */
const LOOK_UNWATCHED_MS_MAX = 1_000;

export interface Offsets {
  readonly out: number;
  readonly err: number;
}

interface Source {
  readonly stream: 'out' | 'err';
  file?: number;
  /** The client's position. */
  offset: number;
  /** offset − position in the file: not 0 once a job has truncated its own output. */
  shift: number;
  /** There is no readable file now; what it contains is unknown. */
  isUnread?: boolean;
  /** It cannot be read at all. */
  isBroken?: boolean;
}

/** The calls that a test may make fail. */
export interface OutputDisk extends Pick<typeof fs, 'readSync' | 'fstatSync' | 'closeSync'> {
  readonly openSync: (path: string) => number;
}

const REAL_DISK: OutputDisk = { ...fs, openSync: (path) => openRegular(path) };

/** A file has only `bytes` bytes, although `read` bytes of it have been read. */
type Cut = (path: string, bytes: number, read: number) => void;

export class Follower {
  readonly #directory: string;
  readonly #sources: readonly Source[];
  readonly #send: (frame: Frame) => void;
  readonly #hasRoom: () => boolean;
  readonly #done: () => void;
  readonly #failed: (why: string) => void;
  readonly #cut: Cut;
  readonly #disk: OutputDisk;
  readonly #chunk: Buffer;
  readonly #fairQueue: FairQueue;
  #ended = false;
  #closed = false;
  #blocked = false;
  #quiet = 0;
  #timer: NodeJS.Timeout | undefined;
  #giveUpTurn: (() => void) | undefined;
  #watcher: fs.FSWatcher | undefined;
  /** Time until the next look while nothing is watched. */
  #unwatchedMs = LOOK_MS;

  /**
   * If the client has no room, nothing is read until `resume`. `done` is called once, when the run
   * has ended (see `end`) and its last byte has been sent.
   */
  constructor(options: {
    readonly directory: string;
    readonly from: Offsets;
    /** Of CHUNK_BYTES; used only within a call, so that all followers can share one. */
    readonly chunk: Buffer;
    /** Shared with everything else that has more to do. */
    readonly fairQueue: FairQueue;
    readonly send: (frame: Frame) => void;
    readonly hasRoom: () => boolean;
    readonly done: () => void;
    /** A stream cannot be read, for a permanent reason; no more output comes from it. */
    readonly failed: (why: string) => void;
    /** A file was truncated. It is read again from its beginning. */
    readonly cut: Cut;
    readonly disk?: OutputDisk;
  }) {
    this.#directory = options.directory;
    this.#chunk = options.chunk;
    this.#fairQueue = options.fairQueue;
    this.#send = options.send;
    this.#hasRoom = options.hasRoom;
    this.#done = options.done;
    this.#failed = options.failed;
    this.#cut = options.cut;
    this.#disk = options.disk ?? REAL_DISK;
    this.#sources = (['out', 'err'] as const).map((stream) => ({
      stream,
      offset: options.from[stream],
      shift: 0,
    }));
  }

  /**
   * Sends a frame of each stream, and continues in later turns, because a client that reads as fast
   * as the daemon writes would monopolize it.
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
      if (this.#closed) return; // the client was disconnected by this frame
    }
    if (moved) {
      this.#quiet = 0;
      this.#unwatchedMs = LOOK_MS;
      this.#giveUpTurn = this.#fairQueue.add(() => this.pump());
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

  /** The run has ended: the files now contain all of its output. */
  end(): void {
    this.#ended = true;
    this.pump();
  }

  close(): void {
    this.#closed = true;
    this.#sleep();
    for (const source of this.#sources) {
      this.#release(source);
    }
  }

  #release(source: Source): void {
    const { file } = source;
    delete source.file;
    try {
      if (file !== undefined) this.#disk.closeSync(file);
    } catch {
      // Linux closes it even if close(2) fails.
    }
  }

  /** Sends one frame of this stream; false if there was nothing to send. */
  #read(source: Source, ended: boolean): boolean {
    try {
      return !source.isBroken && this.#readOn(source, ended);
    } catch (error) {
      const errno = errnoOf(error);
      source.isUnread = isShortage(errno);
      if (!source.isUnread) this.#breakOff(source, errno);
      return false;
    }
  }

  #breakOff(source: Source, errno: string): void {
    source.isBroken = true;
    this.#release(source);
    this.#failed(unreadFile(join(this.#directory, source.stream), errno));
  }

  #readOn(source: Source, ended: boolean): boolean {
    const file = this.#open(source);
    source.isUnread = false;
    if (file === undefined) return false;
    const position = source.offset - source.shift;
    const bytes = this.#disk.readSync(file, this.#chunk, 0, CHUNK_BYTES, position);
    if (bytes === 0) {
      const { size } = this.#disk.fstatSync(file);
      if (size >= position) return false;
      source.shift = source.offset;
      this.#cut(join(this.#directory, source.stream), size, position);
      return true;
    }
    const frame = encode(this.#chunk.subarray(0, bytes), source, ended);
    source.offset += frame.bytes;
    this.#send(frame);
    return true;
  }

  #open(source: Source): number | undefined {
    try {
      source.file ??= this.#disk.openSync(join(this.#directory, source.stream));
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
      // No output yet, both streams share one file, or the run is forgotten.
    }
    return source.file;
  }

  /** Sleeps until a file changes. Looks once more, for changes during the set-up of the watch. */
  #doze(): void {
    try {
      this.#watcher = fs.watch(this.#directory, { persistent: true }, () => this.#wake());
      this.#watcher.on('error', () => this.#wake());
      this.#unwatchedMs = LOOK_MS;
    } catch {
      this.#timer = setTimeout(() => this.pump(), this.#unwatchedMs);
      this.#unwatchedMs = Math.min(2 * this.#unwatchedMs, LOOK_UNWATCHED_MS_MAX);
    }
    if (this.#sources.some((source) => this.#isFresh(source))) this.#wake();
  }

  #isFresh(source: Source): boolean {
    if (source.isBroken) return false;
    try {
      const { file, offset, shift } = source;
      if (file === undefined) return this.#open(source) !== undefined;
      return this.#disk.fstatSync(file).size !== offset - shift;
    } catch {
      return true; // the next look reports what is wrong
    }
  }

  #wake(): void {
    this.#quiet = 0;
    this.#sleep();
    this.#timer = setTimeout(() => this.pump(), 0);
  }

  #sleep(): void {
    this.#giveUpTurn?.();
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#watcher?.close();
    this.#watcher = undefined;
  }
}

/** Where the last `bytes` of each stream begin; 0 if there are fewer, or none can be read. */
export function tailOffsets(directory: string, bytes: number): Offsets {
  const offsetOf = (stream: 'out' | 'err'): number => {
    try {
      return Math.max(0, fs.statSync(join(directory, stream)).size - bytes);
    } catch {
      return 0; // no file, or the relay reports what is wrong with it
    }
  };
  return { out: offsetOf('out'), err: offsetOf('err') };
}
