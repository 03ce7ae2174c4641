/**
 * The interface of a runner: a plugin that turns a target's options into something that a keeper
 * can run. A plugin is an object literal of this shape, listed in runners/index.ts. A runner starts
 * nothing itself, it only plans, so that the same keeper supervises every kind of run.
 */
import type * as v from 'valibot';

/** What the process keeper is to run. */
export interface ProcessPlan {
  readonly keeper: 'process';
  /** The command and its arguments; never text for a shell. */
  readonly args: readonly [string, ...string[]];
  /** Absolute; default: the user's home directory. */
  readonly cwd?: string;
  /** In addition to the environment that cron would provide. */
  readonly env: Readonly<Record<string, string>>;
  /** A name or a number; default: the daemon's own user. */
  readonly user?: string | number;
  readonly group?: string | number;
  /** A file to read stdin from; default: empty stdin. */
  readonly stdin?: string;
  /** Default: 022. */
  readonly umask?: number;
  readonly nice?: number;
  readonly ionice?: {
    readonly class: 'idle' | 'best-effort' | 'realtime';
    readonly level?: number;
  };
}

/** What the SSH keeper is to run. Contains paths of secrets, never their contents. */
export interface SshPlan {
  readonly keeper: 'ssh';
  readonly session: SshSession;
}

/** Plain data: it is sent to the SSH keeper as JSON. */
export interface SshSession {
  /** Arguments of ssh(1) before the command; if absent, the package ssh2 connects. */
  readonly openssh?: readonly string[];
  /** A name, an address, or an alias from ~/.ssh/config. */
  readonly host: string;
  readonly port?: number;
  readonly user?: string;
  /** Private key files, offered in this order; if empty, those that ssh would try. */
  readonly keys: readonly string[];
  readonly passphraseFile?: string;
  /** Path of an agent's socket. */
  readonly agent?: string;
  /** `auto` gets the host's settings from ssh(1), if that is installed. */
  readonly sshConfig: 'auto' | 'yes' | 'no';
  /** Jump hosts, as [USER@]HOST[:PORT], nearest first. */
  readonly jump?: readonly string[];
  readonly knownHosts?: string;
  /** "strict", "accept-new", or a fingerprint: SHA256:… */
  readonly hostKey: string;
  readonly connectTimeoutMs: number;
  readonly keepaliveMs: number;
  /** End the remote command when the connection breaks. */
  readonly killOnDisconnect: boolean;
  /** How many times a failed connection is retried. */
  readonly retries: number;
  /** The command is sent unmodified, for forced commands that check it. */
  readonly verbatim: boolean;
  /** Text for a shell. */
  readonly command: string;
  /**
   * What runs the command if it is not sent verbatim: sh, which execs a single program or reads a
   * script, or the remote user's own shell.
   */
  readonly shell: 'exec' | 'sh' | 'own';
  readonly env: Readonly<Record<string, string>>;
}

/** What a keeper in a Slurm job is to run. */
export interface SlurmPlan {
  readonly keeper: 'slurm';
  /** On a file system that this machine and all nodes share. */
  readonly directory: string;
  readonly args: readonly [string, ...string[]];
  /** Absolute; default: the home directory of the daemon's user. */
  readonly cwd?: string;
  /** In addition to the environment that cron would provide. */
  readonly env: Readonly<Record<string, string>>;
  /** Options of sbatch(1): what the job needs. */
  readonly options: readonly string[];
  /** Path of slurm.conf, if not the default. */
  readonly conf?: string;
}

export type Plan = ProcessPlan | SshPlan | SlurmPlan;

/** Methods, not function properties: a map of runners with different options stays assignable. */
export interface Runner<O> {
  readonly type: string;
  /** The keys that config.json may have beside `type`. */
  readonly options: v.GenericSchema<unknown, O>;
  plan(options: O): Plan;
  /** What cannot work on this machine, as sentences. May read files; called at every load. */
  check?(options: O): readonly string[];
  /** One for each `batond --check`: it serves all targets, and may cache what they share. */
  inspector?(): Inspector<O>;
}

export interface Inspector<O> {
  /** Warnings that refuse no run, as sentences. May be slow. `limits` are those of the target. */
  inspect(options: O, limits: { readonly killAfterMs: number }): readonly string[];
}
