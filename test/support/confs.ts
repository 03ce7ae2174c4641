/**
 * Generated rsnapshot.confs, and their verdicts: that of `rsnapshot configtest` of the installed
 * version with its first complaint, and ours.
 */
import { spawn } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { look } from '../../client/crontab/look.ts';
import type { ReadFile } from '../../daemon/core/policy.ts';
import { readRsnapshotConf } from '../../policies/rsnapshot-conf.ts';
import type { Random } from './random.ts';

const RSNAPSHOT = '/usr/bin/rsnapshot';
const SUPPORT = join(import.meta.dirname, '../../../test/support');

export interface Compared {
  readonly text: string;
  readonly ours: string;
  readonly theirs: string;
}

/** The files that the confs refer to, in a directory: an include, a script, a dangling link. */
export function furnish(place: string): void {
  mkdirSync(join(place, 'root'));
  writeFileSync(join(place, 'script'), '#!/bin/sh\n');
  chmodSync(join(place, 'script'), 0o755);
  writeFileSync(join(place, 'plain'), '');
  writeFileSync(join(place, 'include'), 'retain\tepoch\t3\n');
  writeFileSync(join(place, 'broken'), 'retain epoch 3\n');
  symlinkSync('/nowhere', join(place, 'link'));
}

/** Compares `count` files, one after the other, in a furnished directory. */
export async function compareConfs(
  place: string,
  count: number,
  random: Random,
): Promise<readonly Compared[]> {
  const files = Array.from({ length: count }, (_, at) => {
    const file = { path: join(place, `${at}.conf`), text: fileText(random).replaceAll('@', place) };
    writeFileSync(file.path, file.text, 'latin1');
    return file;
  });
  await configtest(files.map(({ path }) => path));
  return files.map(({ path, text }) => {
    const theirs = firstComplaint(readFileSync(`${path}.said`, 'latin1'));
    const compared = { text, ours: verdictOf(path), theirs };
    for (const it of [path, `${path}.said`]) rmSync(it);
    return compared;
  });
}

/** Writes each result to PATH.said. */
function configtest(paths: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('perl', ['-I', SUPPORT, '-MConfigtest', RSNAPSHOT], {
      stdio: ['pipe', 'ignore', 'inherit'],
    });
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`Configtest.pm ended with ${code}`));
    });
    child.stdin.end(paths.map((path) => `${path}\n`).join(''));
  });
}

/** "ok", or its first complaint without blanks, because rsnapshot wraps its lines. */
function firstComplaint(said: string): string {
  const words = said
    .split('\n')
    .filter((line) => line.startsWith('ERROR: ') || /^ /.test(line))
    .map((line) => line.replace(/^ERROR: /, ''));
  if (words.length === 0) return 'ok';
  const at = words.findIndex((line) => / on line \d+:$/.test(line));
  const [where = ''] = at < 0 ? [] : [words[at]?.slice(0, -1)];
  const end = words.findIndex((line, place) => place > at && /on line \d+:$|^-{9}/.test(line));
  const complaint = words.slice(at + 1, end < 0 ? undefined : end);
  return squeeze(at < 0 ? (complaint.at(-1) ?? '') : `${where}${complaint.join('')}`);
}

const read: ReadFile = (path) => {
  try {
    return { ok: true, text: readFileSync(path, 'latin1'), realPath: realpathSync(path) };
  } catch {
    return { ok: false, error: 'ENOENT' };
  }
};

function verdictOf(path: string): string {
  const conf = readRsnapshotConf(path, read, look);
  if (!conf.ok) return conf.error;
  const { refused, omission } = conf.conf;
  const [first] = refused;
  if (first !== undefined) return squeeze(`${first.path} on line ${first.line}${first.text}`);
  return omission === undefined ? 'ok' : squeeze(omission);
}

const squeeze = (text: string): string => text.replace(/[\s\\]/g, '');

