/**
 * `baton import crontab [FILE…]`: the targets and the new lines for existing crontabs, as a unified
 * diff. Times, comments, MAILTO and all other lines stay as they are. It changes no file; with
 * `--write DIRECTORY` it writes the new files there, without overwriting existing ones.
 *
 * From named files it imports all lines, from the machine's own crontabs only those that call
 * rsnapshot, because nobody wants the lines of other packages to change.
 */
import { join, resolve } from 'node:path';
import type { Place } from '../connection/conversation.ts';
import { type Ending, printed } from '../ending.ts';
import { complain } from '../terminal/output.ts';
import { callsOf } from './calls.ts';
import { type AllRead, knowledgeOf, readAll } from './check-crontab.ts';
import { cronHere, findCronFiles } from './cron-files.ts';
import type { CronLine } from './crontab.ts';
import { surveyLines, type Whole } from './direct.ts';
import { findElsewhere } from './elsewhere.ts';
import type { Knowledge } from './findings.ts';
import { importLine, type LineImport, locksHeld } from './line-import.ts';
import * as say from './migration-messages.ts';
import { CONFIG, PUBLIC_MODE, SECRET_MODE, writeNew } from './new-files.ts';
import type { Proposal } from './proposal.ts';
import { freeName } from './target-names.ts';
import { diffLines, diffNew } from './unified-diff.ts';

const EXIT_NOTHING = 1;
const EXIT_UNREADABLE = 66;
export const STDIN = '/dev/stdin';

/** A crontab before and after. */
interface Changed {
  readonly file: string;
  readonly before: string;
  readonly after: string;
}

export interface Imported {
  readonly targets: Readonly<Record<string, Proposal>>;
  readonly changed: readonly Changed[];
  /** Sentences, each prefixed with its place. */
  readonly notes: readonly string[];
}

export async function importCrontab(
  named: readonly string[],
  directory: string | undefined,
  place: Place,
): Promise<Ending> {
  const cron = cronHere();
  const files = named.length > 0 ? named : findCronFiles(cron).files;
  const all = readAll(files, named.length > 0, cron);
  const [unread] = all.unread;
  if (unread !== undefined && named.length > 0) {
    return { status: EXIT_UNREADABLE, isOwn: true, line: unread };
  }
  const imported = importAll(all, await knowledgeOf(place), named.length > 0);
  return deliver(imported, directory, say.nothingToImport(named.length > 0));
}

/** Prints what was imported, or the line `nothing`; with a directory, also writes it there. */
export function deliver(
  imported: Imported,
  directory: string | undefined,
  nothing: string,
): Ending {
  for (const note of imported.notes) complain(note);
  if (imported.changed.length === 0) return { status: EXIT_NOTHING, isOwn: true, line: nothing };
  const config = `${JSON.stringify({ targets: imported.targets }, null, 2)}\n`;
  const diffs = imported.changed.map(({ file, before, after }) => diffLines(file, before, after));
  const name = directory === undefined ? CONFIG : join(directory, CONFIG);
  const ending = printed([diffNew(name, config), ...diffs].join(''));
  if (ending.status !== 0 || directory === undefined) return ending;
  return write(resolve(directory), config, imported.changed);
}

/** Pure. `isAll`: import every line, not only those that call rsnapshot. */
export function importAll({ texts, lines }: AllRead, known: Knowledge, isAll: boolean): Imported {
  const meant = lines.filter(
    (line) =>
      isAll ||
      callsOf(line).some(({ kind }) => kind === 'rsnapshot') ||
      findElsewhere(line).some(({ instead }) => instead !== undefined),
  );
  const whole = surveyLines(lines, known);
  const first = importEach(meant, known, whole);
  const held = new Set(lines.flatMap((line) => locksHeld(line, first.get(line))));
  const results = importEach(meant, known, { ...whole, held });
  const targets: Record<string, Proposal> = {};
  const notes: string[] = [];
  const fresh = new Map<string, Map<number, string>>();
  for (const [line, result] of results) {
    const at = `${line.file}:${line.line}`;
    if (result.kind === 'left') {
      notes.push(`${at}: ${say.leftAsItIs(result.why)}`);
      continue;
    }
    const other = [...result.targets].find(
      ([name, it]) => Object.hasOwn(targets, name) && !isEqual(targets[name], it),
    );
    if (other !== undefined) {
      notes.push(`${at}: ${say.leftAsItIs(say.differsFrom(other[0]))}`);
      continue;
    }
    Object.assign(targets, Object.fromEntries(result.targets));
    for (const note of result.notes) notes.push(`${at}: ${note}`);
    const ofFile = fresh.get(line.file) ?? new Map<number, string>();
    fresh.set(line.file, ofFile.set(line.line, result.text));
  }
  const changed = [...fresh].map(([file, ofFile]) => {
    const before = texts.get(file) ?? '';
    const after = before.split('\n').map((text, at) => ofFile.get(at + 1) ?? text);
    return { file, before, after: after.join('\n') };
  });
  return { targets, changed, notes };
}

function isEqual(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function importEach(
  lines: readonly CronLine[],
  known: Knowledge,
  whole: Whole,
): ReadonlyMap<CronLine, LineImport> {
  const used = new Set(known.targets?.map(({ target }) => target));
  const pick = (wanted: string): string => {
    const name = freeName(wanted, used);
    used.add(name);
    return name;
  };
  return new Map(lines.map((line) => [line, importLine(line, known, whole, pick)]));
}

function write(directory: string, config: string, changed: readonly Changed[]): Ending {
  return writeNew([
    { path: join(directory, CONFIG), text: config, mode: SECRET_MODE },
    ...changed.map(({ file, after }) => ({
      path: join(directory, file === STDIN ? 'crontab' : resolve(file)),
      text: after,
      mode: resolve(file).startsWith('/etc/') ? PUBLIC_MODE : SECRET_MODE,
    })),
  ]);
}
