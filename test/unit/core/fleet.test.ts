/** A request for a fleet: all of its runs or none, once per token, on all hosts or on some. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Target } from '../../../daemon/core/catalog.ts';
import type { Answer } from '../../../daemon/core/command.ts';
import { Core, exit, type RawPolicy, target } from '../../support/core.ts';

const HOSTS = ['web1', 'web2', 'db1'];

function fleet(
  hosts: readonly string[] = HOSTS,
  policies: readonly RawPolicy[] = [],
  more: (host: string) => Partial<Target> = () => ({}),
): readonly Target[] {
  return hosts.map((host) => target(`up@${host}`, policies, { fleet: 'up', ...more(host) }));
}

interface Wish {
  readonly only?: readonly string[];
  readonly failed?: boolean;
}

function ask(core: Core, token: string, wish: Wish = {}): Answer {
  return core.send({ type: 'submit', target: 'up', token, merged: true, ...wish });
}

/** The result for each target: "up@web1 accepted 1". */
function told(answer: Answer): readonly string[] {
  assert.equal(answer.type, 'fleet', JSON.stringify(answer));
  if (answer.type !== 'fleet') return [];
  return answer.members.map((it) =>
    it.type === 'ignored' ? `${it.target} ignored` : `${it.target} ${it.type} ${it.run}`,
  );
}

const cardinality = (more: object = {}): RawPolicy => ({ type: 'cardinality', ...more });

test('a request for a fleet makes one run for each of its targets', () => {
  const core = new Core(fleet());
  assert.deepEqual(told(ask(core, 't')), [
    'up@web1 accepted 1',
    'up@web2 accepted 2',
    'up@db1 accepted 3',
  ]);
  assert.equal(core.runs('running').length, 3);
});

test('the same token finds the same runs and makes none, also after a restart', () => {
  const core = new Core(fleet());
  const first = told(ask(core, 't'));
  assert.deepEqual(told(ask(core, 't')), first);
  core.restart();
  assert.deepEqual(told(ask(core, 't', { failed: true })), first);
  core.compact();
  assert.deepEqual(told(ask(core, 't')), first);
  assert.equal(core.state.runs.size, 3);
});

test('the limit of a cardinality without group is one for the whole fleet', () => {
  const hosts = Array.from({ length: 5 }, (_, at) => `h${at}`);
  const core = new Core(fleet(hosts, [cardinality({ instances: 2 })]));
  ask(core, 't');
  assert.deepEqual([core.runs('running').length, core.runs('queued').length], [2, 3]);
  core.end(1);
  assert.equal(core.runs('running').length, 2);
  core.drain();
  assert.deepEqual(
    core.order(),
    hosts.map((host) => `up@${host}`),
  );
});

test('a fleet whose runs are not all over is refused as one, where its policy says so', () => {
  const core = new Core(fleet(HOSTS, [cardinality({ whenFull: 'refuse' })]));
  ask(core, 'one');
  core.end(1);
  const before = core.events.length;
  const answer = ask(core, 'two');
  assert.equal(answer.type, 'refused');
  assert.match('reason' in answer ? answer.reason : '', /because of up@web1: .*--only/);
  assert.equal(core.events.length, before);
  core.drain();
  assert.equal(told(ask(core, 'three')).length, 3);
});

test('one target that cannot work lets none of the others run', () => {
  const broken = (host: string) => (host === 'db1' ? { broken: 'its key is missing' } : {});
  const core = new Core(fleet(HOSTS, [], broken));
  assert.deepEqual(ask(core, 't').type, 'broken');
  assert.equal(core.state.runs.size, 0);
  assert.equal(told(ask(core, 't', { only: ['web*'] })).length, 2);
});

test('what shares a run joins it, and what is ignored is told with the rest', () => {
  const core = new Core([
    target('up@web1', [cardinality({ group: 'a', whenFull: 'join' })], { fleet: 'up' }),
    target('up@web2', [cardinality({ group: 'b', whenFull: 'ignore' })], { fleet: 'up' }),
    target('up@db1', [], { fleet: 'up' }),
  ]);
  ask(core, 'one');
  assert.deepEqual(told(ask(core, 'two')), [
    'up@web1 joined 1',
    'up@web2 ignored',
    'up@db1 accepted 4',
  ]);
});

