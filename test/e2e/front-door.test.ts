/**
 * The front end in Perl against the client in TypeScript: the same replies must lead to the same
 * status, the same bytes and the same line on stderr.
 */
import assert from 'node:assert/strict';
import {
  chmodSync,
  closeSync,
  copyFileSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import type { Reply } from '../../daemon/protocol/request.ts';
import { amount } from '../support/amount.ts';
import {
  BATON,
  type Baton,
  type BatonEnd,
  type BatonOptions,
  FakeDaemon,
} from '../support/fake-daemon.ts';
import {
  accepted,
  assertEnd,
  cancelled,
  ended,
  joined,
  output,
  started,
  timedOut,
} from '../support/replies.ts';
import { Rig } from '../support/rig.ts';
import { publish } from '../support/tools.ts';

const NODE: BatonOptions = { program: [process.execPath, BATON] };
const FRONT_DOOR = join(dirname(BATON), 'baton.pl');
const DOOR: BatonOptions = { program: ['perl', FRONT_DOOR] };

let daemon: FakeDaemon;

/** Every connection gets the same answers, because a client that takes over repeats the request. */
async function answering(
  args: string,
  options: BatonOptions,
  replies: readonly Reply[],
): Promise<BatonEnd> {
  const baton = daemon.baton(args.split(' '), options);
  const serve = async (): Promise<never> => {
    for (;;) (await daemon.asked()).connection.send(...replies);
  };
  return await Promise.race([baton.ended, serve()]);
}

/** A test with a daemon of its own. */
function check(name: string, look: (t: TestContext) => Promise<void>): void {
  test(name, async (t) => {
    daemon = await FakeDaemon.open();
    t.after(() => daemon.close()); // a property opens others
    await look(t);
  });
}

const error = (code: 'unknown-target' | 'version' | 'not-permitted', exit: number): Reply => ({
  type: 'error',
  code,
  exit,
  message: `no "x" here \\ at all\u001b[31m\r\nreally\u009b`,
});
const lost = ended(125, { outcome: { kind: 'lost' }, text: 'is lost', tell: true });
const notFound = ended(127, {
  outcome: { kind: 'not-started', stage: 'command', errno: 'ENOENT', detail: 'was not found' },
  text: 'could not be started: its command "y" was not found',
  tell: true,
});

/** The daemon's replies, with a name for each case. */
const SAYINGS: Readonly<Record<string, readonly Reply[]>> = {
  'a request that is refused': [{ type: 'refused', exit: 75, reason: 'run 3 is queued' }],
  'a request that is ignored': [{ type: 'ignored', reason: 'run 3 is queued' }],
  'an unknown target': [error('unknown-target', 78)],
  'another version': [error('version', 76)],
  'a socket that does not permit it': [error('not-permitted', 77)],
  'a success': [accepted, started, ended(0)],
  'a success of which something is told before': [
    accepted,
    output('out', 0, 'half'),
    { type: 'notice', run: 7, text: 'run 7: its output file was truncated' },
    ended(0),
  ],
  'a success after an attempt that failed': [
    ...[accepted, started],
    { type: 'notice', run: 7, text: 'run 7 exited with 23; attempt 2 of 4 starts', isNews: true },
    ...[started, ended(0)],
  ],
  'a success that was joined': [joined, started, ended(0)],
  'a failure without a word': [accepted, started, ended(3)],
  'a warning without a word': [accepted, ended(2, { verdict: 'warning' })],
  'a failure with words': [accepted, output('err', 0, 'no\n'), ended(75)],
  'the status 255': [accepted, output('out', 0, 'x'), ended(255)],
  'a timeout': [accepted, output('out', 0, 'a\n'), timedOut],
  'a timeout in the middle of a line': [accepted, output('err', 0, 'half\\n'), timedOut],
  'a cancelled run': [accepted, cancelled],
  'a lost run': [accepted, output('err', 0, Buffer.from('\0\n')), lost],
  'a command that is not there': [accepted, notFound],
};

for (const [what, replies] of Object.entries(SAYINGS)) {
  for (const args of ['run x --wait', 'run x']) {
    check(`"${args}" ends by ${what} as baton does`, async () => {
      const expected = await answering(args, NODE, replies);
      const end = await answering(args, DOOR, replies);
      assert.deepEqual(end, expected);
    });
  }
}

for (const [what, env] of [
  ['a locale that is not there', { LC_ALL: 'tr_XX.UTF-8', LANG: 'x' }],
  ['PERL_UNICODE', { PERL_UNICODE: 'SDA' }],
  ['PERL5OPT', { PERL5OPT: '-CSDA -w' }],
] as const) {
  check(`under ${what} it does as baton does`, async () => {
    const replies = [accepted, output('out', 0, Buffer.from('é\xff\n', 'latin1')), ended(3)];
    const expected = await answering('run x --wait', NODE, replies);
    const end = await answering('run x --wait', { program: [FRONT_DOOR], env }, replies);
    assert.deepEqual(end, expected);
  });
}

for (const closed of ['>&-', '<&- >&-', '2>&-', '<&- >&- 2>&-', '<&- 2>&-']) {
  check(`with ${closed} it does as baton does`, async () => {
    const replies = [accepted, output('out', 0, 'out\n'), output('err', 0, 'err\n'), ended(0)];
    const script = `exec "$0" "$@" ${closed}`;
    const [node, door] = [NODE, DOOR].map(async ({ program = ['true'] }) => {
      return await answering(
        'run x --wait',
        { program: ['sh', '-c', script, ...program] },
        replies,
      );
    });
    assert.deepEqual(await door, await node);
  });
}

check('a limit of the size of files is no signal', async () => {
  const replies = [accepted, output('out', 0, 'x'.repeat(4_096)), ended(0)];
  const program = ['sh', '-c', 'ulimit -f 1; exec "$0" "$@"', 'perl', FRONT_DOOR] as const;
  const stdout = join(daemon.directory, 'out');
  const end = await answering('run x --wait', { program: [...program], stdout }, replies);
  assert.equal(end.status, 74);
});

check('what it asks is what baton asks, with a token of its own', async () => {
  for (const args of ['run x', 'run x --wait', 'run --wait x', 'wait 17']) {
    const asked = async (options: BatonOptions) => {
      const baton = daemon.baton(args.split(' '), options);
      const { connection, request } = await daemon.asked();
      connection.send(accepted, ended(0));
      await baton.ended;
      return request;
    };
    const { token, ...request } = await asked(DOOR);
    const { token: other, ...expected } = await asked(NODE);
    assert.deepEqual(request, expected);
    assert.equal(typeof token, typeof other);
    if (token !== undefined) assert.match(String(token), /^\d+-[0-9a-f]{32}$/);
  }
});

check('every byte value is relayed exactly, on its own stream', async () => {
  const bytes = Buffer.from(Array.from({ length: 4_096 }, (_, at) => (at * 7) % 256));
  const ascii = Array.from({ length: 0x17f }, (_, code) => String.fromCodePoint(code + 1)).join('');
  const text = `${ascii}é€😀\u2028\r\n\\u0041\\n\\\\"\\"\\c%s$(id)\`id\` * \\0101`;
  const end = await daemon.answering(
    'run x --wait',
    DOOR,
    accepted,
    output('out', 0, bytes),
    output('err', 0, text),
    output('out', bytes.length, text),
    ended(0),
  );
  assert.deepEqual(end.stdout, Buffer.concat([bytes, Buffer.from(text)]));
  assert.equal(end.stderr, text);
  assert.equal(end.status, 0);
});

const chunk = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  fc.constantFrom(
    '","encoding":"base64"}',
    '"data":"',
    '\\',
    '\\u00e9',
    '\ud800',
    '\n'.repeat(70_000),
  ),
);

