/** What a test file leaves behind when the runner kills it at the time limit: nothing. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { directory, ROOT } from '../support/config.ts';
import { FILE_MS_MAX } from '../support/scratch.ts';

const UNDERTAKER = join(ROOT, 'test/support/undertaker.pl');

interface Stuck {
  readonly pid: number;
  readonly directory: string;
  readonly started: readonly number[];
}

/** Those of these processes that exist, without zombies. */
function living(pids: readonly number[]): readonly number[] {
  return pids.filter((pid) => {
    try {
      return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
    } catch {
      return false;
    }
  });
}

/** Starts the runner with the file, and resolves once everything is up. */
async function stuck(t: TestContext) {
  const socket = join(directory(t), 's');
  const server = net.createServer().listen(socket);
  t.after(() => server.close());
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const file = join(import.meta.dirname, '../support/stuck.js');
  const runner = spawn(process.execPath, ['--test', file], {
    env: { ...env, STUCK_SOCKET: socket },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  runner.stdout.resume();
  runner.stderr.resume();
  const closed = once(runner, 'close');
  const [connection]: net.Socket[] = await once(server, 'connection');
  assert.ok(connection);
  const [line] = await once(createInterface(connection), 'line');
  return { about: JSON.parse(line) as Stuck, closed };
}

for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
  test(`a test file that is killed by ${signal} leaves no process and no file, and the runner ends`, async (t) => {
    const { about, closed } = await stuck(t);
    t.after(() => living([about.pid]).map((pid) => process.kill(pid, 'SIGKILL')));
    assert.equal(about.started.length, 3);
    assert.deepEqual(living(about.started), about.started);
    process.kill(about.pid, signal);
    const [code] = await closed;
    assert.equal(code, 1);
    assert.deepEqual(living(about.started), []);
    assert.ok(!existsSync(about.directory));
  });
}

test('a test file that goes on after the limit ends itself, whatever holds it', (t) => {
  const file = join(directory(t), 'inner.test.mjs');
  const scratch = join(import.meta.dirname, '../support/scratch.js');
  writeFileSync(
    file,
    `import net from 'node:net';
    import { mock } from 'node:test';
    net.createServer().listen({ path: '\\0baton-' + process.pid });
    mock.timers.enable({ apis: ['setTimeout'] });
    const { FILE_MS_MAX } = await import('${scratch}');
    mock.timers.tick(FILE_MS_MAX - 1);
    process.stdout.write('here\\n');
    mock.timers.tick(1);
    process.stdout.write('still here\\n');`,
  );
  const inner = spawnSync(process.execPath, [file], { encoding: 'utf8', timeout: 60_000 });
  const said = `this file has run for ${FILE_MS_MAX} ms, and is ended\n`;
  assert.ok(inner.stderr.endsWith(said), inner.stderr);
  assert.deepEqual([inner.status, inner.stdout], [1, 'here\n']);
});

test('a test file that closes its pipe before its files, as a process that ends does, is not killed', async (t) => {
  const place = directory(t);
  const script = 'cd "$2"; perl "$1" $$ "$2" </dev/null & echo "$!"; read line; exit 7';
  const file = spawn('sh', ['-c', script, 'sh', UNDERTAKER, place], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(file, 'exit');
  const [pid] = await once(createInterface(file.stdout), 'line');
  // Another one does all of its work meanwhile.
  const other = directory(t);
  await once(spawn('perl', [UNDERTAKER, '0', other], { stdio: 'ignore' }), 'exit');
  assert.ok(!existsSync(other));
  assert.deepEqual(living([Number(pid)]), [Number(pid)]);
  file.stdin.end('\n');
  assert.deepEqual(await ended, [7, null]);
});