test('hosts are picked by name, by pattern or by target, and unknown ones are told', () => {
  const core = new Core(fleet());
  assert.deepEqual(told(ask(core, 'a', { only: ['db1'] })), ['up@db1 accepted 1']);
  assert.equal(told(ask(core, 'b', { only: ['web*', 'web1'] })).length, 2);
  assert.equal(told(ask(core, 'c', { only: ['up@web2'] })).length, 1);
  const answer = ask(core, 'd', { only: ['web1', 'wbe2'] });
  assert.equal(answer.type, 'unknown-host');
  assert.match('reason' in answer ? answer.reason : '', /no host "wbe2"; did you mean "web2"\?/);
  const other = new Core([target('one')]);
  const wrong = { type: 'submit', target: 'one', token: 't', merged: true, only: ['x'] } as const;
  assert.equal(other.send(wrong).type, 'unknown-host');
});

test('those that failed the last time run again, and no others', () => {
  const core = new Core(fleet());
  assert.deepEqual(ask(core, 'early', { failed: true }), {
    type: 'ignored',
    reason: 'the most recent run failed on none of the hosts; to run on all of them, omit --failed',
  });
  ask(core, 'one');
  core.end(1, exit(3));
  core.send({ type: 'cancel', runs: [2] });
  core.end(2, exit(1));
  core.end(3);
  assert.deepEqual(told(ask(core, 'two', { failed: true })), [
    'up@web1 accepted 4',
    'up@web2 accepted 5',
  ]);
  // A run that is running again is not requested once more.
  assert.equal(ask(core, 'three', { failed: true }).type, 'ignored');
  core.end(4);
  core.end(5, exit(9));
  assert.equal(ask(core, 'four', { failed: true, only: ['web1'] }).type, 'ignored');
  assert.deepEqual(told(ask(core, 'five', { failed: true })), ['up@web2 accepted 6']);
});

test('a fleet is paused and resumed as a whole', () => {
  const core = new Core(fleet());
  core.send({ type: 'pause', target: 'up@web2' });
  core.send({ type: 'pause', target: 'up' });
  ask(core, 't');
  assert.equal(core.runs('queued').length, 3);
  core.send({ type: 'resume', target: 'up@web2' });
  assert.equal(core.runs('running').length, 0);
  core.restart();
  core.send({ type: 'pause', target: 'up@db1' });
  core.send({ type: 'resume', target: 'up' });
  assert.equal(core.runs('running').length, 2);
  core.send({ type: 'resume', target: 'up@db1' });
  assert.equal(core.runs('running').length, 3);
  assert.deepEqual(core.send({ type: 'pause', target: 'down' }), { type: 'unknown-target' });
});

test('all targets of a fleet have a run, or none has, whatever their policies and their past', () => {
  const limit = fc.record({
    instances: fc.integer({ min: 1, max: 3 }),
    whenFull: fc.constantFrom('queue', 'refuse', 'ignore', 'join', 'replace'),
  });
  const step = fc.oneof(fc.constant('fleet' as const), fc.nat(HOSTS.length - 1));
  fc.assert(
    fc.property(limit, fc.array(step, { maxLength: 8 }), fc.boolean(), (options, steps, apart) => {
      const policies = (host: string) => [cardinality({ ...options, group: apart ? host : 'all' })];
      const made = HOSTS.map((host) => target(`up@${host}`, policies(host), { fleet: 'up' }));
      const core = new Core(made);
      for (const [at, one] of steps.entries()) {
        const before = core.state.nextRun;
        if (one !== 'fleet') {
          core.submit(`up@${HOSTS[one]}`);
          continue;
        }
        const answer = ask(core, `fleet ${at}`);
        const runs = core.state.nextRun - before;
        if (answer.type !== 'fleet') assert.equal(runs, 0);
        else {
          assert.equal(answer.members.length, HOSTS.length);
          assert.equal(runs, answer.members.filter(({ type }) => type === 'accepted').length);
          if (answer.members.every(({ type }) => type === 'ignored')) continue;
          assert.deepEqual(
            told(ask(core, `fleet ${at}`)).toSorted(),
            told(answer)
              .filter((it) => !it.endsWith('ignored'))
              .toSorted(),
          );
        }
      }
      core.drain();
    }),
  );
});
