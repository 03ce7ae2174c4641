/**
 * What rsnapshot (1.4.5) requires of each line of its configuration, with its own error texts; for
 * the file as a whole, see rsnapshot-whole.ts. Together they report what `rsnapshot configtest`
 * would; a test compares them with the real one on generated files. Pure.
 */
import {
  type ConfState,
  firstWord,
  goesUp,
  isAbsolute,
  isBoolean,
  isCwrsync,
  isProgram,
  isReal,
  isShortArgs,
  isSshPath,
  normal,
  withoutSlash,
} from './rsnapshot-values.ts';

/** The words after the parameter; `line` is the whole line. */
interface Words {
  readonly name: string;
  readonly value: string;
  readonly second: string | undefined;
  readonly third: string | undefined;
}

/** What is wrong, in rsnapshot's words after the line, or undefined. Records correct values. */
type Check = (words: Words, conf: ConfState) => string | undefined;

const RESERVED = (
  'archive check-config-version configtest diff delete du get-latest-snapshot help history list ' +
  'print-config restore rollback sync upgrade-config-file version version-only'
).split(' ');
const LVM_NEEDED =
  'cmd_lvcreate cmd_lvremove cmd_mount cmd_umount snapshotsize snapshotname vgpath mountpath'.split(
    ' ',
  );

const program: Check = ({ name, value }, conf) => {
  const path = value.trimEnd();
  if (!isProgram(path, conf)) return `${path} is not executable`;
  conf.settings.set(name, path);
  return undefined;
};

const lvmProgram: Check = (words, conf) =>
  isProgram(firstWord(words.value), conf)
    ? set(words, conf)
    : `${words.value} is not a valid executable`;

const script: Check = (words, conf) => {
  const path = firstWord(words.value);
  return isProgram(path, conf) ? set(words, conf) : noScript(path);
};

const zeroOrOne: Check = (words, conf) =>
  words.value === '1' || words.value === '0'
    ? set(words, conf)
    : `${words.name} must be set to either 1 or 0`;

const boolean: Check = (words, conf) =>
  isBoolean(words.value)
    ? set(words, conf)
    : `"${words.value}" is not a legal value for ${words.name}, must be 0 or 1 only`;

const loudness: Check = (words, conf) =>
  /^[1-5]$/.test(words.value) ? set(words, conf) : `${words.name} must be a value between 1 and 5`;

const listFile: Check = ({ name, value }, { look }) => {
  if (!isAbsolute(value)) return `${name} ${value} must be a valid absolute path`;
  const facts = look?.(value);
  if (facts === undefined) return undefined;
  if (!facts.isThere && !facts.isLink) return `${name} ${value} must be a valid absolute path`;
  if (facts.isThere && !facts.isFile) return `${name} ${value} exists, but is not a file`;
  return facts.canRead ? undefined : `${name} ${value} exists, but is not readable`;
};

const anything: Check = (words, conf) => set(words, conf);

/** By the name of the parameter; rsnapshot knows no others. */
export const CHECKS: ReadonlyMap<string, Check> = new Map<string, Check>([
  [
    'config_version',
    (words, conf) => (words.value === '1.2' ? set(words, conf) : 'config_version not recognized!'),
  ],
  ['snapshot_root', snapshotRoot],
  ['sync_first', zeroOrOne],
  ['no_create_root', zeroOrOne],
  ...['rsync', 'ssh', 'cp', 'rm', 'logger', 'du', 'rsnapshot_diff'].map((name): [string, Check] => [
    `cmd_${name}`,
    program,
  ]),
  ...['lvcreate', 'lvremove', 'mount', 'umount'].map((name): [string, Check] => [
    `linux_lvm_cmd_${name}`,
    lvmProgram,
  ]),
  ['cmd_preexec', script],
  ['cmd_postexec', script],
  ['interval', level],
  ['retain', level],
  ['backup', backup],
  ['backup_script', backupScript],
  ['backup_exec', backupExec],
  ...['link_dest', 'one_fs', 'stop_on_stale_lockfile', 'use_lazy_deletes'].map(
    (name): [string, Check] => [name, boolean],
  ),
  [
    'lockfile',
    (words, conf) => (isAbsolute(words.value) ? set(words, conf) : 'lockfile must be a full path'),
  ],
  ['include', () => undefined],
  ['exclude', () => undefined],
  ['include_file', listFile],
  ['exclude_file', listFile],
  [
    'rsync_short_args',
    (words, conf) =>
      isShortArgs(words.value)
        ? set(words, conf)
        : `rsync_short_args "${words.value}" not in correct format`,
  ],
  ['rsync_long_args', anything],
  ['ssh_args', sshArgs],
  ['du_args', anything],
  ...['vgpath', 'snapshotname', 'snapshotsize', 'mountpath'].map((name): [string, Check] => [
    `linux_lvm_${name}`,
    anything,
  ]),
  ['logfile', logfile],
  ['verbose', loudness],
  ['loglevel', loudness],
  [
    'rsync_numtries',
    (words, conf) =>
      /^\d+$/.test(words.value)
        ? set(words, conf)
        : `"${words.value}" is not a legal value for rsync_numtries, must be greater than or equal to 0`,
  ],
]);

function set({ name, value }: Words, { settings }: ConfState): undefined {
  settings.set(name, value);
}

