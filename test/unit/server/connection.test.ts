/** One connection of the daemon, with a service that says what the test wants. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Connection } from '../../../daemon/server/connection.ts';
import { FairQueue } from '../../../daemon/server/fair-queue.ts';
import { finishWith } from '../../../daemon/server/responder.ts';
import { makeLog } from '../../../daemon/system/log.ts';
import { Session } from '../../support/rig.ts';

test('an answer longer than the daemon sends is an error that says so, and the next is served', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'baton-connection-'));
  const text = 'x'.repeat(12 * 1_048_576);
  const parts = {
    log: makeLog({ level: 'silent', format: 'json', isJournal: false }).log,
    fairQueue: new FairQueue(),
  };
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    new Connection(
      socket,
      (request, caller) => {
        finishWith(caller, { type: 'done', text: request.type === 'reload' ? text : 'short' });
      },
      parts,
    );
  });
  t.after(() => {
    server.close();
    rmSync(directory, { recursive: true });
  });
  const path = join(directory, 's');
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const session = await Session.open(path);
  t.after(() => session.close());
  const refused = await session.reply('error', session.send({ type: 'reload' }));
  assert.equal(refused.code, 'too-large');
  assert.equal(refused.exit, 125);
  assert.match(
    refused.message,
    /^the answer \(done\) has 125829\d\d bytes, expected at most 12582912;/,
  );
  assert.equal((await session.ask({ type: 'pause', target: 'x' }, 'done')).text, 'short');
});
