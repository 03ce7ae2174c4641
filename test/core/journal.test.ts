/**
 * The journal on real files, and on a disk that fails where a test says so: whatever happens, it is
 * whole, or what is wrong is said.
 */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { type Disk, REAL_DISK } from '../../daemon/disk.ts';
import type { Event } from '../../daemon/event.ts';
import { Journal, type Result } from '../../daemon/journal.ts';
import { encodeLine, parseJournal } from '../../daemon/record.ts';
import { apply, emptyState, history, type State } from '../../daemon/state.ts';
import { directory } from '../support/config.ts';
import { keeper, ordered, stamp } from '../support/core.ts';

type Call = keyof Disk;
/** What becomes of a call: undefined = as usual, a code = it fails, 'half' = a short write. */
type Fate = 'half' | 'EIO' | 'ENOSPC' | 'EDQUOT' | undefined;

const CALLS = Object.keys({
  openSync: 0,
  writeSync: 0,
  readSync: 0,
  ftruncateSync: 0,
  fdatasyncSync: 0,
  fsyncSync: 0,
  renameSync: 0,
  unlinkSync: 0,
  closeSync: 0,
  fdatasync: 0,
} satisfies Record<Call, 0>) as readonly Call[];

/** A real disk whose every call can be made to fail; `calls` tells what was asked of it. */
function faulty(fate: (call: Call, index: number) => Fate) {
  const calls: Call[] = [];
  const wrap = (call: Call) => {
    const real = REAL_DISK[call] as (...args: unknown[]) => unknown;
    return (...args: unknown[]): unknown => {
      const decided = fate(call, calls.push(call) - 1);
      if (decided === undefined) return real(...args);
      if (decided !== 'half') {
        const error = Object.assign(new Error(`${call}: ${decided}`), { code: decided });
        if (call === 'fdatasync') return Promise.reject(error);
        throw error;
      }
      const [file, bytes, from = 0] = args as [number, Buffer, number];
      return fs.writeSync(file, bytes, from, Math.ceil((bytes.length - from) / 2));
    };
  };
  const disk = Object.fromEntries(CALLS.map((call) => [call, wrap(call)])) as unknown as Disk;
  return { disk, calls };
}

/** For tests that open thousands of journals and cut no power. */
const CARELESS: Disk = {
  ...REAL_DISK,
  fdatasyncSync: () => {},
  fsyncSync: () => {},
  fdatasync: () => Promise.resolve(),
};

interface Content {
  readonly journal: Journal;
  readonly events: readonly Event[];
  readonly tornBytes: number;
}

function tryOpen(path: string, disk: Disk = CARELESS): Result<Content> {
  const events: Event[] = [];
  const opened = Journal.open(path, (event) => events.push(event), disk);
  return opened.ok ? { ok: true, value: { ...opened.value, events } } : opened;
}

function open(path: string, disk: Disk = CARELESS): Content {
  const opened = tryOpen(path, disk);
  if (!opened.ok) throw new Error(opened.error);
  return opened.value;
}

/** The events of a journal as a daemon that starts now reads them, without the header. */
function read(path: string): readonly Event[] {
  const { journal, events } = open(path);
  journal.close();
  return events.slice(1);
}

function write(path: string, events: readonly Event[]): Buffer {
  const { journal } = open(path);
  for (const event of events) assert.ok(journal.append([event]).ok);
  journal.close();
  return fs.readFileSync(fileOf(path));
}

const fileOf = (path: string): string => join(path, 'journal.ndjson');

const accepted = (run: number): Event => ({
  type: 'accepted',
  run,
  target: run % 2 === 0 ? 'web' : 'täglich ☂',
  at: stamp(run * 1_000),
  token: `token-${run}`,
  merged: true,
});
const EIGHT = Array.from({ length: 8 }, (_, index) => accepted(index + 1));

/** Where each line begins. */
function lineStarts(content: Buffer): readonly number[] {
  const starts = [0];
  for (const [at, byte] of content.entries()) if (byte === 10) starts.push(at + 1);
  return starts.slice(0, -1);
}

