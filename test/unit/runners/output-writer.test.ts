/** Output of a remote command that cannot be written is counted, not forgotten. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { OutputWriter } from '../../../runners/ssh-keeper/output-writer.ts';
import { directory } from '../../support/config.ts';

/** Can be opened for writing, but accepts nothing: EINVAL, which is permanent. */
const WRITES_NOTHING = '/proc/self/oom_score_adj';

test('output that can never be written is drained and counted, of each stream', async (t) => {
  const place = directory(t);
  symlinkSync(WRITES_NOTHING, join(place, 'err'));
  const sink = await OutputWriter.open(place, false);
  const streams = ['good', 'lost'].map((text) => Readable.from([Buffer.from(`${text} words`)]));
  for (const [number, stream] of streams.entries()) sink.drain(stream, number === 0 ? 0 : 1);
  await Promise.all(streams.map((stream) => once(stream, 'end')));
  await sink.close();
  assert.equal(readFileSync(join(place, 'out'), 'utf8'), 'good words');
  assert.equal(sink.lostBytes, 'lost words'.length);
});