/** A correct file in which a few lines are left out, changed or added. */
function fileText(random: Random): string {
  const lines: string[] = BASE.filter(() => random.below(40) !== 0);
  const changes = random.below(3);
  for (let n = 0; n < changes; n++) {
    const at = random.below(lines.length + 1);
    if (random.below(2) === 0) lines.splice(at, 0, lineText(random));
    else lines[at] = spoil(lines[at] ?? '', random);
  }
  return `${lines.join('\n')}${random.below(8) === 0 ? '' : '\n'}`;
}

const BASE = [
  '# a comment',
  'config_version\t1.2',
  'snapshot_root\t@/root/',
  'cmd_rsync\t/usr/bin/rsync',
  'cmd_ssh\t/usr/bin/ssh',
  'retain\talpha\t6',
  'retain\tbeta\t7',
  'lockfile\t@/lock',
  'backup\t/etc/\tlocalhost/',
  'backup_script\t@/script -v\tdump/',
] as const;

const NAMES = [
  ...['config_version', 'snapshot_root', 'sync_first', 'no_create_root', 'cmd_rsync', 'cmd_ssh'],
  ...['cmd_cp', 'cmd_rm', 'cmd_logger', 'cmd_du', 'cmd_preexec', 'cmd_postexec', 'retain'],
  ...['interval', 'backup', 'backup_script', 'backup_exec', 'link_dest', 'one_fs', 'lockfile'],
  ...['stop_on_stale_lockfile', 'include', 'exclude', 'include_file', 'exclude_file', 'logfile'],
  ...['rsync_short_args', 'rsync_long_args', 'ssh_args', 'du_args', 'verbose', 'loglevel'],
  ...['use_lazy_deletes', 'rsync_numtries', 'include_conf', 'linux_lvm_vgpath', 'retian', 'Retain'],
  ...['linux_lvm_cmd_mount', 'cmd_rsnapshot_diff', 'retain', 'backup'],
] as const;

const VALUES = [
  ...[
    '0',
    '1',
    '2',
    '01',
    '04',
    '1.2',
    '',
    ' ',
    '-a',
    '-avz',
    '-a b',
    'a',
    'alpha',
    'weekly',
    'a-b',
  ],
  ...[
    'sync',
    'du',
    '6h',
    '_x',
    '/',
    '/etc/',
    '@/root',
    '@/plain',
    '@/link',
    '@/script',
    '@/script x',
  ],
  ...['@/nowhere', '@/include', '@/broken', '/usr/bin/rsync', '/usr/bin/rsync ', 'rsync', '@/../x'],
  ...['root@host:/etc/', 'host:/x', 'host::mod', 'rsync://h/m', 'lvm://vg/x', 'localhost/', './x/'],
  ...['`@/plain`', '`echo x`', '`@/nowhere x`', '`x', 'd.mp/', 'dump', './dump/y/', 'dump/./x'],
  ...['optional', 'required', 'one_fs=1', '+one_fs=1', 'one_fs=2', '+rsync_long_args=--x', 'x=1'],
  ...['rsync_short_args=-a,one_fs=0', 'exclude=x', 'ssh_args', ',', '5', '6', '3 ', '0 '],
] as const;

function lineText(random: Random): string {
  const words = [random.pick(NAMES)];
  const count = 1 + random.below(3);
  const values = Array.from({ length: count }, () => random.pick(VALUES));
  return [...words, ...values].join(random.pick(['\t', '\t', '\t\t', '\t ', ' ', '\n\t', '\n  ']));
}

function spoil(line: string, random: Random): string {
  switch (random.below(9)) {
    case 0:
      return line.replace('\t', ' ');
    case 1:
      return line.replaceAll('\t', '    ');
    case 2:
      return `${line} `;
    case 3:
      return `${line}\r`;
    case 4:
      return `${line}\t`;
    case 5:
      return ` ${line}`;
    case 6:
      return line.replace('\t', '\n\t');
    case 7:
      return `${line}\t${random.pick(VALUES)}`;
    default:
      return line.replace(/\t[^\t]*$/, `\t${random.pick(VALUES)}`);
  }
}
