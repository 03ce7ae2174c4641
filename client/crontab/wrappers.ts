/**
 * Programs that crontabs put before another program: their options, which are needed to find that
 * program, and what happens to them when it becomes a target of baton.
 *
 *   carried   the target has a key for it: nice, ionice, timeout, flock, env, sudo, su
 *   inside    it goes into the target's `args` unchanged: chrt, taskset, setpriv
 *   outside   it watches status, output or time, and stays in the line: chronic, time, mk-job
 *   elsewhere it starts the program on another machine or in another root: the line is unchanged
 *   hidden    it makes a command of its arguments; that is not analysed
 *
 * An option that is not in the table is not guessed: the reader of the line has to decide.
 */

type Role =
  | 'nice'
  | 'ionice'
  | 'timeout'
  | 'lock'
  | 'env'
  | 'user'
  | 'su'
  | 'shell'
  | 'inside'
  | 'outside'
  | 'elsewhere'
  | 'hidden';

export interface Wrapper {
  readonly role: Role;
  /** Letters of options without and with a value. */
  readonly flags?: string;
  readonly valued?: string;
  /** Long options without and with a value; the value may also follow a `=`. */
  readonly longs?: readonly string[];
  readonly longsValued?: readonly string[];
  /** Number of its own words before the program. */
  readonly operands?: number;
  /** The word that ends its own arguments, if present. */
  readonly endsAt?: string;
  /** The role applies only if one of these words is among the options. */
  readonly needs?: readonly string[];
}

export interface Option {
  /** `n`, or `adjustment`. */
  readonly name: string;
  readonly value?: string;
}

export type OptionsRead =
  | {
      readonly ok: true;
      readonly options: readonly Option[];
      /** Number of their words, without the program's name. */
      readonly count: number;
    }
  | { readonly ok: false; readonly odd: string };

const outside: Wrapper = { role: 'outside' };
const inside: Wrapper = { role: 'inside' };
const hidden: Wrapper = { role: 'hidden' };
const elsewhere: Wrapper = { role: 'elsewhere' };
const asUser: Wrapper = { role: 'user', operands: 1 };
const shell: Wrapper = { role: 'shell', flags: 'ceilmuvx', longs: ['login', 'noprofile'] };
const su: Wrapper = {
  role: 'su',
  flags: '-lmpPf',
  valued: 'csgGwu',
  longs: ['login', 'preserve-environment', 'pty'],
  longsValued: ['command', 'shell', 'group', 'user', 'supp-group', 'whitelist-environment'],
};

