/**
 * `baton import systemd UNIT|FILE…`: a target for each service, or for the service of a timer, and
 * a drop-in with which the service requests it from baton; both as a unified diff. It changes no
 * file; with `--write DIRECTORY` it writes the new ones there, without overwriting existing ones.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { cannotRead } from '../client-errors.ts';
import type { Place } from '../connection/conversation.ts';
import { knowledgeOf } from '../crontab/check-crontab.ts';
import { CONFIG, type NewFile, PUBLIC_MODE, SECRET_MODE, writeNew } from '../crontab/new-files.ts';
import { freeName, plainName } from '../crontab/target-names.ts';
import { diffNew } from '../crontab/unified-diff.ts';
import { type Ending, printed } from '../ending.ts';
import { codeOf, complain } from '../terminal/output.ts';
import type { Environment } from './service.ts';
import { importService } from './service-import.ts';
import { catUnit, systemctl } from './systemctl.ts';
import { lastOf, parseUnitFile, type UnitFile } from './unit-file.ts';
import * as say from './unit-messages.ts';
import { type Read, stemOf, unitNameOf } from './unit-words.ts';

export const EXIT_NOTHING = 1;
const EXIT_UNREADABLE = 66;
export const DROP_INS = '/etc/systemd/system';
/** Debian's, if the manager cannot be asked. */
const ENVIRONMENT: Environment = {
  LANG: 'C.UTF-8',
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
};
const USERS = /\/systemd\/user(?:\/|$)/;

/** What an argument of the command line refers to. */
interface Unit {
  readonly name: string;
  readonly file: UnitFile;
}

/** `adapt` adds to the target of a unit. */
export async function importSystemd(
  words: readonly string[],
  directory: string | undefined,
  place: Place,
  adapt: (unit: string, target: object) => object = (_, target) => target,
): Promise<Ending> {
  const known = await knowledgeOf(place);
  const used = new Set(known.targets?.map(({ target }) => target));
  const env = managerEnvironment();
  const targets: Record<string, object> = {};
  const dropIns: { readonly path: string; readonly text: string }[] = [];
  for (const word of words) {
    const read = readService(word);
    if (!read.ok)
      return {
        status: EXIT_UNREADABLE,
        isOwn: true,
        line: `${word}: ${say.notImported(read.why)}`,
      };
    const { name: unit, file } = read.value;
    const name = freeName(plainName(stemOf(unit)), used);
    const imported = importService(file, unitNameOf(unit), name, env);
    if (!imported.ok) {
      complain(`${unit}: ${say.notImported(imported.why)}`);
      continue;
    }
    const { target, dropIn, notes } = imported.value;
    used.add(name);
    targets[name] = adapt(unit, target);
    dropIns.push({ path: join(DROP_INS, `${unit}.d/baton.conf`), text: dropIn });
    for (const note of notes) complain(`${unit}: ${note}`);
    if (unit !== basename(word)) complain(say.timerStays(basename(word), unit));
  }
  if (dropIns.length === 0) return { status: EXIT_NOTHING, isOwn: true };
  const config = `${JSON.stringify({ targets }, null, 2)}\n`;
  const shown = directory === undefined ? CONFIG : join(directory, CONFIG);
  const diffs = dropIns.map(({ path, text }) => diffNew(path, text));
  const ending = printed([diffNew(shown, config), ...diffs].join(''));
  if (ending.status !== 0 || directory === undefined) return ending;
  const files: NewFile[] = dropIns.map(({ path, text }) => ({
    path: join(resolve(directory), path),
    text,
    mode: PUBLIC_MODE,
  }));
  return writeNew([
    { path: join(resolve(directory), CONFIG), text: config, mode: SECRET_MODE },
    ...files,
  ]);
}

/** The service itself, or that of a timer. */
function readService(word: string): Read<Unit> {
  const read = word.includes('/') ? readFile(word) : readUnit(word);
  if (!read.ok) return read;
  const { name, file } = read.value;
  if (/@\.[a-z]+$/.test(name))
    return { ok: false, why: say.isTemplate(name.replace('@', '@NAME')) };
  if (name.endsWith('.service')) return read;
  if (!name.endsWith('.timer')) return { ok: false, why: say.namesNoService() };
  const service = lastOf(file, 'Timer', 'Unit') ?? name.replace(/timer$/, 'service');
  if (!service.endsWith('.service')) return { ok: false, why: say.namesNoService() };
  return word.includes('/') ? readFile(join(word, '..', service)) : readUnit(service);
}

/** Including the drop-ins beside it. */
function readFile(path: string): Read<Unit> {
  if (USERS.test(resolve(path))) return { ok: false, why: say.isUsers() };
  try {
    const texts = [path, ...dropInsOf(path)].map((file) => readFileSync(file, 'utf8'));
    return { ok: true, value: { name: basename(path), file: parseUnitFile(texts.join('\n')) } };
  } catch (error) {
    return { ok: false, why: cannotRead(path, error) };
  }
}

function dropInsOf(path: string): readonly string[] {
  try {
    const names = readdirSync(`${path}.d`).filter((name) => name.endsWith('.conf'));
    return names.sort().map((name) => join(`${path}.d`, name));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

/** As systemd has it, with all its drop-ins. */
function readUnit(word: string): Read<Unit> {
  const name = /\.[a-z]+$/.test(word) ? word : `${word}.service`;
  // For a pattern, systemctl shows all matches as if they were one.
  if (/[*?[]/.test(name)) return { ok: false, why: say.namesNoService() };
  const file = catUnit(name);
  return file.ok ? { ok: true, value: { name, file: file.value } } : file;
}

/** The environment of every service; values that systemctl quotes are left out. */
function managerEnvironment(): Environment {
  const asked = systemctl('show-environment');
  if (!asked.ok) return ENVIRONMENT;
  const lines = asked.value.split('\n').flatMap((line) => {
    const [, name = '', value = ''] = /^([A-Za-z_][A-Za-z0-9_]*)=([^$'"].*)?$/.exec(line) ?? [];
    return name === '' ? [] : [[name, value] as const];
  });
  return Object.fromEntries(lines);
}
