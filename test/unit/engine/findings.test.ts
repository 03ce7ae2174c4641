/** How conditions are checked: in the background, with a limit, and never twice at once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeCatalog } from '../../../daemon/core/catalog.ts';
import { keyOf, type SlowCondition } from '../../../daemon/core/world.ts';
import { CHECKS_AT_ONCE_MAX, Findings } from '../../../daemon/engine/findings.ts';
import { stampOf } from '../../../daemon/shared/elapsed.ts';
import type { Answer, WorldPort } from '../../../daemon/system/machine.ts';
import { target } from '../../support/core.ts';

const SECOND = 1_000;

interface Begun {
  readonly condition: SlowCondition;
  readonly done: (answer: Answer) => void;
  isKilled: boolean;
}

/** A machine that answers when the test wants it to. */
function world() {
  let [nowMs, asleepMs] = [0, 0];
  let timers: { readonly atMs: number; readonly callback: () => void }[] = [];
  const begun: Begun[] = [];
  const again: string[] = [];
  const clock = {
    now: () => stampOf(nowMs, nowMs + asleepMs, asleepMs),
    steadyAt: (ms: number) => ms,
    after(delayMs: number, callback: () => void) {
      const timer = { atMs: nowMs + delayMs, callback };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
    soon: (callback: () => void) => callback(),
  };
  const port: WorldPort = {
    holders: () => new Map(),
    look: (conditions) =>
      new Map(conditions.map((it) => [keyOf(it), { holds: true, text: 'is mounted' }])),
    check(condition, done) {
      const check = { condition, done, isKilled: false };
      begun.push(check);
      return () => {
        check.isKilled = true;
      };
    },
    showTime: (wallMs) => `${wallMs} ms`,
  };
  const findings = new Findings({ clock, port, again: (targets) => again.push(...targets) });
  return {
    findings,
    begun,
    again,
    known: (condition: SlowCondition) =>
      findings.answer([condition], () => new Map()).findings.get(keyOf(condition)),
    pass(ms: number) {
      nowMs += ms;
      const due = timers.filter(({ atMs }) => atMs <= nowMs);
      timers = timers.filter(({ atMs }) => atMs > nowMs);
      for (const { callback } of due) callback();
    },
    sleep(ms: number) {
      asleepMs += ms;
    },
    get timers() {
      return timers.length;
    },
  };
}

function file(path: string): SlowCondition {
  return { kind: 'exists', path, timeoutMs: 10 * SECOND };
}

const RIGHT: Answer = { holds: true, text: 'it is there' };
const WRONG: Answer = { holds: false, text: 'it is not there' };

test('an answer is there for all who asked, and is as old as the beginning of its check', () => {
  const it = world();
  const condition = file('/x');
  it.findings.find([{ target: 'a', condition }]);
  it.findings.find([{ target: 'b', condition }]);
  assert.equal(it.begun.length, 1);
  assert.equal(it.known(condition), undefined);
  it.pass(4 * SECOND);
  it.sleep(60 * SECOND);
  it.begun[0]?.done(RIGHT);
  assert.deepEqual(it.again, ['a', 'b']);
  assert.deepEqual(it.known(condition), { ...RIGHT, agoMs: 64 * SECOND, seen: '0 ms' });
  assert.equal(it.timers, 0, 'nothing is left to wake for');
  it.findings.find([{ target: 'a', condition }]);
  it.pass(SECOND);
  it.begun[1]?.done(WRONG);
  assert.deepEqual(it.known(condition), { ...WRONG, agoMs: 0, seen: '65000 ms' });
});

test('a check without an answer counts as failed, is ended, and has no second one beside it', () => {
  const it = world();
  const condition = file('/nas/x');
  it.findings.find([{ target: 'a', condition }]);
  it.pass(10 * SECOND);
  const text = 'the file /nas/x could not be checked within 10.0 s';
  assert.deepEqual(it.known(condition), { holds: false, text, agoMs: 0, seen: '10000 ms' });
  assert.equal(it.begun[0]?.isKilled, true);
  it.pass(50 * SECOND);
  it.findings.find([{ target: 'a', condition }]);
  it.findings.find([{ target: 'b', condition }]);
  assert.equal(it.begun.length, 1, 'it hangs on');
  assert.match(it.known(condition)?.text ?? '', /checked within 1 min/);
  assert.deepEqual(it.again, ['a', 'a', 'b']);
  assert.equal(it.timers, 0);
  it.begun[0]?.done(RIGHT);
  assert.equal(it.known(condition)?.holds, false, 'too late');
  it.findings.find([{ target: 'a', condition }]);
  it.begun[1]?.done(RIGHT);
  assert.equal(it.known(condition)?.holds, true);
});

test(`at most ${CHECKS_AT_ONCE_MAX} checks are under way, and those that hang keep none from it`, () => {
  const it = world();
  const names = Array.from({ length: 2 * CHECKS_AT_ONCE_MAX + 1 }, (_, at) => `/${at}`);
  it.findings.find(names.map((path) => ({ target: path, condition: file(path) })));
  assert.equal(it.begun.length, CHECKS_AT_ONCE_MAX);
  it.begun[0]?.done(RIGHT);
  assert.equal(it.begun.length, CHECKS_AT_ONCE_MAX + 1);
  it.pass(10 * SECOND);
  assert.equal(it.begun.length, names.length);
  it.pass(10 * SECOND);
  assert.equal(it.again.length, names.length);
  assert.equal(it.timers, 0);
});

test('what nobody asks any more is forgotten by a reload', () => {
  const it = world();
  const raw = { type: 'require', exists: '/x' } as const;
  const one = target('a', [raw]);
  const [condition = file('/x')] = one.bindings.flatMap(({ asks }) => asks) as SlowCondition[];
  it.findings.find([{ target: 'a', condition }]);
  it.begun[0]?.done(RIGHT);
  it.findings.retain(makeCatalog([one]));
  assert.equal(it.known(condition)?.holds, true);
  it.findings.retain(makeCatalog([]));
  assert.equal(it.known(condition), undefined);
});

test('a daemon that stops ends its checks, and hears no more of them', () => {
  const it = world();
  it.findings.find([{ target: 'a', condition: file('/x') }]);
  it.findings.stop();
  assert.equal(it.begun[0]?.isKilled, true);
  it.begun[0]?.done(RIGHT);
  assert.deepEqual([it.again, it.timers], [[], 0]);
});
