/** Requests from the commands of runs: exactly what would wait for ever is refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Target } from '../../../daemon/core/catalog.ts';
import type { Answer } from '../../../daemon/core/command.ts';
import type { CallerWait } from '../../../daemon/core/deadlock.ts';
import { CALLER_WAITS_MAX, CallerWaits } from '../../../daemon/engine/caller-waits.ts';
import type { RunId } from '../../../daemon/shared/run.ts';
import { targets } from '../../support/arbitraries.ts';
import { Core, type RawPolicy, target } from '../../support/core.ts';

/** Runs whose commands wait, as the daemon and the clients together know them. */
class Jobs {
  readonly core: Core;
  readonly waits: CallerWait[] = [];
  #tokens = 0;

  constructor(list: readonly Target[], core = new Core(list)) {
    this.core = core;
  }

  /** The command of this run requests a target, and waits if it is accepted. */
  ask(caller: RunId, name: string): Answer {
    const token = `of ${caller}, ${++this.#tokens}`;
    const { waits } = this;
    const answer = this.core.send({
      type: 'submit',
      target: name,
      token,
      merged: true,
      caller,
      waits,
    });
    if ('run' in answer) this.waits.push({ caller, run: answer.run });
    return answer;
  }

  /** Ends every run that waits for nothing or is being stopped, until no more can. */
  settle(): void {
    const { core } = this;
    const isOver = (run: RunId) => core.state.runs.get(run)?.state === 'ended';
    for (;;) {
      const able = core
        .runs('running')
        .find(
          ({ run, stopping }) =>
            stopping !== undefined || this.waits.every((it) => it.caller !== run || isOver(it.run)),
        );
      const nextMs = Math.min(...core.timers.map(({ atMs }) => atMs));
      if (able !== undefined) core.end(able.run);
      else if (nextMs !== Number.POSITIVE_INFINITY) core.advance(nextMs);
      else return;
    }
  }
}

const group = (name: string, instances = 1): RawPolicy => ({
  type: 'cardinality',
  group: name,
  instances,
});

function reasonOf(answer: Answer): string {
  return answer.type === 'refused' ? answer.reason : answer.type;
}

test('a run that waits for another of its own group is told that neither would ever end', () => {
  const jobs = new Jobs([target('a', [group('disk')]), target('b', [group('disk')])]);
  jobs.core.ask('a');
  assert.equal(
    reasonOf(jobs.ask(1, 'b')),
    'it cannot start before run 1 (a) has ended, and run 1 (a) would wait for it: none of them would ever end; do not wait for it in run 1 (a), or give the targets different groups',
  );
  assert.equal(jobs.core.runs('queued').length, 0);
  jobs.core.end(1);
  assert.equal(jobs.ask(1, 'b').type, 'accepted', 'a run that is over waits for nobody');
});

test('whoever does not wait is accepted', () => {
  const core = new Core([target('a', [group('disk')]), target('b', [group('disk')])]);
  core.ask('a');
  assert.equal(core.submit('b').type, 'accepted');
});

test('an interval that asks for another of its rsnapshot.conf is refused', () => {
  const level = (interval: string) => target(interval, [{ type: 'rsnapshot', interval }]);
  const jobs = new Jobs([level('daily'), level('weekly')]);
  jobs.core.ask('weekly');
  assert.match(reasonOf(jobs.ask(1, 'daily')), /cannot start before run 1 \(weekly\) has ended/);
});

test('a run that would join itself is refused', () => {
  const jobs = new Jobs([target('a', [{ type: 'cardinality', whenFull: 'join' }])]);
  jobs.core.ask('a');
  assert.equal(
    reasonOf(jobs.ask(1, 'a')),
    'run 1 (a) would wait for itself to end, forever; do not wait for it from there',
  );
});

test('a run far down that needs the place of the first that waits is refused, and names both', () => {
  const jobs = new Jobs([
    target('a', [group('disk')]),
    target('b', [group('tape')]),
    target('c'),
    target('d', [group('disk')]),
    target('a2', [{ type: 'cardinality', group: 'disk', whenFull: 'join' }]),
  ]);
  jobs.core.ask('a');
  assert.deepEqual(jobs.ask(1, 'b'), { type: 'accepted', run: 2 });
  assert.deepEqual(jobs.ask(2, 'c'), { type: 'accepted', run: 3 });
  assert.match(
    reasonOf(jobs.ask(3, 'd')),
    /^it cannot start before run 1 \(a\) has ended, and that waits for run 3 \(c\): none of them/,
  );
});

test('two that wait for what the other holds: the second is refused', () => {
  const jobs = new Jobs([
    target('a', [group('one')]),
    target('b', [group('two')]),
    target('c', [group('two')]),
    target('d', [group('one')]),
  ]);
  jobs.core.ask('a');
  jobs.core.ask('c');
  assert.equal(jobs.ask(1, 'b').type, 'accepted', 'c will end, as far as anybody knows');
  assert.match(reasonOf(jobs.ask(2, 'd')), /cannot start before run 1 \(a\) has ended/);
  jobs.settle();
  assert.equal(jobs.core.runs('ended').length, 3);
});

test('two that wait for the last place of their own group: the second is refused', () => {
  const jobs = new Jobs([target('a', [group('disk', 2)])]);
  jobs.core.ask('a');
  jobs.core.ask('a');
  assert.equal(jobs.ask(1, 'a').type, 'accepted');
  assert.match(reasonOf(jobs.ask(2, 'a')), /^it cannot start before run \d \(a\) has ended/);
});

