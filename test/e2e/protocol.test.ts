/**
 * The socket as foreign clients use it: whatever a client sends, it gets one clear error or its
 * answer, and all other clients are served as if nothing had happened.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import net from 'node:net';
import { after, afterEach, before, test } from 'node:test';
import { LINE_BYTES_MAX, type Reply } from '../../daemon/protocol/request.ts';
import { OPEN_REQUESTS_MAX } from '../../daemon/server/connection.ts';
import { Puppets } from '../support/puppet.ts';
import { Rig, type Session } from '../support/rig.ts';
import { skipWithout } from '../support/tools.ts';

let puppets: Puppets;
let rig: Rig;
/** Connected before all others. */
let bystander: Session;

before(async () => {
  puppets = await Puppets.open();
  rig = await Rig.start({
    targets: {
      hello: { runner: { type: 'local', args: ['/bin/echo', 'hello'] } },
      puppet: { runner: { type: 'local', args: puppets.args('puppet') } },
    },
  });
  bystander = await rig.open();
});

afterEach(async () => {
  const { pid } = await bystander.ask({ type: 'status' }, 'status');
  assert.equal(pid, rig.daemon?.pid);
  assert.equal((await rig.status()).pid, pid);
});

after(async () => {
  await rig.close();
  puppets.close();
});

/** Sends these bytes, closes its side if `half`, and resolves with the replies at the end. */
function talk(
  data: string | Buffer,
  { half = false, path = rig.socket } = {},
): Promise<readonly Reply[]> {
  const socket = net.connect({ path, allowHalfOpen: true });
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  socket.on('error', () => {}); // EPIPE: it was refused before all was sent
  if (half) socket.end(data);
  else socket.write(data);
  return new Promise((resolve) => {
    socket.once('end', () => {
      socket.destroy();
      const lines = Buffer.concat(chunks).toString().split('\n');
      resolve(lines.filter(Boolean).map((line) => JSON.parse(line) as Reply));
    });
  });
}

const line = (request: unknown): string => `${JSON.stringify(request)}\n`;
const status = '{"type":"status"}';
const padded = (bytes: number): string => status + ' '.repeat(bytes - status.length);

