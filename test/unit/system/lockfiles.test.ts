/** Who holds a lock, by rsnapshot's rules. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { findHolders } from '../../../daemon/system/lockfiles.ts';
import { directory, lockfileAt } from '../../support/config.ts';

/** Prints the pid of a child that ends, and never waits for it. */
const FATHER = '$| = 1; my $p = fork // die; exit if !$p; print "$p\\n"; <STDIN>';
const LOOKS_MAX = 500;

const none = () => new Map();

test('a zombie holds its lock, since rsnapshot gives up for it, and so does what is no rsnapshot', async (t) => {
  const lock = join(directory(t), 'lock');
  const father = spawn('perl', ['-e', FATHER], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.after(() => father.stdin.end());
  const { value: pid } = await createInterface(father.stdout)[Symbol.asyncIterator]().next();
  const isZombie = (): boolean => readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  for (let looks = 0; !isZombie(); looks++) {
    assert.ok(looks < LOOKS_MAX);
    await delay(10);
  }
  writeFileSync(lock, `${pid}`);
  const holder = findHolders([lockfileAt(lock)], none).get(lock);
  assert.equal(holder?.pid, Number(pid));
  assert.match(holder?.text ?? '', /its parent has not waited for it/);
  assert.equal(holder?.isOther, false);
  writeFileSync(lock, `${process.pid}`);
  assert.equal(findHolders([lockfileAt(lock)], none).get(lock)?.isOther, true);
  const own = basename(process.execPath);
  const ours = findHolders([lockfileAt(lock, own)], none).get(lock);
  assert.deepEqual([ours?.isOther, ours?.text.startsWith(own)], [false, true], 'of any program');
  writeFileSync(lock, '999999999');
  assert.equal(findHolders([lockfileAt(lock)], none).size, 0, 'nobody has this pid');
});
