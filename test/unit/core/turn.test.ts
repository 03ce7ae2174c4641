/**
 * One turn of the loop: it does no more than its limits allow, so that sockets and timers get their
 * share; the rest follows in the next turn, complete and in order.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import pino from 'pino';
import { makeCatalog, type Target } from '../../../daemon/core/catalog.ts';
import { ENDED_AT_ONCE_MAX } from '../../../daemon/core/command.ts';
import type { Event } from '../../../daemon/core/event.ts';
import { emptyState } from '../../../daemon/core/state.ts';
import { Loop, TURN_COMMANDS_MAX, TURN_WORK_MAX } from '../../../daemon/engine/loop.ts';
import type { LoopAnswer } from '../../../daemon/engine/replies.ts';
import { EXIT_0, keeper, NONCE, stamp, target } from '../../support/core.ts';

/** A loop whose turns are run by hand, and what it has appended to its journal. */
class Turns {
  readonly events: Event[] = [];
  /** How many events were written at once, one number for each write. */
  readonly writes: number[] = [];
  readonly loop: Loop;
  nowMs = 1;
  /** Why nothing can be written. */
  errno: string | undefined;
  /** The type of events that cannot be written. */
  noRoomFor: Event['type'] | undefined;
  #next: (() => void) | undefined;
  #timer: (() => void) | undefined;

  constructor(targets: readonly Target[]) {
    this.loop = new Loop({
      state: emptyState(),
      catalog: makeCatalog(targets),
      journal: {
        append: (events) => {
          if (this.errno !== undefined) return { ok: false, error: this.errno };
          if (events.some(({ type }) => type === this.noRoomFor)) {
            return { ok: false, error: 'ENOSPC' };
          }
          this.events.push(...events);
          this.writes.push(events.length);
          return { ok: true };
        },
        sync: () => Promise.resolve(),
        examine: () => undefined,
        isBloated: false,
        compact: () => Promise.resolve({ ok: true }),
      },
      clock: {
        now: () => stamp(this.nowMs),
        steadyAt: (ms) => ms,
        after: (_, callback) => {
          this.#timer = callback;
          return () => {
            this.#timer = undefined;
          };
        },
        soon: (turn) => {
          this.#next = turn;
        },
      },
      nonce: NONCE,
      log: pino({ level: 'silent' }),
      prepare: () => {},
      perform: () => {},
      fail: (error) => {
        throw error;
      },
    });
    this.loop.recover();
    this.turn();
  }

  submit(name: string, token: string): void {
    this.loop.post({ type: 'submit', target: name, token, merged: true });
  }

  /** False: there is nothing to do. */
  turn(): boolean {
    const next = this.#next;
    this.#next = undefined;
    next?.();
    return next !== undefined;
  }

  turns(): void {
    while (this.turn());
  }

  /** Fires the timer; false if there is none. */
  ring(): boolean {
    const timer = this.#timer;
    this.#timer = undefined;
    timer?.();
    return timer !== undefined;
  }

  /** This many queued runs, of a target where none starts. */
  pile(name: string, count: number): readonly number[] {
    this.loop.post({ type: 'pause', target: name });
    for (const at of upTo(count)) this.submit(name, `token ${at}`);
    this.turns();
    this.writes.length = 0;
    return this.numbersOf('accepted');
  }

  waitingFor(name: string): number {
    return this.loop.state.targetStates.get(name)?.queue.size ?? 0;
  }

  numbersOf(type: 'accepted' | 'starting' | 'ended'): readonly number[] {
    return this.events.flatMap((event) => (event.type === type ? event.run : []));
  }
}

function upTo(count: number): readonly number[] {
  return Array.from({ length: count }, (_, at) => at + 1);
}