test('what was appended is read again, in order, by the next daemon', (t) => {
  const path = directory(t);
  write(path, EIGHT);
  assert.deepEqual(read(path), EIGHT);
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
  const whole = write(path, EIGHT);
  const starts = lineStarts(whole);
  for (let length = starts.at(-3) ?? 0; length < whole.length; length++) {
    fs.writeFileSync(fileOf(path), whole.subarray(0, length));
    const kept = starts.findLastIndex((start) => start <= length);
    const { journal, events, tornBytes } = open(path);
    assert.deepEqual(events.slice(1), EIGHT.slice(0, kept - 1), `${length} bytes`);
    assert.equal(tornBytes, length - (starts[kept] ?? 0), `${length} bytes`);
    assert.ok(journal.append([accepted(99)]).ok);
    journal.close();
    assert.deepEqual(read(path), [...EIGHT.slice(0, kept - 1), accepted(99)], `${length} bytes`);
  }
});

test('a tail of zeros, as some file systems leave it, is cut off', (t) => {
  const path = directory(t);
  const whole = write(path, EIGHT);
  fs.writeFileSync(fileOf(path), Buffer.concat([whole, Buffer.alloc(4_096)]));
  const { journal, events, tornBytes } = open(path);
  assert.deepEqual([events.length, tornBytes], [9, 4_096]);
  journal.close();
});

test('a journal of which nothing but a part of the header was written is begun anew', (t) => {
  const path = directory(t);
  const [, second = 0] = lineStarts(write(path, EIGHT));
  const header = fs.readFileSync(fileOf(path)).subarray(0, second);
  for (let length = 0; length < header.length; length++) {
    fs.writeFileSync(fileOf(path), header.subarray(0, length));
    assert.equal(open(path).tornBytes, length);
    assert.deepEqual(fs.readFileSync(fileOf(path)), header);
  }
});

