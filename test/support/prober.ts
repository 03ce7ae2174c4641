/**
 * The well-behaved client of the fuzz, in a thread of its own so that it measures the daemon and
 * not the fuzz: requests the status over old and new connections, and runs a target, again and
 * again; both must always succeed, and the status must arrive in time.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { Session } from './rig.ts';

const STATUS_EVERY_MS = 20;
const RUN_EVERY_MS = 100;
/**
 * 99 of 100 replies to a status request, or to a connecting client, must not take longer; time
 * spent waiting for a processor does not count. The slowest one shows the machine rather than the
 * daemon, because a virtual processor may vanish unnoticed; it has the second limit.
 */
export const STATUS_MS_USUAL = 100;
const STATUS_MS_MAX = 1_000;
/** With a few hundred replies, one hundredth is too few for a rule. */
const LATE_FEW = 5;

export interface Probed {
  readonly statuses: number;
  readonly runs: number;
  readonly slowestStatusMs: number;
  /** Without the time in which the machine had no processor for the daemon or the prober. */
  readonly slowestOwnMs: number;
  /** Of those, what 99 of 100 did not exceed, and how many took longer than STATUS_MS_USUAL. */
  readonly usualOwnMs: number;
  readonly late: number;
  readonly slowestRunMs: number;
  readonly faults: readonly string[];
}

interface Place {
  readonly path: string;
  readonly pid: number;
}

/** Starts probing; the returned function stops it and returns the results. */
export function startProbing(path: string, pid: number): () => Promise<Probed> {
  const worker = new Worker(import.meta.filename, { workerData: { path, pid } });
  const probed = new Promise<Probed>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  probed.catch(() => {});
  return () => {
    worker.postMessage('stop');
    return probed;
  };
}

async function probe({ path, pid }: Place): Promise<Probed> {
  let isOver = false;
  parentPort?.once('message', () => {
    isOver = true;
  });
  const seen = { statuses: 0, runs: 0, slowestStatusMs: 0, slowestRunMs: 0 };
  const ownMs: number[] = [];
  const faults: string[] = [];
  const repeat = async (everyMs: number, once: () => Promise<void>): Promise<void> => {
    while (!isOver && faults.length === 0) {
      await once().catch((error: unknown) => faults.push(String(error)));
      await sleep(everyMs);
    }
  };
  const inTime = async <T>(work: () => Promise<T>): Promise<T> => {
    const before = stalledMs(pid);
    const { value, ms } = await timed(work);
    const stalled = stalledMs(pid) - before;
    seen.slowestStatusMs = Math.max(seen.slowestStatusMs, ms);
    ownMs.push(ms - stalled);
    if (ms - stalled > STATUS_MS_MAX) {
      faults.push(`a status took ${ms.toFixed(0)} ms, ${stalled.toFixed(0)} of them no processor`);
    }
    return value;
  };
  const status = async (): Promise<void> => {
    const session = await inTime(() => open(path));
    for (let asked = 0; asked < 5 && !isOver; asked++) {
      await inTime(() => session.ask({ type: 'status' }, 'status'));
      seen.statuses++;
      await sleep(STATUS_EVERY_MS);
    }
    session.close();
  };
  const run = async (): Promise<void> => {
    const session = await open(path);
    const { ms } = await timed(async () => {
      const ended = await session.ask({ type: 'run', target: 'probe', wait: true }, 'ended');
      if (ended.exit !== 0)
        faults.push(`run ${ended.run} ${ended.text}, exit status ${ended.exit}`);
    });
    seen.runs++;
    seen.slowestRunMs = Math.max(seen.slowestRunMs, ms);
    session.close();
  };
  await Promise.all([repeat(0, status), repeat(RUN_EVERY_MS, run)]);
  const inOrder = ownMs.toSorted((one, other) => one - other);
  const few = Math.max(LATE_FEW, Math.floor(inOrder.length / 100));
  const usualOwnMs = inOrder[inOrder.length - 1 - few] ?? 0;
  if (usualOwnMs > STATUS_MS_USUAL) {
    faults.push(
      `${few} of ${inOrder.length} took more than ${usualOwnMs.toFixed(0)} ms, expected ${STATUS_MS_USUAL}`,
    );
  }
  const late = ownMs.filter((ms) => ms > STATUS_MS_USUAL).length;
  return { ...seen, slowestOwnMs: inOrder.at(-1) ?? 0, usualOwnMs, late, faults };
}

/** If the kernel's queue of the socket is full, the client tries again. */
async function open(path: string): Promise<Session> {
  for (;;) {
    try {
      return await Session.open(path);
    } catch (error) {
      if (!String(error).includes('EAGAIN')) throw error;
      await sleep(1);
    }
  }
}

/** How long this thread and the daemon's have waited for a processor so far. */
function stalledMs(pid: number): number {
  const waits = [`/proc/${pid}/schedstat`, '/proc/thread-self/schedstat'].map((path) => {
    try {
      return Number(readFileSync(path, 'utf8').split(' ')[1]) / 1e6;
    } catch {
      return 0; // a kernel that does not count, or the daemon is gone
    }
  });
  return waits.reduce((sum, ms) => sum + ms);
}

async function timed<T>(work: () => Promise<T>): Promise<{ value: T; ms: number }> {
  const startedAtMs = performance.now();
  const value = await work();
  return { value, ms: performance.now() - startedAtMs };
}

if (!isMainThread) {
  parentPort?.postMessage(await probe(workerData as Place));
}
