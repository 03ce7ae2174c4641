/**
 * Messages of the runners if a target cannot work, or its machine cannot be reached. The daemon
 * prefixes the target or the run; see daemon/messages.ts for the style.
 */
import { describeErrno } from '../../daemon/shared/errno.ts';

// Private keys

export const noRegularKey = (path: string): string =>
  `key "${path}" is not a regular file; name a private key`;

export const longKey = (path: string, most: number): string =>
  `key "${path}" has more than ${most} bytes; name a private key`;

/** `what` is the option, `file` the path without "~". */
export const openToOthers = (what: string, path: string, mode: string, file: string): string =>
  `${what} "${path}" is readable by others (mode ${mode}), expected only by its owner; run chmod ` +
  `600 ${file}`;

export const badKey = (path: string, fault: KeyFault): string =>
  `key "${path}" ${KEY_FAULTS[fault]}`;

export type KeyFault =
  | 'encrypted'
  | 'cipher'
  | 'wrong-passphrase'
  | 'public'
  | 'unsupported'
  | 'no-key';

const KEY_FAULTS: Readonly<Record<KeyFault, string>> = {
  encrypted:
    'is encrypted, and no passphrase is given; name a file that contains it with ' +
    '"passphraseFile", or use a key without a passphrase (ssh-keygen -p removes it)',
  cipher:
    'is encrypted with chacha20-poly1305, which the library ssh2 does not support; to encrypt it ' +
    'with another cipher, run ssh-keygen -p -Z aes256-ctr -f with its path',
  'wrong-passphrase':
    'is encrypted, and the passphrase in "passphraseFile" is wrong; correct that file',
  public: 'is a public key; name the private key, usually the same name without ".pub"',
  unsupported: 'is of a type that only ssh(1) can use; set "via": "openssh"',
  'no-key': 'is not a private key that OpenSSH can read; name the file that ssh-keygen created',
};

export const noKey = (path: string): string =>
  `key "${path}" does not exist; name an existing private key, or create one with ssh-keygen`;

export const noPassphrase = (path: string): string =>
  `passphraseFile "${path}" does not exist; write the passphrase into it`;

export const noKnownHosts = (path: string): string =>
  `knownHosts "${path}" does not exist; fill it with ssh-keyscan HOST >> ${path}`;

export const unreadable = (what: string, path: string, code: string): string =>
  `${what} "${path}" cannot be read (${code}); make it readable by the user of the daemon`;

export const unusableKey = (path: string, code: string): string =>
  `key "${path}" cannot be used (${code})`;

export const noAgent = (): string =>
  'agent is true, but the daemon has no $SSH_AUTH_SOCK; set agent to the path of the socket ' +
  'of the agent';

// The route to a machine

export const sshSays = (line: string): string =>
  `ssh -G reports: ${line}; correct ~/.ssh/config, or set "sshConfig": false`;

export const proxyCommand = (host: string): string =>
  `~/.ssh/config sets a ProxyCommand for ${host}, which only ssh(1) can use; set "via": ` +
  '"openssh"';

export const manyJumps = (most: number): string =>
  `there are more than ${most} jump hosts; name fewer in "jump", or in ~/.ssh/config`;

export const noSsh = (): string =>
  '"sshConfig" needs ssh(1), which is not installed; install openssh-client';

/** ssh(1) itself cannot be started here. */
export const noSpawn = (errno: string): string =>
  errno === 'ENOENT'
    ? `ssh(1) is not installed (${errno}); install openssh-client`
    : `ssh(1) could not be started ${describeErrno(errno)}`;

export const noJump = (text: string): string =>
  `"${text}" is not a jump host; expected [USER@]HOST[:PORT]`;

// Connecting

/** With a pause between tries. */
export const afterTries = (times: number, message: string): string =>
  `after ${times} tries: ${message}`;

export const noAnswer = (host: string, port: number, limit: string): string =>
  `no answer from ${host} port ${port} within ${limit}; check that the host is up and that no ` +
  'firewall blocks the port';

/** `said` is from the system or the SSH library. */
export const noConnection = (host: string, port: number, said: string): string => {
  const advice = CONNECT_ADVICE.find(([sign]) => sign.test(said))?.[1];
  return `${host} port ${port}: ${said}${advice === undefined ? '' : `; ${advice}`}`;
};

const CONNECT_ADVICE: readonly (readonly [RegExp, string])[] = [
  [/ECONNREFUSED/, 'start the SSH server there, or correct "port"'],
  [
    /ENOTFOUND|EAI_AGAIN/,
    'correct "host", or check that this machine can resolve names (getent hosts)',
  ],
  [/E(HOST|NET)UNREACH|ETIMEDOUT/, 'check the network path to that host'],
  [/no matching/, 'set "via": "openssh", which supports more algorithms'],
];

