/** Checks of an ssh target's key and known hosts before anything runs. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import * as v from 'valibot';
import { ssh } from '../../../runners/ssh.ts';
import { directory } from '../../support/config.ts';
import { skipWithout } from '../../support/tools.ts';

function inspected(options: Record<string, unknown>): readonly string[] {
  const parsed = v.parse(ssh.options, { type: 'ssh', host: 'nas', args: ['id'], ...options });
  return ssh.inspector?.().inspect(parsed, { killAfterMs: 0 }) ?? [];
}

function checked(options: Record<string, unknown>): readonly string[] {
  const parsed = v.parse(ssh.options, { type: 'ssh', host: 'nas', args: ['id'], ...options });
  return ssh.check?.(parsed) ?? [];
}

test('a good private key is no problem, and none needs none', (t) => {
  if (skipWithout(t, 'ssh-keygen')) return;
  const path = keygen(directory(t), []);
  assert.deepEqual(checked({ key: path }), []);
  assert.deepEqual(checked({ key: [path, path] }), []);
  assert.deepEqual(checked({}), []);
});

test('a private key in PKCS#8 is no problem', (t) => {
  if (skipWithout(t, 'ssh-keygen')) return;
  const path = keygen(directory(t), ['-m', 'PKCS8'], 'rsa');
  assert.deepEqual(checked({ key: path }), []);
});

test('every fault of a key is told with its path and what to do', (t) => {
  if (skipWithout(t, 'ssh-keygen')) return;
  const place = directory(t);
  const path = keygen(place, []);
  const locked = keygen(directory(t), ['-N', 'secret phrase']);
  const locked8 = keygen(directory(t), ['-m', 'PKCS8', '-N', 'secret phrase'], 'rsa');
  const garbage = join(place, 'garbage');
  const broken = join(place, 'broken');
  const long = join(place, 'long');
  const frame = 'OPENSSH PRIVATE KEY-----';
  writeFileSync(garbage, 'not a key', { mode: 0o600 });
  writeFileSync(broken, `-----BEGIN ${frame}\nAAAA\n-----END ${frame}\n`, { mode: 0o600 });
  writeFileSync(long, 'x'.repeat(65_537), { mode: 0o600 });
  chmodSync(`${path}.pub`, 0o600);
  const cases: readonly (readonly [string, RegExp])[] = [
    [
      join(place, 'none'),
      /does not exist; name an existing private key, or create one with ssh-keygen/,
    ],
    [place, /is not a regular file; name a private key/],
    [`${path}.pub`, /is a public key; name the private key/],
    [locked, /is encrypted, .*ssh-keygen -p/],
    [locked8, /is encrypted, .*ssh-keygen -p/],
    [garbage, /is not a private key/],
    [broken, /is not a private key/],
    [long, /has more than 65536 bytes; name a private key/],
  ];
  for (const [key, expected] of cases) {
    const [problem = ''] = checked({ key }).filter((it) => !it.includes('chmod'));
    assert.match(problem, expected);
    assert.ok(problem.includes(`key "${key}"`), problem);
    assert.ok(!problem.includes('secret'), problem);
  }
});

test('a key that others can read is told with the chmod that helps', (t) => {
  if (skipWithout(t, 'ssh-keygen')) return;
  const path = keygen(directory(t), []);
  chmodSync(path, 0o640);
  const [problem = '', ...more] = checked({ key: path });
  assert.match(problem, /mode 640.*; run chmod 600 \//);
  assert.deepEqual(more, []);
});

test('a missing file of known hosts is told', () => {
  assert.match(checked({ knownHosts: '/no/hosts' })[0] ?? '', /^knownHosts "\/no\/hosts" does not/);
});

test('a passphrase file opens an encrypted key, unless it is the wrong one or others can read it', (t) => {
  if (skipWithout(t, 'ssh-keygen')) return;
  const place = directory(t);
  const key = keygen(place, ['-N', 'open sesame']);
  const pkcs8 = keygen(directory(t), ['-m', 'PKCS8', '-N', 'open sesame'], 'rsa');
  const passphraseFile = join(place, 'phrase');
  writeFileSync(passphraseFile, 'open sesame\n', { mode: 0o600 });
  const options = { key: [key, pkcs8], passphraseFile, hostKey: 'accept-new' };
  assert.deepEqual([...checked(options), ...inspected(options)], []);
  writeFileSync(passphraseFile, 'wrong');
  assert.deepEqual(checked(options), []);
  const wrong = inspected(options);
  assert.equal(wrong.length, 2);
  for (const problem of wrong)
    assert.match(problem, /the passphrase in "passphraseFile" is wrong; correct /);
  chmodSync(passphraseFile, 0o644);
  assert.match(
    checked(options)[0] ?? '',
    /passphraseFile .* is readable by others .*; run chmod 600/,
  );
  assert.match(checked({ passphraseFile: '/no/phrase' })[0] ?? '', /does not exist; write/);
});

test('a host that no file knows is a warning with the command that makes it known', (t) => {
  if (skipWithout(t, 'ssh-keygen')) return;
  const knownHosts = join(directory(t), 'known');
  writeFileSync(knownHosts, '');
  const options = { host: 'nas.invalid', port: 2222, knownHosts, sshConfig: false };
  assert.deepEqual(checked(options), []);
  const [warning = ''] = inspected(options);
  assert.match(
    warning,
    /no key of nas\.invalid .*; run ssh-keyscan -p 2222 nas\.invalid >> \S+known$/,
  );
  const key = keygen(directory(t), []);
  const [type, encoded] = readFileSync(`${key}.pub`, 'utf8').split(' ');
  writeFileSync(knownHosts, `[nas.invalid]:2222 ${type} ${encoded}\n`);
  assert.deepEqual(inspected(options), []);
});

test('ssh2 is loaded by the first key, and not where no ssh target has one', (t) => {
  const place = directory(t);
  const key = join(place, 'id');
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  writeFileSync(key, privateKey.export({ type: 'pkcs1', format: 'pem' }), { mode: 0o600 });
  const spy = join(place, 'spy.cjs');
  writeFileSync(spy, "process.on('exit', () => console.log(Object.keys(require.cache)));\n");
  const batond = join(import.meta.dirname, '../../../daemon/batond.cjs');
  const runner = { type: 'ssh', host: 'nas', args: ['id'], hostKey: 'accept-new' };
  const load = (more: Record<string, string>): string => {
    const config = join(place, 'config.json');
    const targets = { nas: { runner: { ...runner, ...more } } };
    writeFileSync(config, JSON.stringify({ targets }), { mode: 0o600 });
    const args = ['--require', spy, batond, '--check', config];
    return execFileSync(process.execPath, args, { encoding: 'utf8' });
  };
  assert.doesNotMatch(load({}), /ssh2/);
  assert.match(load({ key }), /ssh2/);
});

function keygen(place: string, options: readonly string[], type = 'ed25519'): string {
  const path = join(place, 'id');
  const phrase = options.includes('-N') ? [] : ['-N', ''];
  execFileSync('ssh-keygen', ['-q', '-t', type, ...phrase, ...options, '-f', path]);
  return path;
}
