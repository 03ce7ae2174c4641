/**
 * `baton check-crontab [FILE…]`: reads crontabs, the system's own by default, and says line by line
 * what would better be written otherwise. It changes no file. The daemon is asked for its targets; if
 * it does not answer, what needs no targets is said all the same.
 */
import { readdirSync, readFileSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { ReadFile } from '../../daemon/core/policy.ts';
import { PROTOCOL_VERSION, type Reply, suggest } from '../../daemon/protocol/request.ts';
import { readRegular } from '../../daemon/system/regular-file.ts';
import { type RsnapshotConf, readRsnapshotConf } from '../../policies/rsnapshot-conf.ts';
import { noTargets, notChecked } from '../client-errors.ts';
import { converse, type Place } from '../connection/conversation.ts';
import { type Ending, printed } from '../ending.ts';
import { codeOf, complain, plain } from '../terminal/output.ts';
import { type CronLine, parseCrontab } from './crontab.ts';
import { type Finding, findAll, type KnownTarget } from './findings.ts';

/** Longest file that is read without having been named on the command line. */
const FOUND_BYTES_MAX = 16 * 1024 * 1024;

const CRONTAB = '/etc/crontab';
const CRON_D = '/etc/cron.d';
const TABS = '/var/spool/cron/crontabs';
/** Exit status where something was found; as of grep and of linters. */
const EXIT_FOUND = 1;
const EXIT_UNREADABLE = 66;

export async function checkCrontab(files: readonly string[], place: Place): Promise<Ending> {
  const named = files.length > 0 ? files : systemFiles();
  // Who names a file may name a pipe: /dev/stdin.
  const read = files.length > 0 ? readNamed : readFound;
  const users = userNames();
  const lines: CronLine[] = [];
  const unread: string[] = [];
  for (const file of named) {
    try {
      lines.push(...parseCrontab(file, read(file), hasUser(file, users)));
    } catch (error) {
      unread.push(notChecked(file, error));
    }
  }
  const known = await targetsOf(place);
  if (known === undefined) {
    complain(noTargets());
  }
  const confs = new Map<string, RsnapshotConf | undefined>();
  const conf = (path: string): RsnapshotConf | undefined => {
    if (!confs.has(path)) confs.set(path, readConf(path));
    return confs.get(path);
  };
  const findings = findAll(lines, { targets: known, conf, suggest });
  const said = findings.length === 0 ? 'nothing to change' : count(findings.length, 'finding');
  const sum = `${said} in ${count(lines.length, 'line')} of ${count(named.length, 'crontab')}\n`;
  const ending = printed(findings.map(show).join('') + sum);
  for (const line of unread) complain(line);
  if (ending.status !== 0) return ending;
  if (unread.length > 0) return { status: EXIT_UNREADABLE, isOwn: true };
  return { status: findings.length === 0 ? 0 : EXIT_FOUND, isOwn: true };
}

/** The daemon's targets, or undefined if it does not answer at once. */
async function targetsOf(place: Place): Promise<readonly KnownTarget[] | undefined> {
  const request = { type: 'status', v: PROTOCOL_VERSION } as const;
  const talk = { label: undefined, run: undefined, request: () => request, opened() {}, lost() {} };
  const now = { ...place, connectTimeoutMs: place.connectTimeoutMs ?? 0 };
  const answer = await converse(now, { ...talk, take: (reply: Reply) => reply });
  return answer.ok && answer.value.type === 'status' ? answer.value.targets : undefined;
}

function show({ line, text, instead }: Finding): string {
  const rest = instead === undefined ? '' : `  instead: ${plain(instead)}\n`;
  return `${plain(`${line.file}:${line.line}: ${text}`)}\n${rest}`;
}

function count(many: number, what: string): string {
  return `${many} ${what}${many === 1 ? '' : 's'}`;
}

/** As Debian's cron: names with a dot are none of its business. */
function systemFiles(): readonly string[] {
  const names = (directory: string): string[] => {
    try {
      return readdirSync(directory).sort();
    } catch {
      return [];
    }
  };
  const parts = names(CRON_D).filter((name) => /^[\w-]+$/.test(name));
  return [
    ...names(dirname(CRONTAB))
      .filter((name) => name === basename(CRONTAB))
      .map(() => CRONTAB),
    ...parts.map((name) => join(CRON_D, name)),
    ...names(TABS).map((name) => join(TABS, name)),
  ];
}

/** In /etc a word names the user. Elsewhere it does so if there is such a user. */
function hasUser(file: string, users: ReadonlySet<string>): (word: string) => boolean {
  if (dirname(file) === TABS) return () => false;
  const isSystem = file === CRONTAB || dirname(file) === CRON_D;
  return isSystem ? () => true : (word) => users.has(word);
}

function userNames(): ReadonlySet<string> {
  const lines = (readPasswd() ?? '').split('\n');
  return new Set(['root', ...lines.flatMap((line) => line.split(':', 1)[0] || [])]);
}

function readNamed(path: string): string {
  return readFileSync(path, 'utf8');
}

function readFound(path: string): string {
  return readRegular(path, FOUND_BYTES_MAX);
}

function readPasswd(): string | undefined {
  try {
    return readFound('/etc/passwd');
  } catch {
    return undefined;
  }
}

function readConf(path: string): RsnapshotConf | undefined {
  const conf = readRsnapshotConf(path, readConfFile);
  return conf.ok ? conf.conf : undefined;
}

/** For the policies' own parser. */
export const readConfFile: ReadFile = (path) => {
  try {
    return { ok: true, text: readFound(path), realPath: realpathSync(path) };
  } catch (error) {
    return { ok: false, error: codeOf(error) };
  }
};
