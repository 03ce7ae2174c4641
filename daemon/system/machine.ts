/**
 * Facts about the machine for policies: who holds lockfiles, what is mounted, how much space is
 * free.
 *
 * Instant answers come from /proc, /dev and /sys, which never hang. What touches a file system that
 * may hang is left to a small command: in Node it would occupy one of the few threads, which the
 * journal needs.
 */
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { subjectOf } from '../core/describe-condition.ts';
import {
  type Holder,
  type InstantCondition,
  keyOf,
  type Lockfile,
  type SlowCondition,
} from '../core/world.ts';
import { errnoOf } from '../shared/errno.ts';
import { findAcPower } from './ac-power.ts';
import { type Ran, runBounded } from './bounded-command.ts';
import { type Answer, checkCommand, checkHost } from './checks.ts';
import * as say from './condition-text.ts';
import { findHolders, type RunsByKeeper } from './lockfiles.ts';
import { type Mount, mountAt, parseMounts } from './mounts.ts';

type MountCondition = Extract<InstantCondition, { kind: 'mounted' }>;
type FigureCondition = Extract<InstantCondition, { kind: 'load' | 'pressure' }>;
type PathCondition = Extract<SlowCondition, { path: string }>;

export type { Answer };

/** The machine as the engine sees it. */
export interface WorldPort {
  /** Who holds each of these lockfiles, if anybody does. */
  holders(lockfiles: readonly Lockfile[], runs: () => RunsByKeeper): ReadonlyMap<string, Holder>;
  /** Immediate answers, by the key of each condition. */
  look(conditions: readonly InstantCondition[]): ReadonlyMap<string, Answer>;
  /** Starts a check, and calls back once, never synchronously. The result stops it. */
  check(condition: SlowCondition, done: (answer: Answer) => void): () => void;
  /** A time of day. */
  showTime(wallMs: number): string;
}

export const machine: WorldPort = {
  holders: findHolders,

  look(conditions) {
    let mounts: readonly Mount[] | string | undefined;
    const answer = (condition: InstantCondition): Answer => {
      if (condition.kind === 'acPower') return findAcPower(subjectOf(condition));
      if (condition.kind !== 'mounted') return measure(condition);
      mounts ??= readMounts();
      return findMount(condition, mounts);
    };
    return new Map(conditions.map((it) => [keyOf(it), answer(it)]));
  },

  check(condition, done) {
    if (condition.kind === 'command') return checkCommand(condition, done);
    if (condition.kind === 'host') return checkHost(condition, done);
    const { path } = condition;
    const args: [string, ...string[]] =
      condition.kind === 'free'
        ? ['stat', '-f', '-c', '%a %S %d %c', '--', path]
        : ['stat', '-L', '-c', '%F', '--', path];
    return runBounded(args, (ran) => done(answerOf(condition, ran)));
  },

  showTime: (wallMs) => new Date(wallMs).toTimeString().slice(0, 8),
};

/** The load of the machine, from the kernel's own figures. */
function measure(condition: FigureCondition): Answer {
  const { kind, below } = condition;
  const path = kind === 'load' ? '/proc/loadavg' : `/proc/pressure/${condition.of}`;
  try {
    const text = readFileSync(path, 'utf8');
    const found = kind === 'load' ? /^([\d.]+) /.exec(text) : /^some avg10=([\d.]+) /m.exec(text);
    const [, value = ''] = found ?? [];
    const holds = Number.parseFloat(value) < below;
    if (kind === 'load') return { holds, text: holds ? say.calm(value) : say.busy(value, below) };
    const { of } = condition;
    return { holds, text: holds ? say.unpressed(of, value) : say.pressed(of, value, below) };
  } catch (error) {
    // A kernel may have been built or booted without pressure figures.
    return no(say.notSeen(subjectOf(condition), errnoOf(error)));
  }
}

/** What is mounted, or the errno if that cannot be read. */
function readMounts(): readonly Mount[] | string {
  try {
    return parseMounts(readFileSync('/proc/self/mountinfo', 'utf8'));
  } catch (error) {
    return errnoOf(error);
  }
}

