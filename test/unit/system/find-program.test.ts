/** Programs are found in a PATH of which a directory may hang. */
import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { ProgramFinder } from '../../../daemon/system/find-program.ts';
import { directory } from '../../support/config.ts';

test('the first place that has a program which can be executed is taken', async (t) => {
  const [first, second, third] = [directory(t), directory(t), directory(t)];
  for (const [place, mode] of [
    [first, 0o644],
    [second, 0o755],
    [third, 0o755],
  ] as const) {
    writeFileSync(join(place, 'squeue'), '');
    chmodSync(join(place, 'squeue'), mode);
  }
  const finder = new ProgramFinder(`/nowhere::.:${first}:${second}:${third}`);
  assert.equal(await finder.find('squeue'), join(second, 'squeue'));
  assert.equal(await finder.find('sbatch'), undefined);
  writeFileSync(join(third, 'sbatch'), '', { mode: 0o755 });
  assert.equal(await finder.find('sbatch'), join(third, 'sbatch'), 'it was installed meanwhile');
});

test('there is one look at a time for all, and none on the thread of the caller', async () => {
  const looks: string[] = [];
  let answer: ((isThere: boolean) => void) | undefined;
  const finder = new ProgramFinder('/a:/b', (file) => {
    looks.push(file);
    return new Promise((resolve, reject) => {
      answer = (isThere) => (isThere ? resolve() : reject(new Error('ENOENT')));
    });
  });
  const answered = async (isThere: boolean): Promise<void> => {
    answer?.(isThere);
    await setImmediate();
  };
  const found = ['squeue', 'squeue', 'sbatch', 'squeue'].map((name) => finder.find(name));
  assert.deepEqual(looks, [], 'the caller had to wait');
  await setImmediate();
  assert.deepEqual(looks, ['/a/squeue']);
  await answered(false);
  assert.deepEqual(looks, ['/a/squeue', '/b/squeue']);
  await answered(true);
  assert.deepEqual(looks, ['/a/squeue', '/b/squeue', '/a/sbatch']);
  await answered(true);
  const all = ['/b/squeue', '/b/squeue', '/a/sbatch', '/b/squeue'];
  assert.deepEqual(await Promise.all(found), all);
});
