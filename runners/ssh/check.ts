/**
 * What is wrong with an ssh target before anything connects, in sentences that name the file and say
 * what to do. `checkOptions` is asked at every load and refuses the target's runs; what takes its
 * time or is a warning only is for `inspectOptions`, which `batond --check` asks.
 */
import { readFileSync, statSync } from 'node:fs';
import { typesOf } from '../knownhosts.ts';
import { readKnownHosts } from './hostkey.ts';
import type { SshOptions } from './options.ts';
import {
  fromHome,
  KEY_BYTES_MAX,
  type KeyFault,
  parsePrivateKey,
  readPassphrase,
} from './privatekey.ts';
import { Router } from './route.ts';

/** What refuses the runs of a target. */
export function checkOptions(options: SshOptions): readonly string[] {
  const { key = [], passphraseFile, agent, knownHosts, hostKey } = options;
  return [
    ...key.flatMap((path) => keyProblems(path, options)),
    ...(passphraseFile === undefined ? [] : secretProblems(passphraseFile)),
    ...(agent === true && !process.env['SSH_AUTH_SOCK'] ? [NO_AGENT] : []),
    ...(knownHosts === undefined || hostKey !== 'strict' ? [] : knownHostsProblems(knownHosts)),
  ];
}

const NO_AGENT =
  "agent is true, but the daemon has no $SSH_AUTH_SOCK; name the path of the agent's socket";

/** A host that nobody knows yet, and passphrases that open nothing. */
export function inspectOptions(options: SshOptions): readonly string[] {
  return [...unknownHosts(options), ...wrongPassphrases(options)];
}

function keyProblems(path: string, { via, passphraseFile }: SshOptions): readonly string[] {
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
    const parsed = parsePrivateKey(readFileSync(file, 'utf8'));
    if (typeof parsed !== 'string') return problems;
    if (parsed === 'encrypted' && passphraseFile !== undefined) return problems;
    // Security keys and the like are ssh's own affair.
    if (parsed === 'unsupported' && via === 'openssh') return problems;
    return [...problems, `key "${path}" ${FAULTS[parsed]}`];
  } catch (error) {
    const advice = 'name an existing private key, or make one: ssh-keygen';
    return [unreadable('key', path, error, advice)];
  }
}

const FAULTS: Readonly<Record<KeyFault, string>> = {
  encrypted:
    'is encrypted and nobody is there to type its passphrase; name a file that holds it with "passphraseFile", or use a key without one (ssh-keygen -p removes it)',
  'wrong-passphrase': 'is encrypted and "passphraseFile" does not open it',
  public: 'is a public key; name the private key, which usually has no ".pub" at its end',
  unsupported: 'is of a kind that only ssh itself can use; set "via": "openssh"',
  'no-key': 'is not a private key that OpenSSH could read; name the file that ssh-keygen made',
};

function secretProblems(path: string): readonly string[] {
  try {
    const { mode } = statSync(fromHome(path));
    readPassphrase(path);
    if ((mode & 0o077) === 0) return [];
    return [`passphraseFile "${path}" can be read by others; run chmod 600 ${fromHome(path)}`];
  } catch (error) {
    return [unreadable('passphraseFile', path, error, 'write the passphrase into it')];
  }
}

function knownHostsProblems(path: string): readonly string[] {
  try {
    readFileSync(fromHome(path));
    return [];
  } catch (error) {
    return [unreadable('knownHosts', path, error, 'fill it with ssh-keyscan HOST >> FILE')];
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
  return [`no key of ${hop.host} is known in ${hop.knownHosts.join(', ')}; run ${scan}`];
}

function wrongPassphrases({ key = [], passphraseFile }: SshOptions): readonly string[] {
  if (passphraseFile === undefined) return [];
  return key.flatMap((path) => {
    try {
      const parsed = parsePrivateKey(
        readFileSync(fromHome(path), 'utf8'),
        readPassphrase(passphraseFile),
      );
      return parsed === 'wrong-passphrase' ? [`key "${path}" ${FAULTS[parsed]}`] : [];
    } catch {
      return []; // checkOptions has said it
    }
  });
}

function unreadable(what: string, path: string, error: unknown, advice: string): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') return `${what} "${path}" does not exist; ${advice}`;
  return `${what} "${path}" cannot be read (${code}); make it readable for the daemon's user`;
}
