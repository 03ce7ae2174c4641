/** The crontabs, as `baton check-crontab` judges them in a separate process, and cron itself. */
import { join, resolve } from 'node:path';
import type { CheckedCrontabs } from '../crontab/checked-crontabs.ts';
import * as say from './doctor-messages.ts';
import { type Finding, note, ok, troubleOf, wrong } from './finding.ts';
import { type Answer, run } from './limits.ts';
import { namesOfProcesses } from './processes.ts';

const BATON = join(import.meta.dirname, 'main.cjs');
const STDIN = '/dev/stdin';
const CHECK_MS = 20_000;
export const CRONTABS_MS = CHECK_MS + 10_000;
const SHOWN_MAX = 5;
const CRONS = ['cron', 'crond', 'fcron', 'bcron-start', 'dcron'];
/** Of check-crontab: nothing found, something found, and a file could not be read. */
const STATUSES = [0, 1, 66];

export interface CrontabsFacts {
  readonly answer: Answer;
  /** Undefined: it is unknown which cron the crontabs are for. */
  readonly isCronRunning: boolean | undefined;
}

/** `files` are from the command line; without any, all of the machine. */
export async function lookAtCrontabs(
  files: readonly string[],
  socket: string,
): Promise<CrontabsFacts> {
  // That process has another directory, and no stdin.
  const own = `/proc/${process.pid}/fd/0`;
  const named = files.map((file) => (file === STDIN ? own : resolve(file)));
  const argv = [BATON, 'check-crontab', '--json', '--socket', resolve(socket), ...named];
  const said = await run([process.execPath, ...argv], CHECK_MS);
  const answer = { ...said, stdout: said.stdout.replaceAll(own, STDIN) };
  if (files.length > 0) return { answer, isCronRunning: undefined };
  const runs = (await namesOfProcesses()).some((name) => CRONS.includes(name));
  return { answer, isCronRunning: runs || (await isActive('cron.target')) };
}

/** systemd-cron has no process of its own. */
async function isActive(unit: string): Promise<boolean> {
  return (await run(['systemctl', '--quiet', 'is-active', unit])).code === 0;
}

export function judgeCrontabs({ answer, isCronRunning }: CrontabsFacts): readonly Finding[] {
  const checked = STATUSES.includes(answer.code ?? -1) ? parseChecked(answer.stdout) : undefined;
  if (checked === undefined) return [wrong('crontabs', say.uncheckedCrontabs(answer.how))];
  const { findings, unread, lines, crontabs, calls } = checked;
  const bad = findings.filter(({ level }) => level === 'wrong');
  const better = findings.filter(({ level }) => level === 'better').length;
  const todo = 'see "baton check-crontab", and correct the line';
  const texts = bad.map(({ file, line, text }) =>
    line === undefined ? `${file}: ${text}` : `${file}:${line}: ${text}`,
  );
  const more = texts.length - SHOWN_MAX;
  const found = [
    ...texts.slice(0, SHOWN_MAX).map((text) => {
      return wrong('crontabs', troubleOf(text, 'a line that works as written', todo));
    }),
    ...(more > 0 || better > 0
      ? [note('crontabs', say.betterLines(Math.max(0, more) + better))]
      : []),
    ...(isCronRunning === false && calls > 0 ? [wrong('crontabs', say.noCron(calls))] : []),
    ...unread.map((sentence) => note('crontabs', say.unreadCrontab(sentence))),
  ];
  if (found.length > 0) return found;
  const cron =
    isCronRunning === undefined ? '' : `; cron ${isCronRunning ? 'runs' : 'does not run'}`;
  const read = `${count(lines, 'line')} in ${count(crontabs, 'crontab')}`;
  return [ok('crontabs', `${read}, ${calls} with a call of baton${cron}`)];
}

function count(many: number, what: string): string {
  return `${many} ${what}${many === 1 ? '' : 's'}`;
}

/** It has the same version: a short check tells it from other output. */
function parseChecked(text: string): CheckedCrontabs | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isChecked(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isChecked(value: unknown): value is CheckedCrontabs {
  return typeof value === 'object' && value !== null && 'findings' in value && 'calls' in value;
}
