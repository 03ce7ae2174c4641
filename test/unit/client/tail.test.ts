/** The part of another run's output that a hook gets. */
import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { writeTail } from '../../../daemon/keepers/hook-input.ts';
import { directory } from '../../support/config.ts';

const BYTES = 16_384;

test('a tail is the last 16 KiB of each stream, for its owner only', (t) => {
  const path = directory(t);
  writeFileSync(join(path, 'out'), `X${'o'.repeat(BYTES)}`);
  writeFileSync(join(path, 'err'), `Y${'e'.repeat(BYTES - 1)}`);
  const tail = writeTail(path, join(path, 'hook')) ?? assert.fail('none was made');
  assert.equal(readFileSync(tail, 'utf8'), `${'o'.repeat(BYTES)}Y${'e'.repeat(BYTES - 1)}`);
  assert.equal(statSync(tail).mode & 0o777, 0o600);
});

test('a run that printed nothing has an empty tail, and a hook without a directory none', (t) => {
  const path = directory(t);
  assert.equal(readFileSync(writeTail(path, join(path, 'hook')) ?? '', 'utf8'), '');
  writeFileSync(join(path, 'file'), '');
  assert.equal(writeTail(path, join(path, 'file')), undefined);
});
