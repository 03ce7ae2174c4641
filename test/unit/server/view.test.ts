/** What clients see of the state, with the pure core. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { apply } from '../../../daemon/core/apply.ts';
import { snapshotOf } from '../../../daemon/core/snapshot.ts';
import type { Run } from '../../../daemon/core/state.ts';
import { NO_WORLD } from '../../../daemon/core/world.ts';
import { OUTCOME_WORDS } from '../../../daemon/protocol/request.ts';
import type { ViewContext } from '../../../daemon/server/views/run-view.ts';
import * as view from '../../../daemon/server/views/targets.ts';
import { runToEnd } from '../../../daemon/shared/cooperative.ts';
import { elapsedMs } from '../../../daemon/shared/elapsed.ts';
import { parsePattern } from '../../../daemon/shared/pattern.ts';
import { perform, steps, targets } from '../../support/arbitraries.ts';
import { Core, exit, stamp, target } from '../../support/core.ts';

function sceneryOf({ state, catalog, nowMs }: Core): ViewContext {
  const now = stamp(nowMs);
  return {
    state,
    catalog,
    now,
    lives: () => false,
    worldAround: () => NO_WORLD,
    progressOf: () => undefined,
    unrecordedEnd: () => undefined,
  };
}

const viewTargets = (context: ViewContext, hasDurations?: boolean) =>
  runToEnd(view.viewTargets(context, hasDurations));
const viewChain = (first: Run, context: ViewContext) => runToEnd(view.viewChain([first], context));
const viewHistory = (...asked: Parameters<typeof view.viewHistory>) =>
  runToEnd(view.viewHistory(...asked));

const ALL = { type: 'history', limit: 10_000 } as const;

test('history is narrowed by the age of the end and by verdict or kind of outcome', () => {
  const core = new Core([target('a', [], { warnExit: [2] })]);
  for (const [ms, code] of [0, 2, 1].entries()) {
    core.advance(ms * 1_000);
    core.end(core.ask('a'), exit(code));
  }
  core.lose(core.ask('a'));
  core.advance(5_000);
  const numbers = (more: object) =>
    viewHistory(sceneryOf(core), { ...ALL, ...more }).map(({ run }) => run);
  assert.deepEqual(numbers({}), [4, 3, 2, 1]);
  assert.deepEqual(numbers({ sinceMs: 4_000 }), [4, 3, 2]);
  assert.deepEqual(numbers({ sinceMs: 0 }), []);
  assert.deepEqual(numbers({ outcome: 'ok' }), [1]);
  assert.deepEqual(numbers({ outcome: 'warning' }), [2]);
  assert.deepEqual(numbers({ outcome: 'failed' }), [4, 3]);
  assert.deepEqual(numbers({ outcome: 'lost' }), [4]);
  assert.deepEqual(numbers({ outcome: 'exited', sinceMs: 3_000, limit: 1 }), [3]);
});

test('the long past of a target is gathered in pieces, newest first, whatever ended first', () => {
  const core = new Core([target('a')]);
  const runs = Array.from({ length: 5_000 }, () => core.ask('a'));
  for (const run of runs.reverse()) core.end(run);
  const pieces = view.viewHistory(sceneryOf(core), { ...ALL, limit: 3, target: 'a' });
  for (let at = 1; ; at++) {
    const { done, value } = pieces.next();
    if (done !== true) continue;
    assert.deepEqual(
      value.map(({ run }) => run),
      [5_000, 4_999, 4_998],
    );
    assert.ok(at > 5, `5,000 runs in ${at} pieces`);
    return;
  }
});

test('a narrowed history is what the whole one holds of it', () => {
  const word = fc.constantFrom(...OUTCOME_WORDS);
  fc.assert(
    fc.property(targets, steps, word, fc.nat(9_000), (catalog, list, outcome, sinceMs) => {
      const core = new Core(catalog);
      for (const step of list) perform(core, step);
      const context = sceneryOf(core);
      // The wall clock may differ: keepers report the times of their ends.
      const agoMs = ({ run }: { readonly run: number }): number => {
        const known = core.state.runs.get(run);
        return known?.state === 'ended' ? elapsedMs(context.now) - elapsedMs(known.ended) : 0;
      };
      const fits = viewHistory(context, ALL).filter(
        (run) =>
          (run.verdict === outcome || run.outcome?.kind === outcome) && agoMs(run) <= sinceMs,
      );
      assert.deepEqual(viewHistory(context, { ...ALL, outcome, sinceMs }), fits);
    }),
    { numRuns: 100 },
  );
});

const onDisk = [{ type: 'cardinality', group: 'disk', instances: 1 }] as const;
const WALL_MS = stamp(0).wallMs;

/** Four runs of `a` in the past, the last of them by far the longest, then one of each. */
function night(): { core: Core; a: number; b: number } {
  const core = new Core([target('a', onDisk, { progress: true }), target('b', onDisk)]);
  for (const ms of [100, 110, 120, 500]) {
    const run = core.ask('a');
    core.advance(core.nowMs + ms);
    core.end(run);
  }
  const [a, b] = [core.ask('a'), core.ask('b')];
  core.advance(core.nowMs + 50);
  return { core, a, b };
}

