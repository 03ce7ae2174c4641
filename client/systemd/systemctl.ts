/**
 * Runs systemd's programs on this machine: without a shell, and with a time limit that suits a
 * waiting person.
 */
import { spawnSync } from 'node:child_process';
import { codeOf, plain } from '../terminal/output.ts';
import { parseUnitFile, type UnitFile } from './unit-file.ts';
import * as say from './unit-messages.ts';
import type { Read } from './unit-words.ts';

const ASK_MS_MAX = 10_000;
/** The error if systemd is not installed. */
export const NO_PROGRAM = 'ENOENT';
/** The times of a whole plan are shorter. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

export function systemctl(...args: readonly string[]): Read<string> {
  return ask('systemctl', args, process.env);
}

/**
 * The next `count` times of a calendar expression after `fromMs`, in wall-clock milliseconds. The
 * time zone is that of the machine, as for the timers.
 */
export function calendarTimes(
  expression: string,
  fromMs: number,
  count: number,
): Read<readonly number[]> {
  const { TZ: _, ...env } = process.env;
  const base = `--base-time=@${(fromMs / 1_000).toFixed(3)}`;
  const args = ['calendar', `--iterations=${count}`, base, '--', expression];
  const asked = ask('systemd-analyze', args, env);
  return asked.ok ? { ok: true, value: timesIn(asked.value) } : asked;
}

const UTC_TIME = /: [A-Z][a-z]{2} (\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?) UTC$/gm;

/** The output of `systemd-analyze calendar`: each time in UTC, perhaps beside local time. */
export function timesIn(text: string): readonly number[] {
  return [...text.matchAll(UTC_TIME)].map(([, day, clock]) => Date.parse(`${day}T${clock}Z`));
}

/** All settings of a unit as systemd has it, with all its drop-ins. */
export function catUnit(name: string): Read<UnitFile> {
  const asked = systemctl('cat', '--', name);
  if (!asked.ok) return { ok: false, why: say.noUnit(asked.why) };
  return { ok: true, value: parseUnitFile(asked.value) };
}

function ask(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Read<string> {
  const { status, stdout, stderr, error } = spawnSync(program, [...args], {
    encoding: 'utf8',
    env: { ...env, LC_ALL: 'C' },
    timeout: ASK_MS_MAX,
    killSignal: 'SIGKILL',
    maxBuffer: ANSWER_BYTES_MAX,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (error === undefined && status === 0) return { ok: true, value: stdout };
  if (error === undefined) {
    return { ok: false, why: plain(stderr.trim()) || say.saidNothing(status) };
  }
  const isLate = codeOf(error) === 'ETIMEDOUT';
  return { ok: false, why: isLate ? say.silentSystemctl(ASK_MS_MAX / 1_000) : codeOf(error) };
}
