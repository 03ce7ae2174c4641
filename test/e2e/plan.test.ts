/** `baton plan` with a real daemon and its past, and without one. */
import assert from 'node:assert/strict';
import { linkSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { PlanChanges } from '../../client/report/plan-changes.ts';
import type { Planned } from '../../daemon/protocol/planned.ts';
import { PLAN_REQUESTS_MAX } from '../../daemon/protocol/request.ts';
import { directory } from '../support/config.ts';
import { Rig } from '../support/rig.ts';

const HOUR_MS = 3_600_000;
const dummy = (time: string, more: object = {}) => ({ runner: { type: 'dummy', time }, ...more });
const disk = { policies: [{ type: 'cardinality', group: 'disk' }] };

function crontab(t: TestContext, text: string): string {
  const path = join(directory(t), 'crontab');
  writeFileSync(path, text);
  return path;
}

test('a plan uses past durations, and what runs, waits and is paused now', async (t) => {
  const rig = await Rig.start({
    targets: {
      nap: dummy('1h', disk),
      short: dummy('1ms', disk),
      later: dummy('1ms'),
      asleep: dummy('1ms'),
    },
  });
  t.after(() => rig.close());
  for (const target of ['short', 'later', 'asleep']) {
    assert.equal((await rig.baton('run', target, '--wait')).status, 0);
  }
  await rig.baton('pause', 'asleep');
  const [nap, waiting] = [
    await rig.baton('run', 'nap', '--print-id'),
    await rig.baton('run', 'short', '--print-id'),
  ];
  const path = crontab(t, '*/10 * * * * baton run later --wait\n0 0 * * * baton run asleep\n');
  // A day of 24 hours.
  const plan = (...args: readonly string[]) =>
    rig.client(['plan', '--assume', 'nap=1h', ...args, path], { TZ: 'UTC' }).ended;
  const { status, text, errors } = await plan('--json');
  assert.deepEqual([status, errors], [0, '']);
  const { runs, refused, unknown, fromMs } = JSON.parse(text) as Planned;
  const of = (target: string) => runs.filter((run) => run.target === target);
  const [first] = of('nap');
  assert.equal(first?.run, Number(nap.text));
  assert.equal(first.endedAtMs, (first.startedAtMs ?? 0) + HOUR_MS);
  const [second] = of('short');
  assert.equal(second?.run, Number(waiting.text));
  assert.equal(second.startedAtMs, first.endedAtMs);
  assert.deepEqual(second.waits?.[0]?.behind, ['nap']);
  assert.equal(of('later').length, 144);
  assert.ok(of('later').every(({ askedAtMs }) => askedAtMs % 600_000 === 0 && askedAtMs >= fromMs));
  assert.equal(of('asleep')[0]?.startedAtMs, undefined);
  assert.match(of('asleep')[0]?.waits?.[0]?.reason ?? '', /paused/);
  assert.deepEqual([refused, unknown], [[], []]);
  // The same as a page that replaces a file.
  const page = join(directory(t), 'night.html');
  assert.deepEqual((await plan('--html', '--output', page)).text, '');
  const html = readFileSync(page, 'utf8');
  assert.match(html, /<title>147 runs, /);
  assert.match(html, /<td class="how">[^<]* for nap<\/td>/);
  const drawn = await plan();
  assert.match(drawn.text, /^.* \d\d:\d\d to .*: 147 runs, .* wait/);
});

test('random durations come from the past, the slow ones are its 90th percentile', async (t) => {
  const rig = await Rig.start({ targets: { mirror: dummy('1ms'), db: dummy('1ms') } });
  t.after(() => rig.close());
  for (let run = 0; run < 3; run++) {
    assert.equal((await rig.baton('run', 'mirror', '--wait')).status, 0);
  }
  const path = crontab(t, '0 3 * * * baton run mirror db\n');
  const plan = async (...args: readonly string[]): Promise<Planned> => {
    const asked = ['plan', '--from', '02:00', '--json', ...args, path];
    const { status, text, errors } = await rig.client(asked, { TZ: 'UTC' }).ended;
    assert.deepEqual([status, errors], [0, '']);
    return JSON.parse(text) as Planned;
  };
  const usual = await plan('--assume', 'db=10h');
  const [mirror, db] = usual.durations;
  assert.equal(mirror?.tookMs, mirror?.medianMs);
  assert.deepEqual(db, { target: 'db', tookMs: 10 * HOUR_MS, isAssumed: true });
  const [slow] = (await plan('--slow')).durations;
  assert.deepEqual(slow, { ...mirror, tookMs: mirror?.slowMs });
  assert.equal(usual.chances, undefined);

  const { chances } = await plan('--assume', 'db=10h', '--worst', '--seed', '9');
  assert.equal(chances?.plays, 1_000);
  assert.equal(chances.seed, 9);
  assert.equal(chances.atMs - usual.fromMs, 6 * HOUR_MS);
  const running = chances.targets.map((it) => [it.target, it.running]);
  assert.deepEqual(running, [
    ['mirror', 0],
    ['db', 1],
  ]);
  const late = await plan('--assume', 'db=10h', '--worst', '--at', '13:30');
  assert.deepEqual(
    late.chances?.targets.map((it) => it.running),
    [0, 0],
  );
  const ask = (...args: readonly string[]) => rig.client(['plan', ...args, path]).ended;
  const outside = await ask('--worst', '--from', '02:00', '--for', '1h', '--at', '04:00');
  assert.equal(outside.status, 64);
  assert.match(outside.errors, /--at: expected a time within the plan, found "04:00"/);
  const alone = await ask('--seed', '3');
  assert.equal(alone.status, 64);
  assert.match(alone.errors, /--seed needs --worst/);
});

test('a changed configuration is compared before it is reloaded', async (t) => {
  const second = { policies: [{ type: 'cardinality', group: 'disk', whenFull: 'refuse' }] };
  const rig = await Rig.start({ targets: { a: dummy('1ms'), b: dummy('1ms'), c: dummy('1ms') } });
  t.after(() => rig.close());
  const changed = join(directory(t), 'changed.json');
  const write = (targets: object) => writeFileSync(changed, JSON.stringify({ targets }));
  const path = crontab(t, '0 3 * * * baton run a b c\n');
  const args = ['--from', '02:00', '--assume', 'a=1h,b=10m', '--diff', changed];
  const plan = (...more: readonly string[]) =>
    rig.client(['plan', ...args, ...more, path], { TZ: 'UTC' }).ended;
  write({ a: dummy('1ms', disk), b: dummy('1ms', disk), c: dummy('1ms', second) });
  const { status, text, errors } = await plan('--json');
  assert.deepEqual([status, errors], [0, '']);
  const { before, after, changes } = JSON.parse(text) as PlanChanges;
  const threeMs = before.fromMs + HOUR_MS;
  assert.deepEqual(
    changes.map((change) => [change.target, change.what]),
    [
      ['b', 'later'],
      ['c', 'refused'],
    ],
  );
  assert.deepEqual(changes[0]?.after, { kind: 'runs', startsAtMs: threeMs + HOUR_MS });
  assert.deepEqual(
    [before.endsAtMs, after.endsAtMs],
    [1, 7 / 6].map((h) => threeMs + h * HOUR_MS),
  );
  const told = await plan();
  assert.match(
    told.text,
    /1 later, 1 now\s+refused;\s+the\s+last\s+run\s+ends [^;]* 04:10\s+instead/,
  );
  const page = await plan('--html');
  assert.match(page.text, /With [^<]*changed\.json: 1 later, 1 now refused; the last run ends/);
  // Nothing changes.
  write({ a: dummy('1ms'), b: dummy('1ms'), c: dummy('1ms') });
  const same = await plan();
  assert.match(
    same.text,
    /no\s+start\s+time\s+changes;\s+the\s+last\s+run\s+ends\s[^;]*,\s+as\s+before/,
  );
  writeFileSync(changed, '{');
  const broken = await plan();
  assert.deepEqual([broken.status, broken.text], [78, '']);
  assert.match(broken.errors, /changed\.json/);
  const compared = await plan('--html');
  assert.deepEqual([compared.status, compared.text], [78, '']);
  const both = await plan('--worst');
  assert.match(both.errors, /either --diff or --worst/);
});

test('without a daemon the configuration is found as ever, and mistakes of all kinds are told', async (t) => {
  const rig = new Rig();
  t.after(() => rig.close());
  rig.configure({ targets: { a: dummy('1ms'), b: dummy('1ms', disk) } });
  const path = crontab(t, '0 3 * * * baton run a b\n');
  const env = { BATON_CONFIG: rig.configFile };
  const ask = (...args: readonly string[]) => rig.client(['plan', ...args], env).ended;

  const planned = await ask('--from', '2027-01-01', '--assume', 'b=10m', path);
  assert.equal(planned.status, 0);
  assert.match(planned.text, /2 runs, the last one ends .* 1 Jan 03:10\n/);
  assert.match(
    planned.text,
    /unknown durations, counted as 0 s: a; give them with --assume\s+a=10m\n/,
  );
  assert.match(
    planned.errors,
    /^baton: the usual durations of runs are unknown: no answer on [^\n]*\n$/,
  );

  const wrong = await ask('--assume', 'c=1h', path);
  assert.equal(wrong.status, 78);
  assert.match(wrong.errors, /batond: c: there is no target of this name in .*config\.json/);
  const gone = await ask(`${path}.gone`);
  assert.equal(gone.status, 66);
  assert.match(gone.errors, /crontab\.gone: not checked: it cannot be read \(ENOENT/);
  const often = crontab(t, '* * * * * baton run a\n');
  const long = await ask('--for', '100d', often);
  assert.deepEqual([long.status, long.text], [64, '']);
  assert.match(long.errors, new RegExp(`more than ${PLAN_REQUESTS_MAX} requests`));
  for (const args of [
    ['--from', 'soon'],
    ['--for', '1s'],
    ['--assume', 'a'],
    ['--assume', 'a=1h,b=1h,a=2h'],
    ['--for', '9999d'],
    ['--html', '--json'],
    ['--output', '/dev/null'],
  ]) {
    assert.equal((await ask(...args, path)).status, 64, args.join(' '));
  }
  writeFileSync(rig.configFile, '{');
  // A long one is not read to its end.
  for (const line of [path, often]) {
    const { status, errors } = await ask('--for', '20d', line);
    assert.equal(status, 78, errors);
    assert.doesNotMatch(errors, /EPIPE|reinstall baton/);
  }
});

test('a page is not written over what the plan is made of', async (t) => {
  const rig = await Rig.start({ targets: { a: dummy('1ms') } });
  t.after(() => rig.close());
  const line = '0 3 * * * baton run a\n';
  const path = crontab(t, line);
  const link = join(directory(t), 'link');
  symlinkSync(path, link);
  const twin = join(directory(t), 'twin');
  linkSync(path, twin);
  const changed = join(directory(t), 'changed.json');
  const config = readFileSync(rig.configFile, 'utf8');
  writeFileSync(changed, config);
  const refused = async (output: string, ...args: readonly string[]) => {
    const { status, text, errors } = await rig.client([
      ...['plan', '--html', '--output', output, ...args],
    ]).ended;
    assert.deepEqual([status, text], [64, ''], errors);
    assert.match(errors, /--output: expected a file that the plan does not read, found "/);
  };
  for (const output of [path, link, twin]) await refused(output, path);
  await refused(path, link);
  await refused(changed, '--diff', changed, path);
  await refused(rig.configFile, path);
  assert.equal(readFileSync(path, 'utf8'), line);
  assert.equal(readFileSync(changed, 'utf8'), config);
  assert.equal(readFileSync(rig.configFile, 'utf8'), config);
});
