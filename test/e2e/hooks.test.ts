/** Hooks as their commands see them: environment, and the end of the output. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Puppets } from '../support/puppet.ts';
import { Rig } from '../support/rig.ts';
import { skipWithout } from '../support/tools.ts';

const sh = (script: string) => ({ runner: { type: 'local', args: ['/bin/sh', '-c', script] } });

test('a failed run calls its hook, which finds what happened and the end of the output', async (t) => {
  const puppets = await Puppets.open();
  t.after(() => puppets.close());
  const rig = await Rig.start({
    targets: {
      job: { ...sh('echo "disk is full"; echo again >&2; exit 3'), onFailure: 'tell' },
      tell: sh(
        `env | grep ^BATON_ | sort; cat "$BATON_EVENT_OUTPUT"; cat; ${puppets.args('x').join(' ')}`,
      ),
    },
  });
  t.after(() => rig.close());
  assert.equal((await rig.baton('run', 'job', '--wait')).status, 3);
  const puppet = await puppets.next();
  puppet.exit(0);
  const { text } = await rig.baton('logs', '2', '-f');
  const [, id] = /^BATON_RUN_ID=(2\.[\w-]{10})$/m.exec(text) ?? [];
  const { last } = (await rig.status()).targets.find(({ target }) => target === 'job') ?? {};
  assert.deepEqual(text.split('\n').slice(0, -1), [
    'BATON_EVENT=failure',
    'BATON_EVENT_EXIT=3',
    'BATON_EVENT_OUTCOME=exited',
    `BATON_EVENT_OUTPUT=${join(rig.state, 'runs/2/tail')}`,
    'BATON_EVENT_RUN=1',
    `BATON_EVENT_SECONDS=${Math.round(Number(last?.tookMs) / 1_000)}`,
    'BATON_EVENT_TARGET=job',
    'BATON_EVENT_TEXT=exited with 3',
    'BATON_RUN=2',
    `BATON_RUN_DIR=${join(rig.state, 'runs/2')}`,
    `BATON_RUN_ID=${id}`,
    'BATON_TARGET=tell',
    'disk is full',
    'again',
    'disk is full',
    'again',
  ]);
});

test('a hook of another user reads the end of the output from its stdin', async (t) => {
  if (skipWithout(t, 'root', 'setpriv')) return;
  const { runner } = sh('cat; [ -z "$BATON_EVENT_OUTPUT" ] && echo no file');
  const rig = await Rig.start({
    targets: {
      job: { ...sh('echo "disk is full"; exit 3'), onFailure: 'tell' },
      tell: { runner: { ...runner, user: 'nobody', cwd: '/' } },
    },
  });
  t.after(() => rig.close());
  assert.equal((await rig.baton('run', 'job', '--wait')).status, 3);
  const { status, text } = await rig.baton('wait', '2');
  assert.deepEqual([status, text], [0, 'disk is full\nno file\n']);
});

test('a daemon that dies at the end of a run calls the hook once, after its restart', async (t) => {
  const puppets = await Puppets.open();
  t.after(() => puppets.close());
  const rig = await Rig.start({
    targets: {
      job: { runner: { type: 'local', args: puppets.args('job') }, onFailure: 'tell' },
      tell: { runner: { type: 'local', args: puppets.args('tell') } },
    },
  });
  t.after(() => rig.close());
  const client = rig.client(['run', 'job', '--wait']);
  const job = await puppets.next();
  await rig.end('SIGKILL');
  job.exit(1);
  await job.gone();
  await rig.boot();
  assert.equal((await client.ended).status, 1);
  const tell = await puppets.next();
  assert.equal(tell.name, 'tell');
  await rig.end('SIGKILL');
  await rig.boot();
  tell.exit(0);
  const session = await rig.open();
  assert.equal((await session.ask({ type: 'wait', run: tell.run }, 'ended')).exit, 0);
  session.close();
  assert.equal(puppets.unasked, 0);
  const accepted = rig.journal().filter(({ type }) => type === 'accepted');
  assert.equal(accepted.length, 2);
});

test('a target that never succeeds is called late, by status, log and hook', async (t) => {
  const puppets = await Puppets.open();
  t.after(() => puppets.close());
  const config = (lateAfter: string) => ({
    targets: {
      job: { ...sh('exit 0'), lateAfter, onLate: 'tell' },
      tell: { runner: { type: 'local', args: puppets.args('tell') } },
    },
  });
  const rig = await Rig.start(config('1s'));
  t.after(() => rig.close());
  const tell = await puppets.next();
  const env = readFileSync(`/proc/${tell.pid}/environ`, 'utf8');
  assert.match(env, /BATON_EVENT=late\0/);
  const text =
    /BATON_EVENT_TEXT=has had no success for (\S+) s, longer than its lateAfter of 1\.0 s\0/;
  assert.ok(Number(text.exec(env)?.[1]) >= 1, env);
  assert.ok(await rig.logged('late'));
  const late = async () =>
    (await rig.status()).targets.find(({ target }) => target === 'job')?.late;
  assert.equal(await late(), true);
  // Otherwise it is late again before a busy machine has made the query.
  rig.configure(config('1h'));
  assert.equal((await rig.baton('reload')).status, 0);
  assert.equal(await late(), true);
  assert.equal((await rig.baton('run', 'job', '--wait')).status, 0);
  assert.equal(await late(), undefined);
  tell.exit(0);
});
