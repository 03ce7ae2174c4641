/** The limits of one client, and the answers beyond them. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import type net from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { Event } from '../../daemon/core/event.ts';
import { Journal } from '../../daemon/journal/journal.ts';
import { LINE_BYTES_MAX, type Reply } from '../../daemon/protocol/request.ts';
import { OPEN_REQUESTS_MAX } from '../../daemon/server/connection.ts';
import { connect } from '../support/player.ts';
import { Rig, type Session } from '../support/rig.ts';

const LIMIT = { timeout: 60_000 };
const CONNECTIONS_MAX = 4_096;

const TARGETS = {
  quick: { runner: { type: 'local', args: ['/bin/echo', 'quick'] }, keep: { runs: 1 } },
  long: { runner: { type: 'local', args: ['/bin/sleep', '600'] } },
};

async function stage(t: TestContext, rig = new Rig()): Promise<Rig> {
  t.after(() => rig.close());
  rig.configure({ targets: TARGETS });
  await rig.boot();
  return rig;
}

/** Sends these bytes in one piece; resolves with all replies until the connection is closed. */
async function say(rig: Rig, ...pieces: readonly (string | Buffer)[]): Promise<readonly Reply[]> {
  const session = await rig.open();
  session.socket.write(Buffer.concat(pieces.map((piece) => Buffer.from(piece))));
  await session.closed();
  return session.replies;
}

const ask = (id: number): string => `{"type":"why","of":"quick","id":${id}}\n`;

for (const [what, bad, code] of [
  ['too long', `{"type":"status","id":"${'x'.repeat(LINE_BYTES_MAX)}"}\n`, 'line-too-long'],
  ['too long and has not ended', 'x'.repeat(LINE_BYTES_MAX + 1), 'line-too-long'],
  ['no UTF-8', Buffer.from('{"type":"status","id":"\xff"}\n', 'latin1'), 'malformed'],
  ['no JSON', '{"type":\n', 'malformed'],
  ['null', 'null\n', 'malformed'],
  ['no request', '{"type":"dance"}\n', 'invalid'],
] as const) {
  test(
    `the lines before one that is ${what} are answered first, and none after it`,
    LIMIT,
    async (t) => {
      const rig = await stage(t);
      for (const count of [1, 40]) {
        const asked = Array.from({ length: count }, (_, index) => ask(index + 1));
        const run = '{"type":"run","target":"quick","id":"run"}\n';
        const replies = await say(rig, ...asked, run, bad, ask(99));
        const types = replies.map(({ type, id }) => [type, id]);
        assert.deepEqual(
          types.slice(0, count),
          asked.map((_, index) => ['why', index + 1]),
        );
        // A run is accepted when it is durable, which takes some time.
        assert.deepEqual(types.slice(count), [
          ['accepted', 'run'],
          ['error', undefined],
        ]);
        const last = replies.at(-1);
        assert.ok(last?.type === 'error' && last.code === code);
      }
    },
  );
}

test('a bad line is refused although a request before it waits for long', LIMIT, async (t) => {
  const rig = await stage(t);
  const session = await rig.open();
  await session.ask({ type: 'pause', target: 'long' }, 'done');
  const { run } = await session.ask({ type: 'run', target: 'long' }, 'accepted');
  const [refused] = await say(rig, `{"type":"wait","run":${run}}\n`, 'nonsense\n');
  assert.ok(refused?.type === 'error' && refused.code === 'malformed');
});

test(
  'a connection that relays as much as it may holds no more files than that, and gives them back',
  LIMIT,
  async (t) => {
    const rig = await stage(t);
    const session = await rig.open();
    const { run } = await session.ask({ type: 'run', target: 'long' }, 'accepted');
    const open = (): number => readdirSync(`/proc/${rig.daemon?.pid}/fd`).length;
    const before = open();
    const greedy = await rig.open();
    const waits = Array.from({ length: OPEN_REQUESTS_MAX }, () =>
      greedy.send({ type: 'wait', run }),
    );
    for (const id of waits) await greedy.reply('started', id);
    assert.ok(open() - before <= 2 * OPEN_REQUESTS_MAX + 10, `${open() - before} files`);
    const refused = greedy.send({ type: 'wait', run });
    await assert.rejects(greedy.reply('started', refused), /"code":"busy","exit":75/);
    await greedy.closed();
    while (open() > before + 5) await turn();
    await session.ask({ type: 'status' }, 'status');
  },
);

