/**
 * Compaction: the journal is rewritten while it is in use. Whatever happens, and whenever the power
 * fails, no event that was reported as durable is lost, and all are in order.
 */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { apply } from '../../../daemon/core/apply.ts';
import type { Event } from '../../../daemon/core/event.ts';
import { minimalHistory } from '../../../daemon/core/minimal-history.ts';
import { type Disk, REAL_DISK } from '../../../daemon/journal/disk.ts';
import { directory } from '../../support/config.ts';
import {
  accepted,
  assertSame,
  type Call,
  faulty,
  fileOf,
  LONG,
  openJournal,
  readJournal,
  replay,
  writeJournal,
} from '../../support/journals.ts';

test('replaying a compacted journal leads to the same state', async (t) => {
  const path = directory(t);
  writeJournal(path, LONG);
  const before = fs.statSync(fileOf(path)).size;
  const { journal } = openJournal(path);
  const state = replay(LONG);
  assert.deepEqual(await journal.compact(minimalHistory(state)), { ok: true, value: undefined });
  assert.ok(fs.statSync(fileOf(path)).size < before);
  assertSame(replay(readJournal(path)), state, 'compacted');
  assert.ok(journal.append([{ type: 'resumed', target: 'web' }]).ok);
  await journal.sync();
  apply(state, { type: 'resumed', target: 'web' });
  assertSame(replay(readJournal(path)), state, 'appended to');
  assert.equal(fs.statSync(fileOf(path)).mode & 0o777, 0o600);
});

/** The calls of one compaction. */
async function callsOfCompaction(t: TestContext): Promise<readonly Call[]> {
  const path = directory(t);
  writeJournal(path, LONG);
  const { disk, calls } = faulty(() => undefined);
  const { journal } = openJournal(path, disk);
  const from = calls.length;
  assert.ok((await journal.compact(minimalHistory(replay(LONG)))).ok);
  return calls.slice(from);
}

test('a crash at any step of a compaction leaves the old or the new journal, whole', async (t) => {
  const steps = await callsOfCompaction(t);
  assert.ok(steps.includes('renameSync') && steps.includes('fsync'));
  for (const [step, call] of steps.entries()) {
    for (const how of call === 'writeSync' ? (['EIO', 'half'] as const) : (['EIO'] as const)) {
      const path = directory(t);
      writeJournal(path, LONG);
      let from = Number.POSITIVE_INFINITY;
      const { disk, calls } = faulty((_, index) => {
        if (index < from + step) return undefined;
        return index === from + step ? how : 'EIO'; // a dead process does nothing more
      });
      const { journal } = openJournal(path, disk);
      from = calls.length;
      await journal.compact(minimalHistory(replay(LONG)));
      assertSame(replay(readJournal(path)), replay(LONG), `${call}, step ${step}, ${how}`);
      assert.deepEqual(fs.readdirSync(path), ['journal.ndjson'], 'no rest is left');
    }
  }
});

test('a compaction that fails at any step costs no event that is appended after it', async (t) => {
  for (const [step, call] of (await callsOfCompaction(t)).entries()) {
    const path = directory(t);
    writeJournal(path, LONG);
    let from = Number.POSITIVE_INFINITY;
    const { disk, calls } = faulty((_, index) => (index === from + step ? 'ENOSPC' : undefined));
    const { journal } = openJournal(path, disk);
    from = calls.length;
    const state = replay(LONG);
    const compacted = await journal.compact(minimalHistory(state));
    const where = `${call}, step ${step}`;
    // A file that cannot be closed costs nothing; all other errors are reported.
    assert.equal(compacted.ok, call === 'close' || call === 'closeSync', where);
    assert.deepEqual(fs.readdirSync(path), ['journal.ndjson'], `${where}: no rest is left`);
    const event: Event = { type: 'resumed', target: 'web' };
    const appended = journal.append([event]).ok;
    const isDurable = await journal.sync().then(
      () => true,
      () => false,
    );
    // After the rename only the directory's fsync can fail, and then the result is unknown.
    assert.equal(appended && isDurable, call !== 'fsync', where);
    if (appended) apply(state, event);
    assertSame(replay(readJournal(path)), state, where);
  }
});