test('a start for which the disk has no room hides nobody who waited beside it', () => {
  const disk = (...groups: readonly string[]) =>
    groups.map((group) => ({ type: 'cardinality', group }) as const);
  const turns = new Turns([
    target('both', disk('one', 'other')),
    target('first', disk('one')),
    target('second', disk('other')),
  ]);
  for (const name of ['both', 'first', 'second']) turns.submit(name, name);
  turns.turns();
  turns.loop.post({ type: 'kept', run: 1, attempt: 1, keeper: keeper(1, 1) });
  turns.loop.post({ type: 'reported', run: 1, attempt: 1, report: EXIT_0 });
  turns.noRoomFor = 'starting';
  turns.turns();
  assert.deepEqual([turns.numbersOf('starting'), turns.numbersOf('ended')], [[1], [1]]);
  turns.noRoomFor = undefined;
  assert.ok(turns.ring(), 'it is not tried again');
  turns.turns();
  assert.deepEqual(turns.numbersOf('starting'), [1, 2, 3]);
});

test('a turn carries out no more commands than its limit', () => {
  const turns = new Turns([target('t')]);
  const count = 2 * TURN_COMMANDS_MAX + 1;
  for (const at of upTo(count)) turns.loop.post({ type: 'due', runs: [at] });
  turns.submit('t', 'last');
  const accepted = () => turns.numbersOf('accepted').length;
  assert.deepEqual([turns.turn(), accepted()], [true, 0]);
  assert.deepEqual([turns.turn(), accepted()], [true, 0]);
  assert.deepEqual([turns.turn(), accepted()], [true, 1]);
  assert.equal(turns.turn(), false);
});

test('a turn does no more work than its limit where a group is large, and the next goes on', () => {
  const MEMBERS = 1_000;
  const ASKED = 100;
  const policies = [{ type: 'cardinality' as const, group: 'g', instances: MEMBERS }];
  const targets = Array.from({ length: MEMBERS }, (_, at) => target(`t${at}`, policies));
  const turns = new Turns(targets);
  for (const at of upTo(ASKED)) turns.submit(`t${at}`, `token ${at}`);
  // Each request causes a look at its group, whose cost is one for each member.
  const most = TURN_WORK_MAX / MEMBERS + 1;
  let count = 0;
  for (let had = 0; turns.turn(); count++) {
    const has = turns.numbersOf('starting').length;
    assert.ok(has - had <= most, `${has - had} runs are started in one turn`);
    had = has;
  }
  assert.ok(count >= ASKED / most, `only ${count} turns`);
  assert.deepEqual(turns.numbersOf('accepted'), upTo(ASKED));
  assert.deepEqual(turns.numbersOf('starting'), upTo(ASKED));
});

const STEPS = 5;
const MANY = (STEPS - 1) * ENDED_AT_ONCE_MAX + 1;
/** How many are written at once if this many end. */
const WRITTEN = [...Array.from({ length: STEPS - 1 }, () => ENDED_AT_ONCE_MAX), 1];

test('many runs are cancelled some at a time, with a write for each time and one answer', async () => {
  const turns = new Turns([target('t'), target('other')]);
  const runs = turns.pile('t', MANY);
  const answer = new Promise<LoopAnswer>((resolve) => {
    turns.loop.post({ type: 'cancel', runs: [...runs, 1, MANY + 9] }, resolve);
  });
  turns.turn();
  turns.submit('other', 'somebody else');
  turns.turn();
  assert.equal(turns.numbersOf('accepted').length, MANY + 1, 'nobody waits for the rest of it');
  assert.equal(turns.waitingFor('t'), MANY - 2 * ENDED_AT_ONCE_MAX);
  turns.turns();
  assert.deepEqual(turns.numbersOf('ended'), runs);
  assert.deepEqual(
    turns.writes.filter((count) => count > 1),
    WRITTEN.slice(0, -1),
  );
  assert.deepEqual(await answer, { type: 'cancelled', runs });
});

test('what was cancelled before there is no room is said to be none of it', async () => {
  const turns = new Turns([target('t')]);
  const runs = turns.pile('t', MANY);
  const answer = new Promise<LoopAnswer>((resolve) => {
    turns.loop.post({ type: 'cancel', runs }, resolve);
  });
  turns.turn();
  turns.errno = 'ENOSPC';
  turns.turns();
  assert.deepEqual(await answer, { type: 'no-room', errno: 'ENOSPC' });
  assert.equal(turns.waitingFor('t'), MANY - ENDED_AT_ONCE_MAX);
});

