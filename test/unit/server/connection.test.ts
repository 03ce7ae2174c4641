/** One connection of the daemon, with a service that answers as the test wants. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Request } from '../../../daemon/protocol/request-schema.ts';
import { Connection, KEPT_LINES_MAX } from '../../../daemon/server/connection.ts';
import { FairQueue } from '../../../daemon/server/fair-queue.ts';
import { HeldRequests } from '../../../daemon/server/held-requests.ts';
import { finishWith, type Responder } from '../../../daemon/server/responder.ts';
import { makeLog } from '../../../daemon/system/log.ts';
import { Session } from '../../support/rig.ts';

/** A client of a connection whose requests are handled in this way. */
async function connect(
  t: TestContext,
  handle: (request: Request, responder: Responder) => void,
): Promise<Session> {
  const directory = mkdtempSync(join(tmpdir(), 'baton-connection-'));
  const parts = {
    log: makeLog({ level: 'silent', format: 'json', isJournal: false }).log,
    fairQueue: new FairQueue(),
  };
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    new Connection(socket, handle, parts);
  });
  t.after(() => {
    server.close();
    rmSync(directory, { recursive: true });
  });
  const path = join(directory, 's');
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const session = await Session.open(path);
  t.after(() => session.close());
  return session;
}

test('an answer that is too long is an error that says so, and the next is served', async (t) => {
  const text = 'x'.repeat(12 * 1_048_576);
  const session = await connect(t, (request, caller) => {
    finishWith(caller, { type: 'done', text: request.type === 'reload' ? text : 'short' });
  });
  const refused = await session.reply('error', session.send({ type: 'reload' }));
  assert.equal(refused.code, 'too-large');
  assert.equal(refused.exit, 125);
  assert.match(
    refused.message,
    /^the reply \(done\) has 125829\d\d bytes, expected at most 12582912;/,
  );
  assert.equal((await session.ask({ type: 'pause', target: 'x' }, 'done')).text, 'short');
});

/** A client whose run is held until the test releases it; everything served is recorded. */
async function holding(t: TestContext) {
  const served: string[] = [];
  let letGo = (): void => {};
  const refreshed = new Promise<void>((done) => {
    letGo = done;
  });
  const held = new HeldRequests((targets) => (targets.has('stale') ? refreshed : undefined));
  const session = await connect(t, (request, responder) => {
    const name = 'target' in request ? `${request.type} ${request.target}` : request.type;
    const serve = (): void => {
      served.push(name);
      finishWith(responder, { type: 'done' });
    };
    if (request.type === 'run') held.pass(request.target, responder, serve);
    else serve();
  });
  session.send({ type: 'run', target: 'stale' });
  return { session, served, letGo: () => letGo() };
}

test('while a request is held its client hears that the daemon is there', async (t) => {
  const { session, served, letGo } = await holding(t);
  await session.ask({ type: 'ping' }, 'pong');
  session.send({ type: 'pause', target: 'stale' });
  session.send({ type: 'run', target: 'other' });
  const last = session.send({ type: 'resume', target: 'stale' });
  await session.ask({ type: 'ping' }, 'pong');
  assert.deepEqual(served, []);
  letGo();
  await session.reply('done', last);
  assert.deepEqual(served, ['run stale', 'pause stale', 'run other', 'resume stale']);
});

test('behind a held request a bad line and the end of the client have their turn', async (t) => {
  const { session, served, letGo } = await holding(t);
  session.send({ type: 'pause', target: 'stale' });
  session.socket.write('no JSON\n');
  const after = await holding(t);
  const last = after.session.send({ type: 'pause', target: 'stale' });
  await after.session.ask({ type: 'ping' }, 'pong');
  after.session.socket.end();
  assert.deepEqual([session.replies, served, after.served], [[], [], []]);
  letGo();
  const { code } = await session.reply('error');
  assert.deepEqual([code, served], ['malformed', ['run stale', 'pause stale']]);
  after.letGo();
  await after.session.reply('done', last);
  await after.session.closed();
  assert.deepEqual(after.served, ['run stale', 'pause stale']);
});

test('lines past those kept behind a held request are not lost, nor a later ping', async (t) => {
  const { session, served, letGo } = await holding(t);
  const lines = 3 * KEPT_LINES_MAX;
  const pause = (from: number, to: number): void => {
    for (let at = from; at < to; at++) session.send({ type: 'pause', target: `${at}` });
  };
  pause(0, KEPT_LINES_MAX - 1);
  await session.ask({ type: 'ping' }, 'pong');
  pause(KEPT_LINES_MAX - 1, lines);
  const ping = session.send({ type: 'ping' });
  for (let turn = 0; turn < 50; turn++) await nextTurn();
  assert.equal(session.replies.length, 1, 'no more is read');
  letGo();
  await session.reply('pong', ping);
  await session.ask({ type: 'reload' }, 'done');
  const paused = Array.from({ length: lines }, (_, at) => `pause ${at}`);
  assert.deepEqual(served, ['run stale', ...paused, 'reload']);
});
