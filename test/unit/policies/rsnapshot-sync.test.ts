/** What a sync, especially a failed one, means for the levels of its rsnapshot.conf. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Core, exit, NEVER_RAN, target } from '../../support/core.ts';
import { CONF, conf, core, order } from '../../support/levels.ts';

const SYNCED = { [CONF]: conf(['alpha', 'beta', 'gamma'], 'sync_first\t1') };
const ALL = ['alpha', 'sync', 'beta', 'gamma'];
const DAY_MS = 86_400_000;

function end(it: Core, name: string, code: number): void {
  const run = it.runs('running').find(({ target }) => target === name);
  assert.ok(run, `${name} does not run`);
  it.end(run.run, exit(code));
}

/** A sync that exits with this code, whatever is queued. */
function sync(it: Core, code: number): void {
  it.ask('sync');
  it.advance(it.nowMs + 2_000);
  end(it, 'sync', code);
}

test('after a sync that failed the lowest is skipped, after one with warnings it runs', () => {
  for (const [code, wanted] of [
    [0, 'running'],
    [2, 'running'],
    [1, 'ended'],
  ] as const) {
    const it = core(ALL, SYNCED);
    const [first, alpha] = [it.ask('sync'), it.ask('alpha')];
    it.advance(2_000);
    it.end(first, exit(code));
    const run = it.expect(alpha, wanted);
    if (run.state !== 'ended') continue;
    const reason =
      'run 1, the sync that it needs, failed, and alpha would rotate without new data; see why with "baton logs 1"';
    assert.deepEqual(run.outcome, { kind: 'skipped', reason });
  }
});

test('the night after a failed sync: whichever of sync and lowest is asked for first, both run', () => {
  for (const names of [
    ['alpha', 'sync'],
    ['sync', 'alpha'],
    ['alpha', 'beta', 'sync', 'gamma'],
    ['gamma', 'beta', 'alpha', 'sync'],
  ]) {
    const it = core(ALL, SYNCED);
    sync(it, 1);
    it.advance(DAY_MS);
    const runs = names.map((name) => {
      it.advance(it.nowMs + 10);
      return it.ask(name);
    });
    assert.deepEqual(
      it.order(),
      ['sync', 'sync'],
      'nothing else may start before the sync is over',
    );
    it.advance(DAY_MS + 5_000);
    order(it);
    for (const run of runs) {
      assert.equal(it.expect(run, 'ended').outcome.kind, 'exited', names.join());
    }
    const levels = ['gamma', 'beta', 'alpha'].filter((name) => names.includes(name));
    assert.deepEqual(it.order(), ['sync', 'sync', ...levels]);
  }
});

test('the lowest is skipped at the end of the settle window, not before', () => {
  const it = core(ALL, SYNCED);
  sync(it, 1);
  it.advance(DAY_MS);
  const alpha = it.ask('alpha');
  it.advance(DAY_MS + 1_999);
  it.expect(alpha, 'queued');
  it.advance(DAY_MS + 2_000);
  assert.equal(it.expect(alpha, 'ended').outcome.kind, 'skipped');
});

test('a higher level that waits for a sync since days leaves the lowest its settle window', () => {
  const it = core(ALL, SYNCED);
  sync(it, 1);
  it.ask('gamma');
  it.advance(2 * DAY_MS);
  const alpha = it.ask('alpha');
  it.expect(alpha, 'queued');
  it.advance(it.nowMs + 50);
  const again = it.ask('sync');
  it.end(again);
  it.drain();
  assert.deepEqual(it.order(), ['sync', 'sync', 'gamma', 'alpha']);
});

test('while sync fails for weeks no level rotates, and why says so', () => {
  const it = core(ALL, SYNCED);
  for (let night = 1; night <= 21; night++) {
    it.advance(night * DAY_MS);
    for (const name of ['alpha', 'sync']) it.ask(name);
    if (night % 7 === 0) it.submit('beta');
    if (night === 14) it.submit('gamma');
    it.advance(it.nowMs + 5_000);
    end(it, 'sync', 1);
    assert.deepEqual(it.runs('running'), []);
  }
  assert.deepEqual(new Set(it.order()), new Set(['sync']));
  const [beta] = it.runs('queued').filter(({ target }) => target === 'beta');
  const [last] = it
    .runs('ended')
    .filter(({ target }) => target === 'sync')
    .slice(-1);
  assert.ok(beta && last);
  assert.deepEqual(it.why(beta.run), [
    `waits for a sync that succeeds ("baton run sync" queues one): run ${last.run} (sync), the most recent one, failed, and beta would rotate without new data; see why with "baton logs ${last.run}"`,
  ]);
  it.send({ type: 'pause', target: 'alpha' });
  const next = it.ask('sync');
  it.end(next);
  it.drain();
  assert.deepEqual(it.order().slice(-3), ['sync', 'gamma', 'beta'], 'in their order, once each');
});

