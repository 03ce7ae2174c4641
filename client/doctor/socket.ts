/** The socket: whether it exists, whether somebody listens, and who may use it. */
import { lstat } from 'node:fs/promises';
import { connect } from 'node:net';
import { nameGroup, nameUser } from '../../daemon/system/owner-name.ts';
import { readRegular } from '../../daemon/system/regular-file.ts';
import { forbidden } from '../client-errors.ts';
import { codeOf } from '../terminal/output.ts';
import * as say from './doctor-messages.ts';
import { type Finding, ok, troubleOf, wrong } from './finding.ts';

const OTHERS_WRITE = 0o002;
const GROUP_WRITE = 0o020;
const OWNER_WRITE = 0o200;
const CONNECT_MS = 2_000;
const GROUP_FILE_BYTES_MAX = 1_048_576;

export interface SocketFacts {
  readonly path: string;
  readonly kind: 'absent' | 'hidden' | 'socket' | 'other';
  /** "a directory", if it is not a socket. */
  readonly what?: string;
  readonly mode: number;
  readonly user: string;
  readonly group: string;
  /** Of the group, as far as /etc/group knows them. */
  readonly members: readonly string[];
  /** Undefined: a connection was possible. */
  readonly refused: string | undefined;
}

export async function lookAtSocket(path: string): Promise<SocketFacts> {
  const nothing = { path, mode: 0, user: '', group: '', members: [] };
  try {
    const stats = await lstat(path);
    const facts = {
      ...{
        path,
        mode: stats.mode & 0o7777,
        user: nameUser(stats.uid),
        group: nameGroup(stats.gid),
      },
      members: membersOf(stats.gid),
    };
    if (stats.isSocket()) return { ...facts, kind: 'socket', refused: await tryConnect(path) };
    const what = stats.isDirectory() ? 'a directory' : 'no socket';
    return { ...facts, kind: 'other', what, refused: undefined };
  } catch (error) {
    const code = codeOf(error);
    const isAbsent = code === 'ENOENT' || code === 'ENOTDIR';
    return { ...nothing, kind: isAbsent ? 'absent' : 'hidden', refused: code };
  }
}

/** `expectedMode` is from the configuration or a unit; `start` how a daemon is started here. */
export function judgeSocket(
  facts: SocketFacts,
  expectedMode: number | undefined,
  start: string,
): readonly Finding[] {
  const { path, kind, mode, refused } = facts;
  if (kind === 'absent') return [wrong('socket', say.noSocket(path, start))];
  if (kind === 'other') return [wrong('socket', say.notASocket(path, facts.what ?? 'no socket'))];
  const access = kind === 'hidden' ? [] : accessOf(facts, expectedMode);
  if (refused === 'EACCES' || refused === 'EPERM') {
    const { user, group } = facts;
    const owner = kind === 'hidden' ? undefined : { mode, user, group };
    const sentence = forbidden(path, refused, owner);
    return [
      wrong('socket', troubleOf(sentence, 'a user who may use it', 'run baton as root')),
      ...access,
    ];
  }
  if (refused === 'ECONNREFUSED') return [wrong('socket', say.deadSocket(path, start))];
  if (refused !== undefined) {
    return [wrong('socket', say.unusableSocket(path, refused)), ...access];
  }
  if (access.length > 0) return access;
  return [ok('socket', `${path}: mode ${octal(mode)}; ${usersOf(facts)} may use it`)];
}

function accessOf(
  { path, mode, user, group }: SocketFacts,
  expectedMode: number | undefined,
): readonly Finding[] {
  const isOpen = (mode & OTHERS_WRITE) !== 0;
  if (isOpen && ((expectedMode ?? 0) & OTHERS_WRITE) === 0) {
    return [wrong('socket', say.openToAll(path, octal(mode), `${user}, ${group}`))];
  }
  if (expectedMode === undefined || expectedMode === mode) return [];
  return [wrong('socket', say.otherMode(path, octal(mode), octal(expectedMode)))];
}

function usersOf({ mode, user, group, members }: SocketFacts): string {
  if ((mode & OTHERS_WRITE) !== 0) return 'every user';
  const names = members.length === 0 ? '' : ` (${members.join(', ')})`;
  const all = [
    'root',
    ...((mode & OWNER_WRITE) !== 0 && !user.startsWith('root ') ? [user] : []),
    ...((mode & GROUP_WRITE) !== 0 ? [`group ${group}${names}`] : []),
  ];
  return all.join(', ');
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}

function membersOf(gid: number): readonly string[] {
  try {
    const lines = readRegular('/etc/group', GROUP_FILE_BYTES_MAX).split('\n');
    const fields = lines.map((line) => line.split(':')).find((it) => it[2] === String(gid));
    return (fields?.[3] ?? '').split(',').filter(Boolean);
  } catch {
    return [];
  }
}

/** The system's error if no connection is possible. */
function tryConnect(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const settle = (code: string | undefined): void => {
      socket.destroy();
      resolve(code);
    };
    socket.setTimeout(CONNECT_MS, () => settle('ETIMEDOUT'));
    socket.once('connect', () => settle(undefined));
    socket.once('error', (error) => settle(codeOf(error)));
  });
}
