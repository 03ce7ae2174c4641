/**
 * The journal on real files, and on a disk that fails where a test wants it to: whatever happens,
 * it is intact, or the damage is reported.
 */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Event } from '../../../daemon/core/event.ts';
import type { Disk } from '../../../daemon/journal/disk.ts';
import { encodeLine, parseJournal } from '../../../daemon/journal/record.ts';
import { directory } from '../../support/config.ts';
import { keeper, stamp } from '../../support/core.ts';
import {
  accepted,
  CARELESS,
  type Call,
  EIGHT,
  type Fate,
  faulty,
  fileOf,
  openJournal,
  readJournal,
  replay,
  tryOpen,
  writeJournal,
} from '../../support/journals.ts';

/** Where each line begins. */
function lineStarts(content: Buffer): readonly number[] {
  const starts = [0];
  for (const [at, byte] of content.entries()) if (byte === 10) starts.push(at + 1);
  return starts.slice(0, -1);
}

test('what was appended is read again, in order, by the next daemon', (t) => {
  const path = directory(t);
  writeJournal(path, EIGHT);
  assert.deepEqual(readJournal(path), EIGHT);
  assert.equal(fs.statSync(fileOf(path)).mode & 0o777, 0o600);
});

test('whatever text a client chose as its token is read again', () => {
  fc.assert(
    fc.property(
      fc.string({
        unit: fc.oneof(
          fc.string({ unit: 'binary', maxLength: 3 }),
          fc.constantFrom('\u2028', '\u2029', '\u0085', '"', '}\n', '\ud800'),
        ),
      }),
      (token) => {
        const at = stamp(1);
        const event: Event = { type: 'accepted', run: 1, target: 't', at, token, merged: true };
        const line = Buffer.from(encodeLine(1, event));
        const events: Event[] = [];
        const parsed = parseJournal('journal', [line], (read) => events.push(read));
        assert.ok(parsed.ok);
        assert.deepEqual(events, [event]);
        assert.equal(parsed.value.tornBytes, 0);
      },
    ),
  );
});

test('a tail torn at any byte of the last three records is cut off and all before it is kept', (t) => {
  const path = directory(t);
  const whole = writeJournal(path, EIGHT);
  const starts = lineStarts(whole);
  for (let length = starts.at(-3) ?? 0; length < whole.length; length++) {
    fs.writeFileSync(fileOf(path), whole.subarray(0, length));
    const kept = starts.findLastIndex((start) => start <= length);
    const { journal, events, tornBytes } = openJournal(path);
    assert.deepEqual(events.slice(1), EIGHT.slice(0, kept - 1), `${length} bytes`);
    assert.equal(tornBytes, length - (starts[kept] ?? 0), `${length} bytes`);
    assert.ok(journal.append([accepted(99)]).ok);
    journal.close();
    assert.deepEqual(
      readJournal(path),
      [...EIGHT.slice(0, kept - 1), accepted(99)],
      `${length} bytes`,
    );
  }
});

test('a tail of zeros, as some file systems leave it, is cut off', (t) => {
  const path = directory(t);
  const whole = writeJournal(path, EIGHT);
  fs.writeFileSync(fileOf(path), Buffer.concat([whole, Buffer.alloc(4_096)]));
  const { journal, events, tornBytes } = openJournal(path);
  assert.deepEqual([events.length, tornBytes], [9, 4_096]);
  journal.close();
});

test('a journal of which nothing but a part of the header was written is begun anew', (t) => {
  const path = directory(t);
  const [, second = 0] = lineStarts(writeJournal(path, EIGHT));
  const header = fs.readFileSync(fileOf(path)).subarray(0, second);
  for (let length = 0; length < header.length; length++) {
    fs.writeFileSync(fileOf(path), header.subarray(0, length));
    assert.equal(openJournal(path).tornBytes, length);
    assert.deepEqual(fs.readFileSync(fileOf(path)), header);
  }
});