test('a compaction that fails is not tried again before the journal has grown further', async (t) => {
  const path = directory(t);
  let isFull = false;
  const { disk } = faulty((call) => (call === 'writeSync' && isFull ? 'ENOSPC' : undefined));
  const { journal } = openJournal(path, { ...disk, fdatasyncSync: () => {} });
  const many = Array.from({ length: 10_000 }, (_, run) => accepted(run + 1));
  assert.ok(journal.append(many).ok);
  await journal.sync();
  assert.ok(journal.isBloated);
  isFull = true;
  const compacted = journal.compact(many);
  assert.equal(journal.isBloated, false, 'it is under way');
  assert.deepEqual(await compacted, { ok: false, error: 'ENOSPC' });
  isFull = false;
  assert.equal(journal.isBloated, false);
});

const FOREIGN = 'what another one has put there';

/** What somebody else does, and whether the name then belongs to that file. */
const INTRUSIONS: readonly (readonly [string, (path: string) => void])[] = [
  ['replaced', (path) => replace(fileOf(path))],
  ['removed', (path) => fs.rmSync(fileOf(path))],
  ['moved away with its directory', (path) => fs.renameSync(path, `${path}-2`)],
  [
    'in a directory that is replaced',
    (path) => {
      fs.renameSync(path, `${path}-2`);
      fs.mkdirSync(path);
      replace(fileOf(path));
      replace(`${fileOf(path)}.tmp`);
    },
  ],
];

function replace(file: string): void {
  fs.writeFileSync(`${file}.new`, FOREIGN);
  fs.renameSync(`${file}.new`, file);
}

for (const [what, intrude] of INTRUSIONS) {
  test(`a journal that is ${what} at any step of a compaction is not written over`, async (t) => {
    const calls = await callsOfCompaction(t);
    // What comes between that and the rename is synchronous.
    const last = calls.lastIndexOf('fdatasync', calls.indexOf('renameSync'));
    assert.ok(last > 5);
    for (let step = 0; step <= last; step++) {
      const path = join(directory(t), 'state');
      fs.mkdirSync(path);
      writeJournal(path, LONG);
      let left = Number.POSITIVE_INFINITY;
      const { disk } = faulty(() => {
        if (left-- === 0) intrude(path);
        return undefined;
      });
      const { journal } = openJournal(path, disk);
      left = step;
      const compacted = await journal.compact(minimalHistory(replay(LONG)));
      const files = [fileOf(path), `${fileOf(path)}.tmp`].filter((file) => fs.existsSync(file));
      assert.equal(compacted.ok, false, `step ${step}, ${calls[step]}`);
      assert.notEqual(journal.examine(), undefined, `step ${step}`);
      const written = journal.append([{ type: 'resumed', target: 'web' }]);
      assert.deepEqual(written, { ok: false, error: 'ESTALE' });
      for (const file of files) assert.equal(fs.readFileSync(file, 'utf8'), FOREIGN);
      journal.close();
    }
  });
}

test('what is appended at any time of a compaction is in the new journal, in order', async (t) => {
  const path = directory(t);
  writeJournal(path, LONG);
  const { journal } = openJournal(path);
  const state = replay(LONG);
  let run = 8;
  const append = (): void => {
    const event = accepted(++run);
    assert.ok(journal.append([event]).ok);
    apply(state, event);
  };
  // The history describes this moment, although the state changes.
  const compacted = journal.compact(minimalHistory(state), {
    events: 2,
    pause: async () => {
      if (run < 40) append();
      await nextTurn();
    },
  });
  append();
  assert.deepEqual(await compacted, { ok: true, value: undefined });
  append();
  await journal.sync();
  assert.ok(run > 15);
  assertSame(replay(readJournal(path)), state, 'compacted while it grew');
});

test('a compaction comes to its end though more is appended at each step than a step copies', async (t) => {
  const path = directory(t);
  writeJournal(path, LONG);
  const { journal } = openJournal(path);
  let [run, pauses] = [8, 0];
  const pause = async (): Promise<void> => {
    if (++pauses > 200) return;
    assert.ok(journal.append([1, 2, 3, 4, 5].map(() => accepted(++run))).ok);
  };
  assert.ok((await journal.compact(minimalHistory(replay(LONG)), { events: 3, pause })).ok);
  const wanted = Array.from({ length: run - 8 }, (_, index) => accepted(index + 9));
  assertSame(replay(readJournal(path)), replay([...LONG, ...wanted]), 'all of it');
  assert.ok(pauses < 200, `${pauses} pauses`);
});

