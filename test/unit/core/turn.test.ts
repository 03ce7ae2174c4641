/**
 * What the loop does in one turn: no more than its limits say, so that sockets and timers get their
 * share; what is left has its turn next, and nothing of it is lost or comes out of order.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import pino from 'pino';
import { makeCatalog, type Target } from '../../../daemon/core/catalog.ts';
import type { Event } from '../../../daemon/core/event.ts';
import { emptyState } from '../../../daemon/core/state.ts';
import { Loop, TURN_COMMANDS_MAX, TURN_WORK_MAX } from '../../../daemon/engine/loop.ts';
import { NONCE, stamp, target } from '../../support/core.ts';

/** A loop whose turns are taken by hand, and what it has appended to its journal. */
class Turns {
  readonly events: Event[] = [];
  readonly loop: Loop;
  #next: (() => void) | undefined;

  constructor(targets: readonly Target[]) {
    this.loop = new Loop({
      state: emptyState(),
      catalog: makeCatalog(targets),
      journal: {
        append: (events) => {
          this.events.push(...events);
          return { ok: true };
        },
        sync: () => Promise.resolve(),
        examine: () => undefined,
        isBloated: false,
        compact: () => Promise.resolve({ ok: true }),
      },
      clock: {
        now: () => stamp(1),
        steadyAt: (ms) => ms,
        after: () => () => {},
        soon: (turn) => {
          this.#next = turn;
        },
      },
      nonce: NONCE,
      log: pino({ level: 'silent' }),
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

  numbersOf(type: 'accepted' | 'starting'): readonly number[] {
    return this.events.flatMap((event) => (event.type === type ? event.run : []));
  }
}

function upTo(count: number): readonly number[] {
  return Array.from({ length: count }, (_, at) => at + 1);
}

test('a turn carries out no more commands than its limit', () => {
  const turns = new Turns([target('t')]);
  const count = 2 * TURN_COMMANDS_MAX + 1;
  for (const at of upTo(count)) turns.loop.post({ type: 'due', run: at });
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
  // Each request has its group looked at, which costs a member's worth for each member.
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
