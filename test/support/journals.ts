/** Journals on real files for tests, and a disk that fails where a test wants it to. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { apply } from '../../daemon/core/apply.ts';
import type { Event } from '../../daemon/core/event.ts';
import { emptyState, type State } from '../../daemon/core/state.ts';
import { type Disk, REAL_DISK } from '../../daemon/journal/disk.ts';
import { Journal } from '../../daemon/journal/journal.ts';
import type { Result } from '../../daemon/shared/result.ts';
import { ROOT } from './config.ts';
import { keeper, ordered, stamp } from './core.ts';

export type Call = keyof Disk;
/** The result of a call: undefined = as usual, a code = it fails, 'half' = a short write. */
export type Fate = 'half' | 'EIO' | 'ENOSPC' | 'EDQUOT' | undefined;

const CALLS = Object.keys({
  openSync: 0,
  writeSync: 0,
  readSync: 0,
  ftruncateSync: 0,
  fstatSync: 0,
  statSync: 0,
  fdatasyncSync: 0,
  fsyncSync: 0,
  renameSync: 0,
  unlinkSync: 0,
  closeSync: 0,
  fdatasync: 0,
  fsync: 0,
  close: 0,
} satisfies Record<Call, 0>) as readonly Call[];

/** A real disk on which every call can be made to fail; `calls` lists the calls. */
export function faulty(fate: (call: Call, index: number) => Fate) {
  const calls: Call[] = [];
  const wrap = (call: Call) => {
    const real = REAL_DISK[call] as (...args: unknown[]) => unknown;
    return (...args: unknown[]): unknown => {
      const decided = fate(call, calls.push(call) - 1);
      if (decided === undefined) return real(...args);
      if (decided !== 'half') {
        const error = Object.assign(new Error(`${call}: ${decided}`), { code: decided });
        if (!call.endsWith('Sync')) return Promise.reject(error);
        throw error;
      }
      const [file, bytes, from = 0] = args as [number, Buffer, number];
      return fs.writeSync(file, bytes, from, Math.ceil((bytes.length - from) / 2));
    };
  };
  const disk = Object.fromEntries(CALLS.map((call) => [call, wrap(call)])) as unknown as Disk;
  return { disk, calls };
}

/** For tests that open thousands of journals and simulate no power cuts. */
export const CARELESS: Disk = {
  ...REAL_DISK,
  fdatasyncSync: () => {},
  fsyncSync: () => {},
  fdatasync: () => Promise.resolve(),
  fsync: () => Promise.resolve(),
};

interface Content {
  readonly journal: Journal;
  readonly events: readonly Event[];
  readonly tornBytes: number;
}

export function tryOpen(path: string, disk: Disk = CARELESS): Result<Content> {
  const events: Event[] = [];
  const opened = Journal.open(path, (event) => events.push(event), disk);
  return opened.ok ? { ok: true, value: { ...opened.value, events } } : opened;
}

export function openJournal(path: string, disk: Disk = CARELESS): Content {
  const opened = tryOpen(path, disk);
  if (!opened.ok) throw new Error(opened.error);
  return opened.value;
}

/** The events of a journal as a daemon that starts now reads them, without the header. */
export function readJournal(path: string): readonly Event[] {
  const { journal, events } = openJournal(path);
  journal.close();
  return events.slice(1);
}

export function writeJournal(path: string, events: readonly Event[]): Buffer {
  const { journal } = openJournal(path);
  for (const event of events) assert.ok(journal.append([event]).ok);
  journal.close();
  return fs.readFileSync(fileOf(path));
}

export const fileOf = (path: string): string => join(path, 'journal.ndjson');

export const accepted = (run: number): Event => ({
  type: 'accepted',
  run,
  target: run % 2 === 0 ? 'web' : 'täglich ☂',
  at: stamp(run * 1_000),
  token: `token-${run}`,
  merged: true,
});
export const EIGHT = Array.from({ length: 8 }, (_, index) => accepted(index + 1));

/** A journal with much to forget, and the shortened form. */
export const LONG: readonly Event[] = [
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
  { type: 'paused', at: { steadyMs: 5, wallMs: 5 }, group: 'disk', untilMs: 9_000 },
  { type: 'paused', all: true },
  { type: 'resumed', all: true },
];

export function replay(events: readonly Event[]): State {
  const state = emptyState();
  for (const event of events) apply(state, event);
  return state;
}

export function assertSame(actual: State, wanted: State, message: string): void {
  assert.deepEqual(actual, wanted, message);
  assert.deepEqual(ordered(actual), ordered(wanted), message);
}

/** For each release a journal, VERSION.ndjson, and the state that it leads to, VERSION.json. */
export const RELEASES = join(ROOT, 'test/support/releases');