test('a run is shown with what is usual, when it is expected to end, and what that means for others', () => {
  const { core, a } = night();
  const [first, second] = viewTargets(sceneryOf(core));
  const usual = { medianMs: 115, lowMs: 108, highMs: 215, slowMs: 386, runs: 4 };
  assert.deepEqual(first?.usual, usual);
  const [running] = first?.active ?? [];
  assert.deepEqual([running?.run, running?.usual, running?.pace], [a, usual, undefined]);
  assert.equal(running?.expectedEndAtMs, WALL_MS + 830 + 115);
  const [waiting] = second?.queued ?? [];
  assert.equal(waiting?.expectedStartAtMs, WALL_MS + 830 + 115);
  assert.deepEqual([waiting?.expectedEndAtMs, waiting?.usual], [undefined, undefined]);
  core.advance(core.nowMs + 300);
  assert.equal(viewTargets(sceneryOf(core))[0]?.active[0]?.pace, 'slower');
});

test('who asks for durations gets each, and a run that may be given up says when', () => {
  const core = new Core([target('a', onDisk, { maxWaitMs: 5_000 })]);
  for (const ms of [30, 10, 20]) {
    const run = core.ask('a');
    core.advance(core.nowMs + ms);
    core.end(run);
  }
  core.ask('a');
  core.ask('a');
  const [plain] = viewTargets(sceneryOf(core));
  assert.equal(plain?.tookMs, undefined);
  assert.equal(plain?.queued[0]?.expiresAtMs, WALL_MS + 60 + 5_000);
  assert.equal(plain?.active[0]?.expiresAtMs, undefined);
  assert.deepEqual(viewTargets(sceneryOf(core), true)[0]?.tookMs, [30, 10, 20]);
});

test('of many targets fewer waiting runs are named each, but one, and all are counted', () => {
  const shown = (targets: number) => {
    const crowd = Array.from({ length: targets }, (_, at) => target(`t${at}`));
    const core = new Core(crowd);
    for (const { name } of crowd) {
      core.send({ type: 'pause', target: name });
      for (let run = 0; run < 12; run++) core.ask(name);
    }
    const views = viewTargets(sceneryOf(core));
    const counts = views.map(({ queued, waiting }) => `${queued.length} of ${waiting}`);
    return [...new Set(counts)];
  };
  assert.deepEqual(shown(100), ['10 of 12']);
  assert.deepEqual(shown(300), ['3 of 12']);
  assert.deepEqual(shown(1_200), ['1 of 12']);
});

test('history tells how each duration compares with the usual one', () => {
  const { core } = night();
  const paces = viewHistory(sceneryOf(core), ALL).map(({ pace }) => pace);
  assert.deepEqual(paces, ['slower', 'usual', 'usual', 'usual']);
});

test('what a run tells of its progress counts more than what was usual, if its target says so', () => {
  const { core, a, b } = night();
  const context = { ...sceneryOf(core), progressOf: () => 25 };
  const chain = viewChain(core.expect(b, 'queued'), context);
  assert.deepEqual(
    chain.map(({ run, progressPercent }) => [run, progressPercent]),
    [
      [b, undefined],
      [a, 25],
    ],
  );
  assert.deepEqual(
    [chain[1]?.expectedEndAtMs, chain[0]?.expectedStartAtMs],
    [WALL_MS + 830 + 200, WALL_MS + 830 + 200],
  );
  const { progress: _, ...silent } = core.catalog.targets.get('a') ?? target('a');
  core.configure([silent, target('b', onDisk)]);
  const other = viewChain(core.expect(b, 'queued'), { ...context, catalog: core.catalog });
  assert.deepEqual(
    [other[1]?.progressPercent, other[1]?.expectedEndAtMs],
    [undefined, WALL_MS + 830 + 115],
  );
});

