/**
 * The cost of one more run, among thousands: measured by counting looks, because time depends on
 * the machine.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PolicyFiles } from '../../../daemon/config/policy-files.ts';
import { apply } from '../../../daemon/core/apply.ts';
import { type Catalog, makeCatalog } from '../../../daemon/core/catalog.ts';
import { type CommandInput, ENDED_AT_ONCE_MAX } from '../../../daemon/core/command.ts';
import { decide } from '../../../daemon/core/decide.ts';
import type { Event } from '../../../daemon/core/event.ts';
import type { Policy } from '../../../daemon/core/policy.ts';
import { FORGOTTEN_AT_ONCE_MAX, RECENT_MS } from '../../../daemon/core/retention.ts';
import { emptyState, type State } from '../../../daemon/core/state.ts';
import { NO_WORLD } from '../../../daemon/core/world.ts';
import { viewTargets } from '../../../daemon/server/views/targets.ts';
import { runToEnd } from '../../../daemon/shared/cooperative.ts';
import { accepted, load } from '../../support/config.ts';
import { Core, keeper, NONCE, stamp, target } from '../../support/core.ts';

const FEW = 1_000;
const MANY = 8_000;

/** A state that counts how often a run is looked up. */
class Counted {
  readonly state: State = emptyState();
  readonly catalog: Catalog;
  lookups = 0;
  nowMs = 0;
  readonly events: Event[] = [];

  constructor(...targets: Parameters<typeof target>[]) {
    this.catalog = makeCatalog(targets.map((one) => target(...one)));
    const get = this.state.runs.get.bind(this.state.runs);
    this.state.runs.get = (run) => {
      this.lookups++;
      return get(run);
    };
  }

  send(input: CommandInput) {
    const decision = decide(
      this.state,
      { ...input, at: stamp(this.nowMs), nonce: NONCE },
      this.catalog,
    );
    for (const event of decision.events) apply(this.state, event);
    this.events.push(...decision.events);
    return decision;
  }

  submit(name: string, count: number): void {
    for (let left = count; left > 0; left--) {
      const token = `token ${this.state.nextRun}`;
      this.send({ type: 'submit', target: name, token, merged: true });
    }
  }

  /** Lookups for each of this many. */
  each(count: number, act: (at: number) => void): number {
    this.lookups = 0;
    for (let at = 1; at <= count; at++) act(at);
    return this.lookups / count;
  }
}

test('to cancel one of many that wait looks at as many runs as to cancel one of a few', () => {
  const [few, many] = [FEW, MANY].map((count) => {
    const core = new Counted(['t', [{ type: 'cardinality' }]]);
    core.submit('t', count);
    return core.each(count, (run) => {
      core.send({ type: 'cancel', runs: [run] });
      core.send({ type: 'evaluate', target: 't' });
      core.send({ type: 'retain', target: 't', keep: { runs: 100 } });
    });
  });
  assert.ok(few !== undefined && many !== undefined && many < few + 1, `${few}, ${many}`);
});

test('to end one of many that run looks at as many runs as to end one of a few', () => {
  const cost = (count: number): number => {
    const core = new Counted(['t', [{ type: 'cardinality', instances: 10_000 }]]);
    core.submit('t', count);
    for (let run = 1; run <= count; run++) {
      core.send({ type: 'evaluate', target: 't' });
      core.send({ type: 'kept', run, attempt: 1, keeper: keeper(run, 1) });
    }
    const report = { started: true, code: 0, signal: null, core: false };
    return core.each(count, (run) => {
      core.send({ type: 'reported', run, attempt: 1, report });
      core.send({ type: 'evaluate', target: 't' });
      core.send({ type: 'retain', target: 't', keep: { runs: 100 } });
    });
  };
  const [few, many] = [cost(FEW), cost(MANY)];
  assert.ok(many < few + 1, `${few}, ${many}`);
});

/** This many ended runs of a target. */
function past(count: number): Counted {
  const core = new Counted(['t']);
  core.submit('t', count);
  for (let run = 1; run <= count; run++) core.send({ type: 'cancel', runs: [run] });
  return core;
}

