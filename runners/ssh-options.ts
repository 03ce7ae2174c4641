/**
 * The options of an ssh target. Anything that could be taken for an option of ssh(1), or is not a
 * host, is refused here. What needs a look at files (a missing key) is checked in ssh-check.ts.
 */
import * as v from 'valibot';
import { DURATION, DURATION_EXPECTED, parseDuration } from '../daemon/shared/duration.ts';
import { parseJump } from './ssh/route.ts';

/** With `via: "openssh"` these have no effect, and a silently ignored option is a trap. */
const SSH2_ONLY = ['passphraseFile', 'retry'] as const;

const HOST_EXPECTED =
  'a host name or address without spaces, "@" and "/", not starting with "-" (users go to "user")';
const USER_EXPECTED = 'a user name without spaces and "@", not starting with "-"';
const PATH_EXPECTED = 'an absolute path, or one that starts with "~/"';
const PORT_EXPECTED = 'a port from 1 to 65535';
const PORT_MAX = 65_535;
const CMD_EXPECTED = 'a command without NUL characters, not empty';
const ENV_NAME_EXPECTED = 'the name of a variable: letters, digits and "_", no digit first';
const JUMP_EXPECTED = '[USER@]HOST[:PORT], or a list of such hosts, the nearest first';
const HOST_KEY_EXPECTED =
  '"strict", "accept-new", or a fingerprint as ssh-keygen -l prints it: "SHA256:" and 43 characters';
const RETRY_EXPECTED = 'the number of times to retry connecting: an integer from 0 to 20';
const RETRY_MAX = 20;

const Path = v.pipe(v.string(PATH_EXPECTED), v.regex(/^(\/|~\/)[^\p{Cc}]*$/u, PATH_EXPECTED));

const Port = v.pipe(
  v.union(
    [
      v.pipe(v.number(), v.metadata({ type: 'integer', minimum: 1, maximum: PORT_MAX })),
      v.pipe(v.string(), v.regex(/^\d{1,5}$/, PORT_EXPECTED)),
    ],
    PORT_EXPECTED,
  ),
  v.transform(Number),
  v.integer(PORT_EXPECTED),
  v.minValue(1, PORT_EXPECTED),
  v.maxValue(PORT_MAX, PORT_EXPECTED),
);

const Cmd = v.pipe(
  v.string(),
  v.check((text) => text !== '' && !text.includes('\0'), CMD_EXPECTED),
);
const Text = v.pipe(
  v.string('a string in double quotes'),
  v.check((text) => !text.includes('\0'), 'a string without NUL characters'),
);
/** To milliseconds. */
const Duration = v.pipe(
  v.string(DURATION_EXPECTED),
  v.check((text) => (parseDuration(text) ?? 0) > 0, `${DURATION_EXPECTED}, longer than 0`),
  v.metadata({ title: 'duration', pattern: DURATION.source }),
  v.transform((text) => parseDuration(text) ?? 0),
);
const Jump = v.pipe(
  v.string(JUMP_EXPECTED),
  v.check((text) => parseJump(text) !== undefined, JUMP_EXPECTED),
);

/** One, or a non-empty list. */
function some<T>(
  one: v.GenericSchema<unknown, T>,
  expected: string,
): v.GenericSchema<unknown, readonly T[]> {
  const single = v.pipe(
    one,
    v.transform((value) => [value]),
  );
  return v.union([single, v.pipe(v.array(one), v.minLength(1))], expected);
}

const KEYS = {
  type: 'Run a command on another machine. See contrib/SSH.md.',
  via:
    'SSH implementation: `ssh2` is built in; `openssh` runs ssh(1) of the system, for ' +
    'certificates, `ProxyCommand` and security keys.',
  host: 'Host to connect to: a name, an address, or an alias from `~/.ssh/config`.',
  port: 'Port to connect to. Default: the port in `~/.ssh/config`, else 22.',
  user: 'User to log in as. Default: the user in `~/.ssh/config`, else the user of the daemon.',
  key:
    'Private key file, or a list of them; only these are offered. Default: the keys that ' +
    'ssh(1) would try.',
  passphraseFile: 'File with the passphrase of the key on its first line. Its mode must be 0600.',
  agent: 'Path of the socket of an SSH agent, or `true` for the `$SSH_AUTH_SOCK` of the daemon.',
  sshConfig: 'Use `~/.ssh/config`. Default: `true`.',
  jump: 'Jump host, as `[USER@]HOST[:PORT]`, or a list of them, the nearest first.',
  knownHosts:
    'Known hosts file to use instead of `~/.ssh/known_hosts`. `/etc/ssh/ssh_known_hosts` is ' +
    'always used too.',
  hostKey:
    'Host keys to accept. `strict`: only known host keys. `accept-new`: store unknown keys, ' +
    'refuse changed ones. `SHA256:…`: only this fingerprint, as printed by ssh-keygen(1).',
  cmds: 'Script, one string per line. It stops at the first line that fails, with its exit status.',
  args: 'Program and its arguments; it cannot be a shell builtin.',
  stopOnError:
    'Stop at the first line of `cmds` that fails. `false`: run all lines in the login shell ' +
    'of the remote user; the exit status is that of the last line.',
  env:
    'Environment variables for the command. They are sent on its stdin, so the server needs no ' +
    '`AcceptEnv`.',
  connectTimeout: 'Time limit for each attempt to connect.',
  keepalive:
    'Interval between keepalive messages; after five without an answer, the connection counts ' +
    'as broken.',
  killOnDisconnect:
    'Stop the remote command when the connection breaks: `stopSignal`, then KILL 30 s later.',
  verbatim:
    'Send the command as it is, without the wrapper of baton, for keys with a forced command.',
  retry: 'Number of times to retry connecting after network errors. Default: 2.',
};