test('a waiting run tells how often it was overtaken', () => {
  const level = (interval: string) => ({ type: 'rsnapshot', interval, settle: '0s' }) as const;
  const names = ['hourly', 'daily', 'monthly'];
  const core = new Core(names.map((name) => target(name, [level(name)])));
  const hourly = core.ask('hourly');
  core.ask('daily');
  core.ask('monthly');
  core.end(hourly);
  const [, daily] = viewTargets(sceneryOf(core));
  assert.equal(daily?.queued[0]?.overtaken, 1);
});

test('a run that was started again tells its attempt, also once it has ended', () => {
  const core = new Core([target('job', [], { onLost: 'retry' })]);
  const run = core.ask('job');
  const seen = (): number | undefined => {
    const [job] = viewTargets(sceneryOf(core));
    return (job?.active[0] ?? job?.last)?.attempt;
  };
  assert.equal(seen(), undefined, 'the first goes without saying');
  core.lose(run);
  assert.equal(seen(), 2);
  core.lose(run, [], true);
  assert.equal(seen(), 3);
  core.end(run);
  assert.equal(core.expect(run, 'ended').outcome.kind, 'exited');
  for (const _ of ['as it is', 'compacted']) {
    assert.equal(seen(), 3);
    core.compact();
  }
});

test('a start that its command never saw is no attempt, and takes none from "onLost"', () => {
  const core = new Core([target('job', [], { onLost: 'retry' })], { manualKeepers: true });
  const run = core.ask('job');
  // As in a shutdown: the next attempt is begun, and left to the next daemon.
  for (const tries of [1, 2, 3]) {
    core.restart();
    core.compact();
    core.keep(run);
    const [job] = viewTargets(sceneryOf(core));
    assert.equal(job?.active[0]?.attempt ?? 1, tries);
    core.lose(run, [], true);
  }
  assert.deepEqual(core.expect(run, 'ended').outcome, { kind: 'interrupted' });
  core.compact();
  const [job] = viewTargets(sceneryOf(core));
  assert.equal(job?.last?.attempt, 3);
});

test('a status of a thousand runs that wait in one group looks at the group once', () => {
  const crowd = Array.from({ length: 1_000 }, (_, at) => target(`t${at}`, onDisk));
  const core = new Core(crowd);
  for (const [at, { name }] of crowd.entries()) {
    const token = `token of ${name}`;
    apply(core.state, {
      type: 'accepted',
      run: at + 1,
      target: name,
      at: stamp(0),
      token,
      merged: true,
    });
  }
  core.send({ type: 'due', runs: [1] });
  let looks = 0;
  const targetStates = new Proxy(core.state.targetStates, {
    get: (all, key) => {
      const value: unknown = Reflect.get(all, key);
      if (key === 'get') looks++;
      return typeof value === 'function' ? value.bind(all) : value;
    },
  });
  const views = viewTargets({ ...sceneryOf(core), state: { ...core.state, targetStates } });
  assert.deepEqual(views.at(-1)?.queued[0]?.behind, [1]);
  assert.ok(looks < 20_000, `${looks} looks at queues`);
});

/** A thousand targets, each with its own group, a running run and three queued ones. */
function crowded(): Core {
  const crowd = Array.from({ length: 1_000 }, (_, at) => {
    return target(`t${at}`, [{ type: 'cardinality', group: `g${at}`, instances: 1 }]);
  });
  const core = new Core(crowd);
  for (const { name } of crowd) {
    apply(core.state, { type: 'remembered', target: name, tookMs: [1_000] });
    for (let run = 0; run < 4; run++) core.ask(name);
  }
  return core;
}

