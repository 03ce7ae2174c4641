/**
 * The route to a host: the target itself and its jump hosts, each with its address, user, keys and
 * known_hosts files. ssh(1) is asked (`ssh -G`) for the settings in ~/.ssh/config, because nothing
 * else reads that file as ssh does; the target's own options take precedence.
 *
 * Never weaker than the target's own `hostKey`: StrictHostKeyChecking in the file is ignored.
 */

import { execFile, spawnSync } from 'node:child_process';
import { hostname } from 'node:os';
import type { SshSession } from '../../daemon/core/plan.ts';
import { errnoOf, isShortage } from '../../daemon/shared/errno.ts';
import { lastLine } from '../../daemon/shared/lines.ts';
import { checkRoomToSpawn } from '../../daemon/system/free-descriptors.ts';
import { ownUser } from './local-user.ts';
import { fromHome } from './private-key.ts';
import * as say from './ssh-messages.ts';

/** One connection of the route. */
export interface Hop {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly keys: readonly string[];
  readonly agent?: string;
  /** The name and port for which its key is looked up. */
  readonly knownAs: { readonly host: string; readonly port: number };
  /** Files of known hosts; new ones are added to the first. */
  readonly knownHosts: readonly string[];
  readonly hashKnownHosts: boolean;
}

export type Route =
  | { readonly ok: true; readonly hops: readonly [Hop, ...Hop[]] }
  | {
      readonly ok: false;
      readonly message: string;
      /** The errno of a temporary shortage on this machine: ssh(1) could not be run. */
      readonly shortage?: string;
    };

/** The part of a session that determines its destination. */
type Where = Pick<SshSession, 'host' | 'port' | 'user' | 'knownHosts' | 'sshConfig'>;

type Settings = ReadonlyMap<string, readonly string[]>;

const PORT_DEFAULT = 22;
const JUMPS_MAX = 8;
const KEYS_DEFAULT = ['id_ed25519', 'id_ecdsa', 'id_rsa'].map((name) => `~/.ssh/${name}`);
const KNOWN_DEFAULT = ['~/.ssh/known_hosts', '~/.ssh/known_hosts2'];
const KNOWN_GLOBAL = ['/etc/ssh/ssh_known_hosts', '/etc/ssh/ssh_known_hosts2'];
/** How long an answer of `ssh -G` is cached, so that fifty runs in one minute ask once. */
const ANSWER_MS = 2_000;
const ASK_TIMEOUT_MS = 10_000;

/** Asks ssh(1), and caches its answers for a moment. */
export class Router {
  readonly #answers = new Map<string, Promise<Settings | undefined>>();

  async routeTo(session: SshSession): Promise<Route> {
    try {
      return { ok: true, hops: await this.#hops(session, session.jump, 0) };
    } catch (error) {
      if (!(error instanceof NoWay)) throw error;
      const { message, errno } = error;
      const lack = errno !== undefined && isShortage(errno) ? { shortage: errno } : {};
      return { ok: false, message, ...lack };
    }
  }

  /**
   * The agent that ssh(1) uses, before anything of the target happens. Undefined: it uses none, or
   * may use a connection that others have opened.
   */
  async agentOfSsh(session: SshSession): Promise<string | undefined> {
    try {
      const settings = await this.#settings(session);
      const shared = first(settings, 'controlpath');
      if (shared !== undefined && shared !== 'none') return undefined;
      return session.agent ?? hopOf({ ...session, keys: [] }, settings).agent;
    } catch (error) {
      if (!(error instanceof NoWay)) throw error;
      return undefined; // ssh itself reports what is wrong
    }
  }

  /** The target's own address without the route, or ssh's error; synchronous. */
  destination(where: Where): Hop | string {
    if (where.sshConfig === 'no') return hopOf({ ...where, keys: [] }, new Map());
    const asked = spawnSync('ssh', askArgs(where), { timeout: ASK_TIMEOUT_MS, encoding: 'utf8' });
    if (asked.error !== undefined) return hopOf({ ...where, keys: [] }, new Map());
    if (asked.status !== 0) return say.sshSays(lastLine(asked.stderr));
    return hopOf({ ...where, keys: [] }, parseSettings(asked.stdout));
  }

  async #hops(
    session: SshSession,
    jump: readonly string[] | undefined,
    depth: number,
  ): Promise<[Hop, ...Hop[]]> {
    const settings = await this.#settings(session);
    const command = first(settings, 'proxycommand');
    if (jump === undefined && command !== undefined && command !== 'none') {
      throw new NoWay(say.proxyCommand(session.host));
    }
    const configured = first(settings, 'proxyjump');
    const jumps =
      jump ?? (configured === undefined || configured === 'none' ? [] : configured.split(','));
    if (depth + jumps.length > JUMPS_MAX) {
      throw new NoWay(say.manyJumps(JUMPS_MAX));
    }
    const hop = hopOf(session, settings);
    const way: Hop[] = [];
    for (const [index, text] of jumps.entries()) {
      const over = { ...session, ...jumpOf(text) };
      // Only the first host of a list may itself need jump hosts.
      const before = await this.#hops(over, index === 0 ? undefined : [], depth + jumps.length);
      way.push(...before);
    }
    const [nearest, ...rest] = [...way, hop];
    return [nearest ?? hop, ...rest];
  }

  async #settings(session: SshSession): Promise<Settings> {
    if (session.sshConfig === 'no') return new Map();
    const args = askArgs(session);
    const name = args.join('\0');
    let answer = this.#answers.get(name);
    if (answer === undefined) {
      answer = askSsh(args);
      this.#answers.set(name, answer);
      setTimeout(() => this.#answers.delete(name), ANSWER_MS).unref();
    }
    const settings = await answer;
    if (settings !== undefined) return settings;
    if (session.sshConfig === 'auto') return new Map();
    throw new NoWay(say.noSsh());
  }
}