check('any output comes out as it went in, also from the middle of a frame', async () => {
  const frames = fc.array(fc.tuple(fc.constantFrom('out', 'err'), chunk, fc.nat(50)), {
    maxLength: 40,
  });
  await fc.assert(
    fc.asyncProperty(frames, async (list) => {
      const whole = { out: Buffer.alloc(0), err: Buffer.alloc(0) };
      const replies = list.map(([stream, data, back]) => {
        const bytes = Buffer.from(data);
        const again = typeof data === 'string' ? 0 : Math.min(back, whole[stream].length);
        const begin = whole[stream].length - again;
        const frame = Buffer.concat([whole[stream].subarray(begin), bytes]);
        whole[stream] = Buffer.concat([whole[stream], bytes]);
        return output(stream, begin, typeof data === 'string' ? data : frame);
      });
      await daemon.close();
      daemon = await FakeDaemon.open();
      const end = await answering('run x --wait', DOOR, [accepted, ...replies, ended(0)]);
      assert.deepEqual(end.stdout, whole.out);
      assert.equal(end.stderr, whole.err.toString());
      assert.equal(end.status, 0);
    }),
    { numRuns: amount(60) },
  );
});

check('the order of both streams is kept where they are one file', async () => {
  const path = join(daemon.directory, 'mail');
  const file = openSync(path, 'w');
  const baton = daemon.baton(['run', 'x', '--wait'], { ...DOOR, file });
  closeSync(file);
  const { connection, request } = await daemon.asked();
  assert.equal(request['merged'], true);
  const lines = [output('out', 0, 'one '), output('err', 0, 'two '), output('out', 4, 'three')];
  connection.send(accepted, ...lines, timedOut);
  (await daemon.asked()).connection.send(...lines, timedOut);
  assert.equal((await baton.ended).status, 124);
  const expected = 'one two three\nbaton: x: run 17 ran too long\n';
  assert.equal(readFileSync(path, 'utf8'), expected);
});

