/**
 * The default places of the configuration, the socket and the state. Pure: the caller says what
 * exists.
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
  /** The home directory from passwd; undefined if there is no entry, as in a container. */
  readonly home?: () => string | undefined;
}

const SYSTEM_CONFIG = '/etc/baton/config.json';
const SYSTEM_STATE = '/var/lib/baton';

/** The first one that exists; a path from an option need not, so that the error can name it. */
export function findConfig(flag: string | undefined, places: Places): string | undefined {
  const { env, exists } = places;
  const named = flag || env['BATON_CONFIG'];
  if (named) return named;
  return placesOfConfig(places).find(exists);
}

/** Where the configuration is looked for by default. */
export function placesOfConfig({ env, uid, home }: Places): readonly string[] {
  const base = uid === 0 ? undefined : baseOf(env, 'XDG_CONFIG_HOME', '.config', home);
  return base === undefined ? [SYSTEM_CONFIG] : [join(base, 'baton/config.json'), SYSTEM_CONFIG];
}

/** Refuses a path that is too long for the kernel: Node silently truncates it. */
export function findSocket(flag: string | undefined, { env, uid }: Places): Result<string> {
  const path = resolve(flag || daemonSocket(env, uid));
  const bytes = Buffer.byteLength(path);
  if (bytes <= SOCKET_PATH_BYTES_MAX) return { ok: true, value: path };
  return { ok: false, error: longSocketPath(path, bytes, SOCKET_PATH_BYTES_MAX) };
}

/** Undefined for a user without a known home directory. */
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

/** The XDG base directory; the specification says to ignore relative paths. */
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
