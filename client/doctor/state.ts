/**
 * The state directory: its owner, the daemon that uses it, the free space on its disk, and whether
 * the journal is intact.
 */
import { access, constants, lstat, readFile, realpath, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { showBytes } from '../../daemon/shared/show-bytes.ts';
import { nameUser } from '../../daemon/system/owner-name.ts';
import { findForeign } from '../../daemon/system/state-directory.ts';
import { codeOf } from '../terminal/output.ts';
import { BATOND } from './config.ts';
import { findStateOf } from './daemon.ts';
import * as say from './doctor-messages.ts';
import { type Finding, note, ok, troubleOf, wrong } from './finding.ts';
import { run } from './limits.ts';
import { refusedStart } from './unit-messages.ts';

const NO_ROOM_BYTES = 16 * 1024 ** 2;
const LITTLE_ROOM_BYTES = 1024 ** 3;
const LITTLE_ROOM_PERCENT = 5;
const FEW_INODES = 1_000;
/** A longer journal is not checked. */
const JOURNAL_BYTES_MAX = 64 * 1024 ** 2;
const REPLAY_MS = 20_000;
export const STATE_MS = REPLAY_MS + 10_000;
const DAMAGED = /^batond: (.*(?:is damaged|cannot be|newer baton).*)$/m;

export interface StateFacts {
  readonly path: string;
  readonly kind: 'absent' | 'hidden' | 'directory' | 'other';
  readonly code?: string;
  /** It belongs to somebody else, as batond would report. */
  readonly foreign?: string;
  readonly room?: Room;
  /** Why its owner cannot write to it. */
  readonly unwritable?: string;
  readonly user?: string;
  /** The process that holds its lock. */
  readonly holder?: number;
  /** Why its journal cannot be read. */
  readonly damaged?: string;
  /** A start has failed, and none has succeeded since. */
  readonly refusedNote?: string;
  readonly journalMs?: number;
}

export interface Room {
  readonly freeBytes: number;
  readonly bytes: number;
  readonly freeInodes: number;
  /** 0 if the file system does not count them. */
  readonly inodes: number;
}

/** `config` is used to read a journal that no daemon has open. */
export async function lookAtState(
  path: string,
  uid: number,
  { isAnswered, config }: { readonly isAnswered: boolean; readonly config: string | undefined },
): Promise<StateFacts> {
  try {
    const stats = await stat(path);
    if (!stats.isDirectory()) return { path, kind: 'other' };
    const { bavail, blocks, bsize, ffree, files } = await statfs(path);
    const room = {
      ...{ freeBytes: bavail * bsize, bytes: blocks * bsize },
      ...{ freeInodes: ffree, inodes: files },
    };
    const isOwn = uid === stats.uid || uid === 0;
    const seen = { path, kind: 'directory', room, user: nameUser(stats.uid) } as const;
    if (!isOwn) return seen;
    const foreign = findForeign(path);
    const code = await access(path, constants.W_OK).then(() => undefined, codeOf);
    const holder = await holderOf(path);
    const journal = join(path, 'journal.ndjson');
    const { mtimeMs = undefined, size = 0 } = (await statOf(journal)) ?? {};
    const isReadable = !isAnswered && holder === undefined && mtimeMs !== undefined;
    const damaged =
      isReadable && size <= JOURNAL_BYTES_MAX ? await readThrough(journal, config) : undefined;
    const refused = join(path, 'refused');
    return {
      ...seen,
      ...(foreign === undefined ? {} : { foreign }),
      ...(code === undefined ? {} : { unwritable: code }),
      ...(holder === undefined ? {} : { holder }),
      ...(damaged === undefined ? {} : { damaged }),
      ...((await statOf(refused)) === undefined ? {} : { refusedNote: refused }),
      ...(mtimeMs === undefined ? {} : { journalMs: mtimeMs }),
    };
  } catch (error) {
    const code = codeOf(error);
    return { path, kind: code === 'ENOENT' ? 'absent' : 'hidden', code };
  }
}

/** `socket` is where the daemon was asked; `isAccepted`: somebody listens there. */
export function judgeState(
  facts: StateFacts,
  { isAccepted, socket }: { readonly isAccepted: boolean; readonly socket: string },
): readonly Finding[] {
  const { path, kind, code = '', room, foreign, unwritable, holder, damaged } = facts;
  if (kind === 'absent')
    return [ok('state', `${path}: does not exist yet; batond creates it when it starts`)];
  if (kind === 'hidden') return [note('state', say.unreachedState(path, code))];
  if (kind === 'other') return [wrong('state', say.noDirectory(path))];
  const isHeldElsewhere = holder !== undefined && !isAccepted;
  const todo = 'restore it from a backup, or move the state directory away';
  const findings = [
    ...(room === undefined ? [] : judgeRoom(path, room)),
    ...(unwritable === undefined
      ? []
      : [wrong('state', say.unwritable(path, unwritable, facts.user ?? ''))]),
    ...(foreign === undefined
      ? []
      : [
          wrong(
            'state',
            troubleOf(
              foreign,
              'a directory owned by the user of the daemon',
              'give it to that user',
            ),
          ),
        ]),
    ...(isHeldElsewhere ? [wrong('state', say.heldState(path, holder, socket))] : []),
    ...(damaged === undefined
      ? []
      : [wrong('state', troubleOf(damaged, 'an intact journal', todo))]),
  ];
  if (findings.length > 0 || room === undefined) return findings;
  return [ok('state', `${path}: ${showBytes(room.freeBytes)} of ${showBytes(room.bytes)} free`)];
}

export function judgeRefusedStart(facts: StateFacts, isAnswered: boolean): readonly Finding[] {
  if (facts.refusedNote === undefined || isAnswered) return [];
  return [wrong('crashes', refusedStart(facts.refusedNote))];
}

export function judgeRoom(path: string, room: Room): readonly Finding[] {
  const { freeBytes, bytes, freeInodes, inodes } = room;
  const percent = bytes === 0 ? 100 : Math.floor((freeBytes * 100) / bytes);
  const free = showBytes(freeBytes);
  const isLow = freeBytes < LITTLE_ROOM_BYTES && percent < LITTLE_ROOM_PERCENT;
  const isFull = freeBytes < NO_ROOM_BYTES && percent < LITTLE_ROOM_PERCENT;
  return [
    ...(isFull ? [wrong('state', say.noRoom(path, free))] : []),
    ...(isLow && !isFull ? [note('state', say.littleRoom(path, free, percent))] : []),
    ...(inodes > 0 && freeInodes < FEW_INODES && freeInodes * 20 < inodes
      ? [wrong('state', say.fewInodes(path, freeInodes))]
      : []),
  ];
}

async function statOf(path: string) {
  try {
    return await lstat(path);
  } catch {
    return undefined;
  }
}

/**
 * The daemon that has signed the lock and has the journal open. Not from /proc/locks, which in a
 * container shows no lock whose flock(1) has ended; nor by trying the lock, which could block a
 * starting daemon.
 */
async function holderOf(state: string): Promise<number | undefined> {
  try {
    const pid = Number((await readFile(join(state, 'lock'), 'utf8')).trim());
    const isOpen = pid > 0 && (await findStateOf(pid)) === (await realpath(state));
    return isOpen ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** batond's error for a journal that it cannot read; no run has that number. */
async function readThrough(
  journal: string,
  config: string | undefined,
): Promise<string | undefined> {
  const named = config === undefined ? [] : ['--config', config];
  const argv = [BATOND, '--replay', journal, '--only', '0', ...named] as const;
  const { code, stderr } = await run([process.execPath, ...argv], REPLAY_MS);
  return code === 0 ? undefined : DAMAGED.exec(stderr)?.[1];
}
