/**
 * A journal of a million events, as left by a daemon that could never compact: the next one reads
 * it with little memory, serves, and compacts it.
 */
import assert from 'node:assert/strict';
import { closeSync, mkdirSync, openSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Event } from '../../daemon/core/event.ts';
import { encodeLine, FORMAT } from '../../daemon/journal/record.ts';
import { Rig } from '../support/rig.ts';

const EVENTS = 1_000_000;
/** How many runs of the target are remembered, as retention would leave it. */
const KEPT = 100;
/** Far less than a million events need. */
const HEAP_MB_MAX = 64;

const at = (ms: number) => ({ steadyMs: 1_000 + ms, wallMs: 1_700_000_000_000 + ms });

/** The life of one run, and of one that is forgotten for it. */
function lifeOf(run: number): readonly Event[] {
  const token = `2b1c0f6e-3a5d-4c1e-9d55-${String(run).padStart(12, '0')}`;
  const keeper = { pid: 4_000 + (run % 1_000), startTime: run, bootId: 'a boot long ago' };
  const outcome = { kind: 'exited', code: run % 3 } as const;
  const life: Event[] = [
    { type: 'accepted', run, target: 'daily', at: at(run), token, merged: true },
    { type: 'starting', run, attempt: 1, at: at(run), groups: ['cardinality:disk'] },
    { type: 'started', run, attempt: 1, at: at(run), keeper },
    { type: 'ended', run, at: at(run), outcome, verdict: 'ok', bytes: 7 },
  ];
  if (run > KEPT) life.push({ type: 'forgotten', runs: [run - KEPT] });
  return life;
}

/** Returns the number of the last run. */
function writeJournal(directory: string): number {
  mkdirSync(directory, { recursive: true });
  const file = openSync(join(directory, 'journal.ndjson'), 'w', 0o600);
  let [seq, run] = [1, 0];
  let text = encodeLine(seq, { type: 'journal', format: FORMAT });
  while (seq < EVENTS) {
    for (const event of lifeOf(++run)) text += encodeLine(++seq, event);
    if (text.length < 1_000_000) continue;
    writeSync(file, text);
    text = '';
  }
  writeSync(file, text);
  closeSync(file);
  return run;
}

test('a journal of a million events is replayed in little memory, and compacted', async (t) => {
  const rig = new Rig();
  t.after(() => rig.close());
  rig.configure({ targets: { daily: { runner: { type: 'local', args: ['/bin/true'] } } } });
  const last = writeJournal(rig.state);
  const bytes = statSync(join(rig.state, 'journal.ndjson')).size;
  const beganMs = performance.now();
  await rig.boot([], { NODE_OPTIONS: `--max-old-space-size=${HEAP_MB_MAX}` });
  t.diagnostic(`${bytes} bytes, ready after ${Math.round(performance.now() - beganMs)} ms`);
  const replayed = await rig.logged('journal replayed');
  assert.ok(Number(replayed['events']) >= EVENTS);
  const session = await rig.open();
  const ended = await session.ask({ type: 'run', target: 'daily', wait: true }, 'ended');
  assert.deepEqual([ended.run, ended.exit], [last + 1, 0]);
  await rig.logged('journal compacted');
  assert.ok(statSync(join(rig.state, 'journal.ndjson')).size < bytes / 1_000);

  const { runs: before } = await session.ask({ type: 'history', limit: 1_000 }, 'history');
  assert.ok(before.length >= KEPT);
  await rig.end('SIGKILL');
  await rig.boot();
  const { runs: after } = await (await rig.open()).ask(
    { type: 'history', limit: 1_000 },
    'history',
  );
  assert.deepEqual(after, before, 'the compacted journal tells the same');
});