check('a broken connection is taken up at the byte where it broke', async () => {
  const baton = daemon.baton(['run', 'x', '--wait'], DOOR);
  const first = await daemon.asked();
  first.connection.send(accepted, output('out', 0, 'one,'), output('err', 0, 'e1,'));
  first.connection.raw('{"type":"ended","run":17,"exit":0');
  await baton.printed('one,');
  first.connection.cut();
  const second = await daemon.asked();
  const { token } = first.request;
  const expected = { type: 'wait', v: 1, run: 17, from: { out: 4, err: 3 }, token };
  assert.deepEqual(second.request, expected);
  const again = [output('out', 0, 'one,two'), output('err', 0, Buffer.from('e1,e2\0'))];
  second.connection.send(...again, ended(4));
  assertEnd(await baton.ended, { status: 4, text: 'one,two', stderr: 'e1,e2\0' });
});

check(
  'a connection that breaks during an upgrade is taken up without the files of Node',
  async () => {
    const dist = join(publish(daemon.directory), 'dist/client');
    const baton = daemon.baton(['run', 'x', '--wait'], {
      program: ['perl', join(dist, 'baton.pl')],
    });
    const first = await daemon.asked();
    first.connection.send(accepted, output('out', 0, 'one,'));
    await baton.printed('one,');
    rmSync(dist, { recursive: true });
    await daemon.die();
    await daemon.listen();
    (await daemon.asked()).connection.send(output('out', 4, 'two'), ended(3));
    assertEnd(await baton.ended, { status: 3, text: 'one,two' });
  },
);

check('a daemon that says nothing is asked whether it is there, and then given up', async () => {
  const door = join(publish(daemon.directory), 'dist/client/baton.pl');
  const text = readFileSync(door, 'utf8').replace('$SILENT_S = 60;', '$SILENT_S = 6;');
  writeFileSync(door, text);
  const baton = daemon.baton(['run', 'x', '--wait'], { program: ['perl', door] });
  const { connection } = await daemon.asked();
  connection.send(accepted);
  assert.deepEqual(await connection.request(), { type: 'ping', v: 1 });
  connection.send({ type: 'pong' });
  assert.deepEqual(await connection.request(), { type: 'ping', v: 1 });
  const end = await baton.ended;
  assert.equal(end.status, 69);
  assert.match(
    end.stderr,
    /^baton: x: the process that listens on \S+ accepted .*; run 17 may continue; wait for .*\n$/,
  );
});

check('a lost answer is asked for again with the same token', async () => {
  const baton = daemon.baton(['run', 'x'], DOOR);
  const first = await daemon.asked();
  first.connection.cut();
  const second = await daemon.asked();
  assert.deepEqual(second.request, first.request);
  second.connection.send(accepted);
  assertEnd(await baton.ended, { status: 0 });
});

check('a run that the restarted daemon does not know is no verdict', async () => {
  const baton = daemon.baton(['run', 'x', '--wait'], DOOR);
  const first = await daemon.asked();
  first.connection.send(accepted);
  first.connection.cut();
  const unknown = { type: 'error', code: 'unknown-run', exit: 64, message: 'no run 17' } as const;
  for (let at = 0; at < 2; at++) (await daemon.asked()).connection.send(unknown);
  const stderr =
    'baton: x: the daemon no longer knows run 17 or how it ended; ' +
    'check the log of the daemon\n';
  assertEnd(await baton.ended, { status: 125, stderr });
});

