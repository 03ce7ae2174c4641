/**
 * What known_hosts files say about a host's key, exactly as OpenSSH reads them (sshd(8),
 * "SSH_KNOWN_HOSTS FILE FORMAT"; hostfile.c and sshconnect.c for what the manual omits). Pure:
 * files are passed as texts. A host with a port other than 22 is looked up as `[host]:port`, and
 * only if that name has no key at all under the bare name. A revoked key is always refused.
 */
import { createHash, createHmac } from 'node:crypto';

export interface KnownHostsFile {
  readonly path: string;
  readonly text: string;
}

/** One line with a key. */
interface KnownKey {
  readonly path: string;
  /** From 1. */
  readonly line: number;
  /** Such as ssh-ed25519. */
  readonly type: string;
  readonly key: Buffer;
}

export type Verdict =
  | { readonly kind: 'match'; readonly by: KnownKey }
  | { readonly kind: 'changed'; readonly by: KnownKey }
  | { readonly kind: 'revoked'; readonly by: KnownKey }
  /** `authority` is a line for this host that only a client with certificates could use. */
  | { readonly kind: 'unknown'; readonly authority?: KnownKey };

const PORT_DEFAULT = 22;
/** Host keys that ssh2 can verify, in OpenSSH's order, by the type in a file. */
const ALGORITHMS: readonly (readonly [string, readonly string[]])[] = [
  ['ssh-ed25519', ['ssh-ed25519']],
  ['ecdsa-sha2-nistp256', ['ecdsa-sha2-nistp256']],
  ['ecdsa-sha2-nistp384', ['ecdsa-sha2-nistp384']],
  ['ecdsa-sha2-nistp521', ['ecdsa-sha2-nistp521']],
  ['ssh-rsa', ['rsa-sha2-512', 'rsa-sha2-256']],
];

/** Judges a server's key. */
export function judgeKey(
  files: readonly KnownHostsFile[],
  host: string,
  port: number,
  key: Buffer,
): Verdict {
  const verdict = judgeName(files, nameOf(host, port), key);
  if (verdict.kind !== 'unknown' || port === PORT_DEFAULT) return verdict;
  const bare = judgeName(files, nameOf(host, PORT_DEFAULT), key);
  return bare.kind === 'match' || bare.kind === 'revoked' ? bare : verdict;
}

/** All acceptable algorithms, those of the host's known keys first. */
export function orderAlgorithms(
  files: readonly KnownHostsFile[],
  host: string,
  port: number,
): readonly string[] {
  const known = typesOf(files, host, port);
  const first = ALGORITHMS.filter(([type]) => known.has(type));
  const rest = ALGORITHMS.filter(([type]) => !known.has(type));
  return [...first, ...rest].flatMap(([, algorithms]) => algorithms);
}

/** The types of all known keys of a host that are not revoked; empty: an unknown host. */
export function typesOf(
  files: readonly KnownHostsFile[],
  host: string,
  port: number,
): ReadonlySet<string> {
  const named = entriesOf(files, nameOf(host, port)).filter(({ marker }) => marker === '');
  const bare = entriesOf(files, nameOf(host, PORT_DEFAULT)).filter(({ marker }) => marker === '');
  return new Set((named.length > 0 ? named : bare).map(({ type }) => type));
}

/** The name of a host in known_hosts. */
export function nameOf(host: string, port: number): string {
  const lower = host.toLowerCase();
  return port === PORT_DEFAULT ? lower : `[${lower}]:${port}`;
}

/** As ssh-keygen -l prints it. */
export function fingerprint(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

/** The type in a raw key itself; '' if it is not a key. */
export function typeOfKey(key: Buffer): string {
  if (key.length < 4) return '';
  const bytes = key.readUInt32BE(0);
  return bytes > 64 || bytes + 4 > key.length ? '' : key.toString('latin1', 4, 4 + bytes);
}

/** A line to append; with a salt (20 random bytes) the name is hashed. */
export function lineFor(host: string, port: number, key: Buffer, salt?: Buffer): string {
  const name = nameOf(host, port);
  const shown =
    salt === undefined
      ? name
      : `|1|${salt.toString('base64')}|${hashName(name, salt).toString('base64')}`;
  return `${shown} ${typeOfKey(key)} ${key.toString('base64')}\n`;
}

interface Entry extends KnownKey {
  readonly marker: '' | '@revoked' | '@cert-authority';
}

function judgeName(files: readonly KnownHostsFile[], name: string, key: Buffer): Verdict {
  const entries = entriesOf(files, name);
  const revoked = entries.find((entry) => entry.marker === '@revoked' && entry.key.equals(key));
  if (revoked !== undefined) return { kind: 'revoked', by: revoked };
  const plain = entries.filter((entry) => entry.marker === '');
  const same = plain.find((entry) => entry.key.equals(key));
  if (same !== undefined) return { kind: 'match', by: same };
  // Of several keys, the one of the same type tells most.
  const type = typeOfKey(key);
  const other = plain.find((entry) => entry.type === type) ?? plain[0];
  if (other !== undefined) return { kind: 'changed', by: other };
  const authority = entries.find((entry) => entry.marker === '@cert-authority');
  return { kind: 'unknown', ...(authority === undefined ? {} : { authority }) };
}

function entriesOf(files: readonly KnownHostsFile[], name: string): readonly Entry[] {
  return files.flatMap(({ path, text }) =>
    text.split('\n').flatMap((line, index) => {
      const entry = parseLine(line, name);
      return entry === undefined ? [] : [{ path, line: index + 1, ...entry }];
    }),
  );
}

/** Undefined for a line about another host, or one that OpenSSH would skip as well. */
function parseLine(line: string, name: string): Omit<Entry, 'path' | 'line'> | undefined {
  const words = line.trim().split(/[ \t]+/);
  const marker = words[0]?.startsWith('@') ? words.shift() : '';
  if (marker !== '' && marker !== '@revoked' && marker !== '@cert-authority') return undefined;
  const [names = '', type = '', encoded = ''] = words;
  if (names === '' || names.startsWith('#') || encoded === '') return undefined;
  if (!isNamed(names, name)) return undefined;
  const key = Buffer.from(encoded, 'base64');
  return typeOfKey(key) === type ? { marker, type, key } : undefined;
}

/** Whether a list of patterns, or one hashed name, matches this host. A negation always wins. */
function isNamed(names: string, name: string): boolean {
  if (names.startsWith('|')) return isHashOf(names, name);
  let found = false;
  for (const pattern of names.toLowerCase().split(',')) {
    if (pattern.startsWith('!')) {
      if (matches(pattern.slice(1), name)) return false;
    } else if (matches(pattern, name)) {
      found = true;
    }
  }
  return found;
}

function isHashOf(names: string, name: string): boolean {
  const [, magic, salt = '', hash = ''] = names.split('|');
  return magic === '1' && hashName(name, Buffer.from(salt, 'base64')).toString('base64') === hash;
}

function hashName(name: string, salt: Buffer): Buffer {
  return createHmac('sha1', salt).update(name).digest();
}

/** `*` is any text and `?` any character; at most pattern times text steps. */
function matches(pattern: string, text: string): boolean {
  let [p, t, star, mark] = [0, 0, -1, 0];
  while (t < text.length) {
    if (pattern[p] === '*') {
      [star, mark] = [p++, t];
    } else if (pattern[p] === '?' || pattern[p] === text[t]) {
      p++;
      t++;
    } else if (star >= 0) {
      [p, t] = [star + 1, ++mark];
    } else {
      return false;
    }
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}
