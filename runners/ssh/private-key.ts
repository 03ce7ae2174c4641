/**
 * Reads private keys for ssh2. ssh2 reads OpenSSH's own format and the old PEM ones; Node converts
 * PKCS#8, which `ssh-keygen -m PKCS8` writes. The content leaves this file only as a parsed key: no
 * message quotes it.
 */

import { createPrivateKey, type KeyObject } from 'node:crypto';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import ssh2, { type ParsedKey } from 'ssh2';
import { isShortage } from '../../daemon/shared/errno.ts';
import { readRegular } from '../../daemon/system/regular-file.ts';
import { ownUser } from './local-user.ts';
import type { KeyFault } from './ssh-messages.ts';
import * as say from './ssh-messages.ts';

/** No private key is longer, in bytes; protects against devices and archives. */
export const KEY_BYTES_MAX = 65_536;

/** The first key loads ssh2 into batond (contrib/build.mjs): without keys, that saves 12 MB. */
export function parsePrivateKey(content: string, passphrase?: string): ParsedKey | KeyFault {
  if (cipherOf(content).startsWith('chacha20')) return 'cipher';
  const text = content.includes('PRIVATE KEY-----') ? fromPkcs8(content, passphrase) : content;
  if (text === undefined) return passphrase === undefined ? 'encrypted' : 'wrong-passphrase';
  const parsed = ssh2.utils.parseKey(text, passphrase);
  if (parsed instanceof Error) return faultOf(parsed.message, content, passphrase);
  const [key] = Array.isArray(parsed) ? parsed : [parsed];
  if (key === undefined) return 'no-key';
  return key.isPrivateKey() ? key : 'public';
}

/** The first line, as with ssh-askpass. Throws the errors of the file system. */
export function readPassphrase(path: string): string {
  return readRegular(fromHome(path), KEY_BYTES_MAX).split(/\r?\n/, 1)[0] ?? '';
}

/** `~/` is the home directory of the daemon's user in passwd, as for ssh(1): not $HOME. */
export function fromHome(path: string): string {
  return path.startsWith('~/') ? join(ownUser().homedir, path.slice(2)) : path;
}

/** Too many open files or out of memory: an errno that says nothing about the key. */
export interface Shortage {
  readonly shortage: string;
}

/** Caches keys by file: a passphrase costs a third of a second, only once. */
export class KeyRing {
  readonly #keys = new Map<string, { readonly stamp: string; readonly key: ParsedKey }>();

  /**
   * A key, or what is wrong with it as the rest of a sentence, or the shortage that prevents
   * reading it.
   */
  read(path: string, passphraseFile?: string): ParsedKey | Shortage | string {
    const file = fromHome(path);
    try {
      const { mode, mtimeMs, size, ino } = statSync(file);
      if ((mode & 0o077) !== 0) {
        return say.openToOthers('key', path, (mode & 0o777).toString(8), file);
      }
      if (size > KEY_BYTES_MAX) return say.longKey(path, KEY_BYTES_MAX);
      const stamp = `${ino} ${mtimeMs} ${size} ${passphraseFile ?? ''}`;
      const known = this.#keys.get(file);
      if (known?.stamp === stamp) return known.key;
      const content = readRegular(file, KEY_BYTES_MAX);
      const plain = parsePrivateKey(content);
      const parsed =
        plain === 'encrypted' && passphraseFile !== undefined
          ? parsePrivateKey(content, readPassphrase(passphraseFile))
          : plain;
      if (typeof parsed === 'string') return say.badKey(path, parsed);
      this.#keys.set(file, { stamp, key: parsed });
      return parsed;
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
      return isShortage(code) ? { shortage: code } : say.unusableKey(path, code);
    }
  }
}

function faultOf(message: string, content: string, passphrase: string | undefined): KeyFault {
  if (/encrypted|passphrase|integrity check/i.test(message)) {
    return passphrase === undefined ? 'encrypted' : 'wrong-passphrase';
  }
  const isFramed = /-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*-----END /s.test(content);
  return isFramed && /unsupported/i.test(message) ? 'unsupported' : 'no-key';
}

/** Undefined if it is encrypted and cannot be opened; other formats are passed through. */
function fromPkcs8(content: string, passphrase: string | undefined): string | undefined {
  const isLocked = content.includes('-----BEGIN ENCRYPTED PRIVATE KEY-----');
  if (!isLocked && !content.includes('-----BEGIN PRIVATE KEY-----')) return content;
  try {
    const key = createPrivateKey({ key: content, passphrase: passphrase ?? '' });
    if (key.asymmetricKeyType === 'rsa') {
      return key.export({ type: 'pkcs1', format: 'pem' }).toString();
    }
    if (key.asymmetricKeyType === 'ec')
      return key.export({ type: 'sec1', format: 'pem' }).toString();
    if (key.asymmetricKeyType === 'ed25519') return toOpenssh(key);
    return content;
  } catch {
    return isLocked ? undefined : content;
  }
}

const MAGIC = 'openssh-key-v1\0';

/** The cipher of a key in OpenSSH's own format; '' for other formats. */
function cipherOf(content: string): string {
  const found = /-----BEGIN OPENSSH PRIVATE KEY-----([^-]*)-----END /.exec(content);
  const data = Buffer.from(found?.[1] ?? '', 'base64');
  const at = MAGIC.length + 4;
  if (data.toString('latin1', 0, MAGIC.length) !== MAGIC || data.length < at) return '';
  return data.toString('latin1', at, at + data.readUInt32BE(MAGIC.length));
}

/** An unencrypted Ed25519 key in the only format for it (PROTOCOL.key of OpenSSH). */
function toOpenssh(key: KeyObject): string {
  const { x = '', d = '' } = key.export({ format: 'jwk' });
  const [shown, seed] = [Buffer.from(x, 'base64url'), Buffer.from(d, 'base64url')];
  const kind = field('ssh-ed25519');
  const one = Buffer.from([0, 0, 0, 1]);
  const check = Buffer.alloc(8);
  const secret = [check, kind, field(shown), field(Buffer.concat([seed, shown])), field('')];
  const bare = Buffer.concat(secret);
  const padding = Buffer.from([1, 2, 3, 4, 5, 6, 7].slice(0, -bare.length & 7));
  const data = Buffer.concat([
    ...[Buffer.from(MAGIC), field('none'), field('none'), field(''), one],
    ...[field(Buffer.concat([kind, field(shown)])), field(Buffer.concat([bare, padding]))],
  ]);
  const lines = data.toString('base64').replace(/.{70}/g, '$&\n');
  const name = 'OPENSSH PRIVATE KEY-----';
  return `-----BEGIN ${name}\n${lines}\n-----END ${name}\n`;
}

function field(content: string | Buffer): Buffer {
  const bytes = Buffer.from(content);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
