/**
 * Holds back a run's output until it is known whether it is wanted (`--quiet-success`, as in
 * chronic), in files without a name: so it needs no memory, however much it is, and nothing is left
 * behind if this client is killed. A full disk loses nothing: from then on the output is passed on
 * directly.
 */
import { randomUUID } from 'node:crypto';
import { closeSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { writeAll } from './output.ts';

const CHUNK_BYTES = 65_536;

export class Spool {
  /** By the descriptor that it is meant for. */
  readonly #files = new Map<number, { readonly file: number; bytes: number }>();
  readonly #to: typeof writeAll;
  #isOpen = false;

  /** `to` gets the output that is passed on. */
  constructor(to: typeof writeAll) {
    this.#to = to;
  }

  /** Replaces `writeAll`. */
  readonly write = (fd: number, bytes: Uint8Array): string | undefined => {
    if (this.#isOpen) return this.#to(fd, bytes);
    let written = 0;
    try {
      const held = this.#files.get(fd) ?? this.#make(fd);
      while (written < bytes.length) {
        const count = writeSync(held.file, bytes, written, bytes.length - written, held.bytes);
        held.bytes += count;
        written += count;
      }
      return undefined;
    } catch {
      this.release();
      return this.#to(fd, bytes.subarray(written));
    }
  };

  /** Passes on everything held. Returns what could not be written, and the errno's name. */
  release(): { readonly fd: number; readonly code: string } | undefined {
    this.#isOpen = true;
    let failed: { readonly fd: number; readonly code: string } | undefined;
    const chunk = Buffer.alloc(CHUNK_BYTES);
    for (const [fd, { file, bytes }] of this.#files) {
      for (let at = 0; at < bytes; ) {
        const count = readSync(file, chunk, 0, Math.min(CHUNK_BYTES, bytes - at), at);
        const code = this.#to(fd, chunk.subarray(0, count));
        if (code !== undefined && code !== 'EPIPE') failed ??= { fd, code };
        if (count === 0 || code !== undefined) break;
        at += count;
      }
      closeSync(file);
    }
    this.#files.clear();
    return failed;
  }

  #make(fd: number): { readonly file: number; bytes: number } {
    const path = join(tmpdir(), `baton-${randomUUID()}`);
    const held = { file: openSync(path, 'wx+', 0o600), bytes: 0 };
    unlinkSync(path);
    this.#files.set(fd, held);
    return held;
  }
}