function snapshotRoot(words: Words, conf: ConfState): string | undefined {
  const { value } = words;
  if (!isAbsolute(value)) {
    const isElsewhere = isSshPath(value) || value.startsWith('rsync://') || isCwrsync(value);
    return isElsewhere
      ? 'snapshot_root must be a local path - you cannot have a remote snapshot_root'
      : 'snapshot_root must be a full path';
  }
  const facts = conf.look?.(value);
  if (facts?.isThere === true) {
    if (!facts.isDirectory) return 'snapshot_root must be a directory';
    if (!facts.canRead) return 'snapshot_root exists but is not readable';
    if (!facts.canWrite) return 'snapshot_root exists but is not writable';
  }
  conf.settings.set('snapshot_root', withoutSlash(value));
  return undefined;
}

function level(
  { name: parameter, value, second }: Words,
  { levels }: ConfState,
): string | undefined {
  // It continues after a reserved word, but has refused the file.
  if (RESERVED.includes(value))
    return `"${value}" is not a valid interval name, reserved word conflict`;
  if (!/^\w+$/.test(value)) {
    return `"${value}" is not a valid ${parameter} name, must be alphanumeric characters only`;
  }
  if (second === undefined) return `"${value}" number can not be blank`;
  if (!/^\d+$/.test(second)) return `"${second}" is not a legal value for a retention count`;
  if (Number(second) <= 0) return `"${value}" must be at least 1 or higher`;
  levels.push({ name: value, count: Number(second) });
  return undefined;
}

function backup(
  { value: source, second: dest, third }: Words,
  conf: ConfState,
): string | undefined {
  if (!conf.settings.has('snapshot_root')) {
    return 'snapshot_root needs to be defined before backup points';
  }
  if (dest === undefined || dest === '') return 'no destination path specified for backup point';
  for (const path of [source, dest]) {
    if (goesUp(path)) return `Directory traversal attempted in ${path}`;
  }
  const trouble = troubleOfSource(source, conf);
  if (trouble !== undefined) return trouble;
  if (!/^[^/\s]/.test(dest)) return `Backup destination ${dest} must be a local, relative path`;
  if (third !== undefined && third !== '' && third !== '0' && !areOptions(third, conf)) {
    return `in extra opts: ${third}`;
  }
  conf.points.push({ kind: 'backup', dest: normal(dest) });
  return undefined;
}

function troubleOfSource(source: string, conf: ConfState): string | undefined {
  if (isReal(source, conf)) return undefined;
  if (isSshPath(source)) {
    if (conf.settings.has('cmd_ssh')) return undefined;
    return `Cannot handle ${source}, cmd_ssh not defined in ${conf.path}`;
  }
  if (source.startsWith('rsync://') || isCwrsync(source)) return undefined;
  if (source.startsWith('lvm://')) {
    const missing = LVM_NEEDED.find((name) => !conf.settings.has(`linux_lvm_${name}`));
    if (missing === undefined) return undefined;
    return `Cannot handle ${source}, linux_lvm_${missing} not defined in ${conf.path}`;
  }
  return `Source directory "${source}" doesn't exist`;
}

function backupScript({ value, second: dest }: Words, conf: ConfState): string | undefined {
  if (!conf.settings.has('snapshot_root')) {
    return 'snapshot_root needs to be defined before backup scripts';
  }
  if (dest === undefined) return 'no destination path specified';
  if (!/^[^/\s]/.test(dest)) return `Backup destination ${dest} must be a local, relative path`;
  if (goesUp(dest)) return `Directory traversal attempted in ${dest}`;
  const path = firstWord(value);
  if (!isProgram(path, conf)) return noScript(path);
  conf.points.push({ kind: 'script', dest: normal(dest) });
  return undefined;
}

function backupExec({ second }: Words, { points }: ConfState): string | undefined {
  if (second !== undefined && second !== 'optional' && second !== 'required') {
    return `requirement level "${second}" is invalid`;
  }
  points.push({ kind: 'exec', dest: '' });
  return undefined;
}

function sshArgs(words: Words, conf: ConfState): string | undefined {
  if (!conf.settings.has('ssh_args')) return set(words, conf);
  return (
    'global ssh_args can only be set once, but is already set.  ' +
    'Perhaps you wanted to use a per-backup-point ssh_args instead.'
  );
}

function logfile(words: Words, conf: ConfState): string | undefined {
  if (!isAbsolute(words.value)) return 'logfile must be a valid absolute path';
  const facts = conf.look?.(words.value);
  if (facts?.isThere === true && !facts.isFile && !facts.isPipe) {
    return `logfile ${words.value} exists, but is not a file`;
  }
  return set(words, conf);
}

/** After a backup point: `one_fs=1,+rsync_long_args=--x`. */
function areOptions(text: string, conf: ConfState): boolean {
  const pairs = text.split(',');
  while (pairs.at(-1) === '') pairs.pop();
  return pairs.length > 0 && pairs.every((pair) => isOption(pair, conf));
}

function isOption(pair: string, conf: ConfState): boolean {
  const isAdded = pair.startsWith('+');
  const [all, key = '', text = ''] = /^([^=]*)=(.*)$/s.exec(isAdded ? pair.slice(1) : pair) ?? [];
  if (all === undefined) return false;
  const name = key.replace(/\s+/g, '');
  const value = text.trim();
  if (name === 'one_fs') return !isAdded && isBoolean(value);
  if (name === 'rsync_short_args') return isShortArgs(value);
  if (name === 'include_file' || name === 'exclude_file') {
    return listFile({ name, value, second: undefined, third: undefined }, conf) === undefined;
  }
  return /^(rsync_long_args|ssh_args|include|exclude|linux_lvm_(vgpath|snapshotname|snapshotsize|mountpath))$/.test(
    name,
  );
}

const noScript = (path: string): string =>
  `"${path}" is not executable or can't be found.` +
  (path.startsWith('/') ? '' : ' Please use an absolute path.');