test('no more than a step is written in one go', async (t) => {
  const { journal } = openJournal(directory(t));
  let [inOneGo, most] = [0, 0];
  function* many(): Generator<Event> {
    for (let run = 1; run <= 100; run++) {
      most = Math.max(most, ++inOneGo);
      yield accepted(run);
    }
  }
  const pause = async (): Promise<void> => {
    inOneGo = 0;
  };
  assert.ok((await journal.compact(many(), { events: 10, pause })).ok);
  assert.equal(most, 10);
});

test('a journal that is closed meanwhile is left as it is', async (t) => {
  const path = directory(t);
  const before = writeJournal(path, LONG);
  const { journal } = openJournal(path);
  const compacted = journal.compact(minimalHistory(replay(LONG)));
  assert.deepEqual(await journal.compact([]), { ok: false, error: 'EBUSY' });
  journal.close();
  assert.deepEqual(await compacted, { ok: false, error: 'ECANCELED' });
  assert.deepEqual(fs.readFileSync(fileOf(path)), before);
  assert.deepEqual(fs.readdirSync(path), ['journal.ndjson']);
});

/** A disk that knows what a power cut would leave: the minimum that the kernel promises. */
class Mains {
  readonly disk: Disk;
  /** By inode; what was written after its last fdatasync is gone. */
  readonly #synced = new Map<number, Buffer>();
  /** The files that may have the journal's name. */
  #named: readonly number[];

  constructor(path: string, meanwhile: () => Promise<void>) {
    const first = fs.statSync(fileOf(path)).ino;
    this.#named = [first];
    this.#synced.set(first, fs.readFileSync(fileOf(path)));
    const flush = async (file: number, sync: () => Promise<void>): Promise<void> => {
      const content = fs.readFileSync(`/proc/self/fd/${file}`);
      await meanwhile();
      await sync();
      this.#synced.set(fs.fstatSync(file).ino, content);
      await meanwhile();
    };
    this.disk = {
      ...REAL_DISK,
      fdatasync: (file) => flush(file, async () => {}),
      renameSync: (from, to) => {
        REAL_DISK.renameSync(from, to);
        this.#named = [...this.#named, fs.statSync(to).ino];
      },
      fsync: async () => {
        const named = this.#named.slice(-1);
        await meanwhile();
        this.#named = named;
      },
    };
  }

  /** What the next daemon may find. */
  get left(): readonly Buffer[] {
    return this.#named.map((inode) => this.#synced.get(inode) ?? Buffer.alloc(0));
  }
}

test('whenever the power goes, what was told to be durable is there, and nothing out of order', async (t) => {
  const path = directory(t);
  const found = directory(t);
  const act = fc.constantFrom('nothing', 'append', 'sync', 'sync');
  const lives = fc.array(act, { minLength: 5, maxLength: 60 });
  let both = 0;
  await fc.assert(
    fc.asyncProperty(lives, fc.integer({ min: 1, max: 9 }), async (acts, events) => {
      fs.rmSync(fileOf(path), { force: true });
      writeJournal(path, LONG);
      const state = replay(LONG);
      const appended: Event[] = [];
      const syncs: Promise<void>[] = [];
      let [durable, next] = [0, 0];
      const cut = (): void => {
        if (mains.left.length > 1) both++;
        for (const content of mains.left) {
          fs.writeFileSync(join(found, 'journal.ndjson'), content);
          const left = replay(readJournal(found));
          const count = left.nextRun - 9;
          assert.ok(count >= durable, `${durable} were durable, ${count} are left`);
          assertSame(left, replay([...LONG, ...appended.slice(0, count)]), 'after a power cut');
        }
      };
      const live = async (): Promise<void> => {
        const now = acts[next++];
        if (now === 'append' || now === 'sync') {
          const event = accepted(9 + appended.length);
          assert.ok(journal.append([event]).ok);
          appended.push(event);
          apply(state, event);
        }
        const count = appended.length;
        if (now === 'sync') {
          const told = (): void => {
            durable = Math.max(durable, count);
            cut();
          };
          syncs.push(journal.sync().then(told));
        }
        cut();
        await nextTurn();
      };
      const mains = new Mains(path, live);
      const { journal } = openJournal(path, mains.disk);
      await live();
      const compacted = await journal.compact(minimalHistory(state), { events, pause: live });
      assert.deepEqual(compacted, { ok: true, value: undefined });
      await live();
      next = acts.length;
      await Promise.all(syncs);
      await journal.sync();
      durable = appended.length;
      cut();
      assertSame(replay(readJournal(path)), state, 'at the end');
      journal.close();
    }),
    { numRuns: 60 },
  );
  assert.ok(both > 0, 'the power also went between the rename and its fsync');
});