test('a flipped bit is named by line and byte, or cut off if it is in the last record', (t) => {
  const path = directory(t);
  const whole = writeJournal(path, EIGHT);
  const starts = lineStarts(whole);
  const last = starts.at(-1) ?? 0;
  for (let at = 0; at < whole.length; at++) {
    const line = starts.findLastIndex((start) => start <= at);
    for (const bit of [1, 16, 128]) {
      const flipped = Buffer.from(whole);
      flipped.writeUInt8(whole.readUInt8(at) ^ bit, at);
      fs.writeFileSync(fileOf(path), flipped);
      const opened = tryOpen(path);
      // If the newline before the last record is flipped, it becomes part of the last line.
      if (at >= last - 1) {
        assert.ok(opened.ok && opened.value.tornBytes > 0, `byte ${at}, bit ${bit}`);
        assert.deepEqual(opened.value.events.slice(1), EIGHT.slice(0, at >= last ? 7 : 6));
        opened.value.journal.close();
      } else {
        const where = `${fileOf(path)}: line ${line + 1} (byte ${starts[line]}) is damaged`;
        assert.ok(!opened.ok && opened.error.startsWith(where), `byte ${at}, bit ${bit}`);
        assert.deepEqual(fs.readFileSync(fileOf(path)), flipped, 'nothing is changed');
      }
    }
  }
});

test('a record that is missing, doubled or out of order is named', (t) => {
  const path = directory(t);
  const lines = writeJournal(path, EIGHT).toString().split('\n').slice(0, -1);
  const [, , third = '', fourth = ''] = lines;
  for (const wrong of [
    lines.toSpliced(2, 1),
    lines.toSpliced(2, 0, third),
    lines.toSpliced(2, 2, fourth, third),
    lines.toSpliced(2, 0, ''),
  ]) {
    fs.writeFileSync(fileOf(path), `${wrong.join('\n')}\n`);
    const opened = tryOpen(path);
    assert.ok(!opened.ok);
    assert.match(opened.error, /: line [34] \(byte \d+\) is damaged: /);
  }
});

test('a journal of a newer format is refused with the advice to install that version', (t) => {
  const path = directory(t);
  writeJournal(path, [{ type: 'journal', format: 2 }]);
  const opened = tryOpen(path);
  assert.ok(!opened.ok);
  assert.match(opened.error, /newer baton \(format 2; this one reads up to 1\); install that/);
});

for (const code of ['ENOSPC', 'EDQUOT', 'EIO'] as const) {
  test(`${code} in the middle of an append leaves nothing half-written, and the next one is fine`, async (t) => {
    const path = directory(t);
    let writes = 0;
    const { disk } = faulty((call) => {
      if (call !== 'writeSync') return undefined;
      writes++;
      // The header is written; of the first append only a half is, and nothing after that.
      return writes === 2 ? 'half' : writes === 3 ? code : undefined;
    });
    const { journal } = openJournal(path, disk);
    const before = fs.readFileSync(fileOf(path));
    assert.deepEqual(journal.append([accepted(1), accepted(2)]), { ok: false, error: code });
    assert.deepEqual(fs.readFileSync(fileOf(path)), before);
    assert.ok(journal.append([accepted(3)]).ok);
    await journal.sync();
    assert.deepEqual(readJournal(path), [accepted(3)]);
  });
}

test('half a record that could not be cut off is cut off before anything is appended', async (t) => {
  const path = directory(t);
  let isBroken = false;
  const fates: Partial<Record<Call, Fate[]>> = {};
  const { disk } = faulty((call) => (isBroken ? fates[call]?.shift() : undefined));
  const { journal } = openJournal(path, disk);
  assert.ok(journal.append([accepted(1)]).ok);
  isBroken = true;
  fates.writeSync = ['half', 'EIO'];
  fates.ftruncateSync = ['EIO', 'EIO'];
  assert.deepEqual(journal.append([accepted(2)]), { ok: false, error: 'EIO' });
  assert.deepEqual(journal.append([accepted(2)]), { ok: false, error: 'EIO' });
  assert.ok(journal.append([accepted(2)]).ok);
  await journal.sync();
  assert.deepEqual(readJournal(path), [accepted(1), accepted(2)]);
});

