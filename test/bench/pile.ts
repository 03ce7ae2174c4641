/**
 * States of any size, written as the journal that would lead to them: 100,000 queued runs are made
 * in a second instead of being requested.
 */
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Event } from '../../daemon/core/event.ts';
import { encodeLine, FORMAT } from '../../daemon/journal/record.ts';
import type { Stamp } from '../../daemon/shared/run.ts';

const CHUNK_CHARS = 1_048_576;
/** Long enough ago for every retention rule to apply. */
const AGE_MS = 86_400_000;

/** Writes the journal of a state directory; returns its number of events. */
export function writePile(directory: string, events: Iterable<Event>): number {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const file = openSync(join(directory, 'journal.ndjson'), 'wx', 0o600);
  let seq = 1;
  let text = encodeLine(seq, { type: 'journal', format: FORMAT });
  for (const event of events) {
    text += encodeLine(++seq, event);
    if (text.length < CHUNK_CHARS) continue;
    writeSync(file, text);
    text = '';
  }
  writeSync(file, text);
  closeSync(file);
  return seq;
}

/** Queued runs, distributed over these targets in turn. */
export function* waiting(targets: readonly string[], count: number): Generator<Event> {
  for (let run = 1; run <= count; run++) {
    yield accepted(run, targets[run % targets.length] ?? '');
  }
}

export function* pausing(targets: readonly string[]): Generator<Event> {
  for (const target of targets) yield { type: 'paused', target };
}

/** Runs that have exited with 0; those beyond `kept` have been forgotten again. */
export function* past(
  targets: readonly string[],
  count: number,
  kept = Number.POSITIVE_INFINITY,
): Generator<Event> {
  const keeper = { pid: 1, startTime: 0, bootId: '00000000-0000-0000-0000-000000000000' };
  const outcome = { kind: 'exited', code: 0 } as const;
  for (let run = 1; run <= count; run++) {
    const at = stamp(run);
    yield accepted(run, targets[run % targets.length] ?? '');
    yield { type: 'starting', run, attempt: 1, at, groups: [] };
    yield { type: 'started', run, attempt: 1, at, keeper };
    yield { type: 'ended', run, at, outcome, verdict: 'ok', bytes: 17 };
    if (run > kept) yield { type: 'forgotten', runs: [run - kept] };
  }
}

function accepted(run: number, target: string): Event {
  return { type: 'accepted', run, target, at: stamp(run), token: `token-${run}`, merged: true };
}

function stamp(run: number): Stamp {
  const ms = Date.now() - AGE_MS + run;
  return { steadyMs: ms, wallMs: ms };
}
