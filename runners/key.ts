/**
 * What is wrong with a private key or a known_hosts file, in sentences that name the file and say
 * what to do. Never a word of what is inside. ssh2 is loaded only when there is a key to look at.
 */
import { readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** No private key is longer, in bytes; a device or an archive is not read. */
const KEY_BYTES_MAX = 65_536;

export function keyProblems(path: string): readonly string[] {
  const file = fromHome(path);
  try {
    const stats = statSync(file);
    const { mode, size } = stats;
    if (!stats.isFile()) return [`key "${path}" is no regular file; name a private key`];
    if (size > KEY_BYTES_MAX) return [`key "${path}" is not a private key: it is too long`];
    const problems: string[] = [];
    if ((mode & 0o077) !== 0) {
      const octal = (mode & 0o777).toString(8).padStart(3, '0');
      const danger = `can be read by others (mode ${octal}) and ssh refuses it`;
      problems.push(`key "${path}" ${danger}; run chmod 600 ${file}`);
    }
    const problem = contentProblem(readFileSync(file, 'utf8'));
    if (problem !== undefined) problems.push(`key "${path}" ${problem}`);
    return problems;
  } catch (error) {
    return [
      unreadable('key', path, error, 'name an existing private key, or make one: ssh-keygen'),
    ];
  }
}

export function knownHostsProblems(path: string | undefined): readonly string[] {
  if (path === undefined) return [];
  try {
    readFileSync(fromHome(path));
    return [];
  } catch (error) {
    return [unreadable('knownHosts', path, error, 'fill it with ssh-keyscan HOST >> FILE')];
  }
}

function contentProblem(content: string): string | undefined {
  const { utils }: typeof import('ssh2') = createRequire(import.meta.url)('ssh2');
  const parsed = utils.parseKey(content);
  if (!(parsed instanceof Error)) {
    const keys = Array.isArray(parsed) ? parsed : [parsed];
    if (keys.some((key) => key.isPrivateKey())) return undefined;
    return 'is a public key; name the private key, which usually has no ".pub" at its end';
  }
  if (/encrypted/i.test(parsed.message) || content.includes('BEGIN ENCRYPTED PRIVATE KEY')) {
    const advice = 'use a key without one (ssh-keygen -p removes it)';
    return `is encrypted and nobody is there to type its passphrase; ${advice}`;
  }
  // What OpenSSH knows and ssh2 does not (security keys, PKCS#8) is left to OpenSSH.
  const framed = /-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*-----END /s.test(content);
  if (framed && /unsupported/i.test(parsed.message)) return undefined;
  return 'is not a private key that OpenSSH could read; name the file that ssh-keygen made';
}

function unreadable(what: string, path: string, error: unknown, advice: string): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') return `${what} "${path}" does not exist; ${advice}`;
  return `${what} "${path}" cannot be read (${code}); make it readable for the daemon's user`;
}

function fromHome(path: string): string {
  return path.startsWith('~/') ? join(homedir(), path.slice(2)) : path;
}
