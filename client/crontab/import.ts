/**
 * `baton import rsnapshot [CONF…]` and `baton import py9tor FILE`: print a configuration on stdout
 * and remarks on stderr. They change no file.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fromPy9tor } from '../../daemon/config/py9tor.ts';
import { EXIT } from '../../daemon/protocol/request.ts';
import {
  type RsnapshotConf,
  readRsnapshotConf,
  refusalOf,
  SYNC,
} from '../../policies/rsnapshot-conf.ts';
import * as say from '../client-errors.ts';
import { type Ending, printed } from '../ending.ts';
import { complain, plain, writeAll } from '../terminal/output.ts';
import { CONF_DEFAULT } from './calls.ts';
import { readConfFile } from './check-crontab.ts';
import { look } from './look.ts';
import { fillIn, levelsUnchecked } from './migration-messages.ts';
import { prefixesOf } from './target-names.ts';

/** Placeholder for the levels of a conf if none can be read. */
const UNKNOWN = 'LEVEL';
const STDERR = 2;
const PROGRAM = '/usr/bin/rsnapshot';
/** When the classic levels run; all at the same minute, because baton puts them in order. */
const TIMES: Readonly<Record<string, string>> = {
  daily: '0 3 * * *',
  weekly: '0 3 * * 1',
  monthly: '0 3 1 * *',
  yearly: '0 3 1 1 *',
  beta: '0 0 * * *',
  gamma: '0 0 * * 1',
  delta: '0 0 1 * *',
};
/** Those that run several times a day. */
const FREQUENT = ['hourly', 'alpha'];
const HOURS_PER_DAY = 24;
const STEP_HOURS_DEFAULT = 4;

export function importRsnapshot(files: readonly string[]): Ending {
  const confs: RsnapshotConf[] = [];
  for (const path of files.length > 0 ? files : [CONF_DEFAULT]) {
    const read = readRsnapshotConf(resolve(path), readConfFile, look);
    if (!read.ok) return fail(say.cannotRead(path, read.error));
    const refusal = refusalOf(read.conf);
    if (refusal !== undefined && read.conf.refused.length > 0) return fail(plain(refusal));
    const { levels, unread } = read.conf;
    if (levels.length === 0 && unread.length === 0) return fail(say.noLevels(path));
    if (confs.every((conf) => conf.path !== read.conf.path)) confs.push(read.conf);
  }
  const prefixes = prefixesOf(confs.map(({ path }) => path));
  const nameOf = ({ path }: RsnapshotConf, level: string): string =>
    `${prefixes.get(path)}-${level}`;
  const targets = confs.flatMap((conf) =>
    levelsOf(conf).map((level) => [nameOf(conf, level), targetOf(conf, level)]),
  );
  const ending = configuration({ targets: Object.fromEntries(targets) });
  if (ending.status !== 0) return ending;
  return tell([
    ...confs.flatMap(({ unread }) => unread).map((it) => `# ${plain(levelsUnchecked(it))}`),
    ...(confs.some(({ levels }) => levels.length === 0) ? [`# ${fillIn(UNKNOWN)}`] : []),
    ...confs.flatMap((conf) => refusalOf(conf) ?? []).map((it) => `# ${plain(it)}`),
    ...(existsSync(PROGRAM) ? [] : [`# ${PROGRAM} is not installed on this machine`]),
    '# Lines for /etc/cron.d/rsnapshot; in a user crontab, omit "root". All of them may have',
    '# the same minute: baton runs one at a time, the highest interval first.',
    ...confs.flatMap((conf) =>
      levelsOf(conf).map((level) => cronLine(conf, level, nameOf(conf, level))),
    ),
  ]);
}

/** Highest first. */
function levelsOf(conf: RsnapshotConf): readonly string[] {
  return [...namedIn(conf).toReversed(), ...(conf.syncFirst ? [SYNC] : [])];
}

/** Lowest first. */
function namedIn({ levels }: RsnapshotConf): readonly string[] {
  return levels.length > 0 ? levels : [UNKNOWN];
}

function targetOf(conf: RsnapshotConf, level: string): object {
  const { path, unread } = conf;
  const order = unread.length > 0 ? { order: namedIn(conf) } : {};
  const args = [PROGRAM, ...(path === CONF_DEFAULT ? [] : ['-c', path]), level];
  const policies = [{ type: 'rsnapshot', interval: level, ...order }];
  return { runner: { type: 'local', args }, policies };
}

function cronLine(conf: RsnapshotConf, level: string, name: string): string {
  const lowest = conf.levels[0] ?? '';
  const when = timeOf(conf, level === SYNC ? lowest : level);
  const what = `root baton run ${name} --wait`;
  return when === undefined
    ? `# MIN HOUR DAY MONTH WEEKDAY ${what}    (choose when)`
    : `${when.padEnd(13)} ${what}`;
}

function timeOf({ levels, counts }: RsnapshotConf, level: string): string | undefined {
  if (!FREQUENT.includes(level)) {
    const time = TIMES[level];
    // At the minute of the frequent ones, if there are any.
    return levels.some((name) => FREQUENT.includes(name)) ? time?.replace(/^0 3/, '0 0') : time;
  }
  const count = counts[levels.indexOf(level)] ?? 0;
  const isFit = count <= HOURS_PER_DAY && HOURS_PER_DAY % count === 0;
  const step = isFit ? HOURS_PER_DAY / count : STEP_HOURS_DEFAULT;
  return step === 1 ? '0 * * * *' : `0 */${step} * * *`;
}

export function importPy9tor(path: string): Ending {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    if (!(error instanceof SyntaxError)) {
      return fail(say.cannotRead(path, error));
    }
    return fail(say.noJson(path, plain(error.message)));
  }
  const { value: native, diagnostics, warnings } = fromPy9tor(value, dirname(resolve(path)));
  for (const warning of warnings) complain(`${path}: ${warning}`);
  for (const { at, text } of diagnostics) complain(`${path}: ${at.join('.')}: ${text}`);
  if (diagnostics.length > 0) return { status: EXIT.config, isOwn: true };
  return configuration(native);
}

export function configuration(value: unknown): Ending {
  return printed(`${JSON.stringify(value, null, 2)}\n`);
}

/** The whole output is a crontab: everything except the lines are comments. */
export function tell(lines: readonly string[]): Ending {
  const code = writeAll(STDERR, Buffer.from(lines.map((line) => `${line}\n`).join('')));
  return { status: code === undefined || code === 'EPIPE' ? 0 : EXIT.unwritten, isOwn: true };
}

export function fail(line: string): Ending {
  return { status: EXIT.config, isOwn: true, line };
}
