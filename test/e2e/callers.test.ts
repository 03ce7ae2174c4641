/** Commands of runs that request other runs and wait, with the real clients. */
import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { Puppets } from '../support/puppet.ts';
import { BATON, Rig } from '../support/rig.ts';

const FRONT_DOOR = join(dirname(BATON), 'baton.pl');

interface Context {
  after(done: () => void | Promise<void>): void;
}

/** `outer` calls a client with `words`; `disk` and `free` are targets that it may request. */
async function rigOf(
  t: Context,
  client: readonly string[],
  words: readonly string[],
): Promise<Rig> {
  const rig = new Rig();
  t.after(() => rig.close());
  const env = { BATON_SOCKET: rig.socket, PATH: process.env['PATH'] ?? '' };
  const disk = [{ type: 'cardinality', group: 'disk' }];
  rig.configure({
    targets: {
      outer: { runner: { type: 'local', args: [...client, ...words], env }, policies: disk },
      disk: { runner: { type: 'local', args: ['/bin/echo', 'disk'] }, policies: disk },
      free: { runner: { type: 'local', args: ['/bin/echo', 'free'] } },
    },
  });
  await rig.boot();
  return rig;
}

const NODE_CLIENT = [process.execPath, BATON];
const REFUSED =
  /disk: it cannot start before run 1 \(outer\) has ended, and run 1 \(outer\) would wait for it/;

for (const [name, client, words] of [
  ['baton run', NODE_CLIENT, ['run', 'disk', '--wait']],
  ['baton run, with the whole client', NODE_CLIENT, ['run', 'disk', '--wait', '--max-wait', '1h']],
  ['the front door, baton run', ['/usr/bin/perl', FRONT_DOOR], ['run', 'disk', '--wait']],
] as const) {
  test(`${name} --wait within a run of the same group is refused, and the run ends`, async (t) => {
    const rig = await rigOf(t, client, words);
    const { status, errors } = await rig.baton('run', 'outer', '--wait');
    assert.match(errors, REFUSED);
    assert.equal(status, 75);
    const runs = rig.journal().filter(({ type }) => type === 'accepted');
    assert.equal(runs.length, 1, 'what is refused is no run');
  });
}

test('without --wait, and for what has room, a run may ask for others', async (t) => {
  const rig = await rigOf(t, NODE_CLIENT, ['run', 'free', '--wait']);
  const ended = await rig.baton('run', 'outer', '--wait');
  assert.deepEqual([ended.status, ended.text, ended.errors], [0, 'free\n', '']);
  const other = await rigOf(t, NODE_CLIENT, ['run', 'disk']);
  assert.equal((await other.baton('run', 'outer', '--wait')).status, 0);
  assert.equal((await other.baton('wait', '2')).text, 'disk\n');
});

test('a run that waits for itself, by its number or for all that runs, is told so', async (t) => {
  for (const words of [
    ['wait', '1'],
    ['wait', '--all'],
    ['wait', '1', '1'],
  ]) {
    const rig = await rigOf(t, NODE_CLIENT, words);
    const { status, errors } = await rig.baton('run', 'outer', '--wait');
    assert.match(errors, /run 1: run 1 \(outer\) would wait for itself to end, forever/);
    assert.equal(status, 75);
  }
});

test('BATON_RUN_DIR of another daemon, or of a run that is over, means nothing', async (t) => {
  const puppets = await Puppets.open();
  t.after(() => puppets.close());
  const policies = [{ type: 'cardinality', group: 'disk' }];
  const rig = await Rig.start({
    targets: {
      held: { runner: { type: 'local', args: puppets.args('held') }, policies },
      disk: { runner: { type: 'local', args: ['/bin/true'] }, policies },
    },
  });
  t.after(() => rig.close());
  const first = rig.client(['run', 'held', '--wait']);
  const puppet = await puppets.next();
  const there = (directory: string) =>
    rig.client(['run', 'disk', '--wait'], { BATON_RUN_DIR: directory });
  const own = await there(join(rig.state, 'runs/1')).ended;
  assert.match(own.errors, /cannot start before run 1 \(held\) has ended/);
  const others = ['/elsewhere/runs/1', join(rig.state, 'runs/7')].map(there);
  await rig.logged('accepted', 0, ({ run }) => run === 3);
  puppet.exit(0);
  await first.ended;
  for (const { ended } of others) assert.equal((await ended).status, 0);
  assert.equal((await there(join(rig.state, 'runs/1')).ended).status, 0);
});
