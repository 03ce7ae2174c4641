/** What is sent to a server, in the shells that may read it; and the order of handshakes. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import fc from 'fast-check';
import { HANDSHAKES_MAX, HandshakeLimiter } from '../../../runners/ssh/handshake-limiter.ts';
import { quote, script, stopLine } from '../../../runners/ssh/remote-script.ts';
import { parseJump } from '../../../runners/ssh/route.ts';

/** Of a caller that does not give up. */
const STAYS = new AbortController().signal;
const STOP = { signal: 'TERM', to: 'tree', graceMs: 1_000 } as const;
const PLAIN = {
  env: {},
  killOnDisconnect: false,
  verbatim: false,
  shell: 'sh',
  stop: STOP,
} as const;

/** bash reads ~/.bashrc if its stdin is a socket. */
function envOf(shell: string) {
  return { HOME: '/nonexistent', PATH: process.env['PATH'], SHELL: `/bin/${shell}` };
}

/** As sshd runs it, with stdin at its end from the start. */
function run(shell: string, options: Parameters<typeof script>[0]) {
  const { text, input } = script(options);
  const env = envOf(shell);
  const child = spawnSync(`/bin/${shell}`, ['-c', text], { input, env, encoding: 'utf8' });
  return { status: child.status, signal: child.signal, out: child.stdout, err: child.stderr };
}

for (const shell of ['dash', 'bash']) {
  test(`${shell}: status and streams are the command's own, and stdin is empty`, () => {
    for (const own of ['sh', 'own'] as const) {
      const command = 'cat; echo "a  b"; echo "it\'s" >&2; exit 7';
      const end = run(shell, { ...PLAIN, shell: own, command });
      assert.deepEqual(end, { status: 7, signal: null, out: 'a  b\n', err: "it's\n" });
    }
  });

  test(`${shell}: a signal is told as 128 and its number, in silence`, () => {
    for (const [name, number] of [
      ['TERM', 15],
      ['KILL', 9],
      ['SEGV', 11],
    ] as const) {
      const end = run(shell, { ...PLAIN, command: `kill -${name} $$` });
      assert.equal(end.status, 128 + number);
      assert.equal(end.err, '');
    }
  });

  test(`${shell}: a stop that is there before the command ends it all the same`, () => {
    let late = 0;
    for (let times = 0; times < 25; times++) {
      const { text } = script({ ...PLAIN, command: 'sleep 9; echo late' });
      const input = stopLine('TERM', STOP);
      const options = { input, env: envOf(shell), encoding: 'utf8' } as const;
      const end = spawnSync('setsid', ['-w', `/bin/${shell}`, '-c', text], options);
      assert.equal(end.stdout, '');
      // The shell loses a TERM that arrives exactly during a fork: then KILL ends it.
      if (end.signal === 'SIGKILL') late += 1;
      else assert.equal(end.status, 143);
    }
    assert.ok(late <= 5, `${late} of 25 were ended by KILL alone`);
  });

  test(`${shell}: TERM, INT and QUIT are not ignored by the command`, () => {
    const end = run(shell, { ...PLAIN, command: 'grep -E "SigIgn|SigBlk" /proc/self/status' });
    assert.match(end.out, /SigIgn:\t0+\n/);
  });

  test(`${shell}: variables arrive whole, whatever they hold, and are not in the text`, () => {
    const value = fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0'));
    fc.assert(
      fc.property(value, (secret) => {
        const options = { ...PLAIN, env: { A: secret, B: 'x' }, command: 'printf "%s|" "$A" "$B"' };
        assert.equal(run(shell, options).out, `${secret}|x|`);
      }),
      { numRuns: 25 },
    );
    const { text } = script({ ...PLAIN, env: { A: 'sesame' }, command: 'id' });
    assert.ok(!text.includes('sesame'));
  });
}

test('a verbatim command is sent as it stands', () => {
  const options = { ...PLAIN, verbatim: true, command: 'rrsync x' };
  const { text, input } = script(options);
  assert.deepEqual([text, input], ['rrsync x', '']);
  assert.equal(quote('--x=1'), "'--x=1'");
});

test('a jump host is read as ssh -J reads it', () => {
  const cases: readonly (readonly [string, object | undefined])[] = [
    ['bastion', { host: 'bastion' }],
    ['ada@bastion:2222', { host: 'bastion', port: 2222, user: 'ada' }],
    ['ssh://ada@bastion:2222', { host: 'bastion', port: 2222, user: 'ada' }],
    ['[2001:db8::1]:22', { host: '2001:db8::1', port: 22 }],
    ['-oProxyCommand=x', undefined],
    ['a b', undefined],
    ['bastion:0', undefined],
    ['bastion:70000', undefined],
    ['', undefined],
  ];
  for (const [text, expected] of cases) assert.deepEqual(parseJump(text), expected, text);
});

test('only so many shake hands with one server, in order, and others are not held up', async () => {
  const limiter = new HandshakeLimiter();
  const inside = await Promise.all(
    Array.from({ length: HANDSHAKES_MAX }, () => limiter.enter('one', STAYS)),
  );
  const order: number[] = [];
  const waiting = [1, 2].map(async (number) => {
    const leave = await limiter.enter('one', STAYS);
    order.push(number);
    return leave;
  });
  (await limiter.enter('two', STAYS))?.();
  assert.deepEqual(order, []);
  inside[0]?.();
  inside[0]?.();
  await waiting[0];
  assert.deepEqual(order, [1]);
  for (const leave of inside) leave?.();
  for (const leave of await Promise.all(waiting)) leave?.();
  assert.deepEqual(order, [1, 2]);
});

test('whoever gives up at the gate leaves at once, and takes nobody his turn', async () => {
  const limiter = new HandshakeLimiter(1);
  const first = await limiter.enter('one', STAYS);
  const given = new AbortController();
  const second = limiter.enter('one', given.signal);
  const third = limiter.enter('one', STAYS);
  given.abort();
  assert.equal(await second, undefined);
  assert.equal(await limiter.enter('one', given.signal), undefined);
  first?.();
  (await third)?.();
  assert.ok(await limiter.enter('one', STAYS));
});
