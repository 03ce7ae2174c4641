/** Host keys as OpenSSH finds them: the rules as a table, compared with ssh-keygen itself. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  fingerprint,
  judgeKey,
  lineFor,
  nameOf,
  orderAlgorithms,
  typeOfKey,
  typesOf,
} from '../../../runners/ssh/known-hosts.ts';
import { directory } from '../../support/config.ts';
import { skipWithout } from '../../support/tools.ts';

const A = rawKey('ssh-ed25519', 'a');
const B = rawKey('ssh-ed25519', 'b');
const RSA = rawKey('ssh-rsa', 'r');
const ECDSA = rawKey('ecdsa-sha2-nistp256', 'e');
const [a, b, rsa, ecdsa] = [A, B, RSA, ECDSA].map(
  (key) => `${typeOfKey(key)} ${key.toString('base64')}`,
) as [string, string, string, string];
const hashed = (host: string, port: number): string =>
  lineFor(host, port, A, Buffer.alloc(20, 7)).trim();

/** Lines, host, port, the verdict on key A and the line that decided it. */
const CASES: readonly (readonly [string, readonly string[], string, number, string])[] = [
  ['plain', [`nas ${a}`], 'nas', 22, 'match 1'],
  ['case does not count', [`NAS ${a}`], 'Nas', 22, 'match 1'],
  ['list of names', [`x,nas,10.0.0.1 ${a} root@nas`], '10.0.0.1', 22, 'match 1'],
  ['another host', [`nas2 ${a}`], 'nas', 22, 'unknown'],
  ['no prefix of a name', [`nas ${a}`], 'nas.example', 22, 'unknown'],
  ['another key', [`nas ${b}`], 'nas', 22, 'changed 1'],
  ['one of several keys', [`nas ${b}`, `nas ${a}`], 'nas', 22, 'match 2'],
  ['changed names the same type', [`nas ${rsa}`, `nas ${b}`], 'nas', 22, 'changed 2'],
  ['changed though of another type', [`nas ${rsa}`], 'nas', 22, 'changed 1'],
  ['port', [`[nas]:2222 ${a}`], 'nas', 2222, 'match 1'],
  ['port 22 has no brackets', [`[nas]:22 ${a}`], 'nas', 22, 'unknown'],
  ['another port', [`[nas]:2223 ${a}`], 'nas', 2222, 'unknown'],
  ['port falls back to the bare name', [`nas ${a}`], 'nas', 2222, 'match 1'],
  ['the fallback never says changed', [`nas ${b}`], 'nas', 2222, 'unknown'],
  ['no fallback past a key of the port', [`[nas]:2222 ${b}`, `nas ${a}`], 'nas', 2222, 'changed 1'],
  ['no bare name to a port', [`[nas]:2222 ${a}`], 'nas', 22, 'unknown'],
  ['star', [`*.example ${a}`], 'nas.example', 22, 'match 1'],
  ['star matches all', [`* ${a}`], 'nas', 22, 'match 1'],
  ['star within brackets', [`[*.example]:2222 ${a}`], 'nas.example', 2222, 'match 1'],
  ['question mark', [`na? ${a}`], 'nas', 22, 'match 1'],
  ['question mark is one', [`na? ${a}`], 'na', 22, 'unknown'],
  ['negation', [`*.example,!nas.example ${a}`], 'nas.example', 22, 'unknown'],
  ['negation in front', [`!nas.example,*.example ${a}`], 'nas.example', 22, 'unknown'],
  ['negation of another', [`*.example,!web.example ${a}`], 'nas.example', 22, 'match 1'],
  ['negation alone names nobody', [`!web ${a}`], 'nas', 22, 'unknown'],
  ['hashed', [hashed('nas', 22)], 'nas', 22, 'match 1'],
  ['hashed with port', [hashed('nas', 2222)], 'nas', 2222, 'match 1'],
  ['hashed of another', [hashed('nas2', 22)], 'nas', 22, 'unknown'],
  ['hashed garbage', [`|1|x ${a}`, `|2|x|y ${a}`], 'nas', 22, 'unknown'],
  ['revoked', [`@revoked nas ${a}`], 'nas', 22, 'revoked 1'],
  ['revoked beats known', [`nas ${a}`, `@revoked * ${a}`], 'nas', 22, 'revoked 2'],
  ['another revoked', [`@revoked nas ${b}`, `nas ${a}`], 'nas', 22, 'match 2'],
  ['another revoked is no known key', [`@revoked nas ${b}`], 'nas', 22, 'unknown'],
  ['revoked by the bare name', [`@revoked nas ${a}`], 'nas', 2222, 'revoked 1'],
  ['authority', [`@cert-authority *.example ${a}`], 'nas.example', 22, 'unknown +authority'],
  ['unknown marker', [`@strange nas ${a}`], 'nas', 22, 'unknown'],
  ['comment', [`# nas ${a}`, `#nas ${a}`, ''], 'nas', 22, 'unknown'],
  ['blanks and tabs', [`  nas\t${a.replace(' ', '\t')}\r`], 'nas', 22, 'match 1'],
  ['type and key differ', [`nas ssh-rsa ${A.toString('base64')}`], 'nas', 22, 'unknown'],
  ['half a line', ['nas', 'nas ssh-ed25519'], 'nas', 22, 'unknown'],
  ['IPv6', [`2001:db8::1 ${a}`], '2001:DB8::1', 22, 'match 1'],
  ['IPv6 with port', [`[2001:db8::1]:2222 ${a}`], '2001:db8::1', 2222, 'match 1'],
];

