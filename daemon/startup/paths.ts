/**
 * Where the configuration, the socket and the state are, unless the command line says so. Pure:
 * what exists is asked of the caller.
 */
import { isAbsolute, join, resolve } from 'node:path';
import { daemonSocket, SOCKET_PATH_BYTES_MAX } from '../protocol/request.ts';
import type { Result } from '../shared/result.ts';
import { longSocketPath } from '../system/boot-messages.ts';

export interface Places {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The daemon's own. */
  readonly uid: number;
  readonly exists: (path: string) => boolean;
  /**
   * The home directory by the passwd entry; undefined where there is no entry, as in a container.
   */
  readonly home?: () => string | undefined;
}

const SYSTEM_CONFIG = '/etc/baton/config.json';
const SYSTEM_STATE = '/var/lib/baton';

/** The first that exists; what is named by hand need not, so that the message names it. */
export function findConfig(flag: string | undefined, places: Places): string | undefined {
  const { env, exists } = places;
  const named = flag || env['BATON_CONFIG'];
  if (named) return named;
  return placesOfConfig(places).find(exists);
}

/** Where a configuration is looked for that nobody has named. */
export function placesOfConfig({ env, uid, home }: Places): readonly string[] {
  const base = uid === 0 ? undefined : baseOf(env, 'XDG_CONFIG_HOME', '.config', home);
  return base === undefined ? [SYSTEM_CONFIG] : [join(base, 'baton/config.json'), SYSTEM_CONFIG];
}

/** Refuses a path that the kernel would not take: Node cuts it without a word. */
export function findSocket(flag: string | undefined, { env, uid }: Places): Result<string> {
  const path = resolve(flag || daemonSocket(env, uid));
  const bytes = Buffer.byteLength(path);
  if (bytes <= SOCKET_PATH_BYTES_MAX) return { ok: true, value: path };
  return { ok: false, error: longSocketPath(path, bytes, SOCKET_PATH_BYTES_MAX) };
}

/** Undefined for a user of whom no home directory is known. */
export function findState(
  flag: string | undefined,
  { env, uid, home }: Places,
): string | undefined {
  // systemd separates several directories by colons.
  const named = flag || env['STATE_DIRECTORY']?.split(':')[0];
  if (named) return named;
  if (uid === 0) return SYSTEM_STATE;
  const base = baseOf(env, 'XDG_STATE_HOME', '.local/state', home);
  return base === undefined ? undefined : join(base, 'baton');
}

/** The XDG base directory; its rules say that relative paths are to be ignored. */
function baseOf(
  env: Places['env'],
  name: string,
  fallback: string,
  ofPasswd: Places['home'],
): string | undefined {
  const base = env[name];
  if (base && isAbsolute(base)) return base;
  const home = env['HOME'] || ofPasswd?.();
  return home ? join(home, fallback) : undefined;
}