test('a flipped bit is named by line and byte, or cut off if it is in the last record', (t) => {
  const path = directory(t);
  const whole = write(path, EIGHT);
  const starts = lineStarts(whole);
  const last = starts.at(-1) ?? 0;
  for (let at = 0; at < whole.length; at++) {
    const line = starts.findLastIndex((start) => start <= at);
    for (const bit of [1, 16, 128]) {
      const flipped = Buffer.from(whole);
      flipped.writeUInt8(whole.readUInt8(at) ^ bit, at);
      fs.writeFileSync(fileOf(path), flipped);
      const opened = tryOpen(path);
      // The newline before the last record, once flipped, makes it a part of the last line.
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
  const lines = write(path, EIGHT).toString().split('\n').slice(0, -1);
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
  write(path, [{ type: 'journal', format: 2 }]);
  const opened = tryOpen(path);
  assert.ok(!opened.ok);
  assert.match(opened.error, /newer baton \(format 2; this one reads up to 1\)\. Install that/);
});

for (const code of ['ENOSPC', 'EDQUOT', 'EIO'] as const) {
  test(`${code} in the middle of an append leaves nothing half-written, and the next one is fine`, async (t) => {
    const path = directory(t);
    let writes = 0;
    const { disk } = faulty((call) => {
      if (call !== 'writeSync') return undefined;
      writes++;
      // The header is written; of the first append a half gets through, and then no more.
      return writes === 2 ? 'half' : writes === 3 ? code : undefined;
    });
    const { journal } = open(path, disk);
    const before = fs.readFileSync(fileOf(path));
    assert.deepEqual(journal.append([accepted(1), accepted(2)]), { ok: false, error: code });
    assert.deepEqual(fs.readFileSync(fileOf(path)), before);
    assert.ok(journal.append([accepted(3)]).ok);
    await journal.sync();
    assert.deepEqual(read(path), [accepted(3)]);
  });
}

test('half a record that could not be cut off is cut off before anything is appended', async (t) => {
  const path = directory(t);
  let isBroken = false;
  const fates: Partial<Record<Call, Fate[]>> = {};
  const { disk } = faulty((call) => (isBroken ? fates[call]?.shift() : undefined));
  const { journal } = open(path, disk);
  assert.ok(journal.append([accepted(1)]).ok);
  isBroken = true;
  fates.writeSync = ['half', 'EIO'];
  fates.ftruncateSync = ['EIO', 'EIO'];
  assert.deepEqual(journal.append([accepted(2)]), { ok: false, error: 'EIO' });
  assert.deepEqual(journal.append([accepted(2)]), { ok: false, error: 'EIO' });
  assert.ok(journal.append([accepted(2)]).ok);
  await journal.sync();
  assert.deepEqual(read(path), [accepted(1), accepted(2)]);
});

test('short writes are gone on with until every byte is there', async (t) => {
  const path = directory(t);
  const { disk } = faulty((call, index) =>
    call === 'writeSync' && index % 3 !== 0 ? 'half' : undefined,
  );
  const { journal } = open(path, disk);
  for (const event of EIGHT) assert.ok(journal.append([event]).ok);
  await journal.sync();
  assert.deepEqual(read(path), EIGHT);
});

test('a failed fdatasync rejects all who wait for it, and all who come later', async (t) => {
  const path = directory(t);
  const { disk } = faulty((call) => (call === 'fdatasync' ? 'EIO' : undefined));
  const { journal } = open(path, disk);
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
  const { journal } = open(path, disk);
  // The header is durable already; nothing waits.
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
  assert.equal(journal.isQuiet, false);
  under[1]?.();
  await Promise.all(rest);
  assert.equal(under.length, 2);
  assert.equal(journal.isQuiet, true);
});

/** A journal with much to forget, and what it is to be shortened to. */
const LONG: readonly Event[] = [
  ...EIGHT,
  ...[1, 2, 3].map((run): Event => ({ type: 'starting', run, attempt: 1, at: stamp(9_000) })),
  { type: 'started', run: 1, attempt: 1, at: stamp(9_100), keeper: keeper(1, 1) },
  {
    type: 'ended',
    run: 1,
    at: stamp(9_200),
    outcome: { kind: 'exited', code: 3 },
    verdict: 'failed',
  },
  { type: 'forgotten', runs: [1] },
  { type: 'paused', target: 'web' },
];

function replay(events: readonly Event[]): State {
  const state = emptyState();
  for (const event of events) apply(state, event);
  return state;
}

function assertSame(actual: State, wanted: State, message: string): void {
  assert.deepEqual(actual, wanted, message);
  assert.deepEqual(ordered(actual), ordered(wanted), message);
}

test('replaying a compacted journal leads to the same state', async (t) => {
  const path = directory(t);
  write(path, LONG);
  const before = fs.statSync(fileOf(path)).size;
  const { journal } = open(path);
  const state = replay(LONG);
  assert.deepEqual(journal.compact(history(state)), { ok: true, value: undefined });
  assert.ok(fs.statSync(fileOf(path)).size < before);
  assertSame(replay(read(path)), state, 'compacted');
  assert.ok(journal.append([{ type: 'resumed', target: 'web' }]).ok);
  await journal.sync();
  apply(state, { type: 'resumed', target: 'web' });
  assertSame(replay(read(path)), state, 'appended to');
  assert.equal(fs.statSync(fileOf(path)).mode & 0o777, 0o600);
});

/** How many calls one compaction makes, and which. */
function callsOfCompaction(t: TestContext): readonly Call[] {
  const path = directory(t);
  write(path, LONG);
  const { disk, calls } = faulty(() => undefined);
  const { journal } = open(path, disk);
  const from = calls.length;
  assert.ok(journal.compact(history(replay(LONG))).ok);
  return calls.slice(from);
}

test('a crash at any step of a compaction leaves the old or the new journal, whole', (t) => {
  const steps = callsOfCompaction(t);
  assert.ok(steps.includes('renameSync') && steps.includes('fsyncSync'));
  for (const [step, call] of steps.entries()) {
    for (const how of call === 'writeSync' ? (['EIO', 'half'] as const) : (['EIO'] as const)) {
      const path = directory(t);
      write(path, LONG);
      let from = Number.POSITIVE_INFINITY;
      const { disk, calls } = faulty((_, index) => {
        if (index < from + step) return undefined;
        return index === from + step ? how : 'EIO'; // nothing is done any more by who is dead
      });
      const { journal } = open(path, disk);
      from = calls.length;
      journal.compact(history(replay(LONG)));
      assertSame(replay(read(path)), replay(LONG), `${call}, step ${step}, ${how}`);
      assert.deepEqual(fs.readdirSync(path), ['journal.ndjson'], 'no rest is left');
    }
  }
});

test('a compaction that fails at any step costs no event that is appended after it', async (t) => {
  for (const [step, call] of callsOfCompaction(t).entries()) {
    const path = directory(t);
    write(path, LONG);
    let from = Number.POSITIVE_INFINITY;
    const { disk, calls } = faulty((_, index) => (index === from + step ? 'ENOSPC' : undefined));
    const { journal } = open(path, disk);
    from = calls.length;
    const state = replay(LONG);
    const compacted = journal.compact(history(state));
    const where = `${call}, step ${step}`;
    // A closed file that cannot be closed costs nothing; all else is said.
    assert.equal(compacted.ok, call === 'closeSync', where);
    assert.deepEqual(fs.readdirSync(path), ['journal.ndjson'], `${where}: no rest is left`);
    const event: Event = { type: 'resumed', target: 'web' };
    const appended = journal.append([event]).ok;
    const isDurable = await journal.sync().then(
      () => true,
      () => false,
    );
    // After the rename only the directory's fsync can fail, and what it has lost nobody knows.
    assert.equal(appended && isDurable, call !== 'fsyncSync', where);
    if (appended) apply(state, event);
    assertSame(replay(read(path)), state, where);
  }
});

test('a compaction that fails is not tried again before the journal has grown further', (t) => {
  const path = directory(t);
  let isFull = false;
  const { disk } = faulty((call) => (call === 'writeSync' && isFull ? 'ENOSPC' : undefined));
  const { journal } = open(path, { ...disk, fdatasyncSync: () => {} });
  const many = Array.from({ length: 10_000 }, (_, run) => accepted(run + 1));
  assert.ok(journal.append(many).ok);
  return journal.sync().then(() => {
    assert.ok(journal.isBloated);
    isFull = true;
    assert.deepEqual(journal.compact(many), { ok: false, error: 'ENOSPC' });
    isFull = false;
    assert.equal(journal.isBloated, false);
  });
});

test('a journal in use is not compacted', async (t) => {
  const path = directory(t);
  const { journal } = open(path, REAL_DISK);
  assert.ok(journal.append([accepted(1)]).ok);
  const inUse: Result<undefined> = { ok: false, error: 'the journal is in use' };
  assert.deepEqual(journal.compact([]), inUse);
  const synced = journal.sync();
  assert.deepEqual(journal.compact([]), inUse);
  await synced;
  assert.ok(journal.compact([accepted(1)]).ok);
});

test('a journal that cannot be opened or read is named with the reason', (t) => {
  const path = directory(t);
  for (const broken of ['openSync', 'readSync', 'fdatasyncSync', 'fsyncSync'] as const) {
    const { disk } = faulty((call) => (call === broken ? 'EIO' : undefined));
    const opened = tryOpen(path, disk);
    assert.deepEqual(opened, {
      ok: false,
      error: `${fileOf(path)}: cannot be opened (EIO); the disk fails; see what the kernel says (dmesg)`,
    });
  }
  const missing = tryOpen(join(path, 'nowhere'));
  assert.ok(
    !missing.ok &&
      missing.error.endsWith('journal.ndjson: cannot be opened (ENOENT); make it, or name another'),
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
  const { journal } = open(path);
  assert.ok(journal.append(events).ok);
  journal.close();
  const beganMs = performance.now();
  const state = replay(read(path));
  t.diagnostic(`${events.length} events in ${Math.round(performance.now() - beganMs)} ms`);
  assert.equal(state.nextRun, 25_001);
});
