/** Probing the machine of a target or those of a fleet: how many at once, and the output. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeCatalog, type Target } from '../../../daemon/core/catalog.ts';
import { emptyState } from '../../../daemon/core/state.ts';
import type { Probed } from '../../../daemon/keepers/ssh-probes.ts';
import type { Reply } from '../../../daemon/protocol/request.ts';
import { HOSTS_AT_ONCE, type Prober, Probing } from '../../../daemon/server/probing.ts';
import { Refusals } from '../../../daemon/server/refusals.ts';
import type { Responder } from '../../../daemon/server/responder.ts';
import { target } from '../../support/core.ts';

const FINE: Probed = { lines: ['connected'] };
const REFUSED: Probed = { lines: [], failure: { phase: 'connect', message: 'ECONNREFUSED' } };

/** A client that is connected until `leave` is called. */
function client() {
  const replies: Reply[] = [];
  let close = (): void => {};
  const responder: Responder = {
    ...{ send: (reply) => void replies.push(reply), finish: () => {}, hold: () => {} },
    ...{ hasRoom: () => true, onDrain: () => {} },
    onClose: (callback) => {
      close = callback;
    },
  };
  return { replies, responder, leave: () => close() };
}

function probingOf(targets: readonly Target[], prober: Prober): Probing {
  const catalog = makeCatalog(targets);
  const refusals = new Refusals({ catalog, state: emptyState() }, () => '/etc/baton/config.json');
  return new Probing({ catalog: () => catalog, prober, refusals });
}

const ask = (target: string) => ({ type: 'probe', v: 1, target }) as const;

async function probe(targets: readonly Target[], name: string, prober: Prober): Promise<Reply> {
  const { replies, responder } = client();
  await probingOf(targets, prober).probe(ask(name), responder);
  const [reply] = replies;
  assert.ok(reply !== undefined && replies.length === 1);
  return reply;
}

const fleet = (hosts: number): Target[] =>
  Array.from({ length: hosts }, (_, at) => target(`up@h${at}`, [], { fleet: 'up' }));

test('all hosts of a fleet are looked at, some at once, and told in their order', async () => {
  let [now, most] = [0, 0];
  const waiting: (() => void)[] = [];
  const prober: Prober = async ({ name }) => {
    most = Math.max(most, ++now);
    // The first ones are answered last, and only when there are no more requests.
    await new Promise<void>((resolve) => {
      waiting.push(resolve);
      setImmediate(() => waiting.pop()?.());
    });
    now--;
    return name === 'up@h7' ? REFUSED : FINE;
  };
  const hosts = HOSTS_AT_ONCE * 2 + 1;
  const reply = await probe(fleet(hosts), 'up', prober);
  assert.ok(reply.type === 'probed');
  assert.equal(most, HOSTS_AT_ONCE);
  assert.deepEqual([reply.target, reply.exit], ['up', 255]);
  const names = reply.lines.slice(0, -1).map((line) => line.slice(0, line.indexOf(':')));
  assert.deepEqual(
    names,
    fleet(hosts).map(({ name }) => name),
  );
  assert.match(reply.lines[7] ?? '', /^up@h7: .*ECONNREFUSED.*baton probe up@h7/);
  assert.equal(reply.lines.at(-1), `hosts where no run could start: 1 of ${hosts} (up@h7)`);
});

test('a host that is broken, or a look that fails, is said of that host alone', async () => {
  const [first, second, ...rest] = fleet(3);
  assert.ok(first && second);
  const broken = { ...second, broken: 'key "/k" does not exist; name an existing private key' };
  const reply = await probe([first, broken, ...rest], 'up', async ({ name }) => {
    if (name === 'up@h2') throw new Error('the keeper is away');
    return FINE;
  });
  assert.ok(reply.type === 'probed');
  assert.equal(reply.exit, 125);
  assert.equal(reply.lines[0], 'up@h0: connected');
  assert.match(reply.lines[1] ?? '', /^up@h1: key "\/k" does not exist/);
  assert.match(reply.lines[2] ?? '', /^up@h2: Error: the keeper is away/);
  assert.match(reply.lines[3] ?? '', /: 2 of 3 \(up@h1, up@h2\)$/);
});

test('one target is told of without its name, and what connects to nothing is said', async () => {
  const one = await probe([target('far')], 'far', async () => FINE);
  assert.deepEqual(one, { type: 'probed', target: 'far', exit: 0, lines: ['connected'] });
  for (const name of ['far', 'up']) {
    const none = await probe([target('far'), ...fleet(2)], name, async () => undefined);
    assert.ok(none.type === 'error');
    assert.deepEqual([none.code, none.exit], ['no-probe', 64]);
  }
  const [first, second] = fleet(2);
  assert.ok(first && second);
  const mixed = [{ ...first, broken: 'no such user' }, second];
  const part = await probe(mixed, 'up', async () => undefined);
  assert.ok(part.type === 'error' && part.code === 'no-probe', 'one host stands for all');
  const fault = await probe([target('far')], 'far', async () => {
    throw new Error('the keeper is away');
  });
  assert.ok(fault.type === 'error');
  assert.deepEqual([fault.code, fault.exit], ['no-probe', 125]);
  const unknown = await probe([target('far')], 'fra', async () => FINE);
  assert.ok(unknown.type === 'error' && unknown.code === 'unknown-target');
});

test('a client that has gone ends its probes, and one fleet is probed at a time', async () => {
  let [asked, now, most] = [0, 0, 0];
  const one = client();
  const two = client();
  const probing = probingOf(fleet(HOSTS_AT_ONCE * 3), async () => {
    most = Math.max(most, ++now);
    if (++asked === HOSTS_AT_ONCE) one.leave();
    await new Promise((resolve) => setImmediate(resolve));
    now--;
    return FINE;
  });
  await Promise.all([one, two].map(({ responder }) => probing.probe(ask('up'), responder)));
  assert.equal(most, HOSTS_AT_ONCE);
  assert.equal(asked, HOSTS_AT_ONCE * 4);
  assert.equal(two.replies.length, 1);
});

test('of a host of a fleet that tells very much the end is told', async () => {
  const lines = Array.from({ length: 30 }, (_, at) => `${at} ${'x'.repeat(5_000)}`);
  const reply = await probe(fleet(1), 'up', async () => ({ ...REFUSED, lines }));
  assert.ok(reply.type === 'probed');
  assert.equal(reply.lines.length, 11);
  assert.match(reply.lines[0] ?? '', /^up@h0: 21 x/);
  assert.ok(reply.lines.every((line) => line.length < 600));
  assert.match(reply.lines.at(-2) ?? '', /ECONNREFUSED/);
});
