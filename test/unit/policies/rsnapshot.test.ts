/** The rsnapshot policy in examples: the order of intervals, the settle window, duplicates. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as v from 'valibot';
import { rsnapshot } from '../../../policies/rsnapshot.ts';
import { SETTLE_MS_MAX } from '../../../policies/rsnapshot-options.ts';
import { Core, exit, permutations, type RawPolicy, target } from '../../support/core.ts';

const LEVELS = ['hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const;

/** One target per interval, named after it. */
function intervals(names: readonly string[] = LEVELS, more: Partial<RawPolicy> = {}) {
  return names.map((name) => target(name, [{ type: 'rsnapshot', interval: name, ...more }]));
}

/** Ends all runs, one after the other, until nothing waits; returns the order of starts. */
function finish(core: Core): string[] {
  core.drain();
  return core.order();
}

test('all 120 orders of arrival within 100 ms run yearly, monthly, weekly, daily, hourly', () => {
  const orders = permutations(LEVELS);
  assert.equal(orders.length, 120);
  for (const order of orders) {
    const core = new Core(intervals());
    for (const [at, name] of order.entries()) {
      core.advance(at * 20);
      core.ask(name);
    }
    const began = core.order();
    assert.deepEqual(began, ['yearly'], `${order}: the highest starts at once`);
    assert.deepEqual(finish(core), LEVELS.toReversed(), `arrived as ${order}`);
  }
});

test('without the highest interval, the order is right as well, after the settle window', () => {
  for (const order of permutations(['hourly', 'daily', 'weekly', 'monthly'])) {
    const core = new Core(intervals());
    for (const [at, name] of order.entries()) {
      core.advance(at * 33);
      core.ask(name);
    }
    core.advance(1_999);
    assert.deepEqual(core.order(), []);
    core.advance(2_000);
    assert.deepEqual(core.order(), ['monthly']);
    assert.deepEqual(finish(core), ['monthly', 'weekly', 'daily', 'hourly']);
  }
});

test('the highest interval starts at once', () => {
  const core = new Core(intervals(['hourly', 'daily']));
  core.ask('daily');
  assert.deepEqual(core.order(), ['daily']);
});

test('a lone daily starts 2.0 s after it was asked for', () => {
  const core = new Core(intervals());
  core.advance(500);
  const daily = core.ask('daily');
  assert.deepEqual(core.why(daily), [
    'waits 2 s from the first request, in case a higher interval is requested in the same minute',
  ]);
  core.advance(2_499);
  assert.deepEqual(core.order(), []);
  core.advance(2_500);
  assert.equal(core.expect(daily, 'running').started.steadyMs, 2_500);
});

test('the settle window does not slide: hourly at 0 and daily at 1.9 s, daily starts at 2.0 s', () => {
  const core = new Core(intervals());
  const hourly = core.ask('hourly');
  core.advance(1_900);
  const daily = core.ask('daily');
  assert.match(core.why(hourly)[0] ?? '', /^waits for run 2 \(daily\), which goes first: daily is/);
  core.advance(2_000);
  assert.equal(core.expect(daily, 'running').started.steadyMs, 2_000);
  core.end(daily);
  assert.equal(core.expect(hourly, 'running').started.steadyMs, 2_000);
});

test('the settle window ends anew where the first request is cancelled', () => {
  const core = new Core(intervals());
  const hourly = core.ask('hourly');
  core.advance(1_900);
  const daily = core.ask('daily');
  core.send({ type: 'cancel', runs: [hourly] });
  core.advance(3_899);
  assert.deepEqual(core.order(), []);
  core.advance(3_900);
  assert.equal(core.expect(daily, 'running').run, daily);
});

test('settle is an option of the group, up to 60 s, and 0 s starts at once', () => {
  const core = new Core(intervals(['hourly', 'daily'], { settle: '0s' }));
  core.ask('hourly');
  assert.deepEqual(core.order(), ['hourly']);
  const at = (settle: string) =>
    v.safeParse(rsnapshot.options, { type: 'rsnapshot', interval: 'daily', settle }).success;
  assert.equal(at(`${SETTLE_MS_MAX}ms`), true);
  assert.equal(at(`${SETTLE_MS_MAX + 1}ms`), false);
  assert.equal(at('2'), false);
});

