/**
 * Turns a plan into what is spawned: the prefix commands and the environment of a run. Every prefix
 * only execs, so pid and status stay those of the command. The environment is built from scratch,
 * as cron does it: none of the daemon's own leaks into a job.
 */
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { constants as os } from 'node:os';
import { delimiter, join } from 'node:path';
import type { ProcessPlan } from '../core/plan.ts';
import * as say from '../protocol/outcome-text.ts';
import { errnoOf } from '../shared/errno.ts';
import type { Nonce, Outcome, RunId, TargetName } from '../shared/run.ts';
import { BoundedLooks } from '../system/bounded-looks.ts';
import { findGroup, findUser, ownAccount, type PasswdEntry } from '../system/passwd.ts';
import { idOf } from '../system/proc.ts';
import { findKeeperTrouble } from './perl.ts';

export interface Launch {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly umask: number;
  /** Path of the file for stdin. */
  readonly stdin?: string;
  /** Owns stdout and stderr, so that the job can open /dev/stderr. */
  readonly owner?: PasswdEntry;
}

export type Failure = Extract<Outcome, { kind: 'not-started' }>;

const UMASK_DEFAULT = 0o022;
const PATH_DEFAULT = '/usr/bin:/bin';

const looks = new BoundedLooks();

/** What to spawn for a run, or why it cannot be started. */
export async function prepare(
  plan: ProcessPlan,
  run: {
    readonly run: RunId;
    readonly target: TargetName;
    readonly startNonce?: Nonce;
    readonly directory: string;
  },
): Promise<Launch | Failure> {
  const passwd = plan.user === undefined ? ownAccount() : await findUser(plan.user);
  if (passwd === undefined) {
    return failure('user', say.noUser(plan.user));
  }
  const gid = plan.group === undefined ? passwd.gid : await findGroup(plan.group);
  if (gid === undefined) {
    return failure('user', say.noGroup(plan.group));
  }
  const env = {
    SHELL: '/bin/sh',
    PATH: PATH_DEFAULT,
    HOME: passwd.home,
    LOGNAME: passwd.name,
    USER: passwd.name,
    ...plan.env,
    BATON_TARGET: run.target,
    BATON_RUN: String(run.run),
    BATON_RUN_DIR: run.directory,
    ...(run.startNonce === undefined ? {} : { BATON_RUN_ID: idOf(run.run, run.startNonce) }),
  };
  const prefix = chain(plan, passwd, gid);
  const cwd = plan.cwd ?? passwd.home;
  if (prefix.length > 0) {
    const missing = await looks.at(() => findProblem(plan.args[0], env.PATH, cwd));
    if (missing !== undefined) return missing;
  }
  return {
    args: [...prefix, ...plan.args],
    env,
    cwd,
    umask: plan.umask ?? UMASK_DEFAULT,
    ...(plan.stdin === undefined ? {} : { stdin: plan.stdin }),
    ...(passwd.uid === process.getuid?.() ? {} : { owner: passwd }),
  };
}

/** The message for a start that failed in the keeper. */
export function describeFailure(stage: Failure['stage'], errno: string, launch: Launch): Failure {
  const command = launch.args[0] ?? '';
  const detail = {
    command: say.noCommand(command, errno, launch.env['PATH']),
    directory: say.noDirectory(launch.cwd, errno),
    user: say.cannotSwitchUser(errno),
    system: say.noProcess(errno),
  }[stage];
  return failure(stage, detail, errno);
}

/** The message if no keeper can be started, for a reason that is not temporary. */
export function describeNoKeeper(errno?: string): Failure {
  const trouble = findKeeperTrouble(process.env['PATH']);
  return failure('system', trouble ?? say.noProcess(errno), errno);
}

function chain(plan: ProcessPlan, passwd: PasswdEntry, gid: number): readonly string[] {
  const args: string[] = [];
  if (plan.nice !== undefined) args.push('nice', '-n', String(plan.nice));
  if (plan.ionice !== undefined) {
    const { class: kind, level } = plan.ionice;
    args.push('ionice', '-c', kind, ...(level === undefined ? [] : ['-n', String(level)]), '--');
  }
  const foreign = passwd.uid !== process.getuid?.() || gid !== process.getgid?.();
  if (foreign) {
    args.push('setpriv', `--reuid=${passwd.uid}`, `--regid=${gid}`, '--init-groups', '--');
  }
  return args;
}

/**
 * After a prefix, a failed exec would look as if the command had exited with 127 or 126 and the
 * prefix's message; so everything that can be checked beforehand is checked here.
 */
async function findProblem(
  command: string,
  path: string,
  cwd: string,
): Promise<Failure | undefined> {
  const places = command.includes('/')
    ? [join(command.startsWith('/') ? '' : cwd, command)]
    : path.split(delimiter).map((directory) => join(directory || '.', command));
  let errno = 'ENOENT';
  for (const place of places) {
    try {
      if (!(await stat(place)).isFile()) throw Object.assign(new Error(), { code: 'EACCES' });
      await access(place, constants.X_OK);
      return undefined;
    } catch (error) {
      if (errnoOf(error) === 'EACCES') errno = 'EACCES';
    }
  }
  return failure('command', say.noCommand(command, errno, path), errno);
}

/** Why a command did not run. Our own and Node's codes (EUNKNOWN, EFTYPE, ERR_…) are no errnos. */
export function failure(stage: Failure['stage'], detail: string, errno?: string): Failure {
  const isReal = errno !== undefined && errno in os.errno;
  return { kind: 'not-started', stage, ...(isReal ? { errno } : {}), detail };
}