test('a held level names the sync that is next', () => {
  const it = core(ALL, SYNCED);
  sync(it, 1);
  const beta = it.ask('beta');
  it.send({ type: 'pause', target: 'sync' });
  it.ask('sync');
  assert.match(it.why(beta)[0] ?? '', /\("baton run sync" queues one\)/);
  it.send({ type: 'resume', target: 'sync' });
  assert.deepEqual(it.why(beta), ['waits for run 3 (sync), which is running']);
});

test('every end that is no success holds the levels back; a sync that never ran does not', () => {
  const ends: Readonly<Record<string, (it: Core, run: number) => void>> = {
    failed: (it, run) => it.end(run, exit(3)),
    'cancelled while it waited': (it, run) => {
      it.restart();
      it.send({ type: 'cancel', runs: [run] });
    },
    lost: (it, run) => it.lose(run),
    interrupted: (it, run) => it.lose(run, [], true),
    'not started': (it, run) => {
      const failure = {
        kind: 'not-started',
        stage: 'command',
        errno: 'ENOENT',
        detail: 'd',
      } as const;
      it.end(run, { ...NEVER_RAN, started: true, failure });
    },
    cancelled: (it, run) => {
      it.send({ type: 'cancel', runs: [run] });
      it.end(run, { started: true, code: null, signal: 15, core: false });
    },
  };
  for (const [what, how] of Object.entries(ends)) {
    const it = core(ALL, SYNCED);
    if (what === 'cancelled while it waited') it.send({ type: 'pause', target: 'sync' });
    const run = it.ask('sync');
    if (what !== 'cancelled while it waited') it.advance(2_000);
    how(it, run);
    const beta = it.ask('beta');
    it.advance(it.nowMs + 5_000);
    assert.match(it.why(beta)[0] ?? '', /^waits for a sync that succeeds/, what);
  }
  const first = core(ALL, SYNCED);
  first.ask('beta');
  first.ask('alpha');
  assert.deepEqual(order(first), ['beta', 'alpha']);
});

test('a timeout of the sync holds the levels back as well', () => {
  const made = core(ALL, SYNCED);
  const targets = [...made.catalog.targets.values()].map((it) => ({ ...it, timeoutMs: 1_000 }));
  made.configure(targets);
  const run = made.ask('sync');
  made.advance(10_000);
  made.end(run);
  assert.equal(made.expect(run, 'ended').outcome.kind, 'timed-out');
  const gamma = made.ask('gamma');
  made.advance(20_000);
  made.expect(gamma, 'queued');
});

test('afterFailedSync "run" rotates all the same, for the level that says so', () => {
  const more = { afterFailedSync: 'run' };
  const it = core(
    ['sync', { interval: 'alpha', more }, 'beta', { interval: 'gamma', more }],
    SYNCED,
  );
  sync(it, 1);
  const [gamma, beta, alpha] = [it.ask('gamma'), it.ask('beta'), it.ask('alpha')];
  it.advance(it.nowMs + 5_000);
  it.end(gamma);
  it.end(alpha);
  assert.deepEqual(it.order(), ['sync', 'gamma', 'alpha']);
  it.expect(beta, 'queued');
});

test('what else keeps the lowest from starting keeps it from being skipped', () => {
  const it = core(ALL, SYNCED);
  const disk = target('disk', [{ type: 'cardinality', group: 'disk' }]);
  const levels = [...it.catalog.targets.values()].map((level) =>
    level.name === 'alpha' ? { ...level, bindings: [...level.bindings, ...disk.bindings] } : level,
  );
  it.configure([disk, ...levels]);
  sync(it, 1);
  const first = it.ask('disk');
  const alpha = it.ask('alpha');
  it.advance(it.nowMs + 60_000);
  assert.deepEqual(it.why(alpha), ['waits for run 2 (disk), which is running (group "disk")']);
  sync(it, 0);
  it.end(first);
  it.advance(it.nowMs + 5_000);
  it.expect(alpha, 'running');
});

test('of two confs in one group each goes by its own sync', () => {
  const more = { group: 'both' };
  const of = (file: string, levels: readonly string[]) =>
    ['sync', ...levels].map((interval) => ({ interval, file, more }));
  const it = core([...of('/a', ['daily', 'monthly']), ...of('/b', ['hourly', 'weekly'])], {
    '/a': conf(['daily', 'monthly'], 'sync_first\t1'),
    '/b': conf(['hourly', 'weekly'], 'sync_first\t1'),
  });
  const finish = (name: string, code: number) => {
    it.ask(name);
    it.advance(it.nowMs + 2_000);
    end(it, name, code);
  };
  finish('a-sync', 1);
  const monthly = it.ask('a-monthly');
  finish('b-weekly', 0);
  finish('b-sync', 0);
  it.expect(monthly, 'queued');
  finish('a-sync', 0);
  it.expect(monthly, 'running');
});

test('a hold outlives a restart and a compaction of the journal', () => {
  const it = core(ALL, SYNCED);
  sync(it, 1);
  const beta = it.ask('beta');
  it.compact();
  it.advance(it.nowMs + 5_000);
  it.expect(beta, 'queued');
  it.end(it.ask('sync'));
  it.expect(beta, 'running');
});
