/**
 * The interface of a runner: a plugin that turns a target's options into something a keeper can
 * keep. A plugin is an object literal of this shape, listed in runners/index.ts. A runner starts
 * nothing itself: it only plans, so that the same keeper looks after every kind of run.
 */
import type * as v from 'valibot';

/** What the process keeper is to keep. */
export interface ProcessPlan {
  readonly keeper: 'process';
  /** The command and its arguments; never a shell's text. */
  readonly args: readonly [string, ...string[]];
  /** Absolute; the home of the user where absent. */
  readonly cwd?: string;
  /** On top of the environment that cron would give. */
  readonly env: Readonly<Record<string, string>>;
  /** A name or a number; the daemon's own where absent. */
  readonly user?: string | number;
  readonly group?: string | number;
  /** A file that its stdin comes from; empty where absent. */
  readonly stdin?: string;
  /** 022 where absent. */
  readonly umask?: number;
  readonly nice?: number;
  readonly ionice?: {
    readonly class: 'idle' | 'best-effort' | 'realtime';
    readonly level?: number;
  };
}

/** What the SSH keeper is to keep. Paths, never what is inside: no secret passes through here. */
export interface SshPlan {
  readonly keeper: 'ssh';
  readonly session: SshSession;
}

/** Plain data: it travels to the SSH keeper as JSON. */
export interface SshSession {
  /** What to give to ssh(1) before the command; the package ssh2 connects where it is absent. */
  readonly openssh?: readonly string[];
  /** A name, an address, or an alias of ~/.ssh/config. */
  readonly host: string;
  readonly port?: number;
  readonly user?: string;
  /** Private key files, offered in this order; those that ssh would try where it is empty. */
  readonly keys: readonly string[];
  readonly passphraseFile?: string;
  /** Path of an agent's socket. */
  readonly agent?: string;
  /** `auto` asks ssh(1) for the host's settings where it is installed. */
  readonly sshConfig: 'auto' | 'yes' | 'no';
  /** Hosts on the way, as [USER@]HOST[:PORT], the nearest first. */
  readonly jump?: readonly string[];
  readonly knownHosts?: string;
  /** "strict", "accept-new", or a fingerprint: SHA256:… */
  readonly hostKey: string;
  readonly connectTimeoutMs: number;
  readonly keepaliveMs: number;
  /** The remote command is to end with the connection. */
  readonly killOnDisconnect: boolean;
  /** How many times connecting is tried again. */
  readonly retries: number;
  /** The command is sent as it stands, for forced commands that look at it. */
  readonly verbatim: boolean;
  /** A shell's text. */
  readonly command: string;
  /**
   * Who reads the command where it is not sent verbatim: sh, which becomes the one program or reads
   * a script, or the remote user's own shell.
   */
  readonly shell: 'exec' | 'sh' | 'own';
  readonly env: Readonly<Record<string, string>>;
}

/** What a keeper in a job of Slurm is to keep. */
export interface SlurmPlan {
  readonly keeper: 'slurm';
  /** On a file system that this machine and all nodes share. */
  readonly directory: string;
  readonly args: readonly [string, ...string[]];
  /** Absolute; the home of the daemon's user where absent. */
  readonly cwd?: string;
  /** On top of the environment that cron would give. */
  readonly env: Readonly<Record<string, string>>;
  /** For sbatch(1): what the job needs. */
  readonly options: readonly string[];
  /** The slurm.conf, where it is not the usual one. */
  readonly conf?: string;
}

export type Plan = ProcessPlan | SshPlan | SlurmPlan;

/** Methods, not function properties: a map of runners with different options stays assignable. */
export interface Runner<O> {
  readonly type: string;
  /** The keys that config.json may hold beside `type`. */
  readonly options: v.GenericSchema<unknown, O>;
  plan(options: O): Plan;
  /** What cannot work on this machine, as sentences. May read files; is asked at every load. */
  check?(options: O): readonly string[];
  /** For one `batond --check`: it serves all targets, and may ask once what they share. */
  inspector?(): Inspector<O>;
}

export interface Inspector<O> {
  /**
   * What deserves a look but refuses no run, as sentences. Takes its time. `limits` are those of
   * the target.
   */
  inspect(options: O, limits: { readonly killAfterMs: number }): readonly string[];
}