test('what has room beside the callers is accepted', () => {
  const jobs = new Jobs([target('a', [group('disk', 2)]), target('b', [group('disk', 2)])]);
  jobs.core.ask('a');
  assert.equal(jobs.ask(1, 'b').type, 'accepted');
  assert.match(reasonOf(jobs.ask(2, 'b')), /cannot start before run \d \(\w\) has ended/);
});

test('a request that ends the run in the way has nothing to wait for', () => {
  const newest: RawPolicy = { type: 'cardinality', whenFull: 'replace' };
  const jobs = new Jobs([target('a', [group('disk')]), target('b', [newest])]);
  jobs.core.ask('a');
  jobs.core.ask('b');
  assert.equal(jobs.ask(2, 'a').type, 'accepted');
  // Run 2 waits for what run 1 holds, and is ended for the request.
  assert.equal(jobs.ask(1, 'b').type, 'accepted');
});

test('a run that would be ended for its own request, and that with it, is refused', () => {
  const jobs = new Jobs([target('b', [{ type: 'cardinality', whenFull: 'replace' }])]);
  jobs.core.ask('b');
  assert.match(reasonOf(jobs.ask(1, 'b')), /would ever|would wait/);
  assert.equal(jobs.core.expect(1, 'running').stopping, undefined);
});

test('a run that is being stopped waits for nobody: it ends', () => {
  const jobs = new Jobs([target('a', [group('disk')]), target('b', [group('disk')])]);
  jobs.core.ask('a');
  jobs.core.send({ type: 'cancel', runs: [1] });
  assert.equal(jobs.ask(1, 'b').type, 'accepted');
});

test('a group that is busy with others will be free: the request waits', () => {
  const jobs = new Jobs([target('a'), target('b', [group('disk')])]);
  jobs.core.ask('a');
  jobs.core.ask('b');
  assert.equal(jobs.ask(1, 'b').type, 'accepted');
  jobs.settle();
  assert.equal(jobs.core.runs('ended').length, 3);
});

const requests = fc.array(fc.tuple(fc.option(fc.nat(9)), fc.nat(9)), { maxLength: 25 });

/** Without time limits, which would end any wait. */
const timeless = targets.map((list) => shown(list.map(withoutLimits)));
/** A queued run that is held back by a limit is passed over by those behind it. */
const limitsOnly = timeless.map((list) =>
  shown(
    list.map((it) => ({
      ...it,
      bindings: it.bindings.filter(({ policy }) => policy.type === 'cardinality'),
    })),
  ),
);

function withoutLimits({ timeoutMs: _, maxWaitMs: __, broken: ___, ...rest }: Target): Target {
  return { ...rest, bindings: rest.bindings.filter(({ policy }) => policy.deadline === undefined) };
}

/** A counterexample shows the relevant settings of the targets. */
function shown(list: Target[]): Target[] {
  const value = () =>
    JSON.stringify(list.map(({ bindings }) => bindings.map(({ key, options }) => [key, options])));
  return Object.defineProperty(list, fc.toStringMethod, { value });
}

function play(
  list: readonly Target[],
  asks: readonly (readonly [number | null, number])[],
  refused: (jobs: Jobs, caller: RunId, name: string) => void,
): Jobs {
  const jobs = new Jobs(list);
  for (const [by, which] of asks) {
    const { name } = list[which % list.length] ?? { name: '' };
    const running = jobs.core.runs('running');
    const caller = by === null ? undefined : running[by % Math.max(1, running.length)];
    if (caller === undefined) jobs.core.submit(name);
    else if (/would (ever|wait)/.test(reasonOf(jobs.ask(caller.run, name)))) {
      refused(jobs, caller.run, name);
    }
  }
  return jobs;
}

test('what is not refused comes to its end, however the commands of runs ask for each other', () => {
  fc.assert(
    fc.property(limitsOnly, requests, (list, asks) => {
      const jobs = play(list, asks, () => {});
      jobs.settle();
      assert.deepEqual(jobs.core.runs('running'), []);
      assert.deepEqual(jobs.core.runs('queued'), []);
    }),
    { numRuns: 500 },
  );
});

test('what is refused would have kept its caller waiting for ever', () => {
  fc.assert(
    fc.property(timeless, requests, (list, asks) => {
      play(list, asks, ({ core, waits }, caller, name) => {
        const other = new Jobs(list);
        other.core.restart([...core.events]);
        other.waits.push(...waits);
        const answer = other.core.submit(name, 'without a word of the caller');
        assert.ok('run' in answer);
        other.waits.push({ caller, run: answer.run });
        // Its own request ends it, and with it the run that waits.
        if (other.core.expect(caller, 'running').stopping?.by === answer.run) return;
        other.settle();
        other.core.expect(caller, 'running');
      });
    }),
    { numRuns: 300 },
  );
});

test('no more waits are noted than there may be, and each is taken back by itself', () => {
  const known = new CallerWaits();
  const core = new Core([target('a')]);
  const run = core.ask('a');
  const undo = Array.from({ length: CALLER_WAITS_MAX + 5 }, (_, n) => known.add(n, { run }));
  assert.equal(known.pairs(core.state).length, CALLER_WAITS_MAX);
  for (const back of undo) back();
  assert.deepEqual(known.pairs(core.state), []);
  known.add(7, { token: 'token 1' });
  known.add(8, { token: 'of nobody' });
  assert.deepEqual(known.pairs(core.state), [{ caller: 7, run }]);
});