test('what is to be forgotten is looked for among the oldest only', () => {
  const core = past(MANY);
  core.lookups = 0;
  core.send({ type: 'retain', target: 't', keep: { runs: 1 } });
  assert.ok(core.lookups <= 1, `looked at ${core.lookups}`);
});

test('much to forget is forgotten by and by', () => {
  const core = past(FEW);
  core.nowMs = RECENT_MS + 1;
  const sizes: number[] = [];
  for (let more = true; more; ) {
    const decision = core.send({ type: 'retain', target: 't', keep: { runs: 10 } });
    sizes.push(...decision.events.map((it) => (it.type === 'forgotten' ? it.runs.length : -1)));
    more = decision.rest !== undefined;
  }
  assert.deepEqual(
    sizes,
    Array.from({ length: 10 }, (_, at) => (at < 9 ? FORGOTTEN_AT_ONCE_MAX : 90)),
  );
  assert.equal(core.state.runs.size, 10);
});

test('what waits for a target that is gone is skipped by and by', () => {
  const core = new Counted(['t'], ['other']);
  const count = 2 * ENDED_AT_ONCE_MAX + 1;
  core.submit('t', count);
  const gone = new Counted(['other']).catalog;
  const sizes: number[] = [];
  for (let more = true; more; ) {
    const decision = decide(core.state, { type: 'configured', at: stamp(0), nonce: NONCE }, gone);
    for (const event of decision.events) apply(core.state, event);
    sizes.push(decision.events.length);
    more = decision.rest !== undefined;
  }
  assert.deepEqual(sizes, [ENDED_AT_ONCE_MAX, ENDED_AT_ONCE_MAX, 1]);
  assert.equal(core.state.targetStates.get('t')?.queue.size, 0);
});

test('the size of all output of a target is that of the runs that are remembered', () => {
  const core = new Core([target('t')]);
  const bytes = (): number | undefined => core.state.targetStates.get('t')?.endedBytes;
  for (const [run, size] of [
    [1, 100],
    [2, 20],
    [3, 3],
  ] as const) {
    core.ask('t');
    const report = { started: true, code: 0, signal: null, core: false, bytes: size };
    core.send({ type: 'reported', run, attempt: 1, report });
  }
  assert.equal(bytes(), 123);
  core.compact();
  assert.equal(bytes(), 123);
  core.advance(RECENT_MS + 1);
  core.send({ type: 'retain', target: 't', keep: { runs: 2 } });
  assert.equal(bytes(), 23);
});

/** Counts the calls to the policies of a catalog, and the members in their views. */
function countAsked(catalog: Catalog): { asked: number; shown: number } {
  const counts = { asked: 0, shown: 0 };
  for (const binding of [...catalog.targets.values()].flatMap(({ bindings }) => bindings)) {
    const { policy: own } = binding;
    const policy: Policy<unknown> = {
      ...own,
      ready: (run, view, survey) => {
        counts.asked++;
        return own.ready(run, view, survey);
      },
      survey: (group) => {
        counts.shown += own.survey === undefined ? 0 : group.members.length;
        return own.survey?.(group);
      },
    };
    Object.assign(binding, { policy });
  }
  return counts;
}

test('a group of rsnapshot intervals is looked through once for all that wait in it', () => {
  const COUNT = 100;
  const order = Array.from({ length: COUNT }, (_, at) => `level${at}`);
  const core = new Counted(
    ...order.map(
      (interval): Parameters<typeof target> => [interval, [{ type: 'rsnapshot', interval, order }]],
    ),
  );
  const counts = countAsked(core.catalog);
  for (const name of order) {
    core.submit(name, 1);
    core.send({ type: 'evaluate', target: name });
  }
  // Once for each look, whichever run is asked about.
  assert.equal(counts.shown, COUNT * COUNT);
  // The highest starts at the end, and all are asked whether it is overtaken.
  assert.ok(counts.asked <= (COUNT * (COUNT + 1)) / 2 + COUNT, `asked ${counts.asked}`);
});

