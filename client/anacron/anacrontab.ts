/**
 * Parses an anacrontab(5) as anacron 2.3 of Debian does: assignments, and lines of period, delay,
 * identifier and command. Commands run by /bin/sh, start in `/`, and `%` has no special meaning. A
 * backslash never reaches the shell: anacron drops all of them, and one at the end of a line, even
 * of a comment, joins the next line; see findings/anacron-backslashes.sh. Pure.
 */
import type { CronLine } from '../crontab/crontab.ts';
import type { Setting } from '../crontab/settings.ts';
import { plainName } from '../crontab/target-names.ts';
import * as say from './anacron-messages.ts';

/** A job as a crontab line, or why it cannot become one. */
export interface AnacronJob extends CronLine {
  readonly why?: string;
  /** Notes, as clauses. */
  readonly notes: readonly string[];
}

/** INT_MAX, the largest number that anacron accepts. */
const NUMBER_MAX = 2_147_483_647;
const SETTING = /^[ \t]*([^ \t=]+)[ \t]*=(.*)$/s;
const JOB = /^[ \t]*(\d+|@[^ \t]+)[ \t]+(\d+)[ \t]+([^ \t/]+)[ \t]+(?=[^ \t])/;

export function parseAnacrontab(file: string, text: string): readonly AnacronJob[] {
  const all: Setting[] = [];
  const jobs: Job[] = [];
  for (const { at, raw, text: line, isWhole } of logicalLines(text)) {
    if (/^[ \t]*(?:$|#)/.test(line)) continue;
    const [, name, value = ''] = SETTING.exec(line) ?? [];
    if (name !== undefined) {
      all.push({ name, value });
      continue;
    }
    const place = { file, line: at + 1, text: raw, settings: { all, count: all.length } };
    const [head, period = '', delay = '', id = ''] = JOB.exec(line) ?? [];
    const isInRange = [period, delay].every((it) => it.startsWith('@') || Number(it) <= NUMBER_MAX);
    const fault =
      head === undefined ? 'Invalid syntax' : isInRange ? undefined : 'number out of range';
    const commandAt = head?.length ?? 0;
    const why = isWhole ? whyNot(raw) : say.goesOn();
    jobs.push({
      ...place,
      commandAt,
      when: period,
      command: line.slice(commandAt),
      startedBy: 'anacron',
      name: plainName(id),
      delay: Number(delay),
      ...(fault === undefined ? {} : { fault }),
      ...(why === undefined ? {} : { why }),
      notes: [],
    });
  }
  return jobs.map((job) => ({ ...job, notes: notesOf(job, jobs) }));
}

interface Job extends AnacronJob {
  readonly delay: number;
}

interface Line {
  /** Index of its first line, from 0. */
  readonly at: number;
  readonly raw: string;
  /** As anacron sees it. */
  readonly text: string;
  /** It is one line of the file. */
  readonly isWhole: boolean;
}

function* logicalLines(text: string): Generator<Line> {
  const raws = text.split('\n');
  for (let at = 0; at < raws.length; ) {
    const from = at++;
    while (raws[at - 1]?.endsWith('\\') === true && at < raws.length) at++;
    const parts = raws.slice(from, at).map((raw) => raw.replaceAll('\\', ''));
    yield { at: from, raw: raws[from] ?? '', text: parts.join(' '), isWhole: parts.length === 1 };
  }
}

function whyNot(raw: string): string | undefined {
  if (raw.includes('\\')) return say.losesBackslashes();
  return raw.endsWith('\r') ? say.endsWithReturn() : undefined;
}

/** Variables that it would get only by a guess, or that anacron itself provides. */
function notesOf(
  { settings: { all, count }, delay }: Job,
  jobs: readonly Job[],
): readonly string[] {
  const before = new Set(all.slice(0, count).map(({ name }) => name));
  // anacron sets them in its own environment, so jobs that it starts later keep them.
  const earlier = jobs.filter((it) => it.delay < delay).map((it) => it.settings.count);
  const later = all.slice(count, Math.max(count, ...earlier)).map(({ name }) => name);
  const leaked = [...new Set(later)].filter((name) => !before.has(name));
  return [
    ...(before.has('PATH') ? [] : [say.pathOfAnacron()]),
    ...(leaked.length > 0 ? [say.setBelow(leaked)] : []),
  ];
}