const TABLE: Readonly<Record<string, Wrapper>> = {
  nice: { role: 'nice', valued: 'n', longsValued: ['adjustment'] },
  ionice: {
    role: 'ionice',
    flags: 't',
    valued: 'cn',
    longs: ['ignore'],
    longsValued: ['class', 'classdata'],
  },
  timeout: {
    role: 'timeout',
    flags: 'fpv',
    valued: 'ks',
    longs: ['foreground', 'preserve-status', 'verbose'],
    longsValued: ['kill-after', 'signal'],
    operands: 1,
  },
  flock: {
    role: 'lock',
    flags: 'nsexuoFv',
    valued: 'wE',
    longs: [
      ...['nb', 'nonblock', 'nonblocking', 'shared', 'exclusive', 'unlock', 'close', 'no-fork'],
      'verbose',
    ],
    longsValued: ['wait', 'timeout', 'conflict-exit-code'],
    operands: 1,
  },
  lckdo: { role: 'lock', flags: 'wqesx', valued: 'WE', operands: 1 },
  setlock: { role: 'lock', flags: 'nNxX', operands: 1 },
  withlock: { role: 'lock', flags: 'q', valued: 'w', operands: 1 },
  env: {
    role: 'env',
    flags: 'i0v-',
    valued: 'uC',
    longs: ['ignore-environment'],
    longsValued: ['unset', 'chdir'],
  },
  sudo: {
    role: 'user',
    flags: 'nEHSkbPiA',
    valued: 'ugpCD',
    longs: ['non-interactive', 'set-home', 'login', 'preserve-env'],
    longsValued: ['user', 'group', 'chdir'],
  },
  doas: { role: 'user', flags: 'n', valued: 'u' },
  gosu: asUser,
  'su-exec': asUser,
  setuidgid: asUser,
  's6-setuidgid': asUser,
  su,
  runuser: su,
  ...Object.fromEntries(['sh', 'dash', 'bash', 'ash', 'ksh', 'zsh'].map((name) => [name, shell])),

  chrt: {
    role: 'inside',
    flags: 'abdfiorvR',
    valued: 'TPD',
    longs: [
      ...['all-tasks', 'batch', 'deadline', 'fifo', 'idle', 'other', 'rr', 'verbose'],
      'reset-on-fork',
    ],
    longsValued: ['sched-runtime', 'sched-period', 'sched-deadline'],
    operands: 1,
  },
  taskset: { role: 'inside', flags: 'ac', operands: 1 },
  choom: { role: 'inside', valued: 'n', longsValued: ['adjust'] },
  setpriv: {
    role: 'inside',
    longs: ['init-groups', 'clear-groups', 'keep-groups', 'no-new-privs', 'nnp', 'reset-env'],
    longsValued: ['reuid', 'regid', 'ruid', 'rgid', 'groups', 'inh-caps', 'bounding-set'],
  },
  prlimit: { role: 'inside', flags: 'v', longs: ['verbose'] },
  chpst: { role: 'inside', flags: 'vP012', valued: 'uUbe/ncdosfrmplt' },
  numactl: { role: 'inside', flags: 'l', valued: 'CNmip' },
  cpulimit: { role: 'inside', flags: 'bzifqvm', valued: 'lc', longsValued: ['limit'] },
  stdbuf: { role: 'inside', valued: 'ioe', longsValued: ['input', 'output', 'error'] },
  trickle: { role: 'inside', flags: 'sv', valued: 'udwtlp' },
  faketime: { role: 'inside', flags: 'mf', operands: 1 },
  eatmydata: inside,
  nocache: { role: 'inside', flags: 'D', valued: 'n' },
  'systemd-inhibit': {
    role: 'inside',
    longs: ['no-pager', 'no-ask-password'],
    longsValued: ['what', 'who', 'why', 'mode'],
  },
  'systemd-run': {
    role: 'inside',
    flags: 'PqGdt',
    valued: 'puE',
    longs: ['scope', 'wait', 'pipe', 'quiet', 'collect', 'same-dir', 'user', 'no-ask-password'],
    longsValued: ['property', 'unit', 'slice', 'uid', 'gid', 'nice', 'setenv', 'description'],
    needs: ['scope', 'wait'],
  },

  chronic: { role: 'outside', flags: 'ev' },
  cronic: outside,
  'mk-job': { role: 'outside', operands: 1 },
  'systemd-cat': {
    role: 'outside',
    valued: 'tp',
    longsValued: ['identifier', 'priority', 'stderr-priority', 'level-prefix'],
  },
  time: { role: 'outside', flags: 'pvaq', valued: 'fo' },
  nohup: outside,
  setsid: { role: 'outside', flags: 'cfw', longs: ['ctty', 'fork', 'wait'] },
  exec: { role: 'outside', flags: 'cl', valued: 'a' },
  command: { role: 'outside', flags: 'p' },
  'run-one': outside,
  'annotate-output': outside,
  croncape: { role: 'outside', flags: 'v' },
  dms: { role: 'outside', operands: 1 },
  'sentry-cli': { role: 'outside', endsAt: '--' },
  hb: { role: 'outside', endsAt: '--' },
  'run-this-one': outside,
  cronitor: { role: 'outside', operands: 2, longsValued: ['api-key', 'env'] },
  runitor: {
    role: 'outside',
    longs: ['quiet', 'silent', 'no-start-ping', 'no-output-in-ping'],
    longsValued: ['uuid', 'slug', 'ping-key', 'api-url', 'every', 'on-success', 'on-nonzero-exit'],
  },

  ...Object.fromEntries(
    [
      ...['ssh', 'autossh', 'rsh', 'mosh', 'docker', 'podman', 'nerdctl', 'kubectl', 'oc', 'lxc'],
      ...['lxc-attach', 'incus', 'pct', 'qm', 'machinectl', 'systemd-nspawn', 'chroot', 'nsenter'],
      ...['jexec', 'vagrant', 'ansible', 'salt', 'docker-compose', 'schroot', 'proot', 'ip'],
    ].map((name) => [name, elsewhere]),
  ),
  ...Object.fromEntries(
    ['xargs', 'parallel', 'eval', 'watch', 'script', 'find', 'busybox', 'trap', 'at', 'batch'].map(
      (name) => [name, hidden],
    ),
  ),
};

