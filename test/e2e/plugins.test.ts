/** A daemon with an administrator's plugins: loaded, replaced, and contained when they fail. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, createWriteStream, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { policyModule } from '../support/plugins.ts';
import { BATOND, Rig } from '../support/rig.ts';

const LIMIT = { timeout: 120_000 };
const WAIT = `ready: () => ({ type: 'wait', reason: 'waits for the moon', behind: [] }),`;

/** A target with the plugin and one without; nothing is loaded yet. */
function stage(t: { after(done: () => Promise<void>): void }, module: string) {
  const rig = new Rig();
  t.after(() => rig.close());
  const runner = { type: 'local', args: ['true'] };
  const targets = { moon: { runner, policies: [{ type: 'moon' }] }, free: { runner } };
  rig.configure({ plugins: ['./moon.mjs'], targets });
  const file = join(rig.directory, 'moon.mjs');
  const write = (text: string): void => writeFileSync(file, text, { mode: 0o600 });
  write(module);
  return { rig, write };
}

test(
  'a plugin decides, is replaced by a reload, and a bad one replaces no good one',
  LIMIT,
  async (t) => {
    const { rig, write } = stage(t, policyModule('moon', WAIT));
    await rig.boot();
    await rig.baton('run', 'moon');
    assert.match((await rig.baton('why', 'moon')).text, /waits for the moon/);
    write('export const policy = ;');
    const refused = await rig.baton('reload');
    assert.equal(refused.status, 78);
    assert.match(refused.errors, /moon\.mjs: cannot be imported: SyntaxError: .* \(line 1\)/);
    assert.match((await rig.baton('why', 'moon')).text, /waits for the moon/);
    write(policyModule('moon'));
    assert.equal((await rig.baton('reload')).status, 0);
    assert.equal((await rig.baton('wait', '1')).status, 0);
  },
);

test('a policy that never answers makes its runs wait; the daemon lives on', LIMIT, async (t) => {
  const { rig, write } = stage(t, policyModule('moon', 'ready: () => { for (;;); },'));
  await rig.boot();
  await rig.baton('run', 'moon');
  const { reason, plugin } = await rig.logged('plugin failed');
  assert.equal(plugin, 'policy moon');
  assert.match(String(reason), /^policy moon failed: ready\(\) took more than 1000 ms; correct/);
  assert.equal((await rig.baton('run', 'free', '--wait')).status, 0);
  assert.match((await rig.baton('why', 'moon')).text, /policy moon failed: ready\(\) took more/);
  write(policyModule('moon'));
  assert.equal((await rig.baton('reload')).status, 0);
  assert.equal((await rig.baton('wait', '1')).status, 0);
});

test('a module that is being tried ends with the daemon that tries it', LIMIT, async (t) => {
  const { rig, write } = stage(t, '');
  const pipe = join(rig.directory, 'pipe');
  assert.equal(spawnSync('mkfifo', [pipe]).status, 0);
  write(`import { openSync, writeSync } from 'node:fs';
    writeSync(openSync('${pipe}', 'w'), String(process.pid));
    for (;;);`);
  const heard = createReadStream(pipe, 'utf8');
  const ended = once(heard, 'end');
  const started = rig.boot();
  const [pid] = await once(heard, 'data');
  t.after(() => heard.readableEnded || process.kill(Number(pid), 'SIGKILL'));
  rig.daemon?.kill('SIGKILL');
  await assert.rejects(started, /ended with SIGKILL/);
  await ended;
});

test('a SIGHUP ends no daemon that still reads its configuration', LIMIT, async (t) => {
  const { rig, write } = stage(t, '');
  const pipe = join(rig.directory, 'pipe');
  assert.equal(spawnSync('mkfifo', [pipe]).status, 0);
  write(`import { readFileSync } from 'node:fs';
    if (process.execArgv.includes('--eval')) readFileSync('${pipe}');
    ${policyModule('moon')}`);
  const booted = rig.boot();
  const go = createWriteStream(pipe);
  await once(go, 'open');
  rig.daemon?.kill('SIGHUP');
  go.end();
  await booted;
  await rig.logged('reloaded');
});

test('a plugin that sets a timer keeps no check from its end', LIMIT, async (t) => {
  const { rig } = stage(t, `setInterval(() => {}, 1000);\n${policyModule('moon')}`);
  const { stdout, status } = runDaemon('--check', rig.configFile);
  assert.equal(status, 0);
  assert.match(stdout, /plugin .*moon\.mjs: policy moon\n/);
});

test(
  'a journal is told in the words of the plugins that the configuration names',
  LIMIT,
  async (t) => {
    const { rig } = stage(t, policyModule('moon', WAIT));
    await rig.boot();
    await rig.baton('run', 'moon');
    const line = ['--config', rig.configFile, '--replay', join(rig.state, 'journal.ndjson')];
    const { stdout, status } = runDaemon(...line);
    assert.equal(status, 0);
    assert.match(stdout, /at the end of the journal run 1 \(moon\): waits for the moon/);
  },
);

/** A daemon that ends by itself. */
function runDaemon(...args: readonly string[]) {
  const options = { encoding: 'utf8', timeout: 60_000 } as const;
  return spawnSync(process.execPath, [BATOND, ...args], options);
}
