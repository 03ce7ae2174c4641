/**
 * Promises of baton that a Slurm cluster does not keep because of its configuration: warnings of
 * `batond --check`. No run is refused because of them.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import type { Inspector } from '../daemon/core/plan.ts';
import { noSlurm } from '../daemon/protocol/slurm-text.ts';
import { errnoOf } from '../daemon/shared/errno.ts';
import * as say from './slurm-messages.ts';
import type { SlurmOptions } from './slurm-options.ts';

/** For scontrol, which itself gives up a hanging slurmctld after 10 s. */
const ASK_MS_MAX = 15_000;
/** Far more than the 10 kB that it prints. */
const CONFIG_BYTES_MAX = 1_048_576;
const MODE_BITS = 0o7777;
/** Includes the group. */
const OTHERS_WRITE = 0o022;
/** Others can create files there, but cannot rename or remove those of the daemon's user. */
const STICKY = 0o1000;

/** Relevant settings from `scontrol show config`; absent: not in its output. */
export interface ClusterConfig {
  readonly proctrack?: string;
  readonly killWaitMs?: number;
  /** 0: a node that does not answer is never given up. */
  readonly slurmdTimeoutMs?: number;
  readonly preemptMode?: string;
}

export class SlurmInspector implements Inspector<SlurmOptions> {
  /** The answer of each cluster, by its configuration file. */
  readonly #answers = new Map<string | undefined, Asked>();

  inspect(
    { directory, conf }: Pick<SlurmOptions, 'directory' | 'conf'>,
    { killAfterMs }: { readonly killAfterMs: number },
  ): readonly string[] {
    const asked = this.#answers.get(conf) ?? askCluster(conf);
    this.#answers.set(conf, asked);
    return [
      ...inspectShared(directory),
      ...(asked.ok ? notKept(parseClusterConfig(asked.text), killAfterMs) : [asked.error]),
    ];
  }
}

/** Parses the output of `scontrol show config`, of Slurm 22.05 as well as 24.11. */
export function parseClusterConfig(text: string): ClusterConfig {
  const values = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, key, value] = /^(\w+) *= (.*?) *$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined && value !== '(null)') values.set(key, value);
  }
  const secondsOf = (key: string): number | undefined => {
    const [, number] = /^(\d+)(?: sec)?$/.exec(values.get(key) ?? '') ?? [];
    return number === undefined ? undefined : 1_000 * Number(number);
  };
  const proctrack = values.get('ProctrackType')?.replace(/^proctrack\//, '');
  const preemptMode = values.get('PreemptMode');
  const killWaitMs = secondsOf('KillWait');
  const slurmdTimeoutMs = secondsOf('SlurmdTimeout');
  return {
    ...(proctrack === undefined ? {} : { proctrack }),
    ...(killWaitMs === undefined ? {} : { killWaitMs }),
    ...(slurmdTimeoutMs === undefined ? {} : { slurmdTimeoutMs }),
    ...(preemptMode === undefined ? {} : { preemptMode }),
  };
}

/** As sentences; empty if the cluster keeps all promises. */
export function notKept(cluster: ClusterConfig, killAfterMs: number): readonly string[] {
  const { proctrack = '', killWaitMs, slurmdTimeoutMs, preemptMode = '' } = cluster;
  const ends = /REQUEUE|CANCEL/.exec(preemptMode)?.[0];
  return [
    ...(proctrack === 'pgid' || proctrack === 'linuxproc' ? [say.mayOutlive(proctrack)] : []),
    ...(killWaitMs !== undefined && killWaitMs < killAfterMs
      ? [say.shortKillWait(killWaitMs, killAfterMs)]
      : []),
    ...(slurmdTimeoutMs === 0 ? [say.neverGivenUp()] : []),
    ...(ends === undefined ? [] : [say.mayBePreempted(ends)]),
  ];
}

/** Only as far as this machine can tell: the nodes may see a different directory. */
function inspectShared(directory: string): readonly string[] {
  try {
    const shared = statSync(directory);
    if (!shared.isDirectory()) return [say.noShared(directory, 'ENOTDIR')];
    accessSync(directory, constants.W_OK | constants.X_OK);
    const mode = shared.mode & MODE_BITS;
    const isOpen = (mode & OTHERS_WRITE) !== 0 && (mode & STICKY) === 0;
    return isOpen ? [say.openShared(directory, mode.toString(8))] : [];
  } catch (error) {
    return [say.noShared(directory, errnoOf(error))];
  }
}

type Asked =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly error: string };

/** Without this process's environment, as for the runs. */
function askCluster(conf: string | undefined): Asked {
  const path = process.env['PATH'] ?? '/usr/bin:/bin';
  const { status, stdout, stderr, error } = spawnSync('scontrol', ['show', 'config'], {
    env: { PATH: path, LC_ALL: 'C', ...(conf === undefined ? {} : { SLURM_CONF: conf }) },
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
    timeout: ASK_MS_MAX,
    killSignal: 'SIGKILL',
    maxBuffer: CONFIG_BYTES_MAX,
  });
  if (status === 0) return { ok: true, text: stdout };
  if (error !== undefined && errnoOf(error) !== 'ETIMEDOUT') {
    return { ok: false, error: noSlurm('scontrol', errnoOf(error)) };
  }
  const [said = ''] = (stderr ?? '').trim().split('\n').slice(-1);
  return { ok: false, error: say.notAsked(said, ASK_MS_MAX) };
}