test('a run that has waited longer than the window starts as soon as the group is free', () => {
  const core = new Core(intervals());
  const yearly = core.ask('yearly');
  const daily = core.ask('daily');
  core.advance(3_600_000);
  core.end(yearly);
  assert.equal(core.expect(daily, 'running').started.steadyMs, 3_600_000);
});

test('an interval that waits or runs already is refused, by the number of its run', () => {
  const core = new Core(intervals());
  const daily = core.ask('daily');
  assert.deepEqual(core.submit('daily'), {
    type: 'refused',
    reason: 'daily is already queued as run 1 (daily)',
  });
  core.advance(2_000);
  assert.deepEqual(core.submit('daily'), {
    type: 'refused',
    reason: 'daily is already served by run 1 (daily), which is running',
  });
  core.end(daily);
  assert.equal(core.submit('daily').type, 'accepted');
});

test('onDuplicate ignore answers that the wish is being served', () => {
  const core = new Core(intervals(LEVELS, { onDuplicate: 'ignore' }));
  core.ask('daily');
  assert.equal(core.submit('daily').type, 'ignored');
  core.advance(2_000);
  assert.equal(core.submit('daily').type, 'ignored');
});

test('skipAlarm lets so many duplicates in a row pass, then refuses; an accepted one ends the row', () => {
  const core = new Core(intervals(LEVELS, { onDuplicate: 'ignore', skipAlarm: 2 }));
  const daily = core.ask('daily');
  core.advance(2_000);
  assert.equal(core.submit('daily').type, 'ignored');
  core.restart();
  assert.equal(core.submit('daily').type, 'ignored');
  for (let again = 0; again < 2; again++) {
    assert.deepEqual(core.submit('daily'), {
      type: 'refused',
      reason: `daily is already served by run ${daily} (daily), which is running; 2 earlier requests were ignored for this reason; see what delays it with "baton status"`,
    });
  }
  core.end(daily);
  assert.equal(core.submit('daily').type, 'accepted');
  assert.equal(core.submit('daily').type, 'ignored');
});

test('skipAlarm without onDuplicate ignore is a mistake', () => {
  const parsed = v.safeParse(rsnapshot.options, {
    type: 'rsnapshot',
    interval: 'daily',
    skipAlarm: 2,
  });
  assert.match(parsed.issues?.[0]?.message ?? '', /"onDuplicate": "ignore"/);
});

test('onDuplicate join shares a waiting run, and never a running one: its data may be older', () => {
  const core = new Core(intervals(LEVELS, { onDuplicate: 'join' }));
  const daily = core.ask('daily');
  assert.deepEqual(core.submit('daily', 'mine'), { type: 'joined', run: daily });
  assert.deepEqual(core.expect(daily, 'queued').tokens, ['token 1', 'mine']);
  core.advance(2_000);
  assert.equal(core.submit('daily').type, 'refused');
});

test('the same interval counts for the group, whatever its target is called', () => {
  const twice = ['a', 'b'].map((name) => target(name, [{ type: 'rsnapshot', interval: 'daily' }]));
  const core = new Core(twice);
  core.send({ type: 'pause', target: 'a' });
  core.ask('a');
  assert.equal(core.submit('b').type, 'refused');
});

test('however a higher interval ends, the lower ones go on', () => {
  const ends: readonly ((core: Core, run: number) => void)[] = [
    (core, run) => core.end(run, exit(0)),
    (core, run) => core.end(run, exit(1)),
    (core, run) => core.end(run, { started: true, code: null, signal: 11, core: true }),
    (core, run) => core.lose(run),
    (core, run) => core.lose(run, [5], true),
    (core, run) => {
      core.send({ type: 'cancel', runs: [run] });
      core.end(run, exit(143));
    },
    (core, run) => {
      const failure = { kind: 'not-started', stage: 'command', errno: 'ENOENT' } as const;
      core.end(run, { ...exit(127), failure: { ...failure, detail: 'no such file' } });
    },
  ];
  for (const end of ends) {
    const core = new Core(intervals());
    const weekly = core.ask('weekly');
    const daily = core.ask('daily');
    core.advance(2_000);
    end(core, weekly);
    assert.equal(core.expect(daily, 'running').started.steadyMs, 2_000);
  }
});