function findMount(condition: MountCondition, mounts: readonly Mount[] | string): Answer {
  const { path, device } = condition;
  if (typeof mounts === 'string') return no(say.notSeen(subjectOf(condition), mounts));
  const mount = mountAt(mounts, path);
  if (mount === undefined) return no(say.notMounted(path));
  const { source, type } = mount;
  if (type === 'autofs') return no(say.onlyAutomount(path));
  if (device === undefined) return yes(say.isMounted(path, source, type));
  const wanted = findDevice(device);
  if (wanted === undefined) return no(say.noDevice(path, source, device));
  const isIt = mount.source === device || wanted.number === mount.device || isSame(source, wanted);
  return isIt ? yes(say.isMounted(path, device, type)) : no(say.otherDevice(path, source, device));
}

interface Device {
  readonly path: string;
  /** MAJOR:MINOR. */
  readonly number?: string;
}

const BY: Readonly<Record<string, string>> = {
  UUID: 'by-uuid',
  LABEL: 'by-label',
  PARTUUID: 'by-partuuid',
  PARTLABEL: 'by-partlabel',
};

/** The device that udev knows by this name; /dev is in memory, and does not touch the device. */
function findDevice(name: string): Device | undefined {
  const [, tag = '', value = ''] = /^([A-Z]+)="?(.*?)"?$/.exec(name) ?? [];
  const by = BY[tag];
  const link = by === undefined ? name : `/dev/disk/${by}/${encode(value)}`;
  // Such as nas:/backup, which is compared as it is.
  if (!link.startsWith('/dev/')) return { path: name };
  try {
    const path = realpathSync(link);
    const { rdev } = statSync(path);
    return { path, number: `${majorOf(rdev)}:${minorOf(rdev)}` };
  } catch {
    return undefined;
  }
}

/** Names differ: /dev/mapper/x is /dev/dm-0, and a btrfs has a device number of its own. */
function isSame(source: string, { path }: Device): boolean {
  if (!source.startsWith('/dev/')) return source === path;
  try {
    return realpathSync(source) === path;
  } catch {
    return false;
  }
}

/** As udev names links: special characters become \xNN. */
function encode(value: string): string {
  return value.replace(/[^\p{L}\p{N}#+\-.:=@_]/gu, (char) =>
    Array.from(Buffer.from(char), (byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join(''),
  );
}

/** Like gnu_dev_major(3) and gnu_dev_minor(3); these numbers have up to 64 bits. */
function majorOf(rdev: number): number {
  const bits = BigInt(rdev);
  return Number(((bits >> 8n) & 0xfffn) | ((bits >> 32n) & 0xfffff000n));
}

function minorOf(rdev: number): number {
  const bits = BigInt(rdev);
  return Number((bits & 0xffn) | ((bits >> 12n) & 0xffffff00n));
}

function answerOf(condition: PathCondition, { code, stdout, stderr, errno }: Ran): Answer {
  const { kind, path } = condition;
  const isThere = code === 0;
  const isMissing = code === 1 && /: (No such file or directory|Not a directory)$/m.test(stderr);
  if (kind === 'free' && isThere) return judgeSpace(condition, stdout);
  if (kind !== 'free' && isThere) return { holds: kind === 'exists', text: say.exists(path) };
  if (kind !== 'free' && isMissing) {
    return { holds: kind === 'missing', text: say.doesNotExist(path) };
  }
  const [, said] = /: ([^:]+)$/.exec(stderr.trim()) ?? [];
  return no(say.notSeen(subjectOf(condition), errno ?? said ?? `stat: ${code}`));
}

function judgeSpace(
  { path, bytes, inodes }: Extract<SlowCondition, { kind: 'free' }>,
  stdout: string,
): Answer {
  const [blocks = 0, blockBytes = 0, free = 0, all = 0] = stdout.trim().split(' ').map(Number);
  const freeBytes = blocks * blockBytes;
  if (bytes !== undefined && !(freeBytes >= bytes)) {
    return no(say.fewBytes(path, freeBytes, bytes));
  }
  // A file system that creates inodes on demand has none to count.
  const isCounted = inodes !== undefined && all > 0;
  if (isCounted && !(free >= inodes)) return no(say.fewInodes(path, free, inodes));
  return yes(
    bytes === undefined && isCounted ? say.freeInodes(path, free) : say.freeBytes(path, freeBytes),
  );
}

function yes(text: string): Answer {
  return { holds: true, text };
}

function no(text: string): Answer {
  return { holds: false, text };
}