export const Options = v.pipe(
  v.strictObject({
    type: v.literal('ssh'),
    via: v.optional(v.picklist(['ssh2', 'openssh']), 'ssh2'),
    host: v.pipe(v.string(), v.regex(/^[^\s\p{Cc}@/-][^\s\p{Cc}@/]*$/u, HOST_EXPECTED)),
    port: v.exactOptional(Port),
    user: v.exactOptional(
      v.pipe(v.string(), v.regex(/^[^\s\p{Cc}@-][^\s\p{Cc}@]*$/u, USER_EXPECTED)),
    ),
    key: v.exactOptional(some(Path, `${PATH_EXPECTED}, or a list of such paths`)),
    passphraseFile: v.exactOptional(Path),
    agent: v.exactOptional(v.union([v.literal(true), Path], `true ($SSH_AUTH_SOCK), or a path`)),
    sshConfig: v.exactOptional(v.boolean()),
    jump: v.exactOptional(some(Jump, JUMP_EXPECTED)),
    knownHosts: v.exactOptional(Path),
    hostKey: v.optional(
      v.pipe(
        v.string(),
        v.regex(/^(strict|accept-new|SHA256:[A-Za-z0-9+/]{43}=?)$/, HOST_KEY_EXPECTED),
        v.transform((text) => text.replace(/=$/, '')),
      ),
      'strict',
    ),
    cmds: v.exactOptional(v.pipe(v.array(Cmd), v.minLength(1))),
    args: v.exactOptional(v.pipe(v.array(Text), v.minLength(1))),
    stopOnError: v.optional(v.boolean(), true),
    env: v.exactOptional(
      v.record(v.pipe(v.string(), v.regex(/^[A-Za-z_][A-Za-z0-9_]*$/, ENV_NAME_EXPECTED)), Text),
    ),
    connectTimeout: v.optional(Duration, '20s'),
    keepalive: v.optional(Duration, '15s'),
    killOnDisconnect: v.exactOptional(v.boolean()),
    verbatim: v.exactOptional(v.boolean()),
    retry: v.exactOptional(
      v.pipe(
        v.number(RETRY_EXPECTED),
        v.integer(RETRY_EXPECTED),
        v.minValue(0, RETRY_EXPECTED),
        v.maxValue(RETRY_MAX, RETRY_EXPECTED),
      ),
    ),
  }),
  v.metadata({
    oneOf: [{ required: ['cmds'] }, { required: ['args'] }],
    keys: KEYS,
  }),
  v.check(
    ({ cmds, args }) => (cmds === undefined) !== (args === undefined),
    'exactly one of "cmds" (a script, one command an entry) and "args" (one command)',
  ),
  v.check(
    (options) => options.via === 'ssh2' || SSH2_ONLY.every((name) => options[name] === undefined),
    `none of ${SSH2_ONLY.join(', ')} beside "via": "openssh", which has no such thing`,
  ),
  v.check(
    ({ verbatim, env, killOnDisconnect }) => !(verbatim && (env || killOnDisconnect)),
    'no "env" and no "killOnDisconnect" beside "verbatim", since both need a shell around the ' +
      'command',
  ),
  v.check(
    ({ via, hostKey }) => via === 'ssh2' || !hostKey.startsWith('SHA256:'),
    'no fingerprint in "hostKey" beside "via": "openssh"; put the key into a file for "knownHosts"',
  ),
  v.transform(({ connectTimeout, keepalive, ...rest }) => ({
    ...rest,
    connectTimeoutMs: connectTimeout,
    keepaliveMs: keepalive,
  })),
);
export type SshOptions = v.InferOutput<typeof Options>;
