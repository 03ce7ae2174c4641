/** The rsnapshot policy with what it reads from this machine: confs, locks, sync. No files here. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LOCK_RETRY_MS } from '../../../policies/rsnapshot.ts';
import { accepted, load } from '../../support/config.ts';
import { Core, exit, target } from '../../support/core.ts';
import { brokenOf, CLASSIC, CONF, conf, config, core, order } from '../../support/levels.ts';

test('the retain lines of the conf are the order, whatever the names are', () => {
  const levels = ['nightly', 'fortnight', 'quarter'];
  const it = core(levels, { [CONF]: conf(levels) });
  for (const level of levels) it.ask(level);
  assert.deepEqual(order(it), ['quarter', 'fortnight', 'nightly']);
});

test('classic names that stand in another order in the conf are ranked as the conf says', () => {
  const it = core(['weekly', 'daily'], { [CONF]: conf(['weekly', 'daily']) });
  it.ask('weekly');
  it.ask('daily');
  assert.deepEqual(order(it), ['daily', 'weekly']);
});

test('a target that runs sync and then its interval is known by the interval', () => {
  const file = '/etc/own.conf';
  const rsnapshot = ['/usr/bin/rsnapshot', '-c', file];
  const cmds = [
    [...rsnapshot, 'sync'],
    [...rsnapshot, 'alpha'],
  ];
  const runner = { type: 'local', cmds, continueOn: [0, 2] };
  const policies = [{ type: 'rsnapshot', interval: 'alpha' }];
  const confs = { [file]: conf(['alpha', 'beta'], 'sync_first\t1') };
  const { catalog, warnings } = accepted(load({ targets: { alpha: { runner, policies } } }, confs));
  assert.deepEqual(warnings, []);
  assert.equal(catalog.targets.get('alpha')?.broken, undefined);
  assert.equal(catalog.targets.get('alpha')?.bindings[0]?.key, `rsnapshot:${file}`);
});

test('an explicit order counts more than the conf', () => {
  const more = { order: ['b', 'a'] };
  const it = core(
    [
      { interval: 'a', more },
      { interval: 'b', more },
    ],
    { [CONF]: conf(['a', 'b']) },
  );
  it.ask('b');
  it.ask('a');
  assert.deepEqual(order(it), ['a', 'b']);
});

test('an interval that the conf does not have breaks its target, and says what the conf has', () => {
  assert.deepEqual(brokenOf(['weekly', 'quarter'], { [CONF]: conf(['nightly', 'quarter']) }), [
    `interval "weekly" is not a retain line of ${CONF}, which has nightly, quarter; correct one of them`,
    undefined,
  ]);
  const scripted = conf(['a'], 'include_conf\t`/x`');
  assert.match(brokenOf(['b'], { [CONF]: scripted })[0] ?? '', /never executes; set "order"/);
});

test('levels that come from a command need an explicit order, with a warning until then', () => {
  const scripted = { [CONF]: conf(['a', 'b'], 'include_conf\t`/x`') };
  assert.deepEqual(config(['a'], scripted).warnings, [
    `target "a": include_conf \`/x\` in ${CONF} is a command, which baton never executes; set "order" (lowest first)`,
  ]);
  assert.deepEqual(config([{ interval: 'a', more: { order: ['a'] } }], scripted).warnings, []);
});

test('where only a command knows the levels it is named, and classic names are taken', () => {
  const scripted = { [CONF]: 'include_conf\t`/x`' };
  assert.deepEqual(brokenOf(['daily'], scripted), [undefined]);
  assert.match(
    config(['daily'], scripted).warnings[0] ?? '',
    /`\/x` .* never executes; set "order"/,
  );
  const [broken] = brokenOf(['nightly'], scripted);
  assert.match(broken ?? '', /no known rank, because include_conf `\/x` in .* is a command/);
  assert.deepEqual(brokenOf([{ interval: 'nightly', more: { order: ['nightly'] } }], scripted), [
    undefined,
  ]);
});

test('without a conf the classic names are known and others break their target', () => {
  assert.deepEqual(brokenOf(['daily'], {}), [undefined]);
  const [broken] = brokenOf(['nightly'], {});
  assert.match(
    broken ?? '',
    /"nightly" has no known rank, because \/etc\/rsnapshot.conf cannot be read/,
  );
  assert.match(brokenOf(['nightly'], { [CONF]: '' })[0] ?? '', /has no retain lines/);
});

test('a command that is not rsnapshot has nothing to do with the default conf', () => {
  const runner = { type: 'local', args: ['/usr/local/bin/backup', 'daily'] };
  const policies = [{ type: 'rsnapshot', interval: 'daily' }];
  const { catalog } = accepted(
    load({ targets: { x: { runner, policies } } }, { [CONF]: conf(['a']) }),
  );
  assert.equal(catalog.targets.get('x')?.broken, undefined);
});

test('the group is the conf: from conf, from -c, else the default; on another machine by its host', () => {
  const runner = { type: 'ssh', host: 'web1', args: ['rsnapshot', 'daily'] };
  const remote = { runner, policies: [{ type: 'rsnapshot', interval: 'daily' }] };
  const { catalog } = accepted(load({ targets: { remote } }, { [CONF]: conf(['a']) }));
  assert.deepEqual([...catalog.groups.keys()], [`rsnapshot:web1:${CONF}`]);
  assert.doesNotMatch(catalog.targets.get('remote')?.broken ?? '', /interval/);
  const here = config(
    [
      'daily',
      { interval: 'daily', file: '/a' },
      { interval: 'weekly', more: { conf: '/b' } },
      { interval: 'monthly', file: '/c', more: { group: 'mine' } },
    ],
    {},
  );
  const keys = [...here.catalog.groups.keys()].sort();
  assert.deepEqual(keys, ['rsnapshot:/a', 'rsnapshot:/b', `rsnapshot:${CONF}`, 'rsnapshot:mine']);
});

test('a yearly of one conf never delays a daily of another', () => {
  const of = (file: string) =>
    conf(['daily', 'yearly'], `lockfile\t${file}.pid`, `snapshot_root\t${file}.d`);
  const it = core(
    [
      { interval: 'yearly', file: '/a' },
      { interval: 'daily', file: '/b' },
    ],
    { '/a': of('/a'), '/b': of('/b') },
  );
  for (const name of ['a-yearly', 'b-daily']) it.ask(name);
  it.advance(2_000);
  assert.deepEqual(it.order().sort(), ['a-yearly', 'b-daily']);
});

test('two confs with one lockfile or one snapshot_root exclude each other, with a warning', () => {
  for (const shared of ['lockfile\t/run/one.pid', 'snapshot_root\t/one/']) {
    const files = {
      '/a': conf(['daily', 'yearly'], shared),
      '/b': conf(['daily', 'yearly'], shared),
    };
    const wanted = ['/a', '/b'].map((file) => ({ interval: 'yearly', file }));
    const [key = '', path = ''] = shared.replace(/\/$/, '').split('\t');
    assert.deepEqual(config(wanted, files).warnings, [
      `targets a-yearly, b-yearly are in different groups but share ${key} ${path}, so they wait for each other in no order; give them the same "group"`,
    ]);
    const it = core(wanted, files);
    const [first] = [it.ask('a-yearly'), it.ask('b-yearly')];
    assert.deepEqual(it.why(2), [
      `waits for run 1 (a-yearly), which is running (group "${key} ${path}")`,
    ]);
    it.end(first ?? 0);
    assert.deepEqual(it.order(), ['a-yearly', 'b-yearly']);
  }
});

test('a shared lockfile leaves the order within each conf as it is', () => {
  const text = conf(['daily', 'weekly', 'yearly'], 'lockfile\t/run/one.pid');
  const wanted = ['/a', '/b'].flatMap((file) =>
    ['daily', 'weekly', 'yearly'].map((interval) => ({ interval, file })),
  );
  const it = core(wanted, { '/a': text, '/b': text });
  for (const name of ['a-daily', 'b-weekly', 'b-daily', 'a-yearly', 'a-weekly', 'b-yearly']) {
    it.ask(name);
    assert.ok(it.runs('running').length <= 1, 'never two at a time');
  }
  const began = order(it);
  assert.deepEqual(
    began.filter((name) => name.startsWith('a-')),
    ['a-yearly', 'a-weekly', 'a-daily'],
  );
  assert.deepEqual(
    began.filter((name) => name.startsWith('b-')),
    ['b-yearly', 'b-weekly', 'b-daily'],
  );
});

test('exit 2 is a warning and never a failure, unless the target says otherwise', () => {
  const it = core(['monthly'], { [CONF]: CLASSIC });
  for (const [code, verdict] of [
    [0, 'ok'],
    [2, 'warning'],
    [1, 'failed'],
  ] as const) {
    const run = it.ask('monthly');
    it.end(run, exit(code));
    assert.equal(it.expect(run, 'ended').verdict, verdict);
  }
  const targets = {
    a: { ...named(), warnExit: [] },
    b: { ...named(), okExit: [0, 2] },
    c: { ...named(), warnExit: [9] },
  };
  const { catalog } = accepted(load({ targets }));
  assert.deepEqual(
    [...catalog.targets.values()].map(({ warnExit }) => warnExit),
    [[], [], [9]],
  );
});

function named() {
  const runner = { type: 'local', args: ['/usr/bin/rsnapshot', 'daily'] };
  return { runner, policies: [{ type: 'rsnapshot', interval: 'daily' }] };
}

test('a lock whose pid is something else is told as stale, and waited for as rsnapshot would give up', () => {
  const it = core(['weekly'], { [CONF]: CLASSIC });
  it.holders = new Map([['/run/r.pid', { pid: 4_711, text: 'sshd', isOther: true }]]);
  assert.match(
    it.why(it.ask('weekly'))[0] ?? '',
    /\/run\/r\.pid, which is probably stale: its pid 4711 is not rsnapshot \(sshd\).* "maxWait"/,
  );
});

test('an interval that is run again after a loss rotates once more, and that is told', () => {
  const warnings = (interval: string) => {
    const runner = { type: 'local', args: ['/usr/bin/rsnapshot', interval] };
    const target = { runner, policies: [{ type: 'rsnapshot', interval }], onLost: 'retry' };
    const files = { [CONF]: `${CLASSIC}\nsync_first\t1` };
    return accepted(load({ targets: { a: target } }, files)).warnings.join();
  };
  assert.match(
    warnings('daily'),
    /after a failure or loss, daily is repeated .* rotates twice in the same night/,
  );
  assert.doesNotMatch(warnings('sync'), /onLost/);
});

test('a lock held by a stranger is waited for, by its pid and name, and looked at every 2 s', () => {
  const it = core(['monthly', 'weekly'], { [CONF]: CLASSIC });
  it.holders = new Map([['/run/r.pid', { pid: 4_711, text: 'rsnapshot hourly' }]]);
  const monthly = it.ask('monthly');
  assert.deepEqual(it.why(monthly), [
    'waits for external process 4711 (rsnapshot hourly), which holds /run/r.pid',
  ]);
  it.advance(LOCK_RETRY_MS - 1);
  it.holders = new Map();
  assert.deepEqual(it.order(), []);
  it.advance(LOCK_RETRY_MS);
  assert.equal(it.expect(monthly, 'running').started.steadyMs, LOCK_RETRY_MS);
});

test('who waits for a stranger is overtaken by what comes above it, and expires as others do', () => {
  const it = core(['monthly', 'weekly'], { [CONF]: CLASSIC });
  it.holders = new Map([['/run/r.pid', { pid: 1, text: 'x' }]]);
  const weekly = it.ask('weekly');
  it.advance(10_000);
  it.ask('monthly');
  assert.match(it.why(weekly)[0] ?? '', /waits for run 2 \(monthly\), which goes first/);
  it.holders = new Map();
  assert.deepEqual(order(it), ['monthly', 'weekly']);
});

test('a run of another group that holds the lock is waited for, by its number', () => {
  const it = core(['monthly', 'weekly'], { [CONF]: CLASSIC });
  const run = { run: 99, target: 'by-script' };
  it.holders = new Map([['/run/r.pid', { pid: 4_711, text: 'rsnapshot monthly', run }]]);
  const monthly = it.ask('monthly');
  assert.deepEqual(it.why(monthly), [
    'waits for run 99 (by-script) of another group, which holds /run/r.pid',
  ]);
  it.holders = new Map();
  it.advance(LOCK_RETRY_MS);
  it.expect(monthly, 'running');
});

test('nobody looks at a lock again and again while another policy makes the run wait', () => {
  const [locked] = config(['monthly'], { [CONF]: CLASSIC }).catalog.targets.values();
  assert.ok(locked);
  const disk = target('disk', [{ type: 'cardinality', group: 'disk' }]);
  const it = new Core([disk, { ...locked, bindings: [...locked.bindings, ...disk.bindings] }]);
  it.holders = new Map([['/run/r.pid', { pid: 4_711, text: 'x' }]]);
  const first = it.ask('disk');
  it.ask('monthly');
  assert.deepEqual(it.timers, []);
  it.end(first);
  assert.equal(it.timers.length, 1);
});

test('respectLock false starts whoever holds the lock, and so does another lockfile', () => {
  const holders = new Map([['/run/r.pid', { pid: 1, text: 'x' }]]);
  const free = core([{ interval: 'monthly', more: { respectLock: false } }], { [CONF]: CLASSIC });
  free.holders = holders;
  free.ask('monthly');
  assert.deepEqual(free.order(), ['monthly']);
  const other = core(['monthly'], { [CONF]: CLASSIC.replace('/run/r.pid', '/run/s.pid') });
  other.holders = holders;
  other.ask('monthly');
  assert.deepEqual(other.order(), ['monthly']);
});

test('alpha, sync and beta arrive together: beta, sync, alpha', () => {
  const it = core(['alpha', 'sync', 'beta'], { [CONF]: conf(['alpha', 'beta'], 'sync_first\t1') });
  for (const name of ['alpha', 'sync', 'beta']) it.ask(name);
  assert.deepEqual(order(it), ['beta', 'sync', 'alpha']);
});

test('sync goes just before the lowest interval there is, also where no conf can be read', () => {
  const it = core(['daily', 'sync', 'weekly'], {});
  for (const name of ['sync', 'daily', 'weekly']) it.ask(name);
  assert.deepEqual(order(it), ['weekly', 'sync', 'daily']);
});

test('sync on a conf without sync_first breaks its target', () => {
  assert.match(brokenOf(['sync'], { [CONF]: CLASSIC })[0] ?? '', /"sync" needs "sync_first 1" in/);
});

test('a target whose command and interval differ is warned about', () => {
  const runner = { type: 'local', args: ['/usr/bin/rsnapshot', 'weekly'] };
  const policies = [{ type: 'rsnapshot', interval: 'daily' }];
  const { warnings } = accepted(
    load({ targets: { x: { runner, policies } } }, { [CONF]: CLASSIC }),
  );
  assert.deepEqual(warnings, [
    'target "x" runs rsnapshot weekly, but its interval is "daily"; correct one of them',
  ]);
});

test('two targets for one interval of a conf are a duplicate of each other, with a warning', () => {
  const more = { conf: CONF };
  const wanted = [{ interval: 'daily' }, { interval: 'daily', file: '/x', more }];
  const { warnings } = config(wanted, { [CONF]: CLASSIC });
  assert.deepEqual(warnings, [
    `targets daily, x-daily are both daily of rsnapshot:${CONF}: while one is queued or running, the other counts as a duplicate; remove one if this is not intended`,
  ]);
  const it = core(wanted, { [CONF]: CLASSIC });
  it.ask('daily');
  assert.equal(it.submit('x-daily').type, 'refused');
});

test('two confs of one named group agree on the classic order though each has but a part', () => {
  const more = { group: 'both' };
  const it = core(
    [
      { interval: 'daily', file: '/a', more },
      { interval: 'monthly', file: '/a', more },
      { interval: 'hourly', file: '/b', more },
      { interval: 'weekly', file: '/b', more },
    ],
    { '/a': conf(['daily', 'monthly']), '/b': conf(['hourly', 'weekly']) },
  );
  for (const name of ['a-daily', 'b-hourly', 'b-weekly', 'a-monthly']) it.ask(name);
  assert.deepEqual(order(it), ['a-monthly', 'b-weekly', 'a-daily', 'b-hourly']);
});
