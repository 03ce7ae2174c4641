/**
 * The crontabs of this machine: which files there are, which ones its cron ignores completely and
 * why, and where else jobs are started that are not read here. Debian's cron and systemd-cron
 * ignore different files; the rules come from tests with both.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, readdirSync, type Stats, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { nameUser } from '../../daemon/system/owner-name.ts';
import { readRegular } from '../../daemon/system/regular-file.ts';
import type { CronRules } from './crontab.ts';
import * as say from './crontab-messages.ts';
import { DEBIAN, DEBIAN_13 } from './debian-cron.ts';
import { type SystemdCron, systemdCron } from './systemd-cron.ts';

export const CRONTAB = '/etc/crontab';
export const CRON_D = '/etc/cron.d';
export const TABS = '/var/spool/cron/crontabs';
/** Directories of run-parts, and jobs of anacron. */
const PERIODS = ['hourly', 'daily', 'weekly', 'monthly', 'yearly'];
const GENERATORS = ['/usr/lib/systemd/system-generators', '/lib/systemd/system-generators'];
const UNITS = ['/etc/systemd/system', '/run/systemd/system', '/usr/lib/systemd/system'];
/** cron 3.0pl1-162 is in Debian 12. */
const REVISION_12 = 162;
/** Longest script or unit that is searched for a call. */
const SCRIPT_BYTES_MAX = 1024 * 1024;
const CALL = /(^|[\s/="'`(])rsnapshot["']?\s+["'$\w-]/;
const GROUP_OR_OTHERS_WRITE = 0o022;

/** Which cron reads the crontabs here. */
export interface CronHere {
  readonly name: 'cron' | 'systemd-cron';
  readonly rules: CronRules;
  /** A bad line affects only itself. */
  readonly dropsLines: boolean;
}

export function cronHere(): CronHere {
  const version = systemdVersion();
  if (version === undefined) return { name: 'cron', rules: debianRules(), dropsLines: false };
  return { name: 'systemd-cron', rules: systemdCron(version), dropsLines: true };
}

/** By the revision of the package; if that is unknown, the stricter rules. */
function debianRules(): CronRules {
  const { stdout } = spawnSync('dpkg-query', ['--show', 'cron'], { encoding: 'utf8' });
  const revision = /\t3\.0pl1-(\d+)/.exec(stdout ?? '')?.[1];
  return Number(revision ?? 0) > REVISION_12 ? DEBIAN_13 : DEBIAN;
}

/** 1.15 is a script, 2 a program. */
function systemdVersion(): SystemdCron | undefined {
  const path = GENERATORS.map((place) => join(place, 'systemd-crontab-generator')).find(existsSync);
  if (path === undefined) return undefined;
  return textOf(path)?.startsWith('#!') === true ? '1' : '2';
}

export interface CronFiles {
  readonly files: readonly string[];
  /** Files that cron ignores completely, each with a sentence. */
  readonly ignored: readonly { readonly file: string; readonly text: string }[];
}

export function findCronFiles(cron: CronHere): CronFiles {
  const files: string[] = [];
  const ignored: { file: string; text: string }[] = [];
  for (const file of candidates()) {
    const why = whyIgnored(file, cron);
    if (why === undefined) files.push(file);
    else ignored.push({ file, text: say.ignored(why) });
  }
  return { files, ignored };
}

function candidates(): readonly string[] {
  const parts = namesIn(CRON_D).filter(
    (name) => !name.startsWith('.') && !/[.~]dpkg-|~$/.test(name),
  );
  return [
    ...(isEntry(CRONTAB) ? [CRONTAB] : []),
    ...parts.map((name) => join(CRON_D, name)),
    ...namesIn(TABS).map((name) => join(TABS, name)),
  ];
}

/** Why this cron ignores a file in these places, or undefined. */
export function whyIgnored(file: string, { name: cron }: CronHere): string | undefined {
  const name = basename(file);
  const place = dirname(file);
  try {
    const link = lstatSync(file);
    const stats = statOrUndefined(file);
    if (stats === undefined) return say.noFileThere('a dangling link');
    if (!stats.isFile()) return say.noFileThere(stats.isDirectory() ? 'a directory' : 'not a file');
    if (cron === 'systemd-cron') return place === CRON_D ? whyMasked(name) : undefined;
    if (place === TABS) return whyTabIgnored(name, link);
    if (place === CRON_D && !/^[\w-]+$/.test(name)) return say.dotInName(name);
    return whySystemIgnored(link, stats);
  } catch {
    // Without permission to look, it cannot be read, which is reported then.
    return undefined;
  }
}

function whyMasked(name: string): string | undefined {
  const unit = UNITS.map((place) => join(place, `${name}.timer`)).find(isEntry);
  return unit === undefined ? undefined : say.masked(unit);
}

function whySystemIgnored(link: Stats, stats: Stats): string | undefined {
  if (link.isSymbolicLink() && link.uid !== 0) return say.wrongLinkOwner(nameUser(link.uid));
  if (stats.uid !== 0) return say.wrongOwner(nameUser(stats.uid), 'root');
  if ((stats.mode & GROUP_OR_OTHERS_WRITE) !== 0) return say.othersCanWrite(octal(stats));
  return stats.nlink === 1 ? undefined : say.manyLinks(stats.nlink);
}

/** Users' own crontabs: named after the user, with stricter rules. */
function whyTabIgnored(name: string, link: Stats): string | undefined {
  if (!userExists(name)) return say.unknownUser(name);
  if (link.isSymbolicLink()) return say.noFileThere('a link');
  if ((link.mode & 0o7777) !== 0o600) return say.wrongMode(octal(link));
  return link.nlink === 1 ? undefined : say.manyLinks(link.nlink);
}

/** In /etc/passwd, or any other source of users on this machine. */
export function userExists(name: string): boolean {
  if (/^\d*$/.test(name)) return false;
  const { status, error } = spawnSync('getent', ['passwd', '--', name], { stdio: 'ignore' });
  const isUnknown = error === undefined && status === 2;
  return !isUnknown;
}

/**
 * Where jobs are started that this program does not read, with the calls that can be seen there.
 */
export function notLookedInto(): readonly string[] {
  const scripts = PERIODS.flatMap((period) => {
    const place = `/etc/cron.${period}`;
    return namesIn(place).map((name) => join(place, name));
  });
  const units = UNITS.flatMap((place) =>
    namesIn(place).flatMap((name) => (name.endsWith('.service') ? [join(place, name)] : [])),
  );
  const anacron = isEntry('/etc/anacrontab') ? ['/etc/anacrontab'] : [];
  return [...scripts, ...anacron, ...units].filter(mentionsRsnapshot);
}

/**
 * The scripts in a command line, by absolute paths, that mention rsnapshot; not rsnapshot itself.
 */
export function hiddenCalls(command: string): readonly string[] {
  const paths = command.match(/(?<![\w./~-])\/[^\s;&|()<>"'`$\\]+/g) ?? [];
  const scripts = paths.filter((path) => !/(^|\/)(rsnapshot[^/]*|baton)$/.test(path));
  return [...new Set(scripts)].filter((path) => isExecutable(path) && mentionsRsnapshot(path));
}

function mentionsRsnapshot(path: string): boolean {
  const text = textOf(path);
  if (text === undefined || text.includes('\0')) return false;
  // A comment is not a call.
  return text.split('\n').some((line) => !/^\s*[#;]/.test(line) && CALL.test(line));
}

function isExecutable(path: string): boolean {
  const stats = statOrUndefined(path);
  return stats?.isFile() === true && (stats.mode & 0o111) !== 0;
}

function textOf(path: string): string | undefined {
  try {
    return readRegular(path, SCRIPT_BYTES_MAX);
  } catch {
    return undefined;
  }
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory).sort();
  } catch {
    return [];
  }
}

function isEntry(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

function statOrUndefined(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

function octal({ mode }: Stats): string {
  return (mode & 0o7777).toString(8);
}