/** [USER@]HOST[:PORT]; an IPv6 address is in brackets. */
export function parseJump(
  text: string,
): { readonly host: string; readonly port?: number; readonly user?: string } | undefined {
  const found =
    /^(?:ssh:\/\/)?(?:([^\s@/]+)@)?(?:\[([^\s\]@/]+)\]|([^\s:@/[\]-][^\s:@/]*))(?::(\d{1,5}))?\/?$/;
  const [, user, bracketed, plain, port] = found.exec(text.trim()) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || Number(port ?? 1) > 65_535 || Number(port ?? 1) < 1) return undefined;
  return {
    host,
    ...(port === undefined ? {} : { port: Number(port) }),
    ...(user === undefined ? {} : { user }),
  };
}

/** Never leaves this file. */
class NoWay extends Error {
  /** Set if ssh(1) could not be started. */
  readonly errno: string | undefined;

  constructor(message: string, errno?: string) {
    super(message);
    this.errno = errno;
  }
}

/** Jump hosts use the target's keys, but not its port, user and pinned key. */
function jumpOf(text: string): Pick<SshSession, 'host' | 'hostKey'> {
  const parsed = parseJump(text);
  if (parsed === undefined) throw new NoWay(say.noJump(text));
  const nothing: Record<string, undefined> = { port: undefined, user: undefined };
  return { ...nothing, hostKey: 'strict', ...parsed };
}

function hopOf(session: Where & Pick<SshSession, 'keys' | 'agent'>, settings: Settings): Hop {
  const host = first(settings, 'hostname') ?? session.host;
  const port = session.port ?? Number(first(settings, 'port') ?? PORT_DEFAULT);
  const user = session.user ?? first(settings, 'user') ?? ownUser().username;
  const expand = (path: string): string => expandPath(path, { host, user });
  const configured = (settings.get('identityfile') ?? KEYS_DEFAULT).map(expand);
  const agent = session.agent ?? (session.keys.length > 0 ? undefined : agentOf(settings, expand));
  const alias = first(settings, 'hostkeyalias');
  const user1 =
    session.knownHosts === undefined
      ? (words(settings, 'userknownhostsfile') ?? KNOWN_DEFAULT)
      : [session.knownHosts];
  const global = words(settings, 'globalknownhostsfile') ?? KNOWN_GLOBAL;
  return {
    host,
    port,
    user,
    keys: session.keys.length > 0 ? session.keys.map(fromHome) : configured,
    ...(agent === undefined ? {} : { agent }),
    knownAs: alias === undefined ? { host, port } : { host: alias, port: PORT_DEFAULT },
    knownHosts: [...user1, ...global].map(expand),
    hashKnownHosts: first(settings, 'hashknownhosts') === 'yes',
  };
}

function agentOf(settings: Settings, expand: (path: string) => string): string | undefined {
  const named = first(settings, 'identityagent');
  if (named === 'none') return undefined;
  if (named === undefined || named === 'SSH_AUTH_SOCK') {
    return process.env['SSH_AUTH_SOCK'] || undefined;
  }
  return named.startsWith('$') ? process.env[named.slice(1)] || undefined : expand(named);
}

/** The tokens of ssh_config(5) that a path may contain; `ssh -G` does not expand them. */
function expandPath(path: string, { host, user }: { host: string; user: string }): string {
  const tokens: Readonly<Record<string, string>> = {
    '%': '%',
    d: ownUser().homedir,
    h: host,
    r: user,
    u: ownUser().username,
    l: hostname(),
    i: String(process.getuid?.() ?? 0),
  };
  return fromHome(path).replace(/%(.)/g, (all, letter: string) => tokens[letter] ?? all);
}

function first(settings: Settings, name: string): string | undefined {
  return settings.get(name)?.[0];
}

function words(settings: Settings, name: string): readonly string[] | undefined {
  const value = first(settings, name);
  const parts = value?.match(/"[^"]*"|\S+/g)?.map((word) => word.replace(/^"(.*)"$/, '$1'));
  return parts?.filter((path) => path !== '/dev/null' && path !== 'none');
}

/** Undefined if there is no ssh(1). Throws if its configuration is wrong, or it cannot start. */
function askSsh(args: readonly string[]): Promise<Settings | undefined> {
  return new Promise((resolve, reject) => {
    const unasked = (errno: string): void => {
      if (errno === 'ENOENT') resolve(undefined);
      else reject(new NoWay(say.noSpawn(errno), errno));
    };
    try {
      checkRoomToSpawn();
      execFile('ssh', args, { timeout: ASK_TIMEOUT_MS }, (error, stdout, stderr) => {
        if (typeof error?.code === 'string') return unasked(error.code);
        if (error) return reject(new NoWay(say.sshSays(lastLine(stderr) || error.message)));
        resolve(parseSettings(stdout));
      });
    } catch (error) {
      unasked(errnoOf(error));
    }
  });
}

function askArgs({ host, port, user }: Where): readonly string[] {
  return [
    '-G',
    ...(port === undefined ? [] : ['-p', String(port)]),
    ...(user === undefined ? [] : ['-l', user]),
    '--',
    host,
  ];
}

function parseSettings(text: string): Settings {
  const settings = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [name = ''] = line.split(' ', 1);
    settings.set(name, [...(settings.get(name) ?? []), line.slice(name.length + 1)]);
  }
  return settings;
}
