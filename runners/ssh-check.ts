/**
 * What is wrong with an ssh target before anything connects, in sentences that name the file and
 * say what to do. `checkOptions` runs at every load and makes the target's runs refused; slow
 * checks and mere warnings are in `inspectOptions`, for `batond --check`.
 */
import { statSync } from 'node:fs';
import { readRegular } from '../daemon/system/regular-file.ts';
import { KNOWN_HOSTS_BYTES_MAX, readKnownHosts } from './ssh/host-key.ts';
import { typesOf } from './ssh/known-hosts.ts';
import { fromHome, KEY_BYTES_MAX, parsePrivateKey, readPassphrase } from './ssh/private-key.ts';
import { Router } from './ssh/route.ts';
import * as say from './ssh/ssh-messages.ts';
import type { SshOptions } from './ssh-options.ts';

/** Mistakes that make the target's runs refused. */
export function checkOptions(options: SshOptions): readonly string[] {
  const { key = [], passphraseFile, agent, knownHosts, hostKey } = options;
  return [
    ...key.flatMap((path) => keyProblems(path, options)),
    ...(passphraseFile === undefined ? [] : secretProblems(passphraseFile)),
    ...(agent === true && !process.env['SSH_AUTH_SOCK'] ? [say.noAgent()] : []),
    ...(knownHosts === undefined || hostKey !== 'strict' ? [] : knownHostsProblems(knownHosts)),
  ];
}

/** Hosts without a known key, and wrong passphrases. */
export function inspectOptions(options: SshOptions): readonly string[] {
  return [...unknownHosts(options), ...wrongPassphrases(options)];
}

function keyProblems(path: string, { via, passphraseFile }: SshOptions): readonly string[] {
  const file = fromHome(path);
  try {
    const stats = statSync(file);
    const { mode, size } = stats;
    if (!stats.isFile()) return [say.noRegularKey(path)];
    if (size > KEY_BYTES_MAX) return [say.longKey(path, KEY_BYTES_MAX)];
    const problems: string[] = [];
    if ((mode & 0o077) !== 0) {
      problems.push(say.openToOthers('key', path, octal(mode), file));
    }
    const parsed = parsePrivateKey(readRegular(file, KEY_BYTES_MAX));
    if (typeof parsed !== 'string') return problems;
    if (parsed === 'encrypted' && passphraseFile !== undefined) return problems;
    // Only ssh itself can handle security keys and similar types.
    if (parsed === 'unsupported' && via === 'openssh') return problems;
    return [...problems, say.badKey(path, parsed)];
  } catch (error) {
    return [unreadable('key', path, error, say.noKey)];
  }
}

function secretProblems(path: string): readonly string[] {
  try {
    const { mode } = statSync(fromHome(path));
    readPassphrase(path);
    if ((mode & 0o077) === 0) return [];
    return [say.openToOthers('passphraseFile', path, octal(mode), fromHome(path))];
  } catch (error) {
    return [unreadable('passphraseFile', path, error, say.noPassphrase)];
  }
}

function knownHostsProblems(path: string): readonly string[] {
  if (path === '/dev/null') return []; // how ssh users say that no host is known
  try {
    readRegular(fromHome(path), KNOWN_HOSTS_BYTES_MAX);
    return [];
  } catch (error) {
    return [unreadable('knownHosts', path, error, say.noKnownHosts)];
  }
}

function unknownHosts(options: SshOptions): readonly string[] {
  const { host, port, knownHosts, hostKey, sshConfig } = options;
  if (hostKey !== 'strict') return [];
  const session = {
    host,
    ...(port === undefined ? {} : { port }),
    ...(knownHosts === undefined ? {} : { knownHosts }),
    sshConfig: sshConfig === undefined ? 'auto' : sshConfig ? 'yes' : 'no',
  } as const;
  const hop = new Router().destination(session);
  if (typeof hop === 'string') return [hop];
  const files = readKnownHosts(hop.knownHosts);
  if (typesOf(files, hop.knownAs.host, hop.knownAs.port).size > 0) return [];
  const [file = ''] = hop.knownHosts;
  const scan = `ssh-keyscan -p ${hop.port} ${hop.host} >> ${file}`;
  return [say.unknownHost(hop.host, hop.knownHosts, scan)];
}

function wrongPassphrases({ key = [], passphraseFile }: SshOptions): readonly string[] {
  if (passphraseFile === undefined) return [];
  return key.flatMap((path) => {
    try {
      const parsed = parsePrivateKey(
        readRegular(fromHome(path), KEY_BYTES_MAX),
        readPassphrase(passphraseFile),
      );
      return parsed === 'wrong-passphrase' ? [say.badKey(path, parsed)] : [];
    } catch {
      return []; // checkOptions has reported it
    }
  });
}

function octal(mode: number): string {
  return (mode & 0o777).toString(8).padStart(3, '0');
}

function unreadable(what: string, path: string, error: unknown, missing: typeof say.noKey): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  return code === 'ENOENT' ? missing(path) : say.unreadable(what, path, code);
}