test('no piece of a status or a chain looks at more than a few of a thousand targets', () => {
  const core = crowded();
  let looks = 0;
  const runs = new Proxy(core.state.runs, {
    get: (all, key) => {
      const value: unknown = Reflect.get(all, key);
      if (key === 'get') looks++;
      return typeof value === 'function' ? value.bind(all) : value;
    },
  });
  const context = { ...sceneryOf(core), state: { ...core.state, runs } };
  const waiting = core.runs('queued')[0];
  assert.ok(waiting);
  for (const pieces of [view.viewTargets(context), view.viewChain([waiting], context)]) {
    // The first step makes the copy for the simulation.
    let most = 0;
    for (let at = 0; pieces.next().done !== true; at++) {
      if (at > 0) most = Math.max(most, looks);
      looks = 0;
    }
    assert.ok(most > 0 && most < 50, `${most} looks at runs in one piece`);
  }
});

test('a status made of an excerpt is of one moment, whatever happens between its pieces', () => {
  const moment = (core: Core) => ({ ...sceneryOf(core), state: snapshotOf(core.state) });
  const core = crowded();
  const expected = runToEnd(view.viewTargets(moment(core)));
  assert.deepEqual(expected, viewTargets(sceneryOf(core)), 'an excerpt shows what the state shows');
  const pieces = view.viewTargets(moment(core));
  for (const run of core.runs('running')) {
    const { done, value } = pieces.next();
    if (done === true) assert.fail(`made in one piece with ${value.length}`);
    core.end(run.run);
    core.ask(run.target);
  }
  assert.deepEqual(runToEnd(pieces), expected);
});

test('a run that is tried again shows its attempts, the reason, and when the next one begins', () => {
  const retry = { attempts: 4, delayMs: 300_000, growth: 1, on: ['exited'] };
  const core = new Core([target('a', [], { retry })]);
  const run = core.ask('a');
  core.advance(2_000);
  core.end(run, exit(23));
  const nextMs = stamp(302_000).wallMs;
  const viewOf = () => viewChain(core.state.runs.get(run) as Run, sceneryOf(core))[0];
  const queued = viewOf();
  assert.equal(queued?.attempt, 2);
  assert.deepEqual(queued.reasons, ['waits 5 min for attempt 2 of 4: attempt 1 exited with 23']);
  assert.deepEqual([queued.nextAttemptAtMs, queued.expectedStartAtMs], [nextMs, nextMs]);
  core.advance(310_000);
  core.end(run, exit(0));
  const ended = viewOf();
  assert.deepEqual([ended?.attempt, ended?.tookMs, ended?.waitedMs], [2, 8_000, 0]);
  const times = { startedAtMs: stamp(0).wallMs, endedAtMs: stamp(2_000).wallMs };
  const outcome = { kind: 'exited', code: 23 };
  assert.deepEqual(ended?.attempts, [{ ...times, outcome, text: 'exited with 23' }]);
  const [shown] = viewTargets(sceneryOf(core));
  assert.equal(shown?.retries, 1);
});

test('a run that is cancelled between two attempts shows how long the last one took', () => {
  const retry = { attempts: 4, delayMs: 300_000, growth: 1, on: ['exited'] };
  const core = new Core([target('a', [], { retry })]);
  const run = core.ask('a');
  core.advance(2_000);
  core.end(run, exit(23));
  core.advance(9_000);
  core.send({ type: 'cancel', runs: [run] });
  const [shown] = viewHistory(sceneryOf(core), ALL);
  assert.deepEqual([shown?.tookMs, shown?.text], [2_000, 'was cancelled before attempt 2']);
});

test('the latest runs are those after which nobody asked for the same again', () => {
  const any = parsePattern('.*');
  assert.ok(typeof any !== 'string');
  const core = new Core([target('a', [], { acceptArgs: [any] }), target('b')]);
  const ask = (name: string, args: string[]): number => {
    const token = `token ${core.events.length}`;
    const answer = core.send({ type: 'submit', target: name, token, merged: true, args });
    assert.ok(answer.type === 'accepted');
    return answer.run;
  };
  const [first, other, again, open] = [
    ask('a', ['x']),
    ask('a', ['y']),
    ask('a', ['x']),
    ask('b', []),
  ];
  for (const run of [first, other, again, open]) core.end(run, exit(1));
  core.ask('b');
  const numbers = (more: object) =>
    viewHistory(sceneryOf(core), { ...ALL, latest: true, ...more }).map(({ run }) => run);
  assert.deepEqual(numbers({}), [again, other]);
  assert.deepEqual(numbers({ target: 'b' }), []);
  core.end(ask('a', ['y']), exit(0));
  assert.deepEqual(numbers({ outcome: 'failed' }), [again]);
});