test('a higher interval that is cancelled while it waits releases the lower ones', () => {
  const core = new Core(intervals());
  const hourly = core.ask('hourly');
  core.advance(2_000);
  const [daily, monthly] = [core.ask('daily'), core.ask('monthly')];
  core.send({ type: 'cancel', runs: [monthly] });
  core.end(hourly);
  core.advance(4_000);
  assert.equal(core.expect(daily, 'running').run, daily);
});

test('living processes of a lost run keep the group, by name, until the last is gone', () => {
  const core = new Core(intervals());
  const yearly = core.ask('yearly');
  const daily = core.ask('daily');
  core.lose(yearly, [77]);
  core.advance(9_000);
  assert.deepEqual(core.why(daily), [
    'waits for run 1 (yearly), which was lost but still has processes',
  ]);
  core.send({ type: 'vacated', run: yearly });
  assert.equal(core.expect(daily, 'running').run, daily);
});

test('hourly runs, daily waits, then comes monthly: hourly, monthly, daily', () => {
  const core = new Core(intervals());
  core.ask('hourly');
  core.advance(2_000);
  const daily = core.ask('daily');
  core.advance(60_000);
  const monthly = core.ask('monthly');
  assert.deepEqual(core.order(), ['hourly'], 'a running interval is never stopped');
  for (const run of [daily, monthly]) {
    assert.deepEqual(core.why(run), ['waits for run 1 (hourly), which is running']);
  }
  assert.deepEqual(finish(core), ['hourly', 'monthly', 'daily']);
});

test('an endless stream of higher intervals overtakes once per interval, then no more', () => {
  const core = new Core(intervals(['hourly', 'daily', 'weekly', 'monthly']));
  let active = core.ask('monthly');
  const hourly = core.ask('hourly');
  let starts = 0;
  for (; core.runs('queued').some(({ run }) => run === hourly); starts++) {
    assert.ok(starts <= 5, 'it starves');
    const next = core.ask(starts % 2 === 0 ? 'weekly' : 'monthly');
    core.advance(core.nowMs + 10_000);
    if (core.runs('queued').some((run) => run.overtaken >= 4)) {
      assert.deepEqual(core.why(next), [
        `waits for run ${active} (${nameOf(core, active)}), which is running`,
      ]);
    }
    core.end(active);
    active = next;
  }
  assert.equal(starts, 5);
  const last = core.runs('queued')[0]?.run ?? 0;
  assert.deepEqual(core.why(last), ['waits for run 2 (hourly), which is running']);
});

test('of two that were overtaken often enough, the older is next', () => {
  const core = new Core(intervals(['hourly', 'daily', 'weekly', 'monthly']));
  let active = core.ask('monthly');
  for (const name of ['hourly', 'daily']) core.ask(name);
  for (let n = 0; core.order().length < 7; n++) {
    const next = core.submit(n % 2 === 0 ? 'weekly' : 'monthly');
    core.advance(core.nowMs + 10_000);
    core.end(active);
    active = core.runs('running')[0]?.run ?? 0;
    assert.ok(next.type === 'accepted' || n > 3, 'one of each interval waits');
  }
  assert.deepEqual(core.order().slice(5), ['hourly', 'daily']);
});

test('a run is not overtaken by one that was asked for before it', () => {
  const core = new Core(intervals());
  const yearly = core.ask('yearly');
  core.ask('monthly');
  const daily = core.ask('daily');
  core.advance(2_000);
  core.end(yearly);
  assert.deepEqual(core.why(daily), ['waits for run 2 (monthly), which is running']);
  assert.equal(core.expect(daily, 'queued').overtaken, 0);
});

