/**
 * Section 5: the start of a daemon: cold, with a long journal, and how long a compaction blocks it.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { apply } from '../../daemon/core/apply.ts';
import { minimalHistory } from '../../daemon/core/minimal-history.ts';
import { emptyState } from '../../daemon/core/state.ts';
import { Journal } from '../../daemon/journal/journal.ts';
import { Activated } from './activated.ts';
import { median, NODE, type Options, takeTurns, timeIt, timeOnce } from './measure.ts';
import { gaps, has } from './peers.ts';
import { past, pausing, waiting, writePile } from './pile.ts';
import { Subject, TRUE } from './subject.ts';
import type { Line } from './table.ts';

/** The first budget was 1,000. */
const REPLAY_MS = 800;
/** Of `node -e 0`, and of the start with an empty journal. */
const COLD_FACTOR = 1.8;
const LONG_FACTOR = 2;
const HUGE_FACTOR = 8;
const EVENTS = 100_000;
/** Runs that the default `keep` retains for ten targets. */
const KEPT = 1_000;
/** accepted, starting, started, ended, forgotten. */
const EVENTS_A_RUN = 5;

export async function measureStart(options: Options): Promise<readonly Line[]> {
  return [
    ...(await measureCold(options)),
    ...(await measureReplay(options)),
    ...(await measureCompaction(options)),
  ];
}

async function measureCold({ isQuick }: Options): Promise<readonly Line[]> {
  const what = 'cold start by its socket, to the first reply';
  if (!has('systemd-socket-activate')) return gaps(what, 'systemd-socket-activate');
  const activated = new Activated({ t: TRUE });
  try {
    const { cold, node } = await takeTurns(isQuick ? 2 : 15, {
      node: () => timeOnce([NODE, '-e', '0']),
      cold: async () => {
        await activated.listen();
        const tookMs = await activated.firstReplyMs();
        await activated.end();
        return tookMs;
      },
    });
    const against = { what: 'node -e 0', figure: node };
    const goal = { rule: 'at most', on: 'ratio', bound: COLD_FACTOR } as const;
    return [{ what, unit: 'ms', figure: cold, against, goal }];
  } finally {
    await activated.close();
  }
}

async function measureReplay(options: Options): Promise<readonly Line[]> {
  const rounds = options.isQuick ? 1 : 3;
  const bootMs = async (pile: Subject): Promise<number> => {
    const tookMs = await timeIt(() => pile.go());
    await pile.end('SIGKILL');
    return tookMs;
  };
  const make = async (events: number, kept: number): Promise<Subject> => {
    const targets = Array.from({ length: 10 }, (_, at) => `t${at}`);
    const pile = past(targets, Math.floor(events / EVENTS_A_RUN), kept);
    const config = Object.fromEntries(targets.map((name) => [name, TRUE]));
    const subject = await Subject.on(config, { pile });
    await subject.end('SIGKILL');
    return subject;
  };
  const all = Number.POSITIVE_INFINITY;
  const events = options.isQuick ? EVENTS / 10 : EVENTS;
  const empty = await make(0, KEPT);
  const usual = await make(events, KEPT);
  const kept = await make(events, all);
  options.say(`start: writing ${(events * 10).toLocaleString('en')} events`);
  const huge = await make(events * 10, KEPT);
  const queue = await Subject.on(
    { t: TRUE },
    { pile: [...pausing(['t']), ...waiting(['t'], events)] },
  );
  await queue.end('SIGKILL');
  try {
    const ms = await takeTurns(rounds, {
      empty: () => bootMs(empty),
      usual: () => bootMs(usual),
      kept: () => bootMs(kept),
      queue: () => bootMs(queue),
      huge: () => bootMs(huge),
    });
    const against = { what: 'with none', figure: ms.empty };
    const budget = { rule: 'at most', on: 'figure', bound: REPLAY_MS } as const;
    const atMost = (bound: number) => ({ rule: 'at most', on: 'ratio', bound }) as const;
    const [goal, hugeGoal] = [atMost(LONG_FACTOR), atMost(HUGE_FACTOR)];
    const said = events.toLocaleString('en');
    const ten = (events * 10).toLocaleString('en');
    return [
      { what: `start with ${said} events`, unit: 'ms', figure: ms.usual, against, budget, goal },
      { what: `the same, no run forgotten`, unit: 'ms', figure: ms.kept, against, budget, goal },
      { what: `the same, all waiting`, unit: 'ms', figure: ms.queue, against, budget, goal },
      { what: `start with ${ten} events`, unit: 'ms', figure: ms.huge, against, goal: hugeGoal },
    ];
  } finally {
    for (const subject of [empty, usual, kept, queue, huge]) {
      rmSync(subject.directory, { recursive: true, force: true });
    }
  }
}

/** The longest block of the loop while the journal is rewritten; the same code, run here. */
async function measureCompaction({ isQuick }: Options): Promise<readonly Line[]> {
  const lines: Line[] = [];
  for (const runs of [KEPT, isQuick ? 2_000 : 10_000]) {
    const directory = mkdtempSync(join(tmpdir(), 'baton-compaction-'));
    try {
      writePile(join(directory, 'state'), past(['t'], runs));
      const state = emptyState();
      const opened = Journal.open(join(directory, 'state'), (event) => apply(state, event));
      if (!opened.ok) throw new Error(opened.error);
      const { journal } = opened.value;
      const took: number[] = [];
      for (let time = 0; time < 5; time++) {
        const delays = monitorEventLoopDelay({ resolution: 1 });
        delays.enable();
        const compacted = await journal.compact(minimalHistory(state));
        delays.disable();
        if (!compacted.ok) throw new Error(compacted.error);
        took.push(delays.max / 1e6);
      }
      journal.close();
      const what = `longest pause of a compaction, ${runs.toLocaleString('en')} runs remembered`;
      lines.push({ what, unit: 'ms', figure: median(took) });
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  }
  return lines;
}
