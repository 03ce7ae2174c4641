/**
 * The directory that the daemon shares with the keeper in a job of Slurm, one for each attempt:
 *
 *   spawn.N    what it is to keep, so that no other user can read it; see slurm-keeper.pl. A keeper
 *              that does not find the name of its job in it runs nothing
 *   begun.N    made by the first: the keeper, whose command runs from then on, or the daemon, and
 *              then it never does. So a command starts once at the most, and a withdrawal is sure
 *   stop.N     the wish that it ends: how long it may take, in ms, by which signal, and to whom
 *   beat.N     touched by the keeper while it lives
 *   status.N   how the command ended: the only verdict
 *   over.N     the last process of the command is gone, and the keeper leaves
 *   out, err   what it prints
 *
 * It may be on a file server that hangs: nothing here is done on the daemon's own thread. What a
 * job can put in the place of a file is not waited for.
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

/** An attempt at a run as a job. */
export interface JobFiles {
  readonly directory: string;
  readonly attempt: number;
}

/** What the keeper said when it began. */
export interface Begun {
  readonly job?: string;
  readonly node?: string;
}

/** What the keeper does by itself. */
interface Limits {
  readonly stop: StopOrder;
  /** In milliseconds; 0 for no limit. */
  readonly timeoutMs: number;
}

const FORMAT = 'baton-spawn-3';
const WITHHELD = 'withheld\n';
const BEGUN_BYTES_MAX = 4_096;
/** Of a stream: what is copied at once. */
const CHUNK_BYTES = 1_048_576;
/** What is copied of a stream before the next run is looked at. */
const TURN_BYTES = 16 * CHUNK_BYTES;

/** Whose the directory is stands in its name: others may have theirs beside it. */
export function jobDirectory(shared: string, run: RunId, nonce: Nonce, attempt: number): string {
  return join(shared, `${run}.${nonce}.${attempt}`);
}

/** Throws what the system says, EEXIST where another life had the same attempt. */
export async function makeJobDirectory(
  { directory, attempt }: JobFiles,
  token: string,
  request: SpawnRequest,
  { stop, timeoutMs }: Limits,
): Promise<void> {
  // Not with those above it: they may be of a file system that is not mounted.
  await mkdir(directory, { mode: 0o700 });
  const { graceMs, signal, to } = stop;
  const limits = [graceMs, signal, to, timeoutMs].map(String);
  const words = [FORMAT, token, ...limits, ...wordsOf(request)];
  await write(join(directory, `spawn.${attempt}`), words.join('\0'));
}

/** On disk, or on its server, before anything relies on it. */
export async function write(path: string, text: string): Promise<void> {
  await writeFile(path, text, { mode: 0o600, flag: 'wx', flush: true });
}

/**
 * Decides who is first; `missing` where somebody has removed the directory of the job alone, so
 * that nobody will ever know. Throws where that cannot be told now.
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

/** Undefined where nobody has begun. */
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

/** When the keeper last gave a sign of life, by the clock of the file server; to be compared. */
export async function readBeat({ directory, attempt }: JobFiles): Promise<number | undefined> {
  try {
    return (await stat(join(directory, `beat.${attempt}`))).mtimeMs;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** The keeper has left. */
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

/** Mostly it has a few files, of which rm() would ask much before it removes each. */
export async function removeJobDirectory(directory: string): Promise<void> {
  try {
    // What is behind a link is not its own.
    if ((await lstat(directory)).isDirectory()) {
      for (const name of await readdir(directory)) await unlink(join(directory, name));
      return await rmdir(directory);
    }
  } catch {
    // A directory is in it, or it is gone.
  }
  await rm(directory, { recursive: true, force: true });
}

export interface Copied {
  /** Of the stream of the job, from its beginning. */
  readonly bytes: number;
  /** There is nothing more to copy now. */
  readonly isWhole: boolean;
}

/**
 * Goes on with the copy of a stream in the run's own directory, which tells where it was. While
 * there is nothing to copy, nothing is made there, unless it has `ended`.
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

/** A run directory that vanished is made anew, as the keeper on this machine does it. */
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

/** What a run has in its own directory so far. */
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

/** Undefined where there is none. What is no plain file is an empty one. */
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
    // ELOOP: a link; ENXIO: a socket.
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