function nameOf(core: Core, run: number): string {
  return core.state.runs.get(run)?.target ?? '';
}

test('two groups go their own ways: by -c of the command, or by name', () => {
  const rule = (interval: string): RawPolicy[] => [{ type: 'rsnapshot', interval }];
  const args = (file: string) => ({ args: ['/usr/bin/rsnapshot', '-c', file, 'x'] });
  const core = new Core([
    target('a-yearly', rule('yearly'), args('/etc/a.conf')),
    target('a-daily', rule('daily'), args('/etc/a.conf')),
    target('b-daily', rule('daily'), args('/etc/b.conf')),
    target('c-daily', rule('daily')),
    target('d-daily', [{ type: 'rsnapshot', interval: 'daily', group: 'mine' }]),
  ]);
  for (const { name } of core.catalog.targets.values()) core.ask(name);
  core.advance(2_000);
  assert.deepEqual(core.order().toSorted(), ['a-yearly', 'b-daily', 'c-daily', 'd-daily']);
});

test('a paused higher interval does not hold back the lower ones', () => {
  const core = new Core(intervals());
  const hourly = core.ask('hourly');
  const monthly = core.ask('monthly');
  core.send({ type: 'pause', target: 'monthly' });
  core.advance(2_000);
  assert.equal(core.expect(hourly, 'running').run, hourly);
  assert.match(core.why(monthly)[0] ?? '', /^target monthly is paused; "baton resume monthly"/);
  core.end(hourly);
  assert.deepEqual(core.order(), ['hourly']);
  core.send({ type: 'resume', target: 'monthly' });
  assert.equal(core.expect(monthly, 'running').run, monthly);
});

test('a pause releases the lower interval that waits for the paused one', () => {
  const core = new Core(intervals(['hourly', 'daily', 'weekly'], { settle: '60s' }));
  const [daily, hourly] = [core.ask('daily'), core.ask('hourly')];
  core.advance(30_000);
  core.send({ type: 'pause', target: 'daily' });
  core.advance(60_000);
  assert.equal(core.expect(hourly, 'running').run, hourly);
  assert.equal(core.expect(daily, 'queued').run, daily);
});

test('an order of its own ranks the intervals, and the classic names need none', () => {
  const order = ['nightly', 'fortnight', 'quarter'];
  const core = new Core(intervals(order, { order }));
  for (const name of order) core.ask(name);
  assert.deepEqual(finish(core), ['quarter', 'fortnight', 'nightly']);
  const greek = new Core(intervals(['alpha', 'beta', 'delta']));
  for (const name of ['alpha', 'beta', 'delta']) greek.ask(name);
  assert.deepEqual(finish(greek), ['delta', 'beta', 'alpha']);
});

test('an interval that its own order does not have is a mistake', () => {
  const wrong = { type: 'rsnapshot', interval: 'nightly' };
  const { issues } = v.safeParse(rsnapshot.options, { ...wrong, order: ['a', 'b'] });
  assert.match(issues?.[0]?.message ?? '', /^one of "order" \(lowest first\), or "sync"/);
  assert.equal(v.safeParse(rsnapshot.options, { ...wrong, interval: 'a b' }).success, false);
});

test('members of a group must agree on the order and on the settle window', () => {
  const member = (name: string, more: object) => ({
    target: name,
    options: v.parse(rsnapshot.options, { type: 'rsnapshot', interval: 'daily', ...more }),
    waiting: 0,
    ignored: 0,
    active: [],
  });
  const plain = member('a', {});
  const conflict = (other: object) => rsnapshot.conflict?.(plain, member('b', other));
  assert.equal(conflict({ interval: 'weekly', settle: '2s' }), undefined);
  assert.match(
    conflict({ order: ['daily', 'x'] }) ?? '',
    /^the order is hourly < .* in target "b"/,
  );
  assert.match(conflict({ settle: '5s' }) ?? '', /^settle is 2000 ms here and 5000 ms in target/);
});
