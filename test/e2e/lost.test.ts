/**
 * Runs that are hard to end: lost ones whose processes are alive, and those whose command keeps its
 * keeper from answering. Cancel and timeout end both, and their places become free.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Puppets } from '../support/puppet.ts';
import { Rig, type Session } from '../support/rig.ts';

const LIMIT = { timeout: 60_000 };

async function stage(t: TestContext) {
  const puppets = await Puppets.open();
  const rig = new Rig();
  t.after(async () => {
    await rig.close();
    puppets.close();
  });
  const target = (name: string, more: object = {}) => ({
    runner: { type: 'local', args: puppets.args(name) },
    policies: [{ type: 'cardinality' }],
    killAfter: '500ms',
    ...more,
  });
  const patient = target('patient', { killAfter: '30s' });
  rig.configure({
    targets: { one: target('one'), patient, brief: target('brief', { timeout: '10s' }) },
  });
  await rig.boot();
  return { rig, puppets, session: await rig.open() };
}

async function keeperOf(session: Session, run: number): Promise<number> {
  const { targets } = await session.ask({ type: 'status' }, 'status');
  const view = targets.flatMap(({ active }) => active).find((active) => active.run === run);
  assert.ok(view?.pid !== undefined);
  return view.pid;
}

for (const restart of [false, true]) {
  const when = restart ? ', also by the next daemon' : '';
  test(
    `the processes of a lost run are ended by cancel, which frees its place${when}`,
    LIMIT,
    async (t) => {
      const { rig, puppets, session } = await stage(t);
      const { run } = await session.ask({ type: 'run', target: 'one' }, 'accepted');
      const puppet = await puppets.next();
      assert.equal(await puppet.tell('trap TERM ignore'), 'ok');
      const lost = session.ask({ type: 'wait', run }, 'ended');
      process.kill(await keeperOf(session, run), 'SIGKILL');
      assert.equal((await lost).outcome.kind, 'lost');
      const { run: next } = await session.ask({ type: 'run', target: 'one' }, 'accepted');
      if (restart) {
        await rig.end('SIGKILL');
        await rig.boot();
      }
      const { status } = await rig.baton('cancel', String(run));
      assert.equal(status, 0);
      await puppet.gone();
      const second = await puppets.next();
      assert.equal(second.run, next);
      second.exit(0);
      const after = await rig.open();
      assert.equal((await after.ask({ type: 'wait', run: next }, 'ended')).exit, 0);
      const about = rig.journal().filter((event) => event['run'] === run);
      const kinds = about.map(({ type }) => type);
      assert.deepEqual(kinds.slice(-3), ['ended', 'stopping', 'released']);
    },
  );
}

test('the processes of a lost run are ended by its timeout', LIMIT, async (t) => {
  const { rig, puppets, session } = await stage(t);
  const { run } = await session.ask({ type: 'run', target: 'brief' }, 'accepted');
  const puppet = await puppets.next();
  const lost = session.ask({ type: 'wait', run }, 'ended');
  process.kill(await keeperOf(session, run), 'SIGKILL');
  assert.equal((await lost).outcome.kind, 'lost');
  await puppet.gone();
  const { why } = await rig.logged('stopping');
  assert.equal(why, 'timed-out');
});

test('a command that stops its keeper is cancelled like any other', LIMIT, async (t) => {
  const { puppets, session } = await stage(t);
  const { run } = await session.ask({ type: 'run', target: 'patient' }, 'accepted');
  const puppet = await puppets.next();
  process.kill(await keeperOf(session, run), 'SIGSTOP');
  const ended = session.ask({ type: 'wait', run }, 'ended');
  await session.ask({ type: 'cancel', of: run }, 'done');
  const { exit, outcome } = await ended;
  assert.deepEqual([exit, outcome], [143, { kind: 'cancelled', signal: 15 }]);
  await puppet.gone();
});
