/** A log that nobody reads: the daemon continues, keeps what fits, and counts dropped lines. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf } from '../../daemon/shared/errno.ts';
import { BACKLOG_BYTES_MAX, makeLog } from '../../daemon/system/log.ts';
import { directory } from '../support/config.ts';
import { BATOND, Rig, type Session } from '../support/rig.ts';
import { skipWithout } from '../support/tools.ts';

/** A FIFO that holds what is written until it is read, with non-blocking descriptors. */
function fifo(t: TestContext) {
  const path = join(directory(t), 'fifo');
  assert.equal(spawnSync('mkfifo', [path]).status, 0);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = openSync(path, constants.O_WRONLY);
  t.after(() => {
    closeSync(reader);
    closeSync(writer);
  });
  const chunk = Buffer.alloc(65_536);
  const read = (): string => {
    try {
      return chunk.toString('utf8', 0, readSync(reader, chunk));
    } catch (error) {
      assert.equal(errnoOf(error), 'EAGAIN');
      return '';
    }
  };
  return { writer, read };
}

test('lines for which there is no room are dropped, counted, and told when the reader is back', async (t) => {
  const { writer, read } = fifo(t);
  const { log } = makeLog({ level: 'info', format: 'json', isJournal: false, fd: writer });
  const filler = 'x'.repeat(1_000);
  const written = (3 * BACKLOG_BYTES_MAX) / filler.length;
  for (let number = 0; number < written; number++) log.info({ number, filler }, 'line');
  let text = '';
  while (!text.includes('log lines were dropped')) {
    text += read();
    await sleep(1);
  }
  const lines = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const told = lines.pop();
  assert.equal(told?.['level'], 'warn');
  assert.equal(told['lines'], Math.ceil(written) - lines.length);
  assert.ok(lines.length > BACKLOG_BYTES_MAX / 1_100, 'the backlog was kept');
  assert.deepEqual(
    lines.map(({ number }) => number),
    lines.map((_, index) => index),
  );
  log.info('again');
  assert.equal((JSON.parse(read()) as Record<string, unknown>)['msg'], 'again');
});

test('what is kept is written at the end of the process, as far as the reader takes it', (t) => {
  const { writer, read } = fifo(t);
  const { log, flush } = makeLog({ level: 'info', format: 'json', isJournal: false, fd: writer });
  for (let number = 0; number < 200; number++) log.info({ filler: 'x'.repeat(1_000) }, 'line');
  const beganAtMs = performance.now();
  flush();
  assert.ok(performance.now() - beganAtMs > 900, 'it waits for the reader');
  const before = read();
  flush();
  assert.ok(before.length > 0 && read().length > 0);
});

/** W is a new terminal, of another user, and R its other end. */
const TERMINAL = `open(R, '+<', '/dev/ptmx') && ioctl(R, 0x40045431, $number = pack('i', 0))
  && ioctl(R, 0x80045430, $number)
  && ($path = '/dev/pts/' . unpack('i', $number))
  && open(W, '+>', $path) && chown(65534, 65534, $path)`;

/**
 * The daemon's stdout is a `kind` whose other end the daemon itself holds, so that nobody reads.
 */
const UNREAD = {
  pipe: 'pipe(R, W)',
  socket: 'socketpair(R, W, 1, 1, 0)',
  'terminal of another user': TERMINAL,
} as const;

/** The command line of a daemon, optionally as a root that cannot open other users' files. */
function daemonOf(rig: Rig, isLimited: boolean): readonly string[] {
  const limit = ['setpriv', '--bounding-set=-dac_override,-dac_read_search'];
  const places = ['--config', rig.configFile, '--socket', rig.socket, '--state', rig.state];
  return [...(isLimited ? limit : []), process.execPath, BATOND, ...places];
}

for (const [kind, make] of Object.entries(UNREAD)) {
  test(`a daemon whose log (a ${kind}) is not read answers and ends as ever`, async (t) => {
    if (make === TERMINAL && skipWithout(t, 'root', 'setpriv', 'setsid')) return;
    const rig = new Rig();
    // A log line for each reload, with the file's long name: together too much for the pipe.
    Object.assign(rig, { configFile: join(rig.directory, 'long'.repeat(60)) });
    rig.configure({ targets: { t: { runner: { type: 'local', args: ['/bin/true'] } } } });
    const script = `$^F = 100; ${make} or die; open STDOUT, '>&', W; exec @ARGV or die`;
    const perl = ['/usr/bin/perl', '-e', script, ...daemonOf(rig, make === TERMINAL)];
    rig.daemon = spawn('setsid', perl, { stdio: 'ignore' });
    t.after(() => rig.close());
    const session = await connected(rig);
    for (let count = 0; count < 500; count++) await session.ask({ type: 'reload' }, 'done');
    assert.equal((await session.ask({ type: 'run', target: 't', wait: true }, 'ended')).exit, 0);
    session.close();
    assert.equal(await rig.end('SIGTERM'), 0);
  });
}

test('a daemon whose terminal it can neither open nor call its own says so', (t) => {
  if (skipWithout(t, 'root', 'setpriv', 'setsid', 'script')) return;
  const rig = new Rig();
  t.after(() => rig.close());
  rig.configure({ targets: {} });
  const daemon = [...daemonOf(rig, true), '--idle-exit', '10ms'].join(' ');
  const command = `chown 65534:65534 "$(tty)" && exec setsid -w ${daemon}`;
  const { status, stdout } = spawnSync('script', ['-qec', command, '/dev/null'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  assert.equal(status, 0, stdout);
  assert.match(stdout, /"warn".*stdout is a terminal of another user/);
});

async function connected(rig: Rig): Promise<Session> {
  for (;;) {
    const session = await rig.open().catch(() => undefined);
    if (session !== undefined) return session;
    await sleep(10);
  }
}