check('the first TERM cancels the run and waits for its end', async () => {
  const baton = daemon.baton(['run', 'x', '--wait'], DOOR);
  const { connection } = await daemon.asked();
  connection.send(accepted, output('out', 0, 'going\n'));
  await baton.printed('going');
  baton.child.kill('SIGTERM');
  const cancel = await connection.request();
  assert.deepEqual(cancel, { type: 'cancel', v: 1, id: 'cancel', of: 17 });
  const replies = [{ type: 'done', runs: [17] } as const, output('out', 6, 'bye\n'), cancelled];
  connection.send(...replies);
  void daemon.asked().then((again) => again.connection.send(...replies));
  const stderr = 'baton: x: run 17 was cancelled (signal 15 (SIGTERM))\n';
  assertEnd(await baton.ended, { status: 143, text: 'going\nbye\n', stderr });
});

for (const [signal, status] of [
  ['SIGHUP', 129],
  ['SIGINT', 130],
] as const) {
  check(`${signal} before there is an answer ends with ${status}`, async () => {
    const baton = daemon.baton(['run', 'x', '--wait'], DOOR);
    await daemon.asked();
    baton.child.kill(signal);
    assert.equal((await baton.killAgain(signal)).status, status);
  });
}

check('a second TERM leaves at once', async () => {
  const baton = daemon.baton(['run', 'x', '--wait'], DOOR);
  const { connection } = await daemon.asked();
  connection.send(accepted, output('out', 0, 'going\n'));
  await baton.printed('going');
  baton.child.kill('SIGTERM');
  await connection.request();
  assert.equal((await baton.killAgain('SIGTERM')).status, 143);
});

const TIMEOUT: BatonOptions = { program: ['timeout', '1h', 'perl', FRONT_DOOR] };
/** How often a busy machine may interrupt timeout(1) for long between its two signals. */
const INTERRUPTED_MAX = 9;

/**
 * How a client ends after a TERM. After a long interruption, the second TERM of timeout(1) counts
 * separately and the client exits immediately: then another client is run.
 */
async function terminated(
  options: BatonOptions,
  run: (baton: Baton) => Promise<void>,
): Promise<BatonEnd> {
  for (let interrupted = 0; ; interrupted++) {
    const baton = daemon.baton(['run', 'x', '--wait'], options);
    await Promise.race([run(baton), baton.ended]);
    const end = await baton.ended;
    const leftAtOnce = (end.status === 143 || end.status === 'SIGTERM') && end.stderr === '';
    if (options !== TIMEOUT || !leftAtOnce || interrupted === INTERRUPTED_MAX) return end;
  }
}

check('a TERM that timeout(1) passes on, which it does twice, is one', async () => {
  const end = await terminated(TIMEOUT, async (baton) => {
    const { connection } = await daemon.asked();
    connection.send(accepted, output('out', 0, 'going\n'));
    await baton.printed('going');
    baton.child.kill('SIGTERM');
    await connection.request();
    connection.send(output('out', 6, 'bye\n'), ended(5));
  });
  assertEnd(end, { status: 5, text: 'going\nbye\n' });
});

for (const [by, options] of [
  ['', DOOR],
  [' by timeout(1), twice,', TIMEOUT],
] as const) {
  check(`a signal${by} leaves a run alone that was joined`, async () => {
    const end = await terminated(options, async (baton) => {
      const { connection } = await daemon.asked();
      connection.send(joined, output('out', 0, 'going\n'));
      await baton.printed('going');
      baton.child.kill('SIGTERM');
    });
    assert.equal(end.status, 143);
    assert.match(
      end.stderr,
      /^baton: x: run 17 continues without this client; stop it with "baton cancel 17"\n$/,
    );
  });
}

check('a reader that goes away does not end the waiting', async () => {
  const baton = daemon.baton(['run', 'x', '--wait'], DOOR);
  const { connection } = await daemon.asked();
  connection.send(accepted, output('out', 0, 'first\n'));
  await baton.printed('first');
  baton.child.stdout?.destroy();
  const block = 'x\n'.repeat(100_000);
  connection.send(output('out', 6, block), output('err', 0, 'still here\n'), ended(5));
  const end = await baton.ended;
  assert.equal(end.status, 5);
  assert.equal(end.stderr, 'still here\n');
});

check('a full disk under stdout is said once, and is no success', async () => {
  const replies = [accepted, output('out', 0, 'a\n'), output('out', 2, 'b\n'), ended(0)];
  const end = await answering('run x --wait', { ...DOOR, stdout: '/dev/full' }, replies);
  const stderr =
    'baton: x: cannot write to stdout (ENOSPC); read the whole output with "baton logs 17"\n';
  assertEnd(end, { status: 74, stderr });
});

