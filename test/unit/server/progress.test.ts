/** Percentages in the output of programs. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { findPercent, readProgress } from '../../../daemon/server/progress.ts';
import { directory } from '../../support/config.ts';

const LINES: readonly [text: string, percent: number | undefined][] = [
  ['', undefined],
  ['100 files\n', undefined],
  ['12%\n', 12],
  ['step 1: 10%\nstep 2: 20 %\n', 20],
  ['\r  1.23G  45%  98.76MB/s    0:00:12 (xfr#7, to-chk=3/9)', 45],
  ['[0:05] 42.50%  12 / 30 files', 42.5],
  ['99%\n100%\ndone\n', 100],
  ['disk is 250% of what it was', undefined],
  ['1234%', undefined],
];

for (const [text, percent] of LINES) {
  test(`${JSON.stringify(text)} says ${percent} percent`, () => {
    assert.equal(findPercent(text), percent);
  });
}

test('progress is read from the tail of the output, whichever stream has it', (t) => {
  const path = directory(t);
  assert.equal(readProgress(path), undefined);
  writeFileSync(join(path, 'out'), `3%\n${'x'.repeat(10_000)}\n`);
  assert.equal(readProgress(path), undefined, 'too far back');
  writeFileSync(join(path, 'err'), '50%');
  assert.equal(readProgress(path), 50);
  writeFileSync(join(path, 'out'), `${'x'.repeat(10_000)}\n60%`);
  assert.equal(readProgress(path), 60);
});
