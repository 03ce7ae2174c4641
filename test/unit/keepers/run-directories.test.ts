/** Which run directories are moved aside when a daemon starts. */
import assert from 'node:assert/strict';
import { readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { emptyState } from '../../../daemon/core/state.ts';
import { RunDirectories } from '../../../daemon/keepers/run-directories.ts';
import { directory } from '../../support/config.ts';
import { SpokenLog } from '../../support/parts.ts';

test('a directory that was made for a start that the journal lost is removed, any other put aside', (t) => {
  const place = directory(t);
  const log = new SpokenLog();
  const directories = new RunDirectories({ directory: place, nonce: 'nonce', log: log.pino });
  for (const run of [1, 2, 3, 4]) {
    directories.claim({ run, startNonce: 'start' });
    writeFileSync(join(directories.of(run), 'out'), run === 2 ? 'a word' : '');
    symlinkSync('/proc/1/fd/9', join(directories.of(run), 'out.pipe'));
  }
  writeFileSync(join(directories.of(3), 'keeper.1.nonce'), '{}');
  writeFileSync(join(directories.of(4), 'status.1.nonce'), '');
  directories.sweep(emptyState());
  assert.deepEqual(readdirSync(join(place, 'runs')), []);
  assert.deepEqual(readdirSync(join(place, 'aside')).sort(), ['2.start', '3.start', '4.start']);
  assert.deepEqual(
    log.lines.map(({ runs }) => runs),
    [[2, 3, 4]],
  );
});
