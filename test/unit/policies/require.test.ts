/** The require policy in examples. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as v from 'valibot';
import type { SlowCondition } from '../../../daemon/core/world.ts';
import { FRESH_MS, require } from '../../../policies/require.ts';
import { Core, exit, NEVER_RAN, type RawPolicy, target } from '../../support/core.ts';

const SECOND = 1_000;
const MINUTE = 60_000;
const HOUR = 3_600_000;

function needs(more: Omit<RawPolicy, 'type'>): RawPolicy {
  return { type: 'require', ...more };
}
const disk = needs({ mounted: '/mnt/backup' });
const space = needs({ free: '50GB', freeOn: '/mnt/backup' });
const limit: RawPolicy = { type: 'cardinality', group: 'disk' };

function reasonOf(core: Core, run: number): string {
  const { outcome } = core.expect(run, 'ended');
  return outcome.kind === 'skipped' ? outcome.reason : outcome.kind;
}

test('a run waits while its disk is not mounted, is looked at every 30 s, and starts then', () => {
  const core = new Core([target('t', [disk])]);
  let isMounted = false;
  core.conditions.truth = () => isMounted;
  const run = core.ask('t');
  assert.deepEqual(core.why(run), [
    'waits for: the mount point /mnt/backup is wrong (checked 22:13:20, again every 30.0 s)',
  ]);
  core.advance(29 * SECOND);
  isMounted = true;
  core.expect(run, 'queued');
  core.advance(30 * SECOND);
  core.expect(run, 'running');
});

test('what is mounted is seen in the moment of the start: no run starts by an old answer', () => {
  const core = new Core([target('t', [disk, limit])]);
  let isMounted = true;
  core.conditions.truth = () => isMounted;
  const first = core.ask('t');
  const second = core.ask('t');
  isMounted = false;
  core.end(first);
  core.expect(second, 'queued');
});

test('what takes time is asked for when nothing else is in the way, and is not asked twice', () => {
  const core = new Core([target('t', [space, limit])]);
  core.conditions.isManual = true;
  const run = core.ask('t');
  const asked = core.conditions.asked.map(({ condition }) => condition);
  const free: SlowCondition = {
    ...({ kind: 'free', path: '/mnt/backup', bytes: 50e9 } as const),
    timeoutMs: 10 * SECOND,
  };
  assert.deepEqual(asked, [free]);
  assert.deepEqual(core.why(run), [
    'waits for: the free space of /mnt/backup, which is checked right before the start',
  ]);
  core.answer();
  core.expect(run, 'running');
  core.ask('t');
  core.advance(MINUTE);
  assert.equal(core.conditions.asked.length, 1, 'the place is taken: nobody looks');
});

test('an answer that is older than it may be does not start a run: another one is asked for', () => {
  for (const pause of ['awake', 'asleep']) {
    for (const [ageMs, isFresh] of [
      [10 * SECOND + FRESH_MS, true],
      [10 * SECOND + FRESH_MS + 1, false],
    ] as const) {
      const core = new Core([target('t', [space])]);
      core.conditions.isManual = true;
      const run = core.ask('t');
      core.send({ type: 'pause', target: 't' });
      core.answer();
      if (pause === 'asleep') core.sleep(ageMs);
      else core.advance(core.nowMs + ageMs);
      core.send({ type: 'resume', target: 't' });
      core.expect(run, isFresh ? 'running' : 'queued');
      if (isFresh) continue;
      core.answer();
      core.expect(run, 'running');
    }
  }
});

test('what was seen before a run was asked for neither starts nor skips it', () => {
  const core = new Core([target('t', [{ ...space, otherwise: 'skip' }])]);
  let isRoom = true;
  core.conditions.truth = () => isRoom;
  core.expect(core.ask('t'), 'running');
  isRoom = false;
  core.advance(core.nowMs + SECOND);
  core.expect(core.ask('t'), 'ended');
  isRoom = true;
  core.advance(core.nowMs + SECOND);
  core.expect(core.ask('t'), 'running');
});

test('what was seen before the last attempt ended starts no further one', () => {
  const retry = { attempts: 2, delayMs: SECOND, growth: 1, on: ['exited'] };
  const core = new Core([target('t', [space], { retry })]);
  let isRoom = true;
  core.conditions.truth = () => isRoom;
  const run = core.ask('t');
  core.advance(core.nowMs + SECOND);
  isRoom = false;
  core.end(run, exit(1));
  core.advance(core.nowMs + SECOND);
  core.expect(run, 'queued');
});

test('bad news is looked at again when its time has come, and not before', () => {
  const core = new Core([target('t', [{ ...space, every: '1m' }])]);
  let isRoom = false;
  core.conditions.truth = () => isRoom;
  const run = core.ask('t');
  core.advance(59 * SECOND);
  core.touch('t');
  assert.equal(core.conditions.asked.length, 1);
  isRoom = true;
  core.advance(MINUTE);
  assert.equal(core.conditions.asked.length, 2);
  core.expect(run, 'running');
});

test('a run that is only to be looked at is not overtaken meanwhile; one that must wait is', () => {
  const core = new Core([target('a', [space, limit]), target('b', [limit])]);
  let isRoom = true;
  core.conditions.truth = () => isRoom;
  core.conditions.isManual = true;
  const [first, a, b] = [core.ask('b'), core.ask('a'), core.ask('b')];
  core.end(first);
  core.expect(b, 'queued');
  core.answer();
  core.expect(a, 'running');
  const [again, last] = [core.ask('a'), core.ask('b')];
  core.end(a);
  core.expect(b, 'running');
  isRoom = false;
  core.advance(MINUTE);
  core.end(b);
  core.answer();
  core.expect(last, 'running');
  core.expect(again, 'queued');
});

test('with "skip" a run ends at once, by a fresh answer, and its client exits with 75', () => {
  const core = new Core([target('t', [{ ...space, otherwise: 'skip' }])]);
  let isRoom = false;
  core.conditions.truth = () => isRoom;
  const run = core.ask('t');
  assert.equal(reasonOf(core, run), 'the free space of /mnt/backup is wrong (checked 22:13:20)');
  assert.equal(core.expect(run, 'ended').verdict, 'failed');
  isRoom = true;
  core.advance(10 * SECOND + FRESH_MS + 1);
  core.expect(core.ask('t'), 'running');
});

test('a run is given up that long after it was asked for, and by a fresh answer', () => {
  const core = new Core([target('t', [{ ...disk, giveUp: '2h', every: '45m' }])]);
  core.conditions.truth = () => false;
  const run = core.ask('t');
  core.advance(2 * HOUR - 1);
  core.expect(run, 'queued');
  core.advance(2 * HOUR);
  assert.equal(
    reasonOf(core, run),
    'the mount point /mnt/backup is wrong (checked 00:13:20), 2 h after it was requested',
  );
  const slow = new Core([target('t', [{ ...space, giveUp: '2h', every: '90m' }])]);
  let isRoom = false;
  slow.conditions.truth = () => isRoom;
  const second = slow.ask('t');
  slow.advance(100 * MINUTE);
  isRoom = true;
  slow.advance(2 * HOUR);
  slow.expect(second, 'running');
});

test('of several conditions all must hold; slow ones are not looked at while a mount is missing', () => {
  const both = needs({ mounted: '/mnt/backup', free: '1GB', missing: '/run/maintenance' });
  const core = new Core([target('t', [both])]);
  let wrong = ['mounted', 'missing'];
  core.conditions.truth = ({ kind }) => !wrong.includes(kind);
  const run = core.ask('t');
  assert.deepEqual(core.conditions.asked, []);
  wrong = ['missing'];
  core.advance(30 * SECOND);
  assert.match(core.why(run).join(), /^waits for: the file \/run\/maintenance is wrong \(checked/);
  wrong = [];
  core.advance(60 * SECOND);
  core.expect(run, 'running');
});

test('a busy machine, a host and a command are conditions like any others', () => {
  const all = needs({
    ...{
      acPower: true,
      load: 4,
      ioPressure: 20,
      command: ['/usr/local/bin/ready', '-q'],
      user: 'backup',
    },
    ...{ host: 'nas', port: 445, timeout: '3s' },
  });
  const core = new Core([target('t', [all])]);
  let wrong = 'load';
  core.conditions.truth = ({ kind }) => kind !== wrong;
  const run = core.ask('t');
  assert.match(core.why(run).join(), /^waits for: the load of the machine is wrong/);
  wrong = 'acPower';
  core.advance(30 * SECOND);
  assert.match(core.why(run).join(), /^waits for: the AC power of the machine is wrong/);
  wrong = 'host';
  core.advance(MINUTE);
  assert.match(core.why(run).join(), /^waits for: port 445 of nas is wrong/);
  wrong = '';
  core.advance(2 * MINUTE);
  core.expect(run, 'running');
  const asked = core.conditions.asked.map(({ condition }) => condition);
  const args = ['/usr/local/bin/ready', '-q'];
  assert.deepEqual(asked[1], { kind: 'command', args, user: 'backup', timeoutMs: 3 * SECOND });
});

test('nothing wakes the daemon while no run waits for the world', () => {
  const core = new Core([target('t', [disk, space])]);
  core.end(core.ask('t'));
  assert.deepEqual(core.timers, []);
  core.conditions.truth = () => false;
  core.send({ type: 'cancel', runs: [core.ask('t')] });
  core.advance(HOUR);
  assert.deepEqual(core.timers, []);
});

test('the world is not looked at while another policy makes the run wait, however long that is', () => {
  const closed: RawPolicy = { type: 'window', open: ['03:00-04:00'] };
  for (const required of [disk, space]) {
    const core = new Core([target('t', [required, closed])]);
    let looks = 0;
    core.conditions.truth = () => false;
    core.send({ type: 'pause', target: 't' });
    const run = core.ask('t');
    core.send({ type: 'resume', target: 't' });
    const opensMs = 4 * HOUR + 46 * MINUTE + 40 * SECOND;
    assert.deepEqual(
      core.timers.map(({ atMs }) => atMs),
      [opensMs],
    );
    core.conditions.truth = () => {
      looks++;
      return true;
    };
    core.advance(opensMs);
    core.expect(run, 'running');
    assert.ok(looks > 0);
  }
});

test('a run that is tried again is looked at again: the machine may have been started anew', () => {
  let isMounted = true;
  const make = (): Core => {
    const core = new Core([target('t', [disk], { onLost: 'retry' })], { manualKeepers: true });
    core.conditions.truth = () => isMounted;
    isMounted = true;
    return core;
  };
  const ways: readonly ((core: Core, run: number) => void)[] = [
    (core) => core.restart(),
    (core, run) => core.end(run, NEVER_RAN),
    (core, run) => core.lose(run),
    (core, run) => {
      core.keep(run);
      core.lose(run, [], true);
    },
    (core, run) => {
      core.keep(run);
      core.end(run, { ...exit(1), isDown: true });
    },
  ];
  for (const again of ways) {
    const core = make();
    const run = core.ask('t');
    isMounted = false;
    again(core, run);
    core.expect(run, 'queued');
    isMounted = true;
    core.advance(core.nowMs + MINUTE);
    assert.ok(core.expect(run, 'starting').attempt > 1);
  }
});

test('what makes no sense is a mistake of the configuration', () => {
  const parse = (raw: object) => v.parse(require.options, { type: 'require', ...raw });
  assert.throws(() => parse({}), /at least one condition/);
  assert.throws(() => parse({ device: 'UUID=x' }), /mounted/);
  assert.throws(() => parse({ host: 'nas' }), /together/);
  assert.throws(() => parse({ port: 22 }), /together/);
  assert.throws(() => parse({ host: '-x', port: 22 }), /name or address/);
  assert.throws(() => parse({ user: 'nobody' }), /command/);
  assert.throws(() => parse({ command: ['ready'] }), /absolute path/);
  assert.throws(() => parse({ load: 0 }), /more than 0/);
  assert.throws(() => parse({ free: '1GB' }), /mounted/);
  assert.throws(() => parse({ freeOn: '/x', exists: '/y' }), /free/);
  assert.throws(() => parse({ mounted: '/mnt/../x' }), /absolute path/);
  assert.throws(() => parse({ mounted: 'mnt' }), /absolute path/);
  assert.throws(() => parse({ exists: '/x', every: '999ms' }), /1 s or more/);
  assert.throws(() => parse({ free: 0, freeOn: '/x' }), /1 byte/);
  assert.equal(parse({ mounted: '//mnt//b..k/.x/' }).mounted, '/mnt/b..k/.x');
  assert.equal(parse({ mounted: '/' }).mounted, '/');
});
