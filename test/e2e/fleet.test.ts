/** One request for many hosts: over SSH with a real sshd, and through the death of the daemon. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Puppets } from '../support/puppet.ts';
import { Rig } from '../support/rig.ts';
import { SSHD_NEEDS, Sshd } from '../support/sshd.ts';
import { Terminal } from '../support/terminal.ts';
import { skipWithout } from '../support/tools.ts';

type Ends = { after(done: () => unknown): void };

/** A fleet of puppets, of which a limited number may run at once. */
async function puppetFleet(t: Ends, hosts: readonly string[], instances: number) {
  const puppets = await Puppets.open();
  t.after(() => puppets.close());
  const rig = await Rig.start({
    targets: {
      up: {
        hosts,
        runner: { type: 'local', args: puppets.args('{host}') },
        policies: [{ type: 'cardinality', instances }],
        killAfter: '1s',
      },
    },
  });
  t.after(() => rig.close());
  return { puppets, rig };
}

test('a fleet over SSH prints a block for each host, and a table, failures first', async (t) => {
  if (skipWithout(t, ...SSHD_NEEDS)) return;
  // One sshd with several addresses; nobody listens on the last of these.
  const hosts = ['127.0.0.2', '127.0.0.3', '127.0.0.4', '127.0.0.9'];
  const sshd = await Sshd.start(hosts.slice(0, -1).map((host) => `ListenAddress ${host}`));
  t.after(() => sshd.close());
  sshd.know(hosts.map((host) => `[${host}]:${sshd.port} ${sshd.hostKey()}`).join('\n'));
  const cmds = ['echo hello {host}', 'test {host} != 127.0.0.3 || exit 3'];
  const { runner } = sshd.target({ host: '{host}', cmds });
  const policies = [{ type: 'cardinality', instances: 2 }];
  const rig = await Rig.start({ targets: { up: { hosts, runner, policies } } });
  t.after(() => rig.close());

  const probed = await rig.baton('probe', 'up');
  assert.equal(probed.status, 255, probed.errors);
  assert.equal(probed.text.match(/^up@127\.0\.0\.[234]: authenticated as /gm)?.length, 3);
  assert.match(probed.text, /^up@127\.0\.0\.9: .*ECONNREFUSED/m);
  assert.match(probed.text, /\nhosts where no run could start: 1 of 4 \(up@127\.0\.0\.9\)\n$/);

  const all = await rig.baton('run', 'up', '--wait');
  assert.equal(all.status, 255);
  const blocks = all.text.split(/^(?===>)/m).toSorted();
  assert.deepEqual(
    blocks,
    hosts.slice(0, -1).map((host) => `==> ${host} <==\nhello ${host}\n`),
  );
  const [summary, head, first, second, ...rest] = all.errors.split('\n');
  assert.deepEqual([summary, rest], ['baton: up: 2 of 4 failed', ['']]);
  assert.match(String(head), /^HOST +RUN +STATUS +OUTCOME$/);
  assert.match(String(first), /^127\.0\.0\.9 +\d+ +255 +.*(refused|ECONNREFUSED)/);
  assert.match(String(second), /^127\.0\.0\.3 +\d+ +3 +exited with 3$/);

  const one = await rig.baton('run', 'up', '--wait', '--only', '127.0.0.2,*.4');
  assert.deepEqual([one.status, one.errors], [0, '']);
  assert.equal(one.text.match(/^hello /gm)?.length, 2);
  const typo = await rig.baton('run', 'up', '--wait', '--only', '127.0.0.5');
  assert.equal(typo.status, 78);
  assert.match(typo.errors, /^baton: up: fleet up has no host "127\.0\.0\.5"/);

  const again = await rig.baton('run', 'up', '--wait', '--failed', '--quiet-success');
  assert.equal(again.status, 255);
  assert.match(again.errors, /^baton: up: 2 of 2 failed\n/);
  assert.equal(again.text, '==> 127.0.0.3 <==\nhello 127.0.0.3\n');
});

test('a daemon that is killed in the middle of a fleet loses no run, byte or status', async (t) => {
  const { rig, puppets } = await puppetFleet(t, ['a', 'b', 'c'], 2);
  const client = rig.client(['run', 'up', '--wait']);
  const [one, two] = [await puppets.next(), await puppets.next()];
  await one.print('out', 'before\n');
  await rig.end('SIGKILL');
  await one.print('out', 'meanwhile\n');
  one.exit(0);
  await rig.boot();
  const three = await puppets.next();
  await three.print('out', 'after\n');
  three.exit(0);
  two.exit(3);
  const { status, text, errors } = await client.ended;
  assert.equal(status, 3, errors);
  assert.deepEqual(text.split(/^(?===>)/m).toSorted(), [
    `==> ${one.name} <==\nbefore\nmeanwhile\n`,
    `==> ${three.name} <==\nafter\n`,
  ]);
  assert.match(errors, new RegExp(`^baton: up: 1 of 3 failed\\nHOST .*\\n${two.name} +\\d+ +3 `));
  const accepted = rig.journal().filter(({ type }) => type === 'accepted');
  assert.equal(accepted.length, 3);
  assert.deepEqual([...puppets.order].sort(), ['a', 'b', 'c']);
});

test('a signal ends all runs of the fleet, those that wait first', async (t) => {
  const { rig, puppets } = await puppetFleet(t, ['a', 'b', 'c'], 1);
  const client = rig.client(['run', 'up', '--wait']);
  const puppet = await puppets.next();
  client.child.kill('SIGTERM');
  const { status, errors } = await client.ended;
  assert.equal(status, 143, errors);
  assert.match(errors, /^baton: up: 3 of 3 failed$/m);
  assert.deepEqual(puppets.order, [puppet.name]);
  const left = await rig.status();
  assert.deepEqual([left.running, left.queued], [0, 0]);
});

test('commands know a fleet by its name, and a terminal shows lines as they come', async (t) => {
  if (skipWithout(t, 'script')) return;
  const { rig, puppets } = await puppetFleet(t, ['a', 'b'], 1);
  assert.equal((await rig.baton('pause', 'up')).status, 0);
  const asked = await rig.baton('run', 'up', '--print-id');
  assert.deepEqual([asked.status, asked.text], [0, '1\n2\n']);
  const why = await rig.baton('why', 'up');
  assert.equal(why.text.match(/^run \d of up@[ab] has been waiting/gm)?.length, 2);
  assert.match((await rig.baton('status')).text, / up +waiting +2 hosts: 2 waiting, 2 paused\n/);
  const logs = await rig.baton('logs', 'up');
  assert.equal(logs.status, 64);
  assert.match(logs.errors, /it is a fleet; name one of its targets: up@a, up@b/);

  const terminal = new Terminal(['wait', 'up'], rig.socket);
  assert.equal((await rig.baton('resume', 'up')).status, 0);
  const first = await puppets.next();
  await first.print('out', 'live\n');
  await terminal.seen(`${first.name}: live`);
  assert.equal((await rig.baton('cancel', 'up')).text, 'cancelling run 2, 1\n');
  assert.equal(await terminal.ended, 143);
  assert.match(terminal.text, /baton: up: 2 of 2 failed/);
  assert.equal((await rig.baton('history', 'up')).text.match(/ up@/g)?.length, 2);
});