test('where a group is full nobody but the oldest is asked', () => {
  const names = Array.from({ length: 50 }, (_, at) => `t${at}`);
  const core = new Core(names.map((name) => target(name, [{ type: 'cardinality', group: 'g' }])));
  for (const name of names) core.ask(name);
  const counts = countAsked(core.catalog);
  core.send({ type: 'evaluate', target: 't7' });
  assert.equal(counts.asked, 1);
});

test('a rsnapshot.conf is parsed once for all its levels, and kept once', () => {
  const levels = Array.from({ length: 500 }, (_, at) => `level${at}`);
  const texts = {
    '/etc/rsnapshot.conf': 'include_conf\t/etc/levels\n',
    '/etc/levels': levels.map((level) => `retain\t${level}\t3\n`).join(''),
  };
  const parsed: string[] = [];
  const confs = new PolicyFiles((path) => {
    const text = Object.entries(texts).find(([known]) => known === path)?.[1];
    if (text === undefined) return { ok: false, error: 'ENOENT' };
    return {
      ok: true,
      realPath: path,
      get text() {
        parsed.push(path);
        return text;
      },
    };
  });
  const runner = { type: 'local', args: ['/usr/bin/rsnapshot'] };
  const targets = levels.map((interval) => {
    return [interval, { runner, policies: [{ type: 'rsnapshot', interval }] }] as const;
  });
  const config = accepted(load({ targets: Object.fromEntries(targets) }, confs));
  assert.deepEqual(parsed, Object.keys(texts));
  const bound = [...config.catalog.targets.values()];
  assert.deepEqual(new Set(bound.map(({ broken }) => broken)), new Set([undefined]));
  const orders = bound.map(({ bindings: [its] }) => its?.policy.level?.(its.options)?.order);
  assert.deepEqual(orders[0], levels);
  assert.equal(new Set(orders).size, 1, 'one list, not one for each');
  for (const { files } of bound) assert.deepEqual(files, Object.keys(texts));
  accepted(runToEnd(config.again(config.policyFiles)));
  assert.equal(parsed.length, 2 * Object.keys(texts).length);
});

test('the status of a large group names no more levels than are next to each', () => {
  const order = Array.from({ length: 2_000 }, (_, at) => `level${at}`);
  const core = new Core(
    order.map((interval) => target(interval, [{ type: 'rsnapshot', interval, order }])),
  );
  const views = runToEnd(
    viewTargets({
      state: core.state,
      catalog: core.catalog,
      now: stamp(0),
      lives: () => false,
      worldAround: () => NO_WORLD,
      progressOf: () => undefined,
      unrecordedEnd: () => undefined,
    }),
  );
  assert.ok(JSON.stringify(views).length < 2_000_000);
  const near = (at: number) => views[at]?.level?.order;
  assert.deepEqual(near(0), order.slice(0, 20));
  assert.deepEqual(near(1_000), order.slice(990, 1_010));
  assert.deepEqual(near(1_999), order.slice(1_980));
  assert.equal(views[1_234]?.level?.name, 'level1234');
});

test('a request for a fleet looks at each of its targets a few times, however large it is', () => {
  const cost = (hosts: number): number => {
    const names = Array.from({ length: hosts }, (_, at) => `up@h${at}`);
    const limit = [{ type: 'cardinality' as const, instances: 10 }];
    const core = new Counted(
      ...names.map((name): Parameters<typeof target> => [name, limit, { fleet: 'up' }]),
    );
    let lookups = 0;
    const get = core.state.targetStates.get.bind(core.state.targetStates);
    core.state.targetStates.get = (name) => {
      lookups++;
      return get(name);
    };
    const command = { type: 'submit', target: 'up', token: 't', merged: true } as const;
    const at = stamp(0);
    const { events } = decide(core.state, { ...command, at, nonce: NONCE }, core.catalog);
    assert.equal(events.length, hosts);
    return lookups / hosts;
  };
  const [few, many] = [cost(50), cost(FEW)];
  assert.ok(many < few + 1, `${few}, ${many}`);
});
