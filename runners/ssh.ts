/**
 * ssh: commands on another machine. By default the SSH keeper holds the connection, with the
 * package ssh2; `via: "openssh"` runs the system's ssh under the process keeper instead, for what
 * ssh2 lacks: certificates, ProxyCommand, security keys.
 *
 * Invariants, on both ways: nobody is ever asked, and an unknown or changed host key is refused.
 * With `cmds` and `stopOnError` the script is given to `sh`, since `set -e` means something else in
 * fish and csh; without `stopOnError` the remote user's own shell reads it, as in py9tor.
 */

import type { Plan, ProcessPlan, Runner, SshPlan } from './runner.ts';
import { checkOptions, inspectOptions } from './ssh/check.ts';
import { Options, type SshOptions } from './ssh/options.ts';
import { quote } from './ssh/script.ts';

/** A link on which nothing comes back so many times is dead. */
const ALIVE_COUNT_MAX = 4;
/** How many times connecting is tried again, unless the target says otherwise. */
const RETRY_DEFAULT = 2;

export const ssh: Runner<SshOptions> = {
  type: 'ssh',
  options: Options,

  plan(options): Plan {
    return options.via === 'openssh' ? planOpenssh(options) : planSession(options);
  },

  check: checkOptions,
  inspect: inspectOptions,
};

function planSession(options: SshOptions): SshPlan {
  const {
    host,
    port,
    user,
    key = [],
    passphraseFile,
    agent,
    sshConfig,
    jump,
    knownHosts,
  } = options;
  const socket = agent === true ? process.env['SSH_AUTH_SOCK'] : agent;
  return {
    keeper: 'ssh',
    session: {
      host,
      ...(port === undefined ? {} : { port }),
      ...(user === undefined ? {} : { user }),
      keys: key,
      ...(passphraseFile === undefined ? {} : { passphraseFile }),
      ...(socket === undefined ? {} : { agent: socket }),
      sshConfig: sshConfig === undefined ? 'auto' : sshConfig ? 'yes' : 'no',
      ...(jump === undefined ? {} : { jump }),
      ...(knownHosts === undefined ? {} : { knownHosts }),
      hostKey: options.hostKey,
      connectTimeoutMs: options.connectTimeoutMs,
      keepaliveMs: options.keepaliveMs,
      killOnDisconnect: options.killOnDisconnect ?? false,
      verbatim: options.verbatim ?? false,
      retries: options.retry ?? RETRY_DEFAULT,
      command: remoteCommand(options),
      shell: options.args !== undefined ? 'exec' : options.stopOnError ? 'sh' : 'own',
      env: options.env ?? {},
    },
  };
}

function planOpenssh(options: SshOptions): ProcessPlan {
  const { host, user, key = [], port, knownHosts, hostKey, agent, jump, sshConfig } = options;
  const settings = [
    'BatchMode=yes',
    `StrictHostKeyChecking=${hostKey === 'accept-new' ? hostKey : 'yes'}`,
    `ConnectTimeout=${seconds(options.connectTimeoutMs)}`,
    `ServerAliveInterval=${seconds(options.keepaliveMs)}`,
    `ServerAliveCountMax=${ALIVE_COUNT_MAX}`,
    ...(key.length > 0 ? ['IdentitiesOnly=yes'] : []),
    ...(knownHosts === undefined ? [] : [`UserKnownHostsFile=${quoteSetting(knownHosts)}`]),
    ...(agent === undefined
      ? []
      : [`IdentityAgent=${agent === true ? 'SSH_AUTH_SOCK' : quoteSetting(agent)}`]),
  ].flatMap((setting) => ['-o', setting]);
  const where = [
    ...key.flatMap((path) => ['-i', path]),
    ...(sshConfig === false ? ['-F', 'none'] : []),
    ...(jump === undefined ? [] : ['-J', jump.join(',')]),
    ...(port === undefined ? [] : ['-p', String(port)]),
    ...(user === undefined ? [] : ['-l', user]),
  ];
  const args: ProcessPlan['args'] = [
    'ssh',
    ...settings,
    ...where,
    ...['-T', '--', host],
    remoteCommand(options),
  ];
  const socket = agent === true ? process.env['SSH_AUTH_SOCK'] : undefined;
  return { keeper: 'process', args, env: socket === undefined ? {} : { SSH_AUTH_SOCK: socket } };
}

/** What the remote user's shell is told to run. */
function remoteCommand({ cmds, args, stopOnError }: SshOptions): string {
  if (args !== undefined) return args.map(quote).join(' ');
  const script = (cmds ?? []).join('\n');
  return stopOnError ? `exec sh -c ${quote(`set -e\n${script}`)}` : script;
}

function seconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1_000));
}

/** A value of ssh_config(5) ends at a space unless it stands in quotes. */
function quoteSetting(value: string): string {
  return /[\s"]/.test(value) ? `"${value.replaceAll('"', '\\"')}"` : value;
}
