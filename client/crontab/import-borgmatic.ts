/**
 * `baton import borgmatic [FILE…]`: prints a target for each configuration of borgmatic on stdout,
 * and the lines for cron on stderr. It changes no file. Each target is borgmatic with that file:
 * its hooks, its retention and its monitoring stay with borgmatic. The files are not read, but for
 * one thing that changes its meaning. As borgmatic goes through its files one by one, the targets
 * have one group.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { cannotRead } from '../client-errors.ts';
import type { Ending } from '../ending.ts';
import { codeOf, plain } from '../terminal/output.ts';
import { configuration, fail, tell } from './import.ts';
import { findProgram } from './look.ts';
import * as say from './migration-messages.ts';
import { freeName, plainName } from './target-names.ts';

/** Where borgmatic itself looks, as root. */
const PLACES = ['/etc/borgmatic/config.yaml', '/etc/borgmatic.d'];
const PATH = '/usr/local/bin:/usr/bin:/bin';
const PROGRAM = 'borgmatic';
const TIME = '0 3 * * *';
/** Hooks around the whole of a call, of all its files: before 2.0, and from then on. */
const AROUND_ALL =
  /^\s*(?:(?:before|after)_everything\s*:|-?\s*(?:before|after)\s*:\s*everything\b)/m;

export function importBorgmatic(named: readonly string[]): Ending {
  const files: string[] = [];
  const around: string[] = [];
  for (const place of named.length > 0 ? named : PLACES) {
    try {
      for (const file of filesOf(resolve(place))) {
        if (AROUND_ALL.test(readFileSync(file, 'utf8'))) around.push(file);
        if (!files.includes(file)) files.push(file);
      }
    } catch (error) {
      const isAbsent = named.length === 0 && codeOf(error) === 'ENOENT';
      if (!isAbsent) return fail(cannotRead(place, error));
    }
  }
  if (files.length === 0) return fail(say.noBorgmatic(named.length > 0 ? named : PLACES));
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
  return tell([
    ...(program === undefined ? [`# ${say.noProgramHere(PROGRAM, PATH)}`] : []),
    ...(files.length > 1 ? around : []).map((file) => `# ${plain(say.hooksForEach(file))}`),
    `# ${say.insteadOfTimer(PROGRAM)}`,
    '# Lines for /etc/cron.d/borgmatic; in a crontab of your own leave out "root". All may stand at',
    '# the same minute: one runs at a time.',
    ...targets.map(([name]) => `${TIME.padEnd(13)} root baton run ${name} --wait`),
  ]);
}

/** Of a directory, those that borgmatic takes. */
function filesOf(path: string): readonly string[] {
  if (!statSync(path).isDirectory()) return [path];
  const names = readdirSync(path).filter((name) => /\.ya?ml$/.test(name));
  return names.sort().map((name) => join(path, name));
}

/** `config.yaml` is "borgmatic", `web.yaml` is "borgmatic-web". */
function nameOf(file: string): string {
  const base = basename(file).replace(/\.ya?ml$/, '');
  return base === 'config' ? PROGRAM : `${PROGRAM}-${plainName(base)}`;
}
