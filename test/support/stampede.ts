/**
 * New Year's stampede: the real cron on a faked 1 January starts four intervals of the real
 * rsnapshot at 03:00, directly or through the installed client, and the result is recorded.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Planned } from '../../daemon/protocol/planned.ts';
import { Cron, type Mail } from './cron.ts';
import { Rig } from './rig.ts';
import { type LogLine, makeRsnapshot } from './rsnapshot.ts';
import { publish } from './tools.ts';

/** Lowest first, each with its crontab fields; 1 January 2027 is a Friday. */
const LINES = [
  ['daily', '0 3 * * *'],
  ['weekly', '0 3 * * 5'],
  ['monthly', '0 3 1 * *'],
  ['yearly', '0 3 1 1 *'],
] as const;
const LEVELS = LINES.map(([level]) => level);

/** When a target starts, after the first request. */
interface Start {
  readonly target: string;
  readonly afterMs: number;
}

export interface Stampede {
  readonly log: readonly LogLine[];
  readonly order: readonly string[];
  readonly completed: readonly string[];
  readonly mails: readonly Mail[];
  /** From 03:00 of cron's clock to the first and the last request, and to the first start. */
  readonly firstAskedMs: number;
  readonly lastAskedMs: number;
  readonly firstStartMs: number;
  /** From the end of each run to the start of the next. */
  readonly gapsMs: readonly number[];
  /** In the order of the starts: the real ones, and those of `baton plan`. */
  readonly starts: readonly Start[];
  readonly planned: readonly Start[];
}

/** Installs the client where the jobs of this cron find it, and the socket beside it. */
export function install(cron: Cron, rig: Rig): void {
  const script = join(publish(cron.directory), 'contrib/launchers.mjs');
  const { status, stderr } = spawnSync(process.execPath, [script, join(cron.directory, 'bin')]);
  if (status !== 0) throw new Error(String(stderr));
  mkdirSync(join(cron.directory, 'run/baton'));
  // The mode of the socket itself decides who may use it.
  chmodSync(rig.directory, 0o755);
  symlinkSync(rig.socket, join(cron.directory, 'run/baton/baton.sock'));
}

/**
 * `secondsBefore`: how long before 03:00 cron is started. `busySeconds`: minimum duration of each
 * interval. `settle`: the option of the policy.
 */
export async function stampede(options: {
  readonly isDirect?: boolean;
  readonly secondsBefore: number;
  readonly busySeconds: number;
  readonly settle?: string;
}): Promise<Stampede> {
  const cron = new Cron();
  const { busySeconds, secondsBefore, settle } = options;
  // The lowest interval fetches, the others delete the oldest snapshot: both are slowed down.
  const rm = join(cron.directory, 'slow-rm');
  cron.write('slow-rm', `#!/bin/sh\nsleep ${busySeconds}\nexec /bin/rm "$@"\n`, 0o755);
  const more = [
    ['cmd_preexec', `/bin/sleep ${busySeconds}`],
    ['cmd_rm', rm],
  ];
  const rsnapshot = makeRsnapshot(cron.directory, LEVELS, more);
  const command = (level: string): string[] => ['/usr/bin/rsnapshot', '-c', rsnapshot.conf, level];
  const targets = LEVELS.map((level) => {
    const runner = { type: 'local', args: command(level) };
    const policies = [{ type: 'rsnapshot', interval: level, settle }];
    return [`rsnap-${level}`, { runner, policies }];
  });
  const rig = await Rig.start({ targets: Object.fromEntries(targets) });
  try {
    install(cron, rig);
    for (const [level, when] of LINES) {
      const asked = options.isDirect ? command(level).join(' ') : `baton run rsnap-${level} --wait`;
      cron.write(`cron.d/${level}`, `${when} root ${asked}\n`);
    }
    const second = String(60 - secondsBefore).padStart(2, '0');
    cron.start(`2027-01-01 02:59:${second}`);
    await cron.ended(LINES.length);
    const [order, completed] = [rsnapshot.order(), rsnapshot.completed()];
    const times = timesOf(rig.journal(), cron.startedAtMs + secondsBefore * 1_000);
    const starts = startsOf(rig.journal());
    const crontabs = LEVELS.map((level) => join(cron.directory, 'cron.d', level));
    const planned = options.isDirect ? [] : await plan(rig, crontabs);
    const mails = [...cron.mails];
    return { log: rsnapshot.log(), order, completed, mails, ...times, starts, planned };
  } finally {
    await Promise.all([cron.close(), rig.close()]);
  }
}

function timesOf(journal: readonly Record<string, unknown>[], minuteMs: number) {
  const wall = (type: string): number[] =>
    journal.flatMap(({ type: is, at }) =>
      is === type ? (at as { wallMs: number }).wallMs - minuteMs : [],
    );
  const [asked, started, ended] = [wall('accepted'), wall('started'), wall('ended')];
  return {
    firstAskedMs: Math.min(...asked),
    lastAskedMs: Math.max(...asked),
    firstStartMs: Math.min(...started),
    gapsMs: started.slice(1).map((startMs, at) => startMs - (ended[at] ?? startMs)),
  };
}

function startsOf(journal: readonly Record<string, unknown>[]): readonly Start[] {
  const { firstAskedMs } = timesOf(journal, 0);
  const names = new Map(
    journal.flatMap(({ type, run, target }) =>
      type === 'accepted' ? [[run, String(target)]] : [],
    ),
  );
  return journal.flatMap(({ type, run, at }) => {
    if (type !== 'started') return [];
    const afterMs = (at as { wallMs: number }).wallMs - firstAskedMs;
    return [{ target: names.get(run) ?? '', afterMs }];
  });
}

/** The plan for that night, based on how long the runs have taken. */
async function plan(rig: Rig, crontabs: readonly string[]): Promise<readonly Start[]> {
  const asked = ['plan', '--json', '--from', '2027-01-01', ...crontabs];
  const { status, text, errors } = await rig.baton(...asked);
  if (status !== 0) throw new Error(errors);
  const { runs } = JSON.parse(text) as Planned;
  const firstAskedMs = Math.min(...runs.map(({ askedAtMs }) => askedAtMs));
  const starts = runs.map(({ target, startedAtMs = Number.POSITIVE_INFINITY }) => {
    return { target, afterMs: startedAtMs - firstAskedMs };
  });
  return starts.sort((a, b) => a.afterMs - b.afterMs);
}
