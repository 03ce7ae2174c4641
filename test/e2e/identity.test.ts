/**
 * A journal that was restored from a copy or removed gives numbers out again. Nobody is ever told
 * the status or the output of another run that has the number of his own.
 */
import assert from 'node:assert/strict';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { PROTOCOL_VERSION } from '../../daemon/protocol/request.ts';
import { Puppets } from '../support/puppet.ts';
import { Rig } from '../support/rig.ts';

/** `free` has no policies, `one` runs one at a time. */
async function stage(t: TestContext): Promise<{ rig: Rig; puppets: Puppets }> {
  const puppets = await Puppets.open();
  const rig = new Rig();
  t.after(async () => {
    await rig.close();
    puppets.close();
  });
  const target = (name: string, more: object = {}) => ({
    runner: { type: 'local', args: puppets.args(name) },
    ...more,
  });
  rig.configure({
    targets: { free: target('free'), one: target('one', { policies: [{ type: 'cardinality' }] }) },
  });
  await rig.boot();
  return { rig, puppets };
}

/** The first number, which what lives of another life takes: the next one is given out again. */
async function useFirstNumber(rig: Rig, puppets: Puppets): Promise<void> {
  const first = rig.baton('run', 'free', '--wait');
  (await puppets.next()).exit(0);
  assert.equal((await first).status, 0);
}

function journalOf(rig: Rig): string {
  return join(rig.state, 'journal.ndjson');
}

/** Ends the daemon, changes its state directory behind its back, and starts another. */
async function begin(rig: Rig, change: () => void): Promise<void> {
  assert.equal(await rig.end('SIGKILL'), 'SIGKILL');
  change();
  await rig.boot();
}

function printed(client: ReturnType<Rig['client']>, text: string): Promise<void> {
  let seen = '';
  return new Promise<void>((resolve) => {
    client.child.stdout.on('data', (chunk: Buffer) => {
      seen += chunk.toString();
      if (seen.includes(text)) resolve();
    });
  });
}

for (const how of ['removed', 'restored'] as const) {
  test(`a client whose journal is ${how} hears nothing of another run with its number, and has no verdict`, async (t) => {
    const { rig, puppets } = await stage(t);
    const copy = join(rig.directory, 'copy');
    copyFileSync(journalOf(rig), copy);
    await useFirstNumber(rig, puppets);
    const client = rig.client(['run', 'free', '--wait', '--connect-timeout', '1min']);
    const puppet = await puppets.next();
    const heard = printed(client, 'mine');
    await puppet.print('out', 'mine');
    await heard;
    // The client comes back only when there is another run with this number.
    client.child.kill('SIGSTOP');
    await begin(rig, () => {
      if (how === 'removed') rmSync(journalOf(rig));
      else copyFileSync(copy, journalOf(rig));
    });
    const session = await rig.open();
    const { run, nonce } = await session.ask({ type: 'run', target: 'free' }, 'accepted');
    assert.equal(run, puppet.run, 'the number is not given out again');
    assert.match(nonce ?? '', /^[\w-]{10}$/);
    const other = await puppets.next();
    await other.print('out', 'of another');
    client.child.kill('SIGCONT');
    const { status, text, errors } = await client.ended;
    assert.equal(status, 125);
    assert.equal(text, 'mine');
    assert.match(errors, /^baton: free: run \d+ of this daemon is another run: [^\n]+\n$/);
    other.exit(0);
    puppet.exit(0);
    assert.equal((await session.ask({ type: 'wait', run }, 'ended')).exit, 0);
  });
}

test('a client that is to end its run after the journal was removed does not end another one', async (t) => {
  const { rig, puppets } = await stage(t);
  await useFirstNumber(rig, puppets);
  const client = rig.client(['run', 'free', '--wait', '--connect-timeout', '1min']);
  const puppet = await puppets.next();
  const heard = printed(client, 'mine');
  await puppet.print('out', 'mine');
  await heard;
  client.child.kill('SIGSTOP');
  await begin(rig, () => rmSync(journalOf(rig)));
  const session = await rig.open();
  const { run } = await session.ask({ type: 'run', target: 'free' }, 'accepted');
  assert.equal(run, puppet.run);
  const other = await puppets.next();
  client.child.kill('SIGINT');
  client.child.kill('SIGCONT');
  assert.equal((await client.ended).status, 125);
  other.exit(3);
  assert.equal((await session.ask({ type: 'wait', run }, 'ended')).exit, 3);
  puppet.exit(0);
});