for (const [what, data, code, message] of [
  [
    'no JSON',
    'hello there\n',
    'malformed',
    /^a line is not a JSON object; send one object per line, such as /,
  ],
  ['half a JSON object', '{"type":"sta\n', 'malformed', /not a JSON object/],
  ['two objects in one line', `${status}${status}\n`, 'malformed', /not a JSON object/],
  ['null', 'null\n', 'malformed', /not a JSON object/],
  ['null and more behind it', `null\n${line({ type: 'status' })}`, 'malformed', /JSON object/],
  [
    'a list',
    '[]\n',
    'invalid',
    /^expected a request, a JSON object with a "type" .*; found a list$/,
  ],
  ['a list of requests', `[${status}]\n`, 'invalid', /found a list$/],
  ['a number', '7\n', 'invalid', /found a number$/],
  ['a text', '"status"\n', 'invalid', /found a string$/],
  ['true', 'true\n', 'invalid', /found a boolean$/],
  ['an empty object', '{}\n', 'invalid', /^type: expected one of run, wait, .*; found nothing$/],
  [
    'a misspelt type',
    line({ type: 'statsu' }),
    'invalid',
    /found "statsu"; did you mean "status"\?/,
  ],
  [
    'another type',
    line({ type: 'shutdown-the-machine' }),
    'invalid',
    /found "shutdown-the-machine"$/,
  ],
  ['a type that is no text', line({ type: 5 }), 'invalid', /^type: expected one of .*; found 5$/],
  ['a very long type', line({ type: 'x'.repeat(50_000) }), 'invalid', /found "x{59}…$/],
  [
    'a misspelt key',
    line({ type: 'run', target: 'hello', wiat: true }),
    'invalid',
    /^"wiat": unknown key in a request of type "run"; did you mean "wait"\?$/,
  ],
  ['a long key', line({ type: 'status', ['k'.repeat(50_000)]: 1 }), 'invalid', /^"k{59}…: unknown/],
  [
    'a prototype',
    '{"type":"status","__proto__":{"x":1}}\n',
    'invalid',
    /^"__proto__": unknown key/,
  ],
  ['a missing key', line({ type: 'run' }), 'invalid', /^target: expected .*; found nothing$/],
  ['a target that is no text', line({ type: 'run', target: 7 }), 'invalid', /^target: .* found 7$/],
  ['an empty target', line({ type: 'run', target: '' }), 'invalid', /^target: expected/],
  [
    'wait as a text',
    line({ type: 'run', target: 'hello', wait: 'yes' }),
    'invalid',
    /^wait: .*boolean/,
  ],
  [
    'a run that is no number',
    line({ type: 'wait', run: true }),
    'invalid',
    /^run: expected .*; found true$/,
  ],
  ['a negative run', line({ type: 'wait', run: -1 }), 'invalid', /^run: expected .*; found -1$/],
  [
    'a run and a half',
    line({ type: 'wait', run: 1.5 }),
    'invalid',
    /^run: expected .*; found 1\.5$/,
  ],
  [
    'offsets without one of them',
    line({ type: 'wait', run: 1, from: { out: 0 } }),
    'invalid',
    /^from\.err: expected/,
  ],
  [
    'a limit too high',
    line({ type: 'history', limit: 1e9 }),
    'invalid',
    /^limit: expected <=10000/,
  ],
  ['a version that is no number', line({ type: 'status', v: 'two' }), 'invalid', /^v: expected/],
  ['deep nesting', `${'['.repeat(30_000)}${']'.repeat(30_000)}\n`, 'invalid', /found a list$/],
  ['deep nesting, cut off', `${'['.repeat(60_000)}\n`, 'malformed', /not a JSON object/],
  ['a line too long', `${padded(LINE_BYTES_MAX + 1)}\n`, 'line-too-long', /more than 65536 bytes/],
  ['a line too long that never ends', padded(LINE_BYTES_MAX + 1), 'line-too-long', /than 65536/],
  ['a megabyte without an end', 'x'.repeat(1_048_576), 'line-too-long', /than 65536/],
  [
    'a text that is no UTF-8',
    Buffer.concat([Buffer.from('{"type":"run","target":"h'), Buffer.of(0xe9), Buffer.from('"}\n')]),
    'malformed',
    /^a line is not valid UTF-8; send only UTF-8/,
  ],
  // Its first line is UTF-8, but not JSON.
  ['bytes', Buffer.from([...Array(256).keys(), 10]), 'malformed', /not a JSON object/],
] as const) {
  test(`${what} gets one error, and the connection is closed`, async () => {
    const replies = await talk(data);
    assert.equal(replies.length, 1, JSON.stringify(replies));
    const [error] = replies;
    assert.ok(error?.type === 'error');
    assert.deepEqual([error.code, error.exit], [code, 64]);
    assert.match(error.message, message);
  });
}

test('a target that accepts no arguments gets none', async () => {
  const session = await rig.open();
  const wrong = session.ask({ type: 'run', target: 'hello', args: ['; reboot'] }, 'accepted');
  await assert.rejects(wrong, /"not-permitted","exit":77/);
  session.close();
});

test('what comes before a bad line is answered, what comes after it is not', async () => {
  const replies = await talk(
    line({ type: 'status', id: 1 }) +
      line({ type: 'status', id: 2 }) +
      'bad\n' +
      line({ type: 'status', id: 3 }),
  );
  assert.deepEqual(
    replies.map(({ type, id }) => [type, id]),
    [
      ['status', 1],
      ['status', 2],
      ['error', undefined],
    ],
  );
});

test('a line of 65,536 bytes is answered', async () => {
  for (const data of [`${padded(LINE_BYTES_MAX)}\n`, padded(LINE_BYTES_MAX)]) {
    const [reply] = await talk(data, { half: true });
    assert.equal(reply?.type, 'status');
  }
});

test('empty lines are passed over', async () => {
  const replies = await talk(`\n\r\n\n${status}\r\n\n`, { half: true });
  assert.deepEqual(
    replies.map(({ type }) => type),
    ['status'],
  );
});

for (const [end, bytes, wanted] of [
  ['a newline', LINE_BYTES_MAX + 1, 'error'],
  ['a newline', LINE_BYTES_MAX, 'status'],
  ['no end', LINE_BYTES_MAX + 1, 'error'],
] as const) {
  test(`a line of ${bytes} bytes with ${end} that comes byte by byte gets ${wanted === 'error' ? 'one error' : 'its answer'}`, async () => {
    const session = await rig.open();
    const isOver = new Promise<void>((resolve) => session.socket.once('data', () => resolve()));
    let sent = 0;
    let over = false;
    void isOver.then(() => (over = true));
    const all = padded(bytes) + (end === 'a newline' ? '\n' : '');
    while (sent < all.length && !over) {
      const byte = all.charAt(sent++);
      await new Promise<void>((resolve) => session.socket.write(byte, () => resolve()));
    }
    await isOver;
    const reply = await session.reply(wanted);
    if (reply.type === 'error') {
      assert.equal(reply.code, 'line-too-long');
      await session.closed();
    }
    assert.equal(session.replies.length, 1);
    session.close();
  });
}

test('another protocol version gets 76, whatever else that version may have', async () => {
  for (const request of [
    { type: 'status', v: 2 },
    { type: 'run', target: 'hello', v: 2, priority: 'high' },
    { type: 'teleport', v: 0 },
  ]) {
    const replies = await talk(line({ ...request, id: 'mine' }));
    assert.equal(replies.length, 1);
    const [error] = replies;
    assert.ok(error?.type === 'error');
    assert.deepEqual([error.code, error.exit, error.id], ['version', 76, 'mine']);
    assert.match(error.message, /uses protocol \d, this daemon 1; install the same version/);
  }
  const [reply] = await talk(line({ type: 'status', v: 1 }), { half: true });
  assert.equal(reply?.type, 'status');
});

test('a client that has ended its side still gets all of its answer', async () => {
  const talked = talk(line({ type: 'run', target: 'puppet', wait: true, id: 'half' }), {
    half: true,
  });
  const puppet = await puppets.next();
  await puppet.print('out', 'late\n');
  puppet.exit(3);
  const replies = await talked;
  assert.deepEqual(
    replies.map(({ type, id }) => [type, id]),
    [
      ['accepted', 'half'],
      ['started', 'half'],
      ['output', 'half'],
      ['ended', 'half'],
    ],
  );
});

test('a last line without a newline is a line', async () => {
  const [reply] = await talk(status, { half: true });
  assert.equal(reply?.type, 'status');
});

test('a client that says nothing and ends gets nothing', async () => {
  assert.deepEqual(await talk('', { half: true }), []);
});

test('every reply carries the id of its request, and none where there was none', async () => {
  const ids = ['', 'a b', 'é"\\\n', 0, -1.5, 1e300, undefined];
  const replies = await talk(ids.map((id) => line({ type: 'status', id })).join(''), {
    half: true,
  });
  assert.deepEqual(
    replies.map((reply) => reply.id),
    ids,
  );
  const [error] = await talk(line({ type: 'statsu', id: 'wrong' }));
  assert.equal(error?.id, 'wrong');
  const [bad] = await talk(line({ type: 'status', id: { deep: true } }));
  assert.ok(bad?.type === 'error' && bad.message.startsWith('id: expected'), JSON.stringify(bad));
  assert.equal(bad.id, undefined);
});

test('an error about what a request names leaves the connection open', async () => {
  const replies = await talk(
    [
      { type: 'run', target: 'helo', id: 1 },
      { type: 'wait', run: 999_999, id: 2 },
      { type: 'output', of: 'puppt', id: 3 },
      { type: 'cancel', of: 'nobody', id: 4 },
      { type: 'why', of: 999_999, id: 5 },
      { type: 'history', target: 'nobody', id: 6 },
      { type: 'pause', target: 'nobody', id: 7 },
      { type: 'status', id: 8 },
    ]
      .map(line)
      .join(''),
    { half: true },
  );
  const found = new Map(
    replies.map((reply) => [reply.id, reply.type === 'error' ? reply.code : reply.type]),
  );
  assert.deepEqual([...found].sort(), [
    [1, 'unknown-target'],
    [2, 'unknown-run'],
    [3, 'unknown-target'],
    [4, 'unknown-target'],
    [5, 'unknown-run'],
    [6, 'unknown-target'],
    [7, 'unknown-target'],
    [8, 'status'],
  ]);
  const [first] = replies.filter(({ id }) => id === 1);
  assert.ok(first?.type === 'error' && first.exit === 78);
  assert.match(first.message, /did you mean "hello"\?$/);
});

test('5,000 requests in one go are answered in their order', async () => {
  const count = 5_000;
  const ids = Array.from({ length: count }, (_, id) => id);
  const replies = await talk(
    ids.map((id) => line({ type: 'history', target: 'hello', limit: 0, id })).join(''),
    { half: true },
  );
  assert.deepEqual(
    replies.map(({ id }) => id),
    ids,
  );
});

test('200 runs asked for in one go are each accepted, and each ends', async () => {
  const replies = await talk(
    Array.from({ length: 200 }, (_, id) =>
      line({ type: 'run', target: 'hello', wait: true, id }),
    ).join(''),
    { half: true },
  );
  for (const type of ['accepted', 'ended'] as const) {
    assert.equal(new Set(replies.flatMap((r) => (r.type === type ? [r.id] : []))).size, 200);
  }
});

test('one request more than may be unanswered is told to come back, and the run goes on', async () => {
  const { run } = await bystander.ask({ type: 'run', target: 'puppet' }, 'accepted');
  const puppet = await puppets.next();
  const session = await rig.open();
  const wait = (id: number): string => line({ type: 'wait', run, id: `w${id}` });
  const all = Array.from({ length: OPEN_REQUESTS_MAX }, (_, id) => wait(id)).join('');
  session.socket.write(all);
  // All of them are taken once the last is answered: its run has started.
  await session.reply('started', `w${OPEN_REQUESTS_MAX - 1}`);
  session.socket.write(wait(OPEN_REQUESTS_MAX));
  const error = await session.reply('error');
  assert.deepEqual([error.code, error.exit, error.id], ['busy', 75, `w${OPEN_REQUESTS_MAX}`]);
  assert.match(error.message, /256 requests of this connection are open/);
  await session.closed();
  const ended = bystander.send({ type: 'wait', run });
  puppet.exit(0);
  assert.equal((await bystander.reply('ended', ended)).exit, 0);
});

test('no more is taken from a client that does not read its replies, until it does', async () => {
  const session = await rig.open();
  session.socket.pause();
  const asked = 5_000;
  const before = (await bystander.ask({ type: 'status' }, 'status')).requests;
  const last = Array.from({ length: asked }, () => session.send({ type: 'status' })).at(-1);
  // While one client does not read, the others are served.
  const { requests } = await bystander.ask({ type: 'status' }, 'status');
  assert.ok(requests - before < asked, `${requests - before} requests were taken`);
  session.socket.resume();
  await session.reply('status', last ?? '');
  assert.equal(session.replies.length, asked);
  session.close();
});

test('a client that leaves in the middle of a line, an answer or a wait disturbs nobody', async () => {
  const { run } = await bystander.ask({ type: 'run', target: 'puppet' }, 'accepted');
  const puppet = await puppets.next();
  await puppet.print('out', 'x'.repeat(1_000_000));
  const sent = [
    '{"type":"sta',
    line({ type: 'wait', run }),
    line({ type: 'output', of: run, follow: true }),
    line({ type: 'status' }).repeat(100),
    `${line({ type: 'wait', run })}{"type`,
  ];
  for (const data of sent) {
    const session = await rig.open();
    await new Promise<void>((resolve) => session.socket.write(data, () => resolve()));
    session.close();
  }
  for (const data of sent.slice(1)) {
    const session = await rig.open();
    const heard = new Promise<void>((resolve) => session.socket.once('data', () => resolve()));
    session.socket.write(data);
    await heard;
    session.close();
  }
  puppet.exit(8);
  const ended = await bystander.ask({ type: 'wait', run }, 'ended');
  assert.equal(ended.exit, 8);
});

for (const [command, ...args] of [
  ['nc', '-N', '-U'],
  ['socat', '-t', '60', '-'],
] as const) {
  test(`${command} is client enough: a line in, the replies out, and it ends`, async (t) => {
    if (skipWithout(t, command)) return;
    const place = command === 'socat' ? `UNIX-CONNECT:${rig.socket}` : rig.socket;
    const child = spawn(command, [...args, place], { stdio: ['pipe', 'pipe', 'inherit'] });
    const chunks: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    child.stdin.on('error', () => {});
    child.stdin.end(line({ type: 'run', target: 'hello', wait: true }));
    const status = await ended;
    const lines = Buffer.concat(chunks).toString().trim().split('\n');
    const replies = lines.map((text) => JSON.parse(text) as Reply);
    assert.equal(status, 0);
    assert.deepEqual(
      replies.map(({ type }) => type),
      ['accepted', 'started', 'output', 'ended'],
    );
    const output = replies.find((reply) => reply.type === 'output');
    assert.equal(output?.data, 'hello\n');
  });
}

test('answers that take long come in the order of the requests, however many are asked at once', async () => {
  const many = Array.from({ length: 1_000 }, (_, at) => [
    `t${at}`,
    { runner: { type: 'dummy', time: 1 } },
  ]);
  const large = await Rig.start({ targets: Object.fromEntries(many) });
  try {
    const asked = Array.from({ length: 100 }, () => [status, '{"type":"cancel","of":"t1"}']).flat();
    const replies = await talk(`${asked.join('\n')}\n`, { half: true, path: large.socket });
    const types = replies.map(({ type }) => type);
    assert.deepEqual(types, Array(100).fill(['status', 'done']).flat());
    assert.equal(replies.flatMap((it) => (it.type === 'status' ? it.targets : [])).length, 100_000);
  } finally {
    await large.close();
  }
});
