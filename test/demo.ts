/**
 * baton's main job in a minute, with nothing to configure: a private daemon, five real clients that
 * request five rsnapshot intervals in the worst order at the same instant, and the result. Leaves
 * nothing behind; exits with 0 only if all five ran, the highest first.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { StatusReply } from '../daemon/protocol/request.ts';

const DIST = join(import.meta.dirname, '..');
/** Lowest first: the worst order of requests. */
const INTERVALS = ['hourly', 'daily', 'weekly', 'monthly', 'yearly'];
const LOOK_MS = 100;

const directory = mkdtempSync(join(tmpdir(), 'baton-demo-'));
const socket = join(directory, 'baton.sock');
const startedAtMs = performance.now();
let status = 1;
try {
  status = await demo();
} finally {
  rmSync(directory, { recursive: true, force: true });
}
process.exitCode = status;

async function demo(): Promise<number> {
  const real = spawnSync('sh', ['-c', 'command -v rsnapshot']).status === 0;
  say(
    real
      ? 'rsnapshot is installed: the demo uses it, on a small temporary tree'
      : 'rsnapshot is not installed: the demo runs "sleep" in its place',
  );
  const conf = real ? makeSnapshots() : '';
  writeFileSync(join(directory, 'config.json'), JSON.stringify(makeConfig(conf)), { mode: 0o600 });
  const daemon = await startDaemon();
  try {
    say(`requested at the same moment, with --wait: ${INTERVALS.join(', ')}`);
    const clients = INTERVALS.map(startClient);
    const order = await watch(Promise.all(clients));
    return judge(order, await Promise.all(clients), conf);
  } finally {
    daemon.kill('SIGTERM');
    await new Promise((resolve) => daemon.once('close', resolve));
  }
}

/** A small tree, a configuration for it, and older snapshots for every interval to rotate. */
function makeSnapshots(): string {
  const [tree, root] = [join(directory, 'tree'), join(directory, 'snapshots')];
  mkdirSync(tree);
  for (let file = 0; file < 20; file++) writeFileSync(join(tree, `file-${file}`), 'x'.repeat(999));
  for (const interval of INTERVALS) {
    for (const age of [0, 1]) mkdirSync(join(root, `${interval}.${age}`), { recursive: true });
  }
  // Every interval deletes its oldest snapshot; slowed down, so that there is something to see.
  const slow = join(directory, 'slow-rm');
  writeFileSync(slow, '#!/bin/sh\nsleep 0.7\nexec /bin/rm "$@"\n', { mode: 0o755 });
  const lines = [
    ['config_version', '1.2'],
    ['snapshot_root', `${root}/`],
    ['no_create_root', '1'],
    ['cmd_rsync', '/usr/bin/rsync'],
    ['cmd_rm', slow],
    ...INTERVALS.map((interval) => ['retain', interval, '2']),
    ['verbose', '2'],
    ['loglevel', '3'],
    ['logfile', join(directory, 'rsnapshot.log')],
    ['lockfile', join(directory, 'rsnapshot.pid')],
    ['backup', `${tree}/`, 'here/'],
  ];
  const conf = join(directory, 'rsnapshot.conf');
  writeFileSync(conf, lines.map((fields) => `${fields.join('\t')}\n`).join(''));
  return conf;
}

function makeConfig(conf: string): unknown {
  const targets = INTERVALS.map((interval) => {
    const args = conf === '' ? ['/bin/sleep', '0.7'] : ['rsnapshot', '-c', conf, interval];
    const policies = [{ type: 'rsnapshot', interval, ...(conf === '' ? { group: 'demo' } : {}) }];
    return [`rsnap-${interval}`, { runner: { type: 'local', args }, policies, warnExit: [2] }];
  });
  return { targets: Object.fromEntries(targets) };
}

function startDaemon() {
  const args = ['--config', 'config.json', '--socket', socket, '--state', 'state'];
  const daemon = spawn(process.execPath, [join(DIST, 'daemon/batond.cjs'), ...args], {
    cwd: directory,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return new Promise<typeof daemon>((resolve, reject) => {
    daemon.once('exit', () => reject(new Error('the daemon did not start')));
    createInterface(daemon.stdout).on('line', (line) => {
      if (line.includes('"msg":"ready"')) resolve(daemon);
    });
  });
}

function startClient(interval: string): Promise<number | null> {
  const client = join(DIST, 'client/main.cjs');
  const child = spawn(process.execPath, [client, 'run', `rsnap-${interval}`, '--wait'], {
    // Five live lines on one terminal would be too many: their stderr is not a terminal.
    stdio: ['inherit', 'inherit', 'pipe'],
    env: { ...process.env, BATON_SOCKET: socket },
  });
  child.stderr.pipe(process.stderr);
  return new Promise((resolve) => child.once('close', (code) => resolve(code)));
}

/**
 * Prints what runs and what waits for what, until all clients are done; returns the order of runs.
 */
async function watch(all: Promise<unknown>): Promise<readonly string[]> {
  let done = false;
  void all.finally(() => {
    done = true;
  });
  const order: string[] = [];
  let before = '';
  while (!done) {
    const { targets } = await askStatus();
    const lines = targets.flatMap((target) => [
      ...target.active.map(() => `${target.target.padEnd(14)} runs`),
      ...target.queued.map((run) => `${target.target.padEnd(14)} ${run.reasons?.[0] ?? 'waits'}`),
    ]);
    for (const { target, active } of targets) {
      if (active.length > 0 && !order.includes(target)) order.push(target);
    }
    const now = lines.toReversed().join('\n          ');
    if (now !== before && now !== '') say(now);
    before = now;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  return order;
}

function askStatus(): Promise<StatusReply> {
  return new Promise((resolve, reject) => {
    const connection = net.connect(socket, () => connection.write('{"type":"status"}\n'));
    connection.once('error', reject);
    createInterface(connection).once('line', (line) => {
      connection.destroy();
      resolve(JSON.parse(line) as StatusReply);
    });
  });
}

function judge(seen: readonly string[], exits: readonly (number | null)[], conf: string): number {
  const order = conf === '' ? seen.map((name) => name.replace('rsnap-', '')) : readOrder();
  say(`ran in this order${conf === '' ? '' : ", by rsnapshot's own log"}: ${order.join(', ')}`);
  say(`the clients exited with: ${exits.map((exit, i) => `${INTERVALS[i]} ${exit}`).join(', ')}`);
  const right = order.join() === INTERVALS.toReversed().join();
  const well = exits.every((exit) => exit === 0);
  say(
    right && well
      ? 'all five ran, the highest interval first'
      : 'expected: all five run and exit with 0, the highest interval first',
  );
  return right && well ? 0 : 1;
}

function readOrder(): readonly string[] {
  const log = readFileSync(join(directory, 'rsnapshot.log'), 'utf8');
  return [...log.matchAll(/rsnapshot\.conf (\w+): started/g)].map(([, interval]) => interval ?? '');
}

function say(text: string): void {
  const seconds = ((performance.now() - startedAtMs) / 1_000).toFixed(2);
  process.stdout.write(`${seconds.padStart(6)} s  ${text}\n`);
}