check('what it does not know is answered by the client in TypeScript', async () => {
  const lines = [[], ['run'], ['run', '-E'], ['--version'], ['wait', '0']];
  for (const args of lines) {
    const [expected, end] = [
      await daemon.baton(args, NODE).ended,
      await daemon.baton(args, DOOR).ended,
    ];
    assert.deepEqual(end, expected, args.join(' '));
  }
  const deep = join(daemon.directory, 'd'.repeat(100));
  const env = { BATON_SOCKET: join(deep, 's') };
  assert.equal((await daemon.baton(['run', 'x'], { ...DOOR, env }).ended).status, 64);
});

check('something else on the socket is status 76', async () => {
  const baton = daemon.baton(['run', 'x'], DOOR);
  for (let at = 0; at < 2; at++) (await daemon.asked()).connection.raw('SSH-2.0-OpenSSH\r\n');
  const end = await baton.ended;
  assert.equal(end.status, 76);
  assert.match(end.stderr, /^baton: x: the reply on .* is not in the protocol of baton: .*\n$/);
});

check(
  'a daemon that was away for long is told by the other client, for as long in all',
  async () => {
    await daemon.die();
    // As left by client/baton.pl.
    const begun = {
      ...{ run: 17, isForeign: false, isMidLine: true, awayMs: 59_900 },
      ...{ out: { offset: 0, isShut: false }, err: { offset: 0, isShut: false } },
    };
    const text = JSON.stringify(begun).slice(1).replaceAll('"', '\\"');
    const script = `BATON_RESUME="{\\"pid\\":$$,${text}" exec "$0" "$@"`;
    const program: BatonOptions['program'] = ['sh', '-c', script, process.execPath, BATON];
    const end = await daemon.baton(['run', 'x', '--wait'], { program }).ended;
    assert.equal(end.status, 69);
    assert.match(
      end.stderr,
      /^baton: x: no answer on \S+ for 1 min: .*; run 17 may continue; wait for .*\n$/,
    );
  },
);

check('where the client in TypeScript is not, its status is none of a command', async () => {
  const copy = join(daemon.directory, 'baton.pl');
  copyFileSync(FRONT_DOOR, copy);
  const alone: BatonOptions = { program: ['perl', copy] };
  assertEnd(await answering('run x --wait', alone, [accepted, output('out', 0, 'a\n'), ended(3)]), {
    status: 3,
    text: 'a\n',
  });
  const end = await daemon.baton(['status'], alone).ended;
  assert.equal(end.status, 125);
  assert.match(
    end.stderr,
    /^baton: cannot start \S+main\.cjs \(No such file .*\); install it, .*\n$/,
  );
});

check('a socket that may not be used is status 77 at once', async () => {
  // Modes do not restrict root: then another user makes the request.
  const uid = process.getuid?.() === 0 ? 65_534 : (process.getuid?.() ?? 0);
  chmodSync(daemon.directory, 0o755);
  chmodSync(daemon.socket, 0o000);
  const door = join(publish(daemon.directory), 'dist/client/baton.pl');
  const end = await daemon.baton(['run', 'x'], { program: ['perl', door], uid }).ended;
  assert.equal(end.status, 77);
  assert.match(end.stderr, /^baton: x: not permitted to use \S+ .*\n$/);
});

check('with a real daemon, statuses and output are those of the command', async (t) => {
  const sh = (script: string) => ({ runner: { type: 'local', args: ['/bin/sh', '-c', script] } });
  const bytes = `i=0; while [ $i -lt 256 ]; do printf "\\\\$(printf %o $i)"; i=$((i+1)); done`;
  const rig = await Rig.start({
    targets: {
      ok: sh('echo out; echo err >&2'),
      three: sh('exit 3'),
      killed: sh('kill -KILL $$'),
      bytes: sh(bytes),
      none: { runner: { type: 'local', args: ['/does/not/exist'] } },
      slow: { ...sh('sleep 60'), timeout: '100ms' },
    },
  });
  t.after(() => rig.close());
  for (const name of ['ok', 'three', 'killed', 'bytes', 'none', 'slow', 'unknown']) {
    const asked = (options: BatonOptions) => {
      const env = { BATON_SOCKET: rig.socket };
      return daemon.baton(['run', name, '--wait'], { ...options, env }).ended;
    };
    const plain = (text: string) => text.replaceAll(/(run|logs) \d+/g, '$1 N');
    const [expected, end] = [await asked(NODE), await asked(DOOR)];
    assert.equal(end.status, expected.status, name);
    assert.deepEqual(end.stdout, expected.stdout, name);
    assert.equal(plain(end.stderr), plain(expected.stderr), name);
  }
});
