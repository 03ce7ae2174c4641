/**
 * `baton import anacron [FILE]`: makes a target for the command of each line of an anacrontab, and
 * the lines that request them, as a unified diff. Period, delay and identifier stay, and with them
 * the time stamps: anacron still decides when. It changes no file; with `--write DIRECTORY` it
 * writes the new files there, without overwriting existing ones.
 */
import { readFileSync, statSync } from 'node:fs';
import { cannotRead } from '../client-errors.ts';
import type { Place } from '../connection/conversation.ts';
import { knowledgeOf, readFound } from '../crontab/check-crontab.ts';
import { deliver, importAll, STDIN } from '../crontab/import-crontab.ts';
import { leftAsItIs } from '../crontab/migration-messages.ts';
import type { Ending } from '../ending.ts';
import { complain } from '../terminal/output.ts';
import * as say from './anacron-messages.ts';
import { parseAnacrontab } from './anacrontab.ts';

const EXIT_UNREADABLE = 66;
const ANACRONTAB = '/etc/anacrontab';
/** Debian's lines for /etc/cron.daily and similar directories. */
const OF_PACKAGES = /^run-parts\s/;

export async function importAnacron(
  named: string | undefined,
  directory: string | undefined,
  place: Place,
): Promise<Ending> {
  const file = named ?? ANACRONTAB;
  let text: string;
  let uid: number;
  try {
    // Only an explicit stdin may be a pipe.
    text = file === STDIN ? readFileSync(file, 'utf8') : readFound(file);
    ({ uid } = statSync(file));
  } catch (error) {
    return { status: EXIT_UNREADABLE, isOwn: true, line: cannotRead(file, error) };
  }
  const jobs = parseAnacrontab(file, text).map((job) => {
    const isPackages = named === undefined && OF_PACKAGES.test(job.command);
    return isPackages ? { ...job, why: say.runsParts() } : job;
  });
  const lines = jobs.filter(({ why }) => why === undefined);
  const texts = new Map([[file, text]]);
  const imported = importAll({ texts, lines, unread: [] }, await knowledgeOf(place), true);
  const after = imported.changed[0]?.after.split('\n') ?? [];
  for (const { line, why, notes, text: before } of jobs) {
    const isImported = after.length > 0 && after[line - 1] !== before;
    const said = why === undefined ? (isImported ? notes : []) : [leftAsItIs(why)];
    for (const note of said) complain(`${file}:${line}: ${note}`);
  }
  if (uid !== 0 && after.length > 0) complain(`${file}: ${say.ownedBy(uid)}`);
  return deliver(imported, directory, say.nothingToImport(file));
}
