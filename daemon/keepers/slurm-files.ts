/**
 * The directory that the daemon shares with the keeper in a job of Slurm, one for each attempt:
 *
 *   spawn.N    what to run, in a file so that no other user can read it; see slurm-keeper.pl. A
 *              keeper that does not find the name of its job in it runs nothing
 *   begun.N    created by the keeper, whose command runs from then on, or by the daemon, and then
 *              the command never runs. So it starts at most once, and a withdrawal is final
 *   stop.N     the request to stop: grace period in ms, signal, and which processes get it
 *   beat.N     touched by the keeper while it is alive
 *   status.N   how the command ended: the only verdict
 *   over.N     the last process of the command is gone, and the keeper exits
 *   out, err   the command's output
 *
 * It may be on a file server that hangs, so all of this is done off the daemon's main thread. A job
 * can put anything in the place of a file: nothing here blocks on that.
 */
import { constants } from 'node:fs';
import {
  type FileHandle,
  link,
  lstat,
  mkdir,
  open,
  readdir,
  rename,
  rm,
  rmdir,
  stat,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errnoOf } from '../shared/errno.ts';
import type { Nonce, RunId, SlurmJob } from '../shared/run.ts';
import type { StopOrder } from '../shared/stop.ts';
import { type SpawnRequest, wordsOf } from './fork-server.ts';
import { parseStatus, STATUS_BYTES_MAX, type StatusRecord } from './status-file.ts';

/** The files of one attempt. */
export interface JobFiles {
  readonly directory: string;
  readonly attempt: number;
}

/** What the keeper wrote when it began. */
export interface Begun {
  readonly job?: string;
  readonly node?: string;
}

/** What the keeper enforces by itself. */
interface Limits {
  readonly stop: StopOrder;
  /** In milliseconds; 0 for no limit. */
  readonly timeoutMs: number;
}

const FORMAT = 'baton-spawn-3';
const WITHHELD = 'withheld\n';
const BEGUN_BYTES_MAX = 4_096;
/** How much of a stream is copied at once. */
const CHUNK_BYTES = 1_048_576;
/** Most that is copied of a stream before the next run is looked at. */
const TURN_BYTES = 16 * CHUNK_BYTES;

/** The name says whose directory it is: others may have theirs beside it. */
export function jobDirectory(shared: string, run: RunId, nonce: Nonce, attempt: number): string {
  return join(shared, `${run}.${nonce}.${attempt}`);
}

/** Throws system errors; EEXIST: another life of the state directory had the same attempt. */
export async function makeJobDirectory(
  { directory, attempt }: JobFiles,
  token: string,
  request: SpawnRequest,
  { stop, timeoutMs }: Limits,
): Promise<void> {
  // Not recursive: the directories above may belong to a file system that is not mounted.
  await mkdir(directory, { mode: 0o700 });
  const { graceMs, signal, to } = stop;
  const limits = [graceMs, signal, to, timeoutMs].map(String);
  const words = [FORMAT, token, ...limits, ...wordsOf(request)];
  await write(join(directory, `spawn.${attempt}`), words.join('\0'));
}

/** Returns once the file is on disk, or on its server, so that others can rely on it. */
export async function write(path: string, text: string): Promise<void> {
  await writeFile(path, text, { mode: 0o600, flag: 'wx', flush: true });
}

/**
 * Decides who is first; `missing`: the directory of the job was removed, but not its parent, so
 * this will never be known. Throws if it cannot be determined now.
 */
export async function withhold(files: JobFiles): Promise<'withheld' | 'begun' | 'missing'> {
  const { directory, attempt } = files;
  const own = join(directory, `withheld.${attempt}`);
  try {
    await writeFile(own, WITHHELD, { mode: 0o600 });
    await link(own, join(directory, `begun.${attempt}`));
    return 'withheld';
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT' && (await stat(dirname(directory))).isDirectory()) return 'missing';
    if (errno !== 'EEXIST') throw error;
    return (await readBegun(files)) === 'withheld' ? 'withheld' : 'begun';
  }
}

/** Undefined if nobody has created the file. */
export async function readBegun({
  directory,
  attempt,
}: JobFiles): Promise<Begun | 'withheld' | undefined> {
  const text = await read(join(directory, `begun.${attempt}`), BEGUN_BYTES_MAX);
  if (text === undefined) return undefined;
  if (text === WITHHELD) return 'withheld';
  const [, job, node] = /^(\S+) (\S+) .*\n/.exec(text) ?? [];
  return job === undefined || node === undefined ? {} : { job, node };
}

