/**
 * `baton check-crontab [FILE…]`: reads crontabs, by default the system's, and says line by line
 * what to write instead. It changes no file. The daemon provides its targets; if it does not
 * answer, everything that needs no targets is still printed.
 */
import { readFileSync, realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import type { ReadFile } from '../../daemon/core/policy.ts';
import { PROTOCOL_VERSION, type Reply, suggest } from '../../daemon/protocol/request.ts';
import { readRegular } from '../../daemon/system/regular-file.ts';
import { type RsnapshotConf, readRsnapshotConf } from '../../policies/rsnapshot-conf.ts';
import { noTargets, notChecked } from '../client-errors.ts';
import { converse, type Place } from '../connection/conversation.ts';
import { type Ending, printed } from '../ending.ts';
import { jsonText } from '../terminal/json-text.ts';
import { codeOf, complain, plain } from '../terminal/output.ts';
import { checkedCrontabs } from './checked-crontabs.ts';
import {
  CRON_D,
  CRONTAB,
  type CronHere,
  cronHere,
  findCronFiles,
  hiddenCalls,
  notLookedInto,
  TABS,
  userExists,
} from './cron-files.ts';
import { type CronLine, parseCrontab, type UserColumn } from './crontab.ts';
import * as say from './crontab-messages.ts';
import { type Finding, findAll, type Knowledge, type KnownTarget } from './findings.ts';
import { findProgram, look } from './look.ts';

/** Longest regular file that is read. */
const FOUND_BYTES_MAX = 16 * 1024 * 1024;

/** Exit status if something was found, as in grep and linters. */
const EXIT_FOUND = 1;
export const EXIT_UNREADABLE = 66;

export async function checkCrontab(
  { files: named, json }: { readonly files: readonly string[]; readonly json: boolean },
  place: Place,
): Promise<Ending> {
  const cron = cronHere();
  const { files, ignored } = named.length > 0 ? { files: named, ignored: [] } : findCronFiles(cron);
  const { texts, lines, unread } = readAll(files, named.length > 0, cron);
  const known = { ...(await knowledgeOf(place)), dropsLines: cron.dropsLines, hiddenCalls };
  const findings = findAll(lines, known);
  const found = findings.filter(({ isRemark }) => isRemark !== true).length + ignored.length;
  const status = unread.length > 0 ? EXIT_UNREADABLE : found === 0 ? 0 : EXIT_FOUND;
  if (json) {
    const textOf = (file: string): string => texts.get(file) ?? textIfReadable(file);
    const read = { findings, ignored, lines, unread, crontabs: files.length, textOf };
    const ending = printed(jsonText(checkedCrontabs(read)));
    return ending.status === 0 ? { status, isOwn: true } : ending;
  }
  if (known.targets === undefined) complain(noTargets());
  const said = found === 0 ? 'nothing to change' : count(found, 'finding');
  const crontabs = count(files.length + ignored.length, 'crontab');
  const sum = `${said} in ${count(lines.length, 'line')} of ${crontabs}\n`;
  const passed = ignored.map(({ file, text }) => `${plain(`${file}: ${text}`)}\n`);
  const rest = named.length > 0 ? [] : remarks(cron);
  const ending = printed([...passed, ...findings.map(show), sum, ...rest].join(''));
  for (const line of unread) complain(line);
  return ending.status === 0 ? { status, isOwn: true } : ending;
}

export interface AllRead {
  /** By the name of the file. */
  readonly texts: ReadonlyMap<string, string>;
  readonly lines: readonly CronLine[];
  /** A sentence for each file that cannot be read. */
  readonly unread: readonly string[];
}

export function readAll(files: readonly string[], areNamed: boolean, { rules }: CronHere): AllRead {
  // A file that is named explicitly may be a pipe: /dev/stdin.
  const read = areNamed ? readNamed : readFound;
  const users = userNames();
  const lines: CronLine[] = [];
  const unread: string[] = [];
  const texts = new Map<string, string>();
  for (const file of files) {
    try {
      const text = read(file);
      texts.set(file, text);
      for (const line of parseCrontab(file, text, userColumn(file, users), rules)) lines.push(line);
    } catch (error) {
      unread.push(notChecked(file, error));
    }
  }
  return { texts, lines, unread };
}

/** Further remarks about a machine whose own crontabs were read. */
function remarks({ name }: CronHere): readonly string[] {
  const elsewhere = notLookedInto();
  const lines = [
    ...(name === 'systemd-cron' ? [say.systemdCron()] : []),
    ...(elsewhere.length > 0 ? [say.elsewhere(elsewhere)] : []),
    say.notLookedInto(),
  ];
  return lines.map((line) => `${plain(line)}\n`);
}

/** Facts from the daemon and this machine's confs. */
export async function knowledgeOf(place: Place): Promise<Knowledge> {
  const confs = new Map<string, RsnapshotConf | undefined>();
  const conf = (path: string): RsnapshotConf | undefined => {
    if (!confs.has(path)) confs.set(path, readConf(path));
    return confs.get(path);
  };
  return { targets: await targetsOf(place), conf, suggest, program: findProgram };
}

/** The daemon's targets, or undefined if it does not answer soon. */
async function targetsOf(place: Place): Promise<readonly KnownTarget[] | undefined> {
  const request = { type: 'status', v: PROTOCOL_VERSION } as const;
  const talk = { label: undefined, run: undefined, request: () => request, opened() {}, lost() {} };
  const now = { ...place, connectTimeoutMs: place.connectTimeoutMs ?? 0 };
  const answer = await converse(now, { ...talk, take: (reply: Reply) => reply });
  return answer.ok && answer.value.type === 'status' ? answer.value.targets : undefined;
}

function show({ line, text, instead, targets = [], notes = [] }: Finding): string {
  const rest = [
    ...(instead === undefined ? [] : [`  instead: ${plain(instead)}`]),
    ...targets.map((target) => `  target: ${plain(target)}`),
    ...notes.map((note) => `  note: ${plain(note)}`),
  ];
  return [plain(`${line.file}:${line.line}: ${text}`), ...rest, ''].join('\n');
}

function count(many: number, what: string): string {
  return `${many} ${what}${many === 1 ? '' : 's'}`;
}

/** In /etc a word names the user. Elsewhere it does if there is such a user. */
function userColumn(file: string, users: ReadonlySet<string>): UserColumn {
  if (dirname(file) === TABS) return { isThere: () => false };
  const isSystem = file === CRONTAB || dirname(file) === CRON_D;
  if (!isSystem) return { isThere: (word) => users.has(word) };
  return { isThere: () => true, exists: (word) => users.has(word) || userExists(word) };
}

function userNames(): ReadonlySet<string> {
  const lines = (readPasswd() ?? '').split('\n');
  return new Set(['root', ...lines.flatMap((line) => line.split(':', 1)[0] || [])]);
}

function readNamed(path: string): string {
  return readFileSync(path, 'utf8');
}

/** Regular files only: opening a named pipe would block. */
export function readFound(path: string): string {
  return readRegular(path, FOUND_BYTES_MAX);
}

/** For a file that cron ignores. */
function textIfReadable(file: string): string {
  try {
    return readFound(file);
  } catch {
    return '';
  }
}

function readPasswd(): string | undefined {
  try {
    return readFound('/etc/passwd');
  } catch {
    return undefined;
  }
}

function readConf(path: string): RsnapshotConf | undefined {
  const conf = readRsnapshotConf(path, readConfFile, look);
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
