/**
 * Reading rsnapshot.conf as rsnapshot reads it: generated files, each held against the verdict of
 * `rsnapshot configtest` of the installed version, and the sentence of its first complaint.
 * BATON_TEST_AMOUNT=40 are 10,000 of them.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { look } from '../../client/crontab/look.ts';
import type { ReadFile } from '../../daemon/core/policy.ts';
import { readRsnapshotConf } from '../../policies/rsnapshot-conf.ts';
import { amount } from '../support/amount.ts';
import { directory } from '../support/config.ts';
import { makeRandom, type Random } from '../support/random.ts';
import { whyWithout } from '../support/tools.ts';

const FILES = amount(250);
const SEED = Number(process.env['CONF_SEED'] ?? 1);
const AT_ONCE = 4;

const read: ReadFile = (path) => {
  try {
    return { ok: true, text: readFileSync(path, 'latin1'), realPath: realpathSync(path) };
  } catch {
    return { ok: false, error: 'ENOENT' };
  }
};

test('the verdict on a configuration, and its sentence, are those of rsnapshot configtest', {
  skip: whyWithout('root', 'rsnapshot', 'rsync'),
}, async (t) => {
  const place = directory(t);
  mkdirSync(join(place, 'root'));
  writeFileSync(join(place, 'script'), '#!/bin/sh\n');
  chmodSync(join(place, 'script'), 0o755);
  writeFileSync(join(place, 'plain'), '');
  writeFileSync(join(place, 'include'), 'retain\tepoch\t3\n');
  writeFileSync(join(place, 'broken'), 'retain epoch 3\n');
  symlinkSync('/nowhere', join(place, 'link'));
  const random = makeRandom(SEED);
  const texts = Array.from({ length: FILES }, () => fileText(random).replaceAll('@', place));
  let [accepted, next] = [0, 0];
  const worker = async (): Promise<void> => {
    for (let at = next++; at < texts.length; at = next++) {
      const text = texts[at] ?? '';
      const path = join(place, `${at}.conf`);
      writeFileSync(path, text, 'latin1');
      const theirs = await configtest(path);
      const ours = verdictOf(path);
      assert.deepEqual(ours, theirs, `CONF_SEED=${SEED}, file ${at}:\n${text}`);
      if (ours === 'ok') accepted++;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  t.diagnostic(`${accepted} of ${FILES} accepted`);
  assert.ok(accepted > 0 && accepted < FILES);
});

/** "ok", or its first complaint without blanks, since rsnapshot breaks its lines. */
function configtest(path: string): Promise<string> {
  return new Promise((resolve) => {
    execFile(
      'rsnapshot',
      ['-c', path, 'configtest'],
      { encoding: 'latin1' },
      (error, _, stderr) => {
        if (error === null) {
          resolve('ok');
          return;
        }
        const words = stderr
          .split('\n')
          .filter((line) => line.startsWith('ERROR: ') || /^ /.test(line))
          .map((line) => line.replace(/^ERROR: /, ''));
        const at = words.findIndex((line) => / on line \d+:$/.test(line));
        const [where = ''] = at < 0 ? [] : [words[at]?.slice(0, -1)];
        const end = words.findIndex(
          (line, place) => place > at && /on line \d+:$|^-{9}/.test(line),
        );
        const said = words.slice(at + 1, end < 0 ? undefined : end);
        resolve(squeeze(at < 0 ? (said.at(-1) ?? '') : `${where}${said.join('')}`));
      },
    );
  });
}

function verdictOf(path: string): string {
  const conf = readRsnapshotConf(path, read, look);
  if (!conf.ok) return conf.error;
  const { refused, omission } = conf.conf;
  const [first] = refused;
  if (first !== undefined) return squeeze(`${first.path} on line ${first.line}${first.text}`);
  return omission === undefined ? 'ok' : squeeze(omission);
}

const squeeze = (text: string): string => text.replace(/[\s\\]/g, '');

/** A file that is right, in which a few lines are left out, changed or added. */
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