test('the status and the output of an earlier life are not taken for those of a run, restart or not', async (t) => {
  const { rig, puppets } = await stage(t);
  const first = rig.baton('run', 'free', '--wait');
  const puppet = await puppets.next();
  await puppet.print('out', 'of the earlier life');
  puppet.exit(0);
  assert.equal((await first).status, 0);
  await begin(rig, () => rmSync(journalOf(rig)));
  const aside = await rig.logged(
    'run directories that belong to no run of this journal were moved aside',
  );
  assert.deepEqual([aside['level'], aside['runs']], ['error', [puppet.run]]);
  const [moved = ''] = readdirSync(join(rig.state, 'aside'));
  assert.equal(readFileSync(join(rig.state, 'aside', moved, 'out'), 'utf8'), 'of the earlier life');
  const second = rig.baton('run', 'free', '--wait', '--connect-timeout', '1min');
  const again = await puppets.next();
  assert.equal(again.run, puppet.run);
  await again.print('out', 'of this one');
  await begin(rig, () => {});
  const session = await rig.open();
  const { running } = await session.ask({ type: 'status' }, 'status');
  assert.equal(running, 1);
  again.exit(7);
  const { status, text } = await second;
  assert.deepEqual([status, text], [7, 'of this one']);
  const names = readdirSync(join(rig.state, 'runs', String(again.run)));
  assert.ok(names.some((name) => /^status\.1\.[\w-]{10}$/.test(name)));
});

test('a wait by number alone goes on with the same run after a restart, and with no other', async (t) => {
  const { rig, puppets } = await stage(t);
  const session = await rig.open();
  const { run, nonce } = await session.ask({ type: 'run', target: 'one' }, 'accepted');
  const puppet = await puppets.next();
  const found = await session.ask({ type: 'wait', v: PROTOCOL_VERSION, run }, 'found');
  assert.deepEqual([found.run, found.target, found.nonce], [run, 'one', nonce]);
  await begin(rig, () => {});
  const later = await rig.open();
  const named = {
    type: 'wait',
    v: PROTOCOL_VERSION,
    run,
    ...(nonce === undefined ? {} : { nonce }),
  } as const;
  assert.equal((await later.ask(named, 'found')).nonce, nonce);
  for (const request of [
    { ...named, nonce: 'another' },
    { type: 'output', of: run, nonce: 'another' },
    { type: 'cancel', of: run, nonce: 'another' },
    { type: 'why', of: run, nonce: 'another' },
  ] as const) {
    const { code, exit } = await (await rig.open()).ask(request, 'ended').then(
      () => assert.fail('it was told of another run'),
      (error: Error) => JSON.parse(error.message.slice(error.message.indexOf('{'))),
    );
    assert.deepEqual([code, exit], ['other-run', 125], request.type);
  }
  puppet.exit(4);
  assert.equal((await later.ask(named, 'ended')).exit, 4);
  assert.equal(existsSync(join(rig.state, 'aside')), false);
});

const LOSSES: readonly (readonly [string, (rig: Rig) => void, RegExp])[] = [
  ['journal is removed', (rig) => rmSync(journalOf(rig)), /was removed/],
  ['journal is replaced', (rig) => replace(journalOf(rig)), /is another file/],
  ['journal is cut', (rig) => truncateSync(journalOf(rig), 10), /has 10 bytes, expected \d+/],
  [
    'journal is written to',
    (rig) => appendFileSync(journalOf(rig), 'x'),
    /has \d+ bytes, expected/,
  ],
  ['state directory is removed', (rig) => rmSync(rig.state, { recursive: true }), /was removed/],
  ['state directory is moved', (rig) => renameSync(rig.state, `${rig.state}-2`), /was moved/],
];

