/**
 * The real rsnapshot on a small tree of its own: a conf, older snapshots so that every interval has
 * something to rotate, and its log, which shows what ran in which order, or at once.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Rsnapshot {
  readonly conf: string;
  readonly lockfile: string;
  /** What rsnapshot itself has logged. */
  log(): readonly LogLine[];
  /** Intervals in the order in which they started. */
  order(): readonly string[];
  /** Intervals that ended by themselves, with or without warnings. */
  completed(): readonly string[];
}

export interface LogLine {
  readonly interval: string;
  /** "started", "completed successfully", "ERROR: Lockfile …". */
  readonly what: string;
}

/** `more` are further lines of the conf, each a list of fields. */
export function makeRsnapshot(
  directory: string,
  levels: readonly string[],
  more: readonly (readonly string[])[] = [],
): Rsnapshot {
  const [tree, root] = [join(directory, 'tree'), join(directory, 'snapshots')];
  mkdirSync(tree, { recursive: true });
  for (let file = 0; file < 5; file++) writeFileSync(join(tree, `file-${file}`), 'x'.repeat(999));
  for (const level of levels) {
    for (const age of [0, 1]) mkdirSync(join(root, `${level}.${age}`), { recursive: true });
  }
  const [conf, lockfile] = [join(directory, 'rsnapshot.conf'), join(directory, 'rsnapshot.pid')];
  const logfile = join(directory, 'rsnapshot.log');
  const lines = [
    ['config_version', '1.2'],
    ['snapshot_root', `${root}/`],
    ['no_create_root', '1'],
    ['cmd_rsync', '/usr/bin/rsync'],
    ...levels.map((level) => ['retain', level, '2']),
    ['verbose', '2'],
    ['loglevel', '3'],
    ['logfile', logfile],
    ['lockfile', lockfile],
    ...more,
    ['backup', `${tree}/`, 'here/'],
  ];
  writeFileSync(conf, lines.map((fields) => `${fields.join('\t')}\n`).join(''));
  const log = (): LogLine[] => readLog(logfile);
  const where = (pattern: RegExp): string[] =>
    log().flatMap(({ interval, what }) => (pattern.test(what) ? interval : []));
  return {
    conf,
    lockfile,
    log,
    order: () => where(/^started$/),
    completed: () => where(/^completed/),
  };
}

function readLog(path: string): LogLine[] {
  const lines = /\/rsnapshot(?: -c \S+)? (\w+): (.*)$/gm;
  return [...text(path).matchAll(lines)].map(([, interval = '', what = '']) => ({
    interval,
    what,
  }));
}

/** '' if nothing has been logged yet. */
function text(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
