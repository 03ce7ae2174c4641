/**
 * ssh: commands on another machine, by the system's own OpenSSH under the process keeper. So what
 * ~/.ssh/config says (aliases, jump hosts) holds here as on the command line.
 *
 * Invariants: nobody is ever asked (BatchMode), and an unknown or changed host key is refused. With
 * `cmds` and `stopOnError` the script is given to `sh`, since `set -e` means something else in fish
 * and csh; without `stopOnError` the remote user's own shell reads it, as in py9tor.
 */
import * as v from 'valibot';
import { DURATION_EXPECTED, parseDuration } from '../daemon/duration.ts';
import { keyProblems, knownHostsProblems } from './key.ts';
import type { ProcessPlan, Runner } from './runner.ts';

const CONNECT_TIMEOUT_DEFAULT = '20s';
/** A link on which nothing comes back for a minute is dead: 4 unanswered questions of 15 s. */
const ALIVE_INTERVAL_S = 15;
const ALIVE_COUNT_MAX = 4;

const HOST_EXPECTED =
  'a host name or address without spaces, "@" and "/", not starting with "-" (users go to "user")';
const USER_EXPECTED = 'a user name without spaces and "@", not starting with "-"';
const PATH_EXPECTED = 'an absolute path, or one that starts with "~/"';
const PORT_EXPECTED = 'a port from 1 to 65535';
const PORT_MAX = 65_535;
const CMD_EXPECTED = 'a command without NUL characters, not empty';

const Path = v.pipe(v.string(PATH_EXPECTED), v.regex(/^(\/|~\/)[^\p{Cc}]*$/u, PATH_EXPECTED));

const Port = v.pipe(
  v.union([v.number(), v.pipe(v.string(), v.regex(/^\d{1,5}$/, PORT_EXPECTED))], PORT_EXPECTED),
  v.transform(Number),
  v.integer(PORT_EXPECTED),
  v.minValue(1, PORT_EXPECTED),
  v.maxValue(PORT_MAX, PORT_EXPECTED),
);

const Cmd = v.pipe(
  v.string(),
  v.check((text) => text !== '' && !text.includes('\0'), CMD_EXPECTED),
);
const Arg = v.pipe(
  v.string('a text in double quotes'),
  v.check((text) => !text.includes('\0'), 'a text without NUL characters'),
);
const ConnectTimeout = v.pipe(
  v.string(DURATION_EXPECTED),
  v.check((text) => parseDuration(text) !== undefined, DURATION_EXPECTED),
  v.transform((text) => Math.max(1, Math.ceil((parseDuration(text) ?? 0) / 1_000))),
);

const Options = v.pipe(
  v.strictObject({
    type: v.literal('ssh'),
    host: v.pipe(v.string(), v.regex(/^[^\s\p{Cc}@/-][^\s\p{Cc}@/]*$/u, HOST_EXPECTED)),
    user: v.exactOptional(
      v.pipe(v.string(), v.regex(/^[^\s\p{Cc}@-][^\s\p{Cc}@]*$/u, USER_EXPECTED)),
    ),
    key: v.exactOptional(
      v.union(
        [
          v.pipe(
            Path,
            v.transform((path) => [path]),
          ),
          v.pipe(v.array(Path), v.minLength(1)),
        ],
        `${PATH_EXPECTED}, or a list of such paths`,
      ),
    ),
    port: v.exactOptional(Port),
    cmds: v.exactOptional(v.pipe(v.array(Cmd), v.minLength(1))),
    args: v.exactOptional(v.pipe(v.array(Arg), v.minLength(1))),
    stopOnError: v.optional(v.boolean(), true),
    connectTimeout: v.optional(ConnectTimeout, CONNECT_TIMEOUT_DEFAULT),
    knownHosts: v.exactOptional(Path),
  }),
  v.check(
    ({ cmds, args }) => (cmds === undefined) !== (args === undefined),
    'exactly one of "cmds" (a script, one command an entry) and "args" (one command)',
  ),
  v.transform(({ connectTimeout, ...rest }) => ({ ...rest, connectTimeoutS: connectTimeout })),
);
type SshOptions = v.InferOutput<typeof Options>;

export const ssh: Runner<SshOptions> = {
  type: 'ssh',
  options: Options,

  plan(options): ProcessPlan {
    const { host, user, key = [], port, knownHosts, connectTimeoutS } = options;
    const settings = [
      'BatchMode=yes',
      'StrictHostKeyChecking=yes',
      `ConnectTimeout=${connectTimeoutS}`,
      `ServerAliveInterval=${ALIVE_INTERVAL_S}`,
      `ServerAliveCountMax=${ALIVE_COUNT_MAX}`,
      ...(key.length > 0 ? ['IdentitiesOnly=yes'] : []),
      ...(knownHosts === undefined ? [] : [`UserKnownHostsFile=${quoteSetting(knownHosts)}`]),
    ].flatMap((setting) => ['-o', setting]);
    const identities = key.flatMap((path) => ['-i', path]);
    const where = [
      ...(port === undefined ? [] : ['-p', String(port)]),
      ...(user === undefined ? [] : ['-l', user]),
    ];
    const args: ProcessPlan['args'] = [
      'ssh',
      ...settings,
      ...identities,
      ...where,
      ...['-T', '--', host],
      remoteCommand(options),
    ];
    return { keeper: 'process', args, env: {} };
  },

  check({ key = [], knownHosts }): readonly string[] {
    return [...key.flatMap(keyProblems), ...knownHostsProblems(knownHosts)];
  },
};

/** What the remote user's shell is told to run. */
function remoteCommand({ cmds, args, stopOnError }: SshOptions): string {
  if (args !== undefined) return args.map(quote).join(' ');
  const script = (cmds ?? []).join('\n');
  return stopOnError ? `exec sh -c ${quote(`set -e\n${script}`)}` : script;
}

/**
 * For any Bourne shell. Harmless words stay as they are: a forced command such as rrsync compares
 * the very text.
 */
function quote(word: string): string {
  if (/^[\w@+:,./-]+$/.test(word)) return word;
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** A value of ssh_config(5) ends at a space unless it stands in quotes. */
function quoteSetting(value: string): string {
  return /[\s"]/.test(value) ? `"${value.replaceAll('"', '\\"')}"` : value;
}