test('short writes are gone on with until every byte is there', async (t) => {
  const path = directory(t);
  const { disk } = faulty((call, index) =>
    call === 'writeSync' && index % 3 !== 0 ? 'half' : undefined,
  );
  const { journal } = openJournal(path, disk);
  for (const event of EIGHT) assert.ok(journal.append([event]).ok);
  await journal.sync();
  assert.deepEqual(readJournal(path), EIGHT);
});

test('a failed fdatasync rejects all who wait for it, and all who come later', async (t) => {
  const path = directory(t);
  const { disk } = faulty((call) => (call === 'fdatasync' ? 'EIO' : undefined));
  const { journal } = openJournal(path, disk);
  assert.ok(journal.append([accepted(1)]).ok);
  const [first, same] = [journal.sync(), journal.sync()];
  await assert.rejects(first, /EIO/);
  await assert.rejects(same, /EIO/);
  await assert.rejects(journal.sync(), /EIO/);
  assert.ok(journal.append([accepted(2)]).ok);
  await assert.rejects(journal.sync(), /EIO/);
});

test('all that is appended while a sync is under way shares one further fdatasync', async (t) => {
  const path = directory(t);
  const under: (() => void)[] = [];
  let asked = (): void => {};
  const disk: Disk = {
    ...CARELESS,
    fdatasync: () =>
      new Promise((resolve) => {
        under.push(resolve);
        asked();
      }),
  };
  const { journal } = openJournal(path, disk);
  // The header is already durable; nothing waits.
  await journal.sync();
  assert.equal(under.length, 0);
  const nextAsked = (): Promise<void> => new Promise((resolve) => (asked = resolve));
  let ask = nextAsked();
  assert.ok(journal.append([accepted(1)]).ok);
  const first = journal.sync();
  await ask;
  ask = nextAsked();
  const rest = [2, 3, 4, 5].map((run) => {
    assert.ok(journal.append([accepted(run)]).ok);
    return journal.sync();
  });
  let isFirst = false;
  void first.then(() => (isFirst = true));
  under[0]?.();
  await ask;
  assert.ok(isFirst, 'the first is told as soon as its own fdatasync is done');
  under[1]?.();
  await Promise.all(rest);
  assert.equal(under.length, 2);
});

test('a journal that cannot be opened or read is named with the reason', (t) => {
  const path = directory(t);
  for (const broken of ['openSync', 'readSync', 'fdatasyncSync', 'fsyncSync'] as const) {
    const { disk } = faulty((call) => (call === broken ? 'EIO' : undefined));
    const opened = tryOpen(path, disk);
    assert.deepEqual(opened, {
      ok: false,
      error: `${fileOf(path)}: cannot be opened (EIO); the disk reports an error; check the kernel log (dmesg)`,
    });
  }
  const missing = tryOpen(join(path, 'nowhere'));
  assert.ok(
    !missing.ok &&
      missing.error.endsWith(
        'journal.ndjson: cannot be opened (ENOENT); create it, or name another',
      ),
  );
});

test('a journal of 100,000 events is read and replayed', (t) => {
  const path = directory(t);
  const events: Event[] = [];
  for (let run = 1; events.length < 100_000; run++) {
    events.push(
      accepted(run),
      { type: 'starting', run, attempt: 1, at: stamp(run), groups: ['cardinality:disk'] },
      { type: 'started', run, attempt: 1, at: stamp(run), keeper: keeper(run, 1) },
      {
        type: 'ended',
        run,
        at: stamp(run),
        outcome: { kind: 'exited', code: 0 },
        verdict: 'ok',
      },
    );
  }
  const { journal } = openJournal(path);
  assert.ok(journal.append(events).ok);
  journal.close();
  const beganMs = performance.now();
  const state = replay(readJournal(path));
  t.diagnostic(`${events.length} events in ${Math.round(performance.now() - beganMs)} ms`);
  assert.equal(state.nextRun, 25_001);
});