for (const [name, lines, host, port, expected] of CASES) {
  test(`known_hosts, ${name}: ${expected}`, () => {
    const verdict = judgeKey([{ path: 'f', text: lines.join('\n') }], host, port, A);
    const by = 'by' in verdict ? ` ${verdict.by.line}` : '';
    const more = verdict.kind === 'unknown' && verdict.authority ? ' +authority' : '';
    assert.equal(`${verdict.kind}${by}${more}`, expected);
  });
}

test('all files count, and the line is named with its own file', () => {
  const files = [
    { path: 'one', text: `nas ${b}\n` },
    { path: 'two', text: `\nnas ${a}\n` },
  ];
  const verdict = judgeKey(files, 'nas', 22, A);
  assert.ok(verdict.kind === 'match' && verdict.by.path === 'two' && verdict.by.line === 2);
});

test('keys of known types are asked for first, RSA by SHA-2 only, and revoked ones are no type', () => {
  const order = (lines: readonly string[], port = 22): readonly string[] =>
    orderAlgorithms([{ path: 'f', text: lines.join('\n') }], 'nas', port);
  assert.equal(order([])[0], 'ssh-ed25519');
  assert.deepEqual(order([`nas ${rsa}`]).slice(0, 3), [
    'rsa-sha2-512',
    'rsa-sha2-256',
    'ssh-ed25519',
  ]);
  assert.equal(order([`nas ${ecdsa}`])[0], 'ecdsa-sha2-nistp256');
  assert.equal(order([`nas ${ecdsa}`], 2222)[0], 'ecdsa-sha2-nistp256');
  assert.equal(order([`@revoked nas ${rsa}`])[0], 'ssh-ed25519');
  assert.ok(!order([`nas ${rsa}`]).includes('ssh-rsa'));
  assert.deepEqual([...typesOf([{ path: 'f', text: `nas ${rsa}` }], 'nas', 22)], ['ssh-rsa']);
});

test('a hostile pattern or key costs no time', () => {
  const text = `${'*a'.repeat(2_000)}b ${a}`;
  assert.equal(judgeKey([{ path: 'f', text }], 'a'.repeat(255), 22, A).kind, 'unknown');
  assert.equal(typeOfKey(Buffer.from([255, 255, 255, 255, 1])), '');
  assert.equal(typeOfKey(Buffer.alloc(0)), '');
});

test('names and hashes are those of ssh-keygen, and so is the fingerprint', (t) => {
  if (skipWithout(t, 'ssh-keygen')) return;
  const place = directory(t);
  const key = join(place, 'id');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
  const [, encoded = ''] = readFileSync(`${key}.pub`, 'utf8').split(' ');
  const raw = Buffer.from(encoded, 'base64');
  const said = execFileSync('ssh-keygen', ['-l', '-f', `${key}.pub`], { encoding: 'utf8' });
  assert.ok(said.includes(fingerprint(raw)));
  const file = join(place, 'known');
  writeFileSync(file, `nas ssh-ed25519 ${encoded}\n[nas]:2222 ssh-ed25519 ${encoded}\n`);
  execFileSync('ssh-keygen', ['-q', '-H', '-f', file], { stdio: 'ignore' });
  const text = readFileSync(file, 'utf8');
  assert.ok(!text.includes('nas'));
  assert.equal(judgeKey([{ path: file, text }], 'nas', 22, raw).kind, 'match');
  assert.equal(judgeKey([{ path: file, text }], 'nas', 2222, raw).kind, 'match');
  assert.equal(judgeKey([{ path: file, text }], 'web', 22, raw).kind, 'unknown');
  writeFileSync(file, lineFor('web', 2022, raw, randomBytes(20)) + lineFor('db', 22, raw));
  for (const name of [nameOf('web', 2022), 'db']) {
    assert.equal(spawnSync('ssh-keygen', ['-F', name, '-f', file]).status, 0, name);
  }
});

function rawKey(type: string, seed: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(type.length);
  return Buffer.concat([length, Buffer.from(type), Buffer.from(seed.repeat(32))]);
}
