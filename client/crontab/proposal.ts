/**
 * The target in config.json that does what a crontab command did: with its environment, user,
 * directory and wrappers. Pure.
 */

import { settingsOf } from './calls.ts';
import type { Carried, Lock } from './carried.ts';
import type { CronLine } from './crontab.ts';
import type { SshRunner } from './ssh-command.ts';

/** An entry of `targets`, with its keys in the order in which they are printed. */
export interface Proposal {
  readonly runner: Readonly<Record<string, unknown>> & { readonly args?: readonly string[] };
  readonly policies: readonly Readonly<Record<string, unknown>>[];
  readonly timeout?: string;
  readonly killAfter?: string;
  readonly maxWait?: string;
  /** Names of other targets. */
  readonly onSuccess?: string;
  readonly onFailure?: string;
}

interface Origin {
  readonly settings: CronLine['settings'];
  /** The user of the line, if known. */
  readonly user?: string;
  readonly startedBy?: CronLine['startedBy'];
}

export function originOf(
  { settings, startedBy }: Pick<CronLine, 'settings' | 'startedBy'>,
  user: string | undefined,
): Origin {
  return {
    settings,
    ...(user === undefined ? {} : { user }),
    ...(startedBy === undefined ? {} : { startedBy }),
  };
}

/**
 * Variables for cron or anacron itself, which mean nothing to the command. Exact names: MAILDIR or
 * CRONITOR_KEY are the command's.
 */
const STARTERS_OWN: ReadonlySet<string> = new Set([
  // Debian's cron and cronie
  ...['MAILTO', 'MAILFROM', 'CONTENT_TYPE', 'CONTENT_TRANSFER_ENCODING', 'CRON_TZ'],
  // systemd-cron
  ...['CRON_INHERIT_VARIABLES', 'CRON_MAIL_FORMAT', 'CRON_MAIL_SUCCESS'],
  // cronie's anacron
  ...['NO_MAIL_OUTPUT', 'PREFERRED_HOUR', 'RANDOM_DELAY', 'START_HOURS_RANGE'],
]);
/** cron sets these itself for the command. */
const CRONS_OWN = ['SHELL', 'LOGNAME', 'USER'];
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** What a run has anyway. */
const HAS: Readonly<Record<string, string>> = { PATH: '/usr/bin:/bin', SHELL: '/bin/sh' };

/** `policies` come before those that replace locks. */
export function proposalOf(
  args: readonly string[],
  carried: Carried,
  origin: Origin,
  policies: Proposal['policies'],
): Proposal {
  const { nice, ionice, timeout, killAfter, group, locks } = carried;
  const settings = settingsOf(origin.settings);
  const isCrons = origin.startedBy === undefined;
  const variables = { ...settings, ...carried.env };
  const env = environmentOf(variables, isCrons ? CRONS_OWN : []);
  const cwd = carried.cwd ?? (isCrons ? settings['HOME'] : '/');
  const user = carried.user ?? origin.user ?? 'root';
  const maxWait = locks.find((lock) => lock.maxWait !== undefined)?.maxWait;
  return {
    runner: {
      type: 'local',
      args: [...carried.inside, ...args],
      ...(cwd?.startsWith('/') === true ? { cwd } : {}),
      ...(Object.keys(env).length > 0 ? { env } : {}),
      ...(user === 'root' ? {} : { user }),
      ...(group === undefined ? {} : { group }),
      ...(nice === undefined ? {} : { nice }),
      ...(ionice === undefined ? {} : { ionice }),
    },
    policies: [...policies, ...locks.map(groupOf)],
    ...(timeout === undefined ? {} : { timeout }),
    ...(killAfter === undefined ? {} : { killAfter }),
    ...(maxWait === undefined ? {} : { maxWait }),
  };
}

/** On another machine, whose shell does not have the wrappers of this one. */
export function remoteProposal(
  runner: SshRunner,
  { timeout, killAfter, locks }: Carried,
  policies: Proposal['policies'],
): Proposal {
  const maxWait = locks.find((lock) => lock.maxWait !== undefined)?.maxWait;
  return {
    runner: { ...runner },
    policies: [...policies, ...locks.map(groupOf)],
    ...(timeout === undefined ? {} : { timeout }),
    ...(killAfter === undefined ? {} : { killAfter }),
    ...(maxWait === undefined ? {} : { maxWait }),
  };
}

/** Whether a target needs more than its command and its interval. */
export function hasMore({ runner, policies, ...rest }: Proposal): boolean {
  const { type: _, args: __, ...keys } = runner;
  return policies.length > 1 || Object.keys({ ...keys, ...rest }).length > 0;
}

/** The key and value as in config.json, on one line. */
export function showProposal(name: string, proposal: Proposal): string {
  return `${JSON.stringify(name)}: ${JSON.stringify(proposal)}`;
}

function environmentOf(
  variables: Readonly<Record<string, string>>,
  without: readonly string[],
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(variables).filter(
      ([name, value]) =>
        VARIABLE.test(name) &&
        !value.includes('\0') &&
        !without.includes(name) &&
        !STARTERS_OWN.has(name) &&
        HAS[name] !== value,
    ),
  );
}

/** One run at a time of everything that took the lock. */
function groupOf({ path, whenFull }: Lock): Readonly<Record<string, unknown>> {
  return { type: 'cardinality', group: path, ...(whenFull === 'queue' ? {} : { whenFull }) };
}
