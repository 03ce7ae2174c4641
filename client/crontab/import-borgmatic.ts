/**
 * `baton import borgmatic [FILE…]`: prints a target for each borgmatic configuration on stdout, and
 * the lines for cron on stderr. It changes no file. Each target runs borgmatic with that file: its
 * hooks, retention and monitoring stay with borgmatic. The files are not parsed, except for one
 * thing that changes their meaning, which an included file may have, too. Because borgmatic
 * processes its files one by one, the targets share a group. An unreadable file is reported, also
 * by the exit status; the others are printed.
 */
import { lstatSync, readdirSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { EXIT } from '../../daemon/protocol/request.ts';
import { cannotRead } from '../client-errors.ts';
import type { Ending } from '../ending.ts';
import { codeOf, complain, plain } from '../terminal/output.ts';
import { readFound } from './check-crontab.ts';
import { configuration, fail, tell } from './import.ts';
import { findProgram } from './look.ts';
import * as say from './migration-messages.ts';
import { freeName, plainName } from './target-names.ts';

const PATH = '/usr/local/bin:/usr/bin:/bin';
const PROGRAM = 'borgmatic';
const TIME = '0 3 * * *';
/** Hooks around a whole call with all its files: before 2.0, and since then. */
const AROUND_ALL = /\b(?:before|after)(?:_everything["']?\s*:|["']?\s*:\s*["']?everything\b)/;
/** A path relative to the directory of this file, or a list of such paths. */
const INCLUDE = /!include\b(.*(?:\n\s+- .*)*)/g;
/** A quoted text, which may contain a "#", or a comment. */
const QUOTED_OR_COMMENT = /"[^"\n]*"|'[^'\n]*'|(?:^|\s)#.*$/gm;

const UNREAD: Ending = { status: EXIT.config, isOwn: true };

export function importBorgmatic(named: readonly string[]): Ending {
  const places = named.length > 0 ? named : ownPlaces();
  const { files, around, unread } = readPlaces(places, named.length === 0);
  if (files.length === 0) {
    if (unread.length === 0) return fail(say.noBorgmatic(places));
    for (const line of unread) complain(line);
    return UNREAD;
  }
  const program = findProgram(PROGRAM, PATH);
  const names = new Set<string>();
  const targets = files.map((file) => {
    const name = freeName(nameOf(file), names);
    names.add(name);
    const args = [program ?? `/usr/bin/${PROGRAM}`, '--config', file];
    const policies = [{ type: 'cardinality', group: PROGRAM }];
    return [name, { runner: { type: 'local', args }, tool: PROGRAM, policies }] as const;
  });
  const ending = configuration({ targets: Object.fromEntries(targets) });
  if (ending.status !== 0) return ending;
  const told = tell([
    ...unread.map((line) => `# ${plain(line)}`),
    ...(program === undefined ? [`# ${say.noProgramHere(PROGRAM, PATH)}`] : []),
    ...(files.length > 1 ? around : []).map((file) => `# ${plain(say.hooksForEach(file))}`),
    `# ${say.insteadOfTimer(PROGRAM)}`,
    '# Lines for /etc/cron.d/borgmatic; in a user crontab, omit "root". All of them may have',
    '# the same minute: baton runs one at a time.',
    ...targets.map(([name]) => `${TIME.padEnd(13)} root baton run ${name} --wait`),
  ]);
  return unread.length > 0 && told.status === 0 ? UNREAD : told;
}

/** Where borgmatic looks without an argument, from its collect.py. */
function ownPlaces(): readonly string[] {
  const home = process.env['XDG_CONFIG_HOME'] || join(homedir(), '.config');
  const homes = ['/etc', resolve(home)];
  const places = homes.flatMap((at) => [
    join(at, 'borgmatic/config.yaml'),
    join(at, 'borgmatic.d'),
  ]);
  return [...new Set(places)];
}

interface AllRead {
  readonly files: readonly string[];
  /** Files with hooks around a whole call. */
  readonly around: readonly string[];
  /** A sentence for each file or place that cannot be read. */
  readonly unread: readonly string[];
}

function readPlaces(places: readonly string[], mayBeAbsent: boolean): AllRead {
  const [files, around, unread] = [new Set<string>(), new Set<string>(), new Set<string>()];
  const attempt = (path: string, act: () => void): void => {
    try {
      act();
    } catch (error) {
      unread.add(cannotRead(path, error));
    }
  };
  for (const place of places) {
    if (mayBeAbsent && isAbsent(place)) continue;
    attempt(place, () => {
      for (const file of filesOf(resolve(place))) {
        attempt(file, () => {
          if (hasAroundAll(file, readFound(file))) around.add(file);
          files.add(file);
        });
      }
    });
  }
  return { files: [...files], around: [...around], unread: [...unread] };
}

/** In a file or its includes. borgmatic itself reports an unreadable include. */
function hasAroundAll(file: string, text: string, seen = new Set<string>()): boolean {
  seen.add(file);
  const yaml = text.replace(QUOTED_OR_COMMENT, (part) => (/^["']/.test(part) ? part : ''));
  if (AROUND_ALL.test(yaml)) return true;
  const words = [...yaml.matchAll(INCLUDE)].flatMap(([, rest = '']) => rest.split(/[\s,[\]"']+/));
  return words.filter(Boolean).some((word) => {
    const path = resolve(dirname(file), word.replace(/^~(?=\/)/, homedir()));
    if (seen.has(path)) return false;
    try {
      return hasAroundAll(path, readFound(path), seen);
    } catch {
      return false;
    }
  });
}

/** Does not exist; a dangling link does exist. */
function isAbsent(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) === undefined;
  } catch (error) {
    return codeOf(error) === 'ENOTDIR';
  }
}

/** Subdirectories are skipped, as in borgmatic; dangling links are not. */
function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** In a directory, those that borgmatic reads. */
function filesOf(path: string): readonly string[] {
  if (!statSync(path).isDirectory()) return [path];
  const names = readdirSync(path).filter((name) => /\.ya?ml$/.test(name));
  const paths = names.sort().map((name) => join(path, name));
  return paths.filter((file) => !isDirectory(file));
}

/** `config.yaml` is "borgmatic", `web.yaml` is "borgmatic-web". */
function nameOf(file: string): string {
  const base = basename(file).replace(/\.ya?ml$/, '');
  return base === 'config' ? PROGRAM : `${PROGRAM}-${plainName(base)}`;
}