/** By the base name of its program. */
export function wrapperOf(program: string): Wrapper | undefined {
  const name = program.slice(program.lastIndexOf('/') + 1);
  return Object.hasOwn(TABLE, name) ? TABLE[name] : undefined;
}

/** Number of words before the program; chrt needs no priority for some classes. */
export function operandsOf(wrapper: Wrapper, program: string, rest: readonly string[]): number {
  const isChrt = program.endsWith('chrt');
  if (isChrt && !/^\d+$/.test(rest[0] ?? '')) return 0;
  const end = wrapper.endsAt === undefined ? -1 : rest.indexOf(wrapper.endsAt);
  return end >= 0 ? end + 1 : (wrapper.operands ?? 0);
}

/** The options before the first other word, as getopt(3) parses them with "+". */
export function readOptions(wrapper: Wrapper, words: readonly string[]): OptionsRead {
  const options: Option[] = [];
  let count = 0;
  while (count < words.length) {
    const word = words[count] ?? '';
    if (word === '--') return { ok: true, options, count: count + 1 };
    if (!word.startsWith('-') || word === '-') break;
    const next = words[count + 1];
    // Go's flags have a single dash before a long name.
    const isLong = word.startsWith('--') || isLongName(wrapper, word.slice(1));
    const read = isLong ? readLong(wrapper, word, next) : readShort(wrapper, word, next);
    if (read === undefined) return { ok: false, odd: word };
    options.push(...read.options);
    count += read.takesNext ? 2 : 1;
  }
  return { ok: true, options, count };
}

interface WordRead {
  readonly options: readonly Option[];
  readonly takesNext: boolean;
}

function isLongName({ longs = [], longsValued = [] }: Wrapper, text: string): boolean {
  const [name = ''] = text.split('=', 1);
  return name.length > 1 && (longs.includes(name) || longsValued.includes(name));
}

function readLong(
  { longs = [], longsValued = [] }: Wrapper,
  word: string,
  next: string | undefined,
): WordRead | undefined {
  const text = word.replace(/^--?/, '');
  const equals = text.indexOf('=');
  const name = equals < 0 ? text : text.slice(0, equals);
  if (equals >= 0 && (longsValued.includes(name) || longs.includes(name))) {
    return { options: [{ name, value: text.slice(equals + 1) }], takesNext: false };
  }
  if (longs.includes(name)) return { options: [{ name }], takesNext: false };
  if (!longsValued.includes(name) || next === undefined) return undefined;
  return { options: [{ name, value: next }], takesNext: true };
}

function readShort(
  { flags = '', valued = '', role }: Wrapper,
  word: string,
  next: string | undefined,
): WordRead | undefined {
  // `nice -19`
  if (role === 'nice' && /^-\d{1,3}$/.test(word)) {
    return { options: [{ name: 'n', value: word.slice(1) }], takesNext: false };
  }
  const options: Option[] = [];
  for (let at = 1; at < word.length; at++) {
    const name = word[at] ?? '';
    if (valued.includes(name)) {
      const rest = word.slice(at + 1);
      const value = rest === '' ? next : rest;
      if (value === undefined) return undefined;
      return { options: [...options, { name, value }], takesNext: rest === '' };
    }
    if (!flags.includes(name)) return undefined;
    options.push({ name });
  }
  return { options, takesNext: false };
}
