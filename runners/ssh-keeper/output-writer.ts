/**
 * Writes the output of a remote command to the run's output files. A stream is read only as fast as
 * the disk accepts it: ssh2 then stops opening the channel's window, and the remote command waits.
 * Both streams are always drained; a full disk is waited out; memory use is constant.
 *
 * O_APPEND, and one queue per file, so that streams that share a file keep the order of arrival.
 */
import { constants, type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';

/** O_NONBLOCK: a named pipe in place of the file must not block. */
const { O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK } = constants;
const ROOM_RETRY_MS = 1_000;
/** Temporary errors: the disk has no room now. */
const PASSING = new Set(['ENOSPC', 'EDQUOT', 'EIO', 'EAGAIN']);
/** The same when a file is created. */
const PASSING_OPEN = new Set([...PASSING, 'EMFILE', 'ENFILE', 'ENOMEM']);

export class OutputWriter {
  readonly #files: readonly FileHandle[];
  readonly #queues: Promise<void>[];
  readonly #streams: Readable[] = [];
  /** Files that can never be written again. */
  readonly #failed = new Set<number>();
  #lostBytes = 0;

  private constructor(files: readonly FileHandle[]) {
    this.#files = files;
    this.#queues = files.map(() => Promise.resolve());
  }

  static async open(directory: string, merged: boolean): Promise<OutputWriter> {
    const names = merged ? ['out'] : ['out', 'err'];
    const files: FileHandle[] = [];
    for (const name of names) files.push(await openOne(join(directory, name)));
    return new OutputWriter(files);
  }

  /** How much of the output could not be written. */
  get lostBytes(): number {
    return this.#lostBytes;
  }

  /** Drains a stream for good: 0 is stdout, 1 is stderr. */
  drain(stream: Readable, number: 0 | 1): void {
    this.#streams.push(stream);
    const index = Math.min(number, this.#files.length - 1);
    stream.on('data', (chunk: Buffer) => {
      stream.pause();
      const done = this.#queues[index]?.then(() => this.#write(index, chunk));
      if (done === undefined) return;
      this.#queues[index] = done;
      void done.then(() => stream.resume());
    });
    stream.on('error', () => {}); // the channel's `close` follows
  }

  /** Resolves when everything received so far is in the files, and closes them. */
  async close(): Promise<void> {
    do {
      await Promise.all(this.#queues);
      await turn();
    } while (this.#streams.some((stream) => stream.readableLength > 0));
    await Promise.all(this.#queues);
    for (const file of this.#files) await file.close().catch(() => {});
  }

  async #write(index: number, chunk: Buffer): Promise<void> {
    let done = 0;
    while (done < chunk.length && !this.#failed.has(index)) {
      try {
        const written = await this.#files[index]?.write(chunk, done);
        done += written?.bytesWritten ?? chunk.length;
      } catch (error) {
        // Such a file must not hold up the command.
        if (!PASSING.has(codeOf(error))) this.#failed.add(index);
        else await delay(ROOM_RETRY_MS);
      }
    }
    this.#lostBytes += chunk.length - done;
  }
}

/** Nothing has run yet, so this can wait for temporary errors to pass. */
async function openOne(path: string): Promise<FileHandle> {
  for (;;) {
    try {
      return await open(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK, 0o600);
    } catch (error) {
      if (!PASSING_OPEN.has(codeOf(error))) throw error;
      await delay(ROOM_RETRY_MS);
    }
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
