/**
 * Loaded into a real daemon with `node --import`: makes it kill itself, as with SIGKILL, with the
 * probability CRASH_CHANCE at every step between two effects, or at CRASH_AT only, and write the
 * place to the file CRASH_LOG. Its journal is compacted all the time, in steps of a few events.
 * None of this is in the product.
 *
 * Without CRASH_CHANCE nothing is armed: the soak needs only the names.
 */
import { appendFileSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Disk, REAL_DISK } from '../../daemon/journal/disk.ts';
import { Journal } from '../../daemon/journal/journal.ts';
import { ForkServer } from '../../daemon/keepers/fork-server.ts';
import { ProcessKeepers } from '../../daemon/keepers/process-keepers.ts';
import { Service } from '../../daemon/server/service.ts';

/** In the order in which a compaction passes them. */
export const COMPACTION_POINTS = [
  'compaction: file made',
  'compaction: part of a step written',
  'compaction: between two steps',
  'compaction: file synced',
  'compaction: before the rename',
  'compaction: after the rename',
  'compaction: before the sync of the directory',
  'compaction: after the sync of the directory',
] as const;
type CompactionPoint = (typeof COMPACTION_POINTS)[number];

/** Steps of a compaction, whatever its size. */
const STEPS = 8;
/** Events that make a journal worth compacting. */
const GROWTH = 10;

const chance = Number(process.env['CRASH_CHANCE'] ?? 0);
const only = process.env['CRASH_AT'];
const log = process.env['CRASH_LOG'];
if (chance > 0) armAll();

function armAll(): void {
  arm(Journal.prototype, 'append');
  arm(Journal.prototype, 'sync');
  arm(ProcessKeepers.prototype, 'start');
  arm(ProcessKeepers.prototype, 'go');
  arm(ProcessKeepers.prototype, 'adopt');
  arm(ForkServer.prototype, 'keep');
  arm(Service.prototype, 'handle');
  arm(Service.prototype, 'notify');
  compactOften();
  armCompaction();
}

/** `last` is done before the death. */
function mayDie(point: string, last?: () => void): void {
  const isCompaction = COMPACTION_POINTS.some((name) => name === point);
  // Compactions pass so often that the daemon would never die anywhere else.
  if (only === undefined ? isCompaction : only !== point) return;
  if (Math.random() >= chance) return;
  last?.();
  if (log !== undefined) appendFileSync(log, `${point}\n`);
  process.kill(process.pid, 'SIGKILL');
}

/** Wraps a method: the daemon may die before it and after it. */
function arm<T extends object, K extends keyof T & string>(prototype: T, name: K): void {
  const original = prototype[name];
  if (typeof original !== 'function') throw new Error(`no method ${name}`);
  Object.defineProperty(prototype, name, {
    value: function armed(this: T, ...args: unknown[]): unknown {
      mayDie(`before ${name}`);
      const result: unknown = original.apply(this, args);
      mayDie(`after ${name}`);
      return result;
    },
  });
}

function compactOften(): void {
  const original = Journal.prototype.compact;
  let isCompacting = false;
  let seqCompacted = 0;
  Object.defineProperty(Journal.prototype, 'isBloated', {
    get: function isBloated(this: Journal): boolean {
      return !isCompacting && this.seq >= seqCompacted + GROWTH;
    },
  });
  const pause = async (): Promise<void> => {
    await nextTurn();
    mayDieIn('compaction: between two steps');
  };
  Journal.prototype.compact = async function compact(history) {
    isCompacting = true;
    const steps = { events: Math.ceil(this.seq / STEPS), pause };
    const compacted = await original.call(this, history, steps);
    [isCompacting, seqCompacted] = [false, this.seq];
    return compacted;
  };
}

function mayDieIn(point: CompactionPoint, last?: () => void): void {
  mayDie(point, last);
}

/** Only a compaction opens a .tmp, renames, and syncs a directory with this disk. */
function armCompaction(): void {
  const real = { ...REAL_DISK };
  let aside: number | undefined;
  const armed: Pick<Disk, 'openSync' | 'renameSync' | 'fdatasync' | 'fsync'> = {
    openSync(path, flags, mode) {
      const file = real.openSync(path, flags, mode);
      if (!String(path).endsWith('.tmp')) return file;
      aside = file;
      mayDieIn('compaction: file made');
      return file;
    },
    renameSync(from, to) {
      mayDieIn('compaction: before the rename');
      real.renameSync(from, to);
      aside = undefined;
      mayDieIn('compaction: after the rename');
    },
    async fdatasync(file) {
      await real.fdatasync(file);
      if (file === aside) mayDieIn('compaction: file synced');
    },
    async fsync(file) {
      mayDieIn('compaction: before the sync of the directory');
      await real.fsync(file);
      mayDieIn('compaction: after the sync of the directory');
    },
  };
  const writeSync = (file: number, bytes: Buffer, at: number): number => {
    if (file === aside) {
      const half = Math.ceil((bytes.length - at) / 2);
      mayDieIn('compaction: part of a step written', () => real.writeSync(file, bytes, at, half));
    }
    return real.writeSync(file, bytes, at);
  };
  Object.assign(REAL_DISK, armed, { writeSync });
}