test('many runs whose maxWait is over at one moment end some at a time', () => {
  const turns = new Turns([
    target('t', [{ type: 'cardinality' }], { maxWaitMs: 1_000 }),
    target('other'),
  ]);
  const count = 2 * STEPS * ENDED_AT_ONCE_MAX;
  // The first one runs, and the others wait for it: they are looked at while they end.
  for (const at of upTo(count + 1)) turns.submit('t', `token ${at}`);
  turns.turns();
  turns.loop.post({ type: 'kept', run: 1, attempt: 1, keeper: keeper(1, 1) });
  turns.turns();
  turns.writes.length = 0;
  turns.nowMs += 1_000;
  assert.ok(turns.ring());
  turns.turn();
  assert.ok(turns.waitingFor('t') > 0, 'not all in one turn');
  turns.submit('other', 'somebody else');
  turns.turn();
  assert.equal(turns.numbersOf('accepted').length, count + 2, 'nobody waits for the rest of it');
  do turns.turns();
  while (turns.ring());
  assert.equal(turns.waitingFor('t'), 0);
  const ended = [...turns.numbersOf('ended')].sort((a, b) => a - b);
  assert.deepEqual(ended, turns.numbersOf('accepted').slice(1, -1), 'each once');
  assert.ok(Math.max(...turns.writes) <= ENDED_AT_ONCE_MAX);
  assert.ok(turns.writes.length <= 3 * STEPS, `${turns.writes.length} writes`);
});

for (const [how, later] of [
  ['is removed', []],
  ['cannot work any more', [target('t', [], { broken: 'no such user: backup' })]],
] as const) {
  test(`many that wait for a target that ${how} are skipped some at a time`, () => {
    const turns = new Turns([target('t'), target('other')]);
    turns.pile('t', MANY);
    turns.loop.post({ type: 'resume', target: 't' });
    turns.loop.configure(makeCatalog([...later, target('other')]));
    turns.turn();
    const left = turns.waitingFor('t');
    assert.ok(left > 0, 'not all in one turn');
    turns.submit('other', 'somebody else');
    turns.turn();
    assert.equal(turns.numbersOf('accepted').length, MANY + 1, 'nobody waits for the rest of it');
    turns.turns();
    assert.equal(turns.waitingFor('t'), 0);
    assert.deepEqual(
      turns.writes.filter((count) => count > 1),
      WRITTEN.slice(0, -1),
    );
  });
}

test('however much there is to be started, a request has its turn', () => {
  const MEMBERS = 1_000;
  const ASKED = 100;
  const members = (instances: number): readonly Target[] => {
    const policies = [{ type: 'cardinality' as const, group: 'g', instances }];
    return Array.from({ length: MEMBERS }, (_, at) => target(`t${at}`, policies));
  };
  const turns = new Turns([...members(1), target('other')]);
  for (const at of upTo(ASKED)) turns.submit(`t${at}`, `token ${at}`);
  turns.turns();
  turns.loop.configure(makeCatalog([...members(MEMBERS), target('other')]));
  turns.turn();
  turns.submit('other', 'somebody else');
  turns.turn();
  assert.equal(turns.numbersOf('accepted').length, ASKED + 1);
  assert.ok(turns.numbersOf('starting').length < ASKED);
  turns.turns();
  assert.equal(turns.numbersOf('starting').length, ASKED + 1);
});

test('thousands of targets that a reload begins to look out for do not fill one turn', () => {
  const names = upTo(3 * ENDED_AT_ONCE_MAX).map((at) => `job${at}`);
  const turns = new Turns([]);
  turns.turns();
  turns.writes.length = 0;
  turns.loop.configure(makeCatalog(names.map((name) => target(name, [], { lateAfterMs: 1_000 }))));
  turns.turns();
  assert.deepEqual(
    turns.writes.filter((count) => count > ENDED_AT_ONCE_MAX),
    [],
  );
  const watched = turns.events.flatMap((event) => (event.type === 'watched' ? event.target : []));
  assert.deepEqual(watched, names, 'each of them once');
  turns.nowMs = 2_000;
  assert.ok(turns.ring(), 'it is known when they are late');
  turns.turns();
  const late = turns.events.filter(({ type }) => type === 'late');
  assert.equal(late.length, names.length);
});