/** `said` is ssh's last line. */
export const sshFailed = (host: string, said: string): string =>
  `ssh to ${host} reports: ${said || 'nothing'}; see the output of this run for more, and try ` +
  'ssh by hand as the user of the daemon';

/** The same for a probe, which shows everything that ssh prints. */
export const sshRefused = (host: string, said: string): string =>
  `ssh to ${host} reports: ${said || 'nothing'}; try ssh by hand as the user of the daemon`;

export const sshSilent = (host: string, limit: string): string =>
  `ssh to ${host} had not logged in after ${limit}; try it by hand as the user of the daemon: ` +
  'ssh -v';

export const sshKilled = (signal: string): string => `ssh was killed by ${signal}`;

export const givenUp = (): string => 'stopped before it could connect';

export const serverLeft = (): string => 'the server closed the connection';

export const viaHop = (name: string, said: string): string => `${name} cannot reach it: ${said}`;

/** `said` is from the SSH library. */
export const agentFailed = (agent: string, said: string): string =>
  `the agent at ${agent} cannot be used (${said}); start it, unlock it, or correct "agent"`;

export const noAgentThere = (errno: string): string => `cannot connect to it: ${errno}`;

export const silentAgent = (agent: string, limit: string): string =>
  `the agent at ${agent} did not answer within ${limit}; restart it, or check whether it is ` +
  'waiting for a confirmation';

export const refusedUser = (
  where: { readonly host: string; readonly port: number; readonly user: string },
  said: string | undefined,
  offered: readonly string[],
  skipped: readonly string[],
): string => {
  const who = `${where.host} port ${where.port} refused user ${where.user}`;
  const keys = offered.join(', ') || 'nothing, because there is no usable key';
  const rest = skipped.length === 0 ? '' : `; not usable: ${skipped.join('; ')}`;
  return `${who}${said === undefined ? '' : ` (${said})`}; offered: ${keys}${rest}`;
};

// The key of a machine

export const unknownHost = (host: string, files: readonly string[], scan: string): string =>
  `no key of ${host} is known in ${files.join(', ')}; run ${scan}`;

/** `authority`: the line with a certificate authority for the host. */
export const newHostKey = (
  name: string,
  shown: string,
  files: readonly string[],
  authority: string | undefined,
  scan: string,
): string => {
  const other =
    authority === undefined
      ? ''
      : ` (${authority} names a certificate authority, which only "via": "openssh" supports)`;
  return (
    `the host key of ${name} (${shown}) is in none of ${files.join(', ')}${other}; compare it ` +
    `with the key on the server, then run ${scan}`
  );
};

export const otherPin = (name: string, shown: string, pinned: string): string =>
  `${name} offered ${shown}, but "hostKey" is ${pinned}, which may be its key of another ` +
  'type; compare the offered key with the keys on the server, and set "hostKey" to it if they ' +
  'match';

export const changedHostKey = (
  name: string,
  shown: string,
  known: { readonly place: string; readonly key: string; readonly path: string },
): string =>
  `the host key of ${name} has CHANGED: ${known.place} has ${known.key}, the server offered ` +
  `${shown}; this may be an attack; if the key was changed on purpose, run ssh-keygen -f ` +
  `${known.path} -R '${name}' and add the new key`;

export const revokedHostKey = (name: string, shown: string, place: string): string =>
  `the host key of ${name} (${shown}) is revoked by ${place}; ask the administrator of the ` +
  'server for the new key';

export const hostKeyUnwritten = (said: string): string =>
  `the new host key could not be stored (${said}); make ~/.ssh/known_hosts writable`;

// A remote command

const MAY_RUN = 'the remote command may still be running';

export const connectionBroke = (name: string, why: string): string =>
  `the connection to ${name} broke (${why}); ${MAY_RUN}`;

export const noSign = (limit: string): string => `no reply to keepalive messages for ${limit}`;

export const noStatus = (): string => 'it was closed without an exit status';

export const remoteIgnoresSignals = (name: string): string =>
  `the command on ${name} could not be stopped: no signal reached it (a key with a forced ` +
  `command?); ${MAY_RUN}`;

export const noCommand = (name: string, said: string): string =>
  `${name} refuses to run a command: ${said}; allow it for this key in ~/.ssh/authorized_keys ` +
  'there';

export const foreignSignal = (signal: string | undefined): string =>
  `it was ended by signal ${signal}, which this machine does not have`;

export const internal = (error: unknown): string =>
  `internal error (a bug in baton); please report it with this text: ${String(error)}`;
