/** How the next daemon reads a journal: in pieces, and no larger than necessary. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { apply } from '../../../daemon/core/apply.ts';
import type { Event } from '../../../daemon/core/event.ts';
import { emptyState } from '../../../daemon/core/state.ts';
import { Journal } from '../../../daemon/journal/journal.ts';
import { encodeLine, parseJournal } from '../../../daemon/journal/record.ts';
import { directory } from '../../support/config.ts';
import { stamp } from '../../support/core.ts';

const accepted = (run: number): Event => ({
  type: 'accepted',
  run,
  target: 'täglich ☂',
  at: stamp(run * 1_000),
  token: `token-${run}`,
  merged: true,
});

function open(path: string, take: (event: Event) => void = () => {}): Journal {
  const opened = Journal.open(path, take);
  if (!opened.ok) throw new Error(opened.error);
  return opened.value.journal;
}

test('in whatever pieces a journal is read, its lines are the same', () => {
  const events = Array.from({ length: 5 }, (_, index) => accepted(index + 1));
  const whole = Buffer.from(events.map((event, at) => encodeLine(at + 1, event)).join(''));
  const cuts = fc.array(fc.nat(whole.length), { maxLength: 12 });
  fc.assert(
    fc.property(cuts, fc.nat(20), (places, torn) => {
      const content = Buffer.concat([whole, whole.subarray(0, torn)]);
      const at = [0, ...places.sort((a, b) => a - b), content.length];
      const pieces = at.map((from, index) => content.subarray(from, at[index + 1] ?? from));
      const read: Event[] = [];
      const parsed = parseJournal('journal', pieces, (event) => read.push(event));
      assert.deepEqual(read, events);
      assert.deepEqual(parsed, {
        ok: true,
        value: { seq: 5, goodBytes: whole.length, tornBytes: torn, compactedBytes: 0 },
      });
    }),
  );
});

test('of a decision a power cut leaves all or nothing, also behind a compaction', async (t) => {
  const path = directory(t);
  const journal = open(path);
  assert.ok(journal.append([accepted(1)]).ok);
  const compacting = journal.compact([accepted(1), { type: 'base', nextRun: 2 }]);
  assert.ok(journal.append([accepted(2), accepted(3)]).ok);
  assert.ok((await compacting).ok);
  assert.ok(journal.append([accepted(4), accepted(5), accepted(6)]).ok);
  journal.close();
  const file = join(path, 'journal.ndjson');
  const whole = readFileSync(file);
  const from = whole.indexOf('"run":2');
  for (let length = from; length < whole.length; length++) {
    writeFileSync(file, whole.subarray(0, length));
    const runs: number[] = [];
    const next = open(path, (event) => event.type === 'accepted' && runs.push(event.run));
    assert.ok([1, 3, 6].includes(runs.length), `runs ${runs} of a journal of ${length} bytes`);
    // It continues where the last complete decision ended.
    assert.ok(next.append([accepted(7)]).ok);
    next.close();
    open(path).close();
  }
});

test('a journal that grew through many short lives of daemons is compacted by the next one', async (t) => {
  const path = directory(t);
  const many = Array.from({ length: 12_000 }, (_, run) => accepted(run + 1));
  const grown = open(path);
  assert.ok(grown.append(many).ok);
  grown.close();
  const next = open(path);
  assert.ok(next.isBloated);
  assert.ok((await next.compact([...many, { type: 'base', nextRun: 12_001 }])).ok);
  next.close();
  const last = open(path);
  assert.equal(last.isBloated, false, 'what was compacted is not compacted again');
  assert.ok(last.append([{ type: 'paused', target: 'web' }]).ok);
  await last.sync();
  assert.equal(last.isBloated, false);
});

test('an event that cannot have happened is named by line and byte, and nothing is changed', (t) => {
  const path = directory(t);
  const forged = open(path);
  assert.ok(forged.append([accepted(1), { type: 'released', run: 7 }, accepted(2)]).ok);
  forged.close();
  const file = join(path, 'journal.ndjson');
  const content = readFileSync(file);
  const byte = content.indexOf('{"seq":3,');
  const state = emptyState();
  const opened = Journal.open(path, (event) => apply(state, event));
  assert.ok(!opened.ok);
  assert.ok(
    opened.error.startsWith(`${file}: line 3 (byte ${byte}) is not possible: `),
    opened.error,
  );
  assert.match(opened.error, /its run is not known; nothing was changed; restore the file/);
  assert.deepEqual(readFileSync(file), content);
});
