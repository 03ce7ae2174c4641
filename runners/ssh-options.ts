/**
 * The options of an ssh target. Whatever could be taken for an option of ssh(1), or is no host, is
 * refused here. What can only be known by looking (a key that is not there) is for check.ts.
 */
import * as v from 'valibot';
import { DURATION, DURATION_EXPECTED, parseDuration } from '../daemon/shared/duration.ts';
import { parseJump } from './ssh/route.ts';

/** Under `via: "openssh"` these have no meaning, and a wish that is not heeded is a trap. */
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
const RETRY_EXPECTED = 'how many times to try connecting again: a whole number from 0 to 20';
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
  v.string('a text in double quotes'),
  v.check((text) => !text.includes('\0'), 'a text without NUL characters'),
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

/** One, or a list that is not empty. */
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
  type: 'Runs a command on another machine. More in contrib/SSH.md.',
  via: "`openssh` runs the system's ssh(1), for certificates, `ProxyCommand` and security keys.",
  host: 'Where to: a name, an address, or an alias of `~/.ssh/config`.',
  port: '22 by default, or what `~/.ssh/config` says.',
  user:
    "Whose login there; by default what `~/.ssh/config` says, else the name of the daemon's " +
    'user.',
  key:
    'A private key file, or a list of them; only these are offered. Without it, those that ' +
    'ssh(1) would try.',
  passphraseFile: 'A file of mode 0600 with the passphrase of the key on its first line.',
  agent: "The path of an agent's socket, or `true` for the daemon's own `$SSH_AUTH_SOCK`.",
  sshConfig: '`false`: does not heed `~/.ssh/config`.',
  jump: 'Hosts on the way, as `[USER@]HOST[:PORT]`: one, or a list, the nearest first.',
  knownHosts:
    'Used instead of `~/.ssh/known_hosts`. `/etc/ssh/ssh_known_hosts` counts in any case.',
  hostKey:
    '`strict`: only known host keys; `accept-new`: writes down unknown ones and refuses ' +
    'changed ones; `SHA256:…`: this one, as ssh-keygen(1) prints it.',
  cmds: 'A script by its lines. It stops at the first that fails, with its status.',
  args: 'One program and its arguments; no shell builtin.',
  stopOnError:
    "`false`: all lines of `cmds` run, in the remote user's own shell, and the last one's " +
    'status counts.',
  env: 'Variables for the command. They travel on its stdin, so that no `AcceptEnv` is needed.',
  connectTimeout: 'How long an attempt to connect may take.',
  keepalive:
    'How often the other side is asked for a sign of life; after five without an answer the ' +
    'connection is broken.',
  killOnDisconnect:
    '`true`: the remote command is ended when the connection breaks: `stopSignal`, KILL 30 s later.',
  verbatim: '`true`: sends the command as it is, for keys with a forced command.',
  retry: 'How many times connecting is tried again after network errors; 2 by default.',
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