export async function readStatus({
  directory,
  attempt,
}: JobFiles): Promise<StatusRecord | 'unreadable' | undefined> {
  const text = await read(join(directory, `status.${attempt}`), STATUS_BYTES_MAX);
  return text === undefined ? undefined : parseStatus(text);
}

/** When the keeper last gave a sign of life, by the file server's clock: only for comparison. */
export async function readBeat({ directory, attempt }: JobFiles): Promise<number | undefined> {
  try {
    return (await stat(join(directory, `beat.${attempt}`))).mtimeMs;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Whether the keeper has exited, or is about to. */
export async function hasLeft({ directory, attempt }: JobFiles): Promise<boolean> {
  try {
    await stat(join(directory, `over.${attempt}`));
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}

export async function askToStop(
  { directory, attempt }: JobFiles,
  { graceMs, signal, to }: StopOrder,
): Promise<void> {
  const path = join(directory, `stop.${attempt}`);
  await writeFile(`${path}.tmp`, `${graceMs} ${signal} ${to}`, { mode: 0o600 });
  await rename(`${path}.tmp`, path);
}

/** Usually it contains few files, for which rm() would make many more system calls. */
export async function removeJobDirectory(directory: string): Promise<void> {
  try {
    // What a symbolic link points to is not its own.
    if ((await lstat(directory)).isDirectory()) {
      for (const name of await readdir(directory)) await unlink(join(directory, name));
      return await rmdir(directory);
    }
  } catch {
    // It contains a directory, or is already gone.
  }
  await rm(directory, { recursive: true, force: true });
}

export interface Copied {
  /** How much of the job's stream has been copied, from its beginning. */
  readonly bytes: number;
  /** There is nothing more to copy now. */
  readonly isWhole: boolean;
}

/**
 * Continues the copy of a stream in the run's own directory; the size of the copy says how far it
 * is. While there is nothing to copy, no file is created, unless the run `hasEnded`.
 */
export async function copyStream(
  job: Pick<SlurmJob, 'directory' | 'from'>,
  own: string,
  stream: 'out' | 'err',
  hasEnded: boolean,
): Promise<Copied> {
  const source = await openPlain(join(job.directory, stream));
  try {
    const sourceBytes = source === undefined ? 0 : (await source.stat()).size;
    if (sourceBytes === 0 && !hasEnded) return { bytes: 0, isWhole: true };
    const to = await openOwn(own, stream);
    try {
      let bytes = (await to.stat()).size - job.from[stream];
      const leftBytes = sourceBytes - bytes;
      if (source === undefined || leftBytes <= 0) return { bytes, isWhole: true };
      const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, leftBytes));
      for (const endBytes = bytes + TURN_BYTES; bytes < endBytes; ) {
        const { bytesRead } = await source.read(buffer, 0, buffer.length, bytes);
        if (bytesRead === 0) return { bytes, isWhole: true };
        await to.appendFile(buffer.subarray(0, bytesRead));
        bytes += bytesRead;
      }
      return { bytes, isWhole: false };
    } finally {
      await to.close();
    }
  } finally {
    await source?.close();
  }
}

/** A run directory that vanished is created again, as a keeper on this machine does it. */
async function openOwn(own: string, stream: string): Promise<FileHandle> {
  const path = join(own, stream);
  try {
    return await open(path, 'a', 0o600);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
    await mkdir(own, { recursive: true, mode: 0o700 });
    return await open(path, 'a', 0o600);
  }
}

/** How much output is in a run's own directory so far. */
export async function sizesIn(own: string): Promise<SlurmJob['from']> {
  const sizeOf = async (stream: string): Promise<number> => {
    try {
      return (await stat(join(own, stream))).size;
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return 0;
      throw error;
    }
  };
  return { out: await sizeOf('out'), err: await sizeOf('err') };
}

/** Undefined if there is none, or it is not a plain file. */
async function read(path: string, bytesMax: number): Promise<string | undefined> {
  const file = await openPlain(path);
  if (file === undefined) return undefined;
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(bytesMax), 0, bytesMax, 0);
    return buffer.subarray(0, bytesRead).toString('utf8');
  } finally {
    await file.close();
  }
}

async function openPlain(path: string): Promise<FileHandle | undefined> {
  const { O_RDONLY, O_NONBLOCK, O_NOFOLLOW, O_NOCTTY } = constants;
  let file: FileHandle;
  try {
    file = await open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY);
  } catch (error) {
    // ELOOP: a symbolic link; ENXIO: a socket.
    if (['ENOENT', 'ELOOP', 'ENXIO'].includes(errnoOf(error))) return undefined;
    throw error;
  }
  let isPlain = false;
  try {
    isPlain = (await file.stat()).isFile();
    return isPlain ? file : undefined;
  } finally {
    if (!isPlain) await file.close();
  }
}