function replace(path: string): void {
  copyFileSync(path, `${path}.copy`);
  renameSync(`${path}.copy`, path);
}

for (const [what, lose, found] of LOSSES) {
  test(`a daemon whose ${what} takes no new work (75), says so, and leaves what runs alone`, async (t) => {
    const { rig, puppets } = await stage(t);
    const client = rig.client(['run', 'one', '--wait', '--connect-timeout', '1min']);
    const puppet = await puppets.next();
    const journal = readFileSync(journalOf(rig));
    lose(rig);
    for (const args of [
      ['run', 'free'],
      ['run', 'free', '--wait'],
      ['cancel', 'one'],
    ]) {
      const { status, text, errors } = await rig.baton(...args);
      assert.deepEqual([status, text], [75, ''], args.join(' '));
      assert.match(errors, found);
      assert.match(errors, /; put the file back as it was, or leave it, and restart batond\n$/);
    }
    const said = await rig.logged('the journal is lost; new work is refused');
    assert.equal(said['level'], 'error');
    const status = await rig.baton('status');
    assert.match(status.text, found);
    assert.match((await rig.status()).trouble ?? '', found);
    assert.equal(puppets.unasked, 0, 'what was refused runs');

    // What it was is put back, and read by the next daemon.
    await begin(rig, () => {
      if (existsSync(`${rig.state}-2`)) renameSync(`${rig.state}-2`, rig.state);
      mkdirSync(rig.state, { recursive: true, mode: 0o700 });
      writeFileSync(journalOf(rig), journal, { mode: 0o600 });
    });
    puppet.exit(9);
    assert.equal((await client.ended).status, 9);
  });
}

for (const how of ['journal', 'state directory'] as const) {
  test(`a run that lives when the ${how} is removed holds its place in the next life, which nothing starts beside`, async (t) => {
    const { rig, puppets } = await stage(t);
    assert.equal((await rig.baton('run', 'one')).status, 0);
    const puppet = await puppets.next();
    await begin(rig, () =>
      rmSync(how === 'journal' ? journalOf(rig) : rig.state, { recursive: true }),
    );
    const said = await rig.logged('a run of another life is alive');
    assert.deepEqual([said['level'], said['run'], said['target']], ['error', puppet.run, 'one']);
    const session = await rig.open();
    const waiting = session.send({ type: 'run', target: 'one', wait: true });
    const { run } = await session.reply('accepted', waiting);
    const { targets } = await session.ask({ type: 'status' }, 'status');
    const one = targets.find(({ target }) => target === 'one');
    assert.deepEqual(
      one?.active.map(({ outcome, heldBy }) => [outcome?.kind, heldBy]),
      [['lost', [said['pid']]]],
    );
    assert.equal(one?.queued.length, 1);
    // It is found once, however often the daemon is started.
    await begin(rig, () => {});
    const later = await rig.open();
    const again = (await later.ask({ type: 'status' }, 'status')).targets;
    assert.equal(again.find(({ target }) => target === 'one')?.active.length, 1);
    assert.equal(puppets.unasked, 0, 'a second one runs beside it');
    puppet.exit(7);
    (await puppets.next()).exit(5);
    assert.equal((await later.ask({ type: 'wait', run }, 'ended')).exit, 5);
    if (how === 'journal') {
      const [moved = ''] = readdirSync(join(rig.state, 'aside'));
      const names = readdirSync(join(rig.state, 'aside', moved));
      assert.ok(
        names.some((name) => name.startsWith('status.1.')),
        'its keeper tells where it is',
      );
    }
  });
}

test('a run of another life that is alive can be ended', async (t) => {
  const { rig, puppets } = await stage(t);
  assert.equal((await rig.baton('run', 'one')).status, 0);
  const puppet = await puppets.next();
  await begin(rig, () => rmSync(journalOf(rig)));
  await rig.logged('a run of another life is alive');
  const gone = puppet.gone();
  assert.equal((await rig.baton('cancel', 'one')).status, 0);
  await gone;
  await rig.logged('released');
});
