/** The warnings of batond --check, ahead of 03:00, for commands on this machine. */
import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { inspectLocal } from '../../../runners/local-inspect.ts';
import { directory } from '../../support/config.ts';

test('a program that is there, by its path or in its PATH, is no matter', (t) => {
  const place = directory(t);
  writeFileSync(join(place, 'tool with blanks'), '');
  chmodSync(join(place, 'tool with blanks'), 0o755);
  assert.deepEqual(inspectLocal({ args: ['/bin/echo', 'a b', '1 > 2', '$5', 'a|b'] }), []);
  assert.deepEqual(inspectLocal({ args: ['echo'] }), []);
  assert.deepEqual(inspectLocal({ args: ['tool with blanks'], env: { PATH: place } }), []);
  assert.deepEqual(inspectLocal({ args: [join(place, 'tool with blanks')] }), []);
  assert.deepEqual(inspectLocal({ args: ['./x'] }), [], 'below a home that is not known');
});

test('a command, a user, a group or a directory that is not there is told', (t) => {
  const place = directory(t);
  writeFileSync(join(place, 'tool'), '');
  assert.deepEqual(inspectLocal({ args: [join(place, 'no')] }), [
    `its program ${join(place, 'no')} does not exist; install it, or correct the path`,
  ]);
  assert.match(inspectLocal({ args: ['./tool'], cwd: place })[0] ?? '', /is not executable/);
  assert.match(inspectLocal({ args: ['/tmp'] })[0] ?? '', /\/tmp is not a file/);
  assert.match(
    inspectLocal({ args: ['nosuchtool'] })[0] ?? '',
    /not found in its PATH \(\/usr\/bin:\/bin\)/,
  );
  assert.match(inspectLocal({ args: ['tool'], env: { PATH: '/x' } })[0] ?? '', /its PATH \(\/x\)/);
  assert.match(inspectLocal({ cmds: [['true'], ['nosuchtool']] })[0] ?? '', /nosuchtool/);
  assert.match(
    inspectLocal({ args: ['true'], cwd: join(place, 'x') })[0] ?? '',
    /"cwd" .* does not exist/,
  );
  assert.match(
    inspectLocal({ args: ['true'], cwd: join(place, 'tool') })[0] ?? '',
    /is not a directory/,
  );
  const who = inspectLocal({ args: ['true'], user: 'nosuchuser', group: 'nosuchgroup' });
  assert.match(who.join(), /no user "nosuchuser".*no group "nosuchgroup"/);
  assert.deepEqual(inspectLocal({ args: ['true'], user: 12_345, group: 'root' }), []);
});

test('what only a shell understands is told, but not to a shell', () => {
  const words = [
    '&&',
    '||',
    '|',
    '>',
    '>>',
    '2>&1',
    '2>/dev/null',
    '>/dev/null',
    '$(date)',
    '~/x',
    '$HOME/x',
  ];
  for (const word of [...words, '&', 'x$(date)y', '$HOME']) {
    const found = inspectLocal({ args: ['/bin/echo', 'a', word, 'b'] });
    assert.equal(found.length, 1, word);
    assert.ok(found[0]?.includes(`"${word}" has a meaning only in a shell`), word);
  }
  assert.equal(inspectLocal({ args: ['~/bin/x'] }).length, 1);
  assert.deepEqual(inspectLocal({ args: ['/bin/sh', '-c', 'a && b > $(c)'] }), []);
  assert.deepEqual(
    inspectLocal({ args: ['find', '/', '-exec', 'x', '{}', ';'] }),
    [],
    'not of a shell alone',
  );
});

test('one word with blanks is told, with the words that were meant', () => {
  for (const program of ['nosuchtool -a /x', '/usr/bin/nosuchtool -a /x']) {
    const words = JSON.stringify(program.split(' '));
    assert.deepEqual(inspectLocal({ args: [program] }), [
      `"${program}" is one word with spaces; write separate words: ${words}`,
    ]);
  }
});
