/**
 * Decides whether a server's key is trusted: by the known_hosts files, or by a pinned fingerprint.
 * The check cannot be skipped, and there are no prompts: under cron nobody could answer.
 *
 * A new key is saved (`accept-new`) only once the handshake has proved that the server has its
 * private half.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, constants, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { ServerHostKeyAlgorithm } from 'ssh2';
import { errnoOf, isShortage } from '../../daemon/shared/errno.ts';
import { readRegular } from '../../daemon/system/regular-file.ts';
import {
  fingerprint,
  judgeKey,
  type KnownHostsFile,
  lineFor,
  nameOf,
  orderAlgorithms,
  typeOfKey,
  type Verdict,
} from './known-hosts.ts';
import type { Hop } from './route.ts';
import * as say from './ssh-messages.ts';

const SALT_BYTES = 20;
/** Longest known_hosts that is read. */
export const KNOWN_HOSTS_BYTES_MAX = 16 * 1024 * 1024;

export class HostKeyCheck {
  readonly #hop: Hop;
  readonly #mode: string;
  readonly #files: readonly KnownHostsFile[];
  #fresh: Buffer | undefined;
  /** The shortage (errno) because of which the files were not read: no key can be judged then. */
  shortage: string | undefined;
  /** Why the key was refused, as the rest of a sentence. */
  refusal: string | undefined;
  /** The server's key and how it is known, for `baton probe`. */
  seen: string | undefined;

  /** `mode` is "strict", "accept-new" or a fingerprint. */
  constructor(hop: Hop, mode: string) {
    this.#hop = hop;
    this.#mode = mode;
    this.#files = readKnownHosts(hop.knownHosts, (errno) => {
      this.shortage ??= errno;
    });
  }

  /** What to request from the server: known key types first, or it might send an unknown one. */
  get algorithms(): ServerHostKeyAlgorithm[] {
    const { host, port } = this.#hop.knownAs;
    return [...orderAlgorithms(this.#files, host, port)] as ServerHostKeyAlgorithm[];
  }

  verify(key: Buffer): boolean {
    const shown = `${typeOfKey(key)} ${fingerprint(key)}`;
    const { host, port } = this.#hop.knownAs;
    const name = nameOf(host, port);
    const verdict = judgeKey(this.#files, host, port, key);
    if (this.#mode.startsWith('SHA256:')) this.#judgePinned(shown, key, verdict);
    else if (verdict.kind === 'match') {
      this.seen = `host key ${shown}, known by ${placeOf(verdict.by)}`;
    } else if (verdict.kind === 'unknown' && this.#mode === 'accept-new') {
      this.#fresh = key;
      this.seen = `host key ${shown}, new: written into ${this.#hop.knownHosts[0]}`;
    } else {
      this.refusal = this.#explain(name, shown, verdict);
    }
    return this.refusal === undefined;
  }

  /** The handshake has succeeded: saves a key that was accepted as new. */
  remember(): void {
    const [path] = this.#hop.knownHosts;
    if (this.#fresh === undefined || path === undefined) return;
    const { host, port } = this.#hop.knownAs;
    const salt = this.#hop.hashKnownHosts ? randomBytes(SALT_BYTES) : undefined;
    const now = readKnownHosts([path], (errno) => {
      throw new Error(errno);
    });
    if (judgeKey(now, host, port, this.#fresh).kind === 'match') return;
    const text = now[0]?.text ?? '';
    const gap = text === '' || text.endsWith('\n') ? '' : '\n';
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    // Not openRegular: /dev/null is a common name for a file that stores nothing.
    const { O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK } = constants;
    const file = openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK, 0o600);
    try {
      writeSync(file, gap + lineFor(host, port, this.#fresh, salt));
    } finally {
      closeSync(file);
    }
  }

  #judgePinned(shown: string, key: Buffer, verdict: Verdict): void {
    const name = nameOf(this.#hop.knownAs.host, this.#hop.knownAs.port);
    if (verdict.kind === 'revoked') this.refusal = this.#explain(name, shown, verdict);
    else if (fingerprint(key) === this.#mode) this.seen = `host key ${shown}, as pinned`;
    else {
      this.refusal = say.otherPin(name, shown, this.#mode);
    }
  }

  #explain(name: string, shown: string, verdict: Verdict): string {
    const [file = '~/.ssh/known_hosts'] = this.#hop.knownHosts;
    switch (verdict.kind) {
      case 'changed': {
        const { type, key, path } = verdict.by;
        const place = placeOf(verdict.by);
        return say.changedHostKey(name, shown, { place, path, key: `${type} ${fingerprint(key)}` });
      }
      case 'revoked':
        return say.revokedHostKey(name, shown, placeOf(verdict.by));
      case 'unknown':
      case 'match': {
        const { host, port } = this.#hop;
        const scan = `ssh-keyscan -p ${port} ${host} >> ${file}`;
        const authority =
          verdict.kind === 'unknown' && verdict.authority !== undefined
            ? placeOf(verdict.authority)
            : undefined;
        return say.newHostKey(name, shown, this.#hop.knownHosts, authority, scan);
      }
      default:
        return verdict satisfies never;
    }
  }
}

/**
 * Missing files are not a mistake: OpenSSH names four and most machines have one. A file that
 * cannot be read for lack of descriptors or memory makes no host unknown: `lacks` gets the errno.
 */
export function readKnownHosts(
  paths: readonly string[],
  lacks: (errno: string) => void = () => {},
): readonly KnownHostsFile[] {
  return paths.flatMap((path) => {
    try {
      return [{ path, text: readRegular(path, KNOWN_HOSTS_BYTES_MAX) }];
    } catch (error) {
      const errno = errnoOf(error);
      if (isShortage(errno)) lacks(errno);
      return [];
    }
  });
}

function placeOf({ path, line }: { readonly path: string; readonly line: number }): string {
  return `${path}:${line}`;
}
