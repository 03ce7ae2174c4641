/** A run whose keeper is in a Slurm job: neither on this machine nor in this boot. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Retry, Target } from '../../../daemon/core/catalog.ts';
import { describeEvent } from '../../../daemon/core/describe-event.ts';
import { minimalHistory } from '../../../daemon/core/minimal-history.ts';
import { emptyState } from '../../../daemon/core/state.ts';
import type { KeeperId } from '../../../daemon/shared/run.ts';
import { Core, EXIT_0, NEVER_RAN, replay, target } from '../../support/core.ts';

const MINUTE_MS = 60_000;
const KEEPER: KeeperId = {
  ...{ pid: 0, startTime: 0, bootId: '', nonce: 'nonce', kind: 'slurm' },
  slurm: {
    ...{ token: 'baton:far:1.1:0123456789abcdef', directory: '/shared/1.nonce.1', job: '12' },
    from: { out: 0, err: 0 },
  },
};

/** A run that the journal has as released. */
function started(more: Partial<Target> = {}) {
  const core = new Core([target('far', [], more)], { manualKeepers: true });
  const run = core.ask('far');
  core.send({ type: 'kept', run, attempt: 1, keeper: KEEPER });
  return { core, run };
}

test('a timeout does not count while the job waits in Slurm: the keeper keeps it', () => {
  const { core, run } = started({ timeoutMs: MINUTE_MS });
  core.advance(100 * MINUTE_MS);
  assert.equal(core.expect(run, 'running').stopping, undefined);
  core.end(run, { ...EXIT_0, code: null, signal: 15, isTimedOut: true });
  assert.deepEqual(core.expect(run, 'ended').outcome, { kind: 'timed-out' });
});

test('a job whose command has not begun by the end of maxWait is given up, any other goes on', () => {
  for (const report of [NEVER_RAN, EXIT_0]) {
    const { core, run } = started({ maxWaitMs: MINUTE_MS });
    core.advance(2 * MINUTE_MS);
    assert.equal(core.expect(run, 'running').stopping, undefined, 'its command may have begun');
    core.end(run, report);
    assert.deepEqual(
      core.expect(run, 'ended').outcome,
      report.started ? { kind: 'exited', code: 0 } : { kind: 'expired', waitedMs: 2 * MINUTE_MS },
    );
  }
});

test('a job that ended before its command began is submitted again within maxWait only', () => {
  const { core, run } = started({ maxWaitMs: MINUTE_MS });
  core.end(run, NEVER_RAN);
  assert.equal(core.expect(run, 'starting').attempt, 2);
  core.advance(MINUTE_MS);
  assert.equal(core.expect(run, 'ended').outcome.kind, 'expired');
});

test('a run that Slurm does not take is given up by maxWait', () => {
  const core = new Core([target('far', [], { maxWaitMs: MINUTE_MS })], { manualKeepers: true });
  const run = core.ask('far');
  core.expect(run, 'starting');
  core.advance(MINUTE_MS);
  assert.equal(core.expect(run, 'ended').outcome.kind, 'expired');
  // It had been accepted just then.
  core.send({ type: 'kept', run, attempt: 1, keeper: KEEPER });
  core.expect(run, 'ended');
});

test('a run whose keeper is heard of only after its time to wait does not begin', () => {
  const core = new Core([target('far', [], { maxWaitMs: MINUTE_MS })], { manualKeepers: true });
  const run = core.ask('far');
  core.nowMs += MINUTE_MS;
  core.send({ type: 'kept', run, attempt: 1, keeper: KEEPER });
  assert.deepEqual(core.expect(run, 'ended').outcome, { kind: 'expired', waitedMs: MINUTE_MS });
});

test('a lost job is told of in words', () => {
  const { core, run } = started();
  const gone = { type: 'gone', run, attempt: 1, rebooted: false, survivors: [] } as const;
  core.send({ ...gone, detail: 'Slurm says FAILED' });
  const { outcome, verdict } = core.expect(run, 'ended');
  assert.deepEqual(outcome, { kind: 'lost', detail: 'Slurm says FAILED' });
  assert.equal(verdict, 'failed');
});

const RETRY: Retry = { attempts: 3, delayMs: 0, growth: 1, on: ['lost'] };
for (const [name, more] of [
  ['onLost', { onLost: 'retry' }],
  ['retry', { retry: RETRY }],
] as const) {
  test(`a lost job whose command may go on is not tried again by ${name}, another one is`, () => {
    for (const mayLive of [true, false]) {
      const { core, run } = started(more);
      const gone = { type: 'gone', run, attempt: 1, rebooted: false, survivors: [] } as const;
      core.send(mayLive ? { ...gone, mayLive } : gone);
      assert.equal(core.state.runs.get(run)?.state === 'ended', mayLive);
    }
  });
}

test('the job stays known in a compacted journal, and an old event names it', () => {
  const { core, run } = started({ maxWaitMs: MINUTE_MS });
  const events = [...minimalHistory(core.state)];
  const again = replay(events).runs.get(run);
  assert.ok(again?.state === 'running');
  assert.deepEqual([again.keeper, again.expiresAtMs], [KEEPER, MINUTE_MS]);
  const event = events.find(({ type }) => type === 'started');
  assert.equal(
    event && describeEvent(emptyState(), event),
    'run 1 (unknown) is running; its keeper is in job 12 of Slurm',
  );
});