test('a client too many is told so, and one that leaves makes room', LIMIT, async (t) => {
  const rig = await stage(t);
  const sockets: net.Socket[] = [];
  t.after(() => {
    for (const socket of sockets) socket.destroy();
  });
  while (sockets.length < CONNECTIONS_MAX) {
    const batch = await Promise.all(Array.from({ length: 64 }, () => connect(rig.socket)));
    for (const socket of batch) socket.on('error', () => {});
    sockets.push(...batch);
  }
  const [refused, ...more] = await say(rig, ask(1));
  assert.deepEqual(refused, {
    ...{ type: 'error', code: 'busy', exit: 75 },
    message: `4096 clients are connected to ${rig.socket}, the maximum; try again later`,
  });
  assert.deepEqual(more, []);
  await rig.logged('clients are refused');
  // baton's own client retries for as long as for a daemon that is away.
  const late = await rig.baton('run', 'quick', '--wait', '--connect-timeout', '2s');
  assert.equal(late.status, 69);
  assert.match(late.errors, /4096 clients are connected/);
  const client = rig.client(['run', 'quick', '--wait']);
  sockets.pop()?.destroy();
  const ended = await client.ended;
  assert.deepEqual([ended.status, ended.text], [0, 'quick\n']);
});

async function finished(session: Session): Promise<number> {
  const { run } = await session.ask({ type: 'run', target: 'quick', wait: true }, 'ended');
  return run;
}

test(
  'output that cannot be read is an error for who asks, and no end of the daemon',
  LIMIT,
  async (t) => {
    const rig = await stage(t);
    const session = await rig.open();
    const run = await finished(session);
    // A directory can be opened but not read, like a file on a broken disk.
    const out = join(rig.state, 'runs', String(run), 'out');
    rmSync(out);
    mkdirSync(out);
    await assert.rejects(
      session.ask({ type: 'output', of: run }, 'done'),
      /"code":"no-output","exit":125.*part of its output cannot be shown: .*\/out cannot be read \(EFTYPE\)/,
    );
    // A client that waits for the end is told in any case.
    const { exit, tell, text } = await session.ask({ type: 'wait', run }, 'ended');
    assert.deepEqual([exit, tell], [0, true]);
    assert.match(
      text,
      /^exited with 0; part of its output could not be shown: .*\(EFTYPE\); [^.]+$/,
    );
    assert.equal((await rig.status()).pid, rig.daemon?.pid);
  },
);

const at = { steadyMs: 1_000, wallMs: 1_700_000_000_000 };

/** A run of a target that is no longer configured. */
function leaveOldRun(rig: Rig, bytes: number): void {
  const directory = join(rig.state, 'runs', '1');
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'out'), Buffer.alloc(bytes, 'a'));
  const keeper = { pid: 1, startTime: 1, bootId: 'before' };
  const events: Event[] = [
    { type: 'accepted', run: 1, target: 'removed', at, token: 'old', merged: true },
    { type: 'starting', run: 1, attempt: 1, at },
    { type: 'started', run: 1, attempt: 1, at, keeper },
    { type: 'ended', run: 1, at, outcome: { kind: 'exited', code: 3 }, verdict: 'failed' },
  ];
  const opened = Journal.open(rig.state, () => {});
  assert.ok(opened.ok && opened.value.journal.append(events).ok);
  opened.value.journal.close();
}

test(
  'a run that is forgotten while it is read is read to its end, with its status',
  LIMIT,
  async (t) => {
    const rig = new Rig();
    const bytes = 8_000_000;
    leaveOldRun(rig, bytes);
    await stage(t, rig);
    const slow = await rig.open();
    const wait = slow.send({ type: 'wait', run: 1 });
    await slow.reply('output', wait);
    slow.socket.pause();
    const other = await rig.open();
    await other.ask({ type: 'forget', target: 'removed' }, 'done');
    await assert.rejects(other.ask({ type: 'wait', run: 1 }, 'ended'), /unknown-run/);
    slow.socket.resume();
    const { exit } = await slow.reply('ended', wait);
    const read = slow.replies.reduce((sum, it) => sum + (it.type === 'output' ? it.bytes : 0), 0);
    assert.deepEqual([exit, read], [3, bytes]);
  },
);
