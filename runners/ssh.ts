/**
 * ssh: commands on another machine, which the SSH keeper looks after. By default it connects with
 * the package ssh2; `via: "openssh"` has it run the system's ssh instead, for what ssh2 lacks:
 * certificates, ProxyCommand, security keys.
 *
 * Invariants, on both ways: nobody is ever asked, and an unknown or changed host key is refused.
 * With `cmds` and `stopOnError` the script is given to `sh`, since `set -e` means something else in
 * fish and csh; without `stopOnError` the remote user's own shell reads it, as in py9tor.
 */

import type { Runner, SshPlan } from '../daemon/core/plan.ts';
import { quote } from './ssh/remote-script.ts';
import { checkOptions, inspectOptions } from './ssh-check.ts';
import { Options, type SshOptions } from './ssh-options.ts';

/** A link on which nothing comes back so many times is dead. */
const ALIVE_COUNT_MAX = 4;
/** How many times connecting is tried again, unless the target says otherwise. */
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

/** All that goes before the command. */
function opensshArgs(options: SshOptions): readonly string[] {
  const { host, user, key = [], port, knownHosts, hostKey, jump, sshConfig } = options;
  const agent = agentOf(options);
  const settings = [
    'BatchMode=yes',
    `StrictHostKeyChecking=${hostKey === 'accept-new' ? hostKey : 'yes'}`,
    `ConnectTimeout=${seconds(options.connectTimeoutMs)}`,
    `ServerAliveInterval=${seconds(options.keepaliveMs)}`,
    `ServerAliveCountMax=${ALIVE_COUNT_MAX}`,
    // What ~/.ssh/config may have for people at a terminal. Older ones do not know all of them.
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

/** A value of ssh_config(5) ends at a space unless it stands in quotes. */
function quoteSetting(value: string): string {
  return /[\s"]/.test(value) ? `"${value.replaceAll('"', '\\"')}"` : value;
}
