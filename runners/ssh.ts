/**
 * ssh: commands on another machine, supervised by the SSH keeper. By default it connects with the
 * package ssh2; with `via: "openssh"` it runs the system's ssh instead, for what ssh2 lacks:
 * certificates, ProxyCommand, security keys.
 *
 * Invariants for both: there are never prompts, and an unknown or changed host key is refused. With
 * `cmds` and `stopOnError` the script is passed to `sh`, because `set -e` means something else in
 * fish and csh; without `stopOnError` the remote user's own shell reads it, as in py9tor.
 */

import type { Runner, SshPlan } from '../daemon/core/plan.ts';
import { quote } from './ssh/remote-script.ts';
import { checkOptions, inspectOptions } from './ssh-check.ts';
import { Options, type SshOptions } from './ssh-options.ts';

/** After this many unanswered keepalives a connection is considered dead. */
const ALIVE_COUNT_MAX = 4;
/** How many times a failed connection is retried by default. */
const RETRY_DEFAULT = 2;

export const ssh: Runner<SshOptions> = {
  type: 'ssh',
  options: Options,

  plan: planSession,

  check: checkOptions,
  inspector: () => ({ inspect: inspectOptions }),
};

function planSession(options: SshOptions): SshPlan {
  const { host, port, user, key = [], passphraseFile, sshConfig, jump, knownHosts } = options;
  const socket = agentOf(options);
  return {
    keeper: 'ssh',
    session: {
      ...(options.via === 'openssh' ? { openssh: opensshArgs(options) } : {}),
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

/** Everything that comes before the command. */
function opensshArgs(options: SshOptions): readonly string[] {
  const { host, user, key = [], port, knownHosts, hostKey, jump, sshConfig } = options;
  const agent = agentOf(options);
  const settings = [
    'BatchMode=yes',
    `StrictHostKeyChecking=${hostKey === 'accept-new' ? hostKey : 'yes'}`,
    `ConnectTimeout=${seconds(options.connectTimeoutMs)}`,
    `ServerAliveInterval=${seconds(options.keepaliveMs)}`,
    `ServerAliveCountMax=${ALIVE_COUNT_MAX}`,
    // Settings in ~/.ssh/config for interactive use. Older versions do not know all of them.
    'IgnoreUnknown=ForkAfterAuthentication,SessionType,StdinNull',
    ...['RemoteCommand=none', 'ForkAfterAuthentication=no', 'SessionType=default', 'StdinNull=no'],
    ...(key.length > 0 ? ['IdentitiesOnly=yes'] : []),
    ...(knownHosts === undefined ? [] : [`UserKnownHostsFile=${quoteSetting(knownHosts)}`]),
    ...(agent === undefined ? [] : [`IdentityAgent=${quoteSetting(agent)}`]),
  ].flatMap((setting) => ['-o', setting]);
  return [
    ...settings,
    ...key.flatMap((path) => ['-i', path]),
    ...(sshConfig === false ? ['-F', 'none'] : []),
    ...(jump === undefined ? [] : ['-J', jump.join(',')]),
    ...(port === undefined ? [] : ['-p', String(port)]),
    ...(user === undefined ? [] : ['-l', user]),
    ...['-T', '--', host],
  ];
}

function agentOf({ agent }: SshOptions): string | undefined {
  return agent === true ? process.env['SSH_AUTH_SOCK'] : agent;
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

/** A value in ssh_config(5) ends at a space unless it is quoted. */
function quoteSetting(value: string): string {
  return /[\s"]/.test(value) ? `"${value.replaceAll('"', '\\"')}"` : value;
}
