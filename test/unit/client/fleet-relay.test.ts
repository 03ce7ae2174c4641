/** How the client waits for the runs of a fleet: how many at once, and after a reconnect. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ASKS_MAX, FleetRelay, WAITS_MAX } from '../../../client/connection/fleet-relay.ts';
import { inBlocks, prefixed } from '../../../client/terminal/fleet-output.ts';
import type { HostEnd } from '../../../client/terminal/fleet-text.ts';
import type { Reply } from '../../../daemon/protocol/request.ts';
import type { RequestInput } from '../../../daemon/protocol/request-schema.ts';

const SIGTERM = 15;

/** A client whose daemon is the test. */
class Client {
  readonly relay: FleetRelay;
  /** Requests on this connection without a final answer. */
  open: RequestInput[] = [];
  written = '';
  ends: readonly HostEnd[] | undefined;

  constructor(hosts: number, isLive = false) {
    const to = (_: number, bytes: Uint8Array): undefined => {
      this.written += Buffer.from(bytes).toString();
    };
    const output = isLive ? prefixed(to) : inBlocks(to, true);
    const runs = Array.from({ length: hosts }, (_, at) => {
      return { type: 'accepted', run: at + 1, target: `up@h${at + 1}`, nonce: 'n' } as const;
    });
    this.relay = new FleetRelay('up', runs, { output, isLive, quiet: false });
    this.connect();
  }

  connect(): void {
    this.open = [this.relay.request()];
    this.relay.opened((request) => this.open.push(request));
  }

  of(type: RequestInput['type']): readonly RequestInput[] {
    return this.open.filter((request) => request.type === type);
  }

  asked(type: 'wait' | 'cancel' | 'output', run: number): RequestInput | undefined {
    return this.of(type).find((it) => ('run' in it ? it.run : 'of' in it && it.of) === run);
  }

  /** The final answer to a request. */
  answer(request: RequestInput | undefined, reply: Reply): void {
    assert.ok(request);
    this.open = this.open.filter((it) => it !== request);
    this.tell(request, reply);
  }

  tell(request: RequestInput | undefined, reply: Reply): void {
    const { id } = request ?? {};
    this.ends = this.relay.take({ ...reply, ...(id === undefined ? {} : { id }) }) ?? this.ends;
  }

  end(run: number, code = 0): void {
    const outcome = { kind: 'exited', code } as const;
    const verdict = code === 0 ? 'ok' : 'failed';
    const rest = {
      outcome,
      verdict,
      exit: code,
      text: `exited with ${code}`,
      tell: false,
    } as const;
    this.answer(this.asked('wait', run), { type: 'ended', run, target: `up@h${run}`, ...rest });
  }
}

const output = (run: number, data: string, offset = 0): Reply => ({
  ...{ type: 'output', run, stream: 'out', offset, bytes: data.length, data },
});

test('of a large fleet only so many runs are waited for at a time, and all in the end', () => {
  const hosts = 2 * WAITS_MAX + 7;
  const client = new Client(hosts);
  assert.equal(client.of('wait').length, WAITS_MAX);
  for (let run = 1; run <= hosts; run++) {
    client.end(run, run % 2);
    assert.ok(client.of('wait').length <= WAITS_MAX);
    assert.ok(client.of('output').length <= 1);
    client.answer(client.asked('output', run), { type: 'done' });
  }
  assert.equal(client.ends?.length, hosts);
});

test('a signal cancels the youngest first, so many at a time, and waits for the ends', () => {
  const hosts = WAITS_MAX + ASKS_MAX;
  const client = new Client(hosts);
  client.relay.interrupt(SIGTERM);
  assert.equal(client.of('cancel').length, ASKS_MAX);
  assert.ok(client.asked('cancel', hosts));
  assert.equal(client.asked('cancel', hosts - ASKS_MAX), undefined);
  client.answer(client.asked('cancel', hosts), { type: 'done', runs: [hosts] });
  assert.ok(client.asked('cancel', hosts - ASKS_MAX));
  assert.equal(client.of('cancel').length, ASKS_MAX);
  assert.equal(client.ends, undefined);
});

test('after a broken connection only what has not ended is asked for, cancels included', () => {
  const client = new Client(3);
  client.end(2);
  client.answer(client.asked('output', 2), { type: 'done' });
  client.relay.interrupt(SIGTERM);
  client.relay.lost();
  client.connect();
  assert.deepEqual(
    client.open.map((it) => `${it.type} ${'run' in it ? it.run : 'of' in it && it.of}`),
    ['wait 1', 'wait 3', 'cancel 3', 'cancel 1'],
  );
});

test('blocks are fetched one after the other, each from where its connection broke', () => {
  const client = new Client(2);
  client.end(2);
  client.end(1);
  assert.deepEqual(
    [client.asked('output', 2) !== undefined, client.asked('output', 1)],
    [true, undefined],
  );
  client.tell(client.asked('output', 2), output(2, 'one\n'));
  client.relay.lost();
  client.connect();
  const again = client.asked('output', 2);
  assert.deepEqual(again && 'from' in again ? again.from : undefined, { out: 4, err: 0 });
  // A frame may begin before that.
  client.tell(again, output(2, 'e\ntwo\n', 2));
  client.answer(client.asked('output', 2), { type: 'done' });
  client.answer(client.asked('output', 1), { type: 'done' });
  assert.equal(client.written, '==> h2 <==\none\ntwo\n');
  assert.equal(client.ends?.length, 2);
});

test('on a terminal the output comes with the wait, and goes on at the same byte', () => {
  const client = new Client(1, true);
  client.tell(client.asked('wait', 1), output(1, 'one\nt'));
  client.relay.lost();
  client.connect();
  const wait = client.asked('wait', 1);
  assert.deepEqual(wait && 'from' in wait ? wait.from : undefined, { out: 5, err: 0 });
  client.tell(wait, output(1, 'wo\n', 5));
  client.end(1);
  assert.equal(client.written, 'h1: one\nh1: two\n');
  assert.equal(client.ends?.length, 1);
});

test('a run that the daemon does not know any more is the worst end, with its reason', () => {
  const client = new Client(2);
  const message = 'run 1 and its outcome are no longer kept';
  const error = { type: 'error', code: 'unknown-run', exit: 125, message } as const;
  client.answer(client.asked('wait', 1), error);
  client.answer(client.asked('output', 1), { type: 'done' });
  client.end(2);
  client.answer(client.asked('output', 2), { type: 'done' });
  const [first, second] = client.ends ?? [];
  assert.deepEqual([first?.status, first?.verdict, first?.text], [125, 'failed', message]);
  assert.equal(second?.verdict, 'ok');
});

test('an error that concerns the whole connection ends the waiting for all', () => {
  const client = new Client(2);
  client.tell(undefined, { type: 'error', code: 'version', exit: 76, message: 'other version' });
  assert.deepEqual(
    client.ends?.map(({ status, verdict }) => `${status} ${verdict}`),
    ['76 failed', '76 failed'],
  );
});
