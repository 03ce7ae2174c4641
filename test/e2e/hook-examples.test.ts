/**
 * The notification hooks in contrib/examples: a monitor is told about starts and ends, and a phone
 * about failures; the secrets in their URLs are in no list of processes.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { directory } from '../support/config.ts';
import { Rig } from '../support/rig.ts';
import { skipWithout } from '../support/tools.ts';

const EXAMPLES = join(import.meta.dirname, '../../../contrib/examples');

interface Heard {
  readonly path: string;
  readonly body: string;
  readonly headers: IncomingHttpHeaders;
  /** The list of processes contained a secret. */
  readonly isShown: boolean;
}

/** A server that accepts everything, and its requests so far. */
async function listen(t: TestContext, secret: (address: string) => string) {
  const heard: Heard[] = [];
  const server = createServer(async (request, response) => {
    const { url: path = '', method, headers } = request;
    const isShown = lists(secret(`http://${headers.host}`));
    heard.push({ path: `${method} ${path}`, body: await text(request), headers, isShown });
    response.end('OK');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  return { heard, address: `http://127.0.0.1:${port}` };
}

/** Whether the command line of any process contains this. */
function lists(secret: string): boolean {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .some((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(secret);
      } catch {
        return false; // it has gone
      }
    });
}

/** A hook of the examples, with this in its environment. */
const hook = (name: string, env: object) => ({
  runner: { type: 'local', args: [join(EXAMPLES, name)], env: { ...env, no_proxy: '*' } },
});
const sh = (script: string) => ({ type: 'local', args: ['/bin/sh', '-c', script] });

/** Runs a target until it and its hooks have ended. */
async function run(rig: Rig, target: string): Promise<void> {
  await rig.baton('run', target, '--wait');
  await rig.baton('wait', '--all');
}

test('ping-monitor reports each start and end, with the last output', async (t) => {
  if (skipWithout(t, 'curl')) return;
  const { heard, address } = await listen(t, (own) => own);
  const pings = directory(t);
  for (const name of ['good', 'odd', 'bad'])
    writeFileSync(join(pings, name), `${address}/${name}\n`);
  const on = { onStart: 'ping', onSuccess: 'ping', onWarning: 'ping', onFailure: 'ping' };
  const rig = await Rig.start({
    targets: {
      good: { runner: sh('echo went well'), ...on },
      odd: { runner: sh('exit 2'), warnExit: [2], ...on },
      bad: { runner: sh('echo went wrong >&2; exit 1'), ...on },
      unknown: { runner: sh('exit 1'), onFailure: 'ping' },
      ping: hook('ping-monitor', { BATON_PINGS: pings }),
    },
  });
  t.after(() => rig.close());
  for (const target of ['good', 'odd', 'bad']) await run(rig, target);
  const told = heard.map(({ path, body }) => `${path} ${body}`.trim()).sort();
  assert.deepEqual(told, [
    'POST /bad/fail went wrong',
    'POST /bad/start',
    'POST /good went well',
    'POST /good/start',
    'POST /odd',
    'POST /odd/start',
  ]);
  assert.ok(heard.every(({ isShown }) => !isShown));
  await run(rig, 'unknown');
  const { status, text: said } = await rig.baton('history', '--json', '--limit', '1');
  assert.equal(status, 0);
  assert.match(said, /"code": 78/, 'a target without an address is told');
});

test('push-message tells ntfy and gotify what has failed', async (t) => {
  if (skipWithout(t, 'curl')) return;
  const { heard, address } = await listen(t, () => 'tk_secret');
  const place = directory(t);
  const push = join(place, 'push');
  const rig = await Rig.start({
    targets: {
      bad: { runner: sh('echo "disk & more: full"; exit 3'), onFailure: 'push' },
      // 3,000 bytes from the end is inside a character: each has two bytes, and there is one blank.
      long: { runner: sh('printf "ä%.0s" $(seq 4000); printf " "; exit 3'), onFailure: 'push' },
      push: hook('push-message', { BATON_PUSH: push }),
    },
  });
  t.after(() => rig.close());
  const message = 'bad exited with 3\ndisk & more: full';

  writeFileSync(push, `ntfy ${address}/backups tk_secret\n`);
  await run(rig, 'bad');
  const [ntfy] = heard;
  assert.deepEqual([ntfy?.path, ntfy?.body], ['POST /backups', message]);
  assert.equal(ntfy?.headers['title'], 'baton: failure of bad');
  assert.equal(ntfy?.headers.authorization, 'Bearer tk_secret');

  writeFileSync(push, `ntfy ${address}/open\n`);
  await run(rig, 'bad');
  assert.deepEqual([heard[1]?.path, heard[1]?.headers.authorization], ['POST /open', undefined]);

  writeFileSync(push, `gotify ${address} tk_secret\n`);
  await run(rig, 'bad');
  const [, , gotify] = heard;
  assert.equal(gotify?.path, 'POST /message');
  assert.equal(gotify.headers['x-gotify-key'], 'tk_secret');
  assert.deepEqual(Object.fromEntries(new URLSearchParams(gotify.body)), {
    title: 'baton: failure of bad',
    message,
  });

  assert.ok(heard.every(({ isShown }) => !isShown));

  // The end of long output begins inside a character; the message is valid text all the same.
  await run(rig, 'long');
  const { body: fields = '' } = heard.at(-1) ?? {};
  const long = new URLSearchParams(fields).get('message') ?? '';
  assert.match(long, /^long exited with 3\nä+ $/);

  writeFileSync(push, 'pigeon loft\n');
  await run(rig, 'bad');
  const { text: said } = await rig.baton('logs', '10');
  assert.match(said, /found "pigeon" in .*; expected "ntfy ADDRESS" or "gotify ADDRESS TOKEN"/);
});
