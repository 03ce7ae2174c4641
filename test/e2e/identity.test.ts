/**
 * A journal that was restored from a copy or removed assigns numbers again. No client ever gets the
 * status or the output of another run with the same number.
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
import { setTimeout as sleep } from 'node:timers/promises';
import { heldRecords } from '../../daemon/keepers/keeper-record.ts';
import { PROTOCOL_VERSION } from '../../daemon/protocol/request.ts';
import { type Puppet, Puppets } from '../support/puppet.ts';
import { Rig, type Session } from '../support/rig.ts';
import { SSHD_NEEDS, Sshd } from '../support/sshd.ts';
import { whyWithout } from '../support/tools.ts';

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

function journalOf(rig: Rig): string {
  return join(rig.state, 'journal.ndjson');
}

/** Ends a run while no daemon is there: a number is not reused while its keeper is alive. */
async function endUnheard(rig: Rig, puppet: Puppet): Promise<void> {
  puppet.exit(0);
  const directory = join(rig.state, 'runs', String(puppet.run));
  while (!readdirSync(directory).some((name) => /^status\.1\.[\w-]+$/.test(name))) await sleep(10);
  while (heldRecords().some(({ record }) => record.state === rig.state)) await sleep(10);
}

/** Ends the daemon, changes its state directory meanwhile, and starts another. */
async function begin(rig: Rig, change: () => void | Promise<void>): Promise<void> {
  assert.equal(await rig.end('SIGKILL'), 'SIGKILL');
  await change();
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
    const client = rig.client(['run', 'free', '--wait', '--connect-timeout', '1min']);
    const puppet = await puppets.next();
    const heard = printed(client, 'mine');
    await puppet.print('out', 'mine');
    await heard;
    // The client reconnects only when there is another run with this number.
    client.child.kill('SIGSTOP');
    await begin(rig, async () => {
      await endUnheard(rig, puppet);
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
    assert.match(errors, /^baton: free: run \d+ of this daemon is a different run: [^\n]+\n$/);
    other.exit(0);
    assert.equal((await session.ask({ type: 'wait', run }, 'ended')).exit, 0);
  });
}

test('a client that is to end its run after the journal was removed does not end another one', async (t) => {
  const { rig, puppets } = await stage(t);
  const client = rig.client(['run', 'free', '--wait', '--connect-timeout', '1min']);
  const puppet = await puppets.next();
  const heard = printed(client, 'mine');
  await puppet.print('out', 'mine');
  await heard;
  client.child.kill('SIGSTOP');
  await begin(rig, async () => {
    await endUnheard(rig, puppet);
    rmSync(journalOf(rig));
  });
  const session = await rig.open();
  const { run } = await session.ask({ type: 'run', target: 'free' }, 'accepted');
  assert.equal(run, puppet.run);
  const other = await puppets.next();
  client.child.kill('SIGINT');
  client.child.kill('SIGCONT');
  assert.equal((await client.ended).status, 125);
  other.exit(3);
  assert.equal((await session.ask({ type: 'wait', run }, 'ended')).exit, 3);
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
    'moved aside run directories that belong to no run of the journal',
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
  ['journal is replaced', (rig) => replace(journalOf(rig)), /was replaced by another file/],
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
      assert.match(errors, /; restore the file, or leave it as it is, and restart batond\n$/);
    }
    const said = await rig.logged('journal lost; new requests are refused');
    assert.equal(said['level'], 'error');
    const status = await rig.baton('status');
    assert.match(status.text, found);
    assert.match((await rig.status()).trouble ?? '', found);
    assert.equal(puppets.unasked, 0, 'what was refused runs');

    // The original is put back, and read by the next daemon.
    await begin(rig, () => {
      if (existsSync(`${rig.state}-2`)) renameSync(`${rig.state}-2`, rig.state);
      mkdirSync(rig.state, { recursive: true, mode: 0o700 });
      writeFileSync(journalOf(rig), journal, { mode: 0o600 });
    });
    puppet.exit(9);
    assert.equal((await client.ended).status, 9);
  });
}

/** The active run in the status of `one`, and how many wait behind it. */
async function activeOf(session: Session): Promise<readonly unknown[]> {
  const { targets } = await session.ask({ type: 'status' }, 'status');
  const one = targets.find(({ target }) => target === 'one');
  return [one?.active.map(({ state }) => state), one?.queued.length];
}

for (const how of ['journal', 'state directory'] as const) {
  test(`a run that lives when the ${how} is removed is a run of the next life, which nothing starts beside`, async (t) => {
    const { rig, puppets } = await stage(t);
    assert.equal((await rig.baton('run', 'one')).status, 0);
    const puppet = await puppets.next();
    await puppet.print('out', 'of the earlier life');
    await begin(rig, () =>
      rmSync(how === 'journal' ? journalOf(rig) : rig.state, { recursive: true }),
    );
    const said = await rig.logged('run of an earlier journal is alive');
    assert.deepEqual([said['level'], said['was'], said['target']], ['error', puppet.run, 'one']);
    const found = Number(said['run']);
    const session = await rig.open();
    const waiting = session.send({ type: 'run', target: 'one', wait: true });
    const { run } = await session.reply('accepted', waiting);
    assert.deepEqual(await activeOf(session), [['running'], 1]);
    // It is found once, however often the daemon is started.
    await begin(rig, () => {});
    const later = await rig.open();
    assert.deepEqual(await activeOf(later), [['running'], 1]);
    assert.equal(puppets.unasked, 0, 'a second one runs beside it');
    puppet.exit(7);
    const { outcome } = await later.ask({ type: 'wait', run: found }, 'ended');
    (await puppets.next()).exit(5);
    assert.equal((await later.ask({ type: 'wait', run }, 'ended')).exit, 5);
    if (how === 'state directory') return assert.equal(outcome.kind, 'lost');
    assert.deepEqual(outcome, { kind: 'exited', code: 7 });
    assert.equal((await rig.baton('logs', String(found))).text, 'of the earlier life');
  });
}

test('a client whose journal was removed while its run lives goes on with it, and gets its true end', async (t) => {
  const { rig, puppets } = await stage(t);
  const client = rig.client(['run', 'one', '--wait', '--connect-timeout', '1min']);
  const puppet = await puppets.next();
  const heard = printed(client, 'before');
  await puppet.print('out', 'before');
  await heard;
  await begin(rig, () => rmSync(journalOf(rig)));
  const { run } = await rig.logged('run of an earlier journal is alive');
  assert.notEqual(run, puppet.run);
  await puppet.print('out', ', after');
  puppet.exit(7);
  const { status, text, errors } = await client.ended;
  assert.deepEqual([status, text, errors], [7, 'before, after', '']);
});

test('a command of another life whose keeper was killed holds its place, and can be ended', async (t) => {
  const { rig, puppets } = await stage(t);
  assert.equal((await rig.baton('run', 'one')).status, 0);
  const puppet = await puppets.next();
  await puppet.print('out', 'of the earlier life');
  await begin(rig, async () => {
    const held = () => heldRecords().filter(({ record }) => record.state === rig.state);
    const [keeper] = held();
    assert.ok(keeper !== undefined);
    process.kill(keeper.record.keeper.pid, 'SIGKILL');
    while (held().length > 0) await sleep(10);
    rmSync(journalOf(rig));
  });
  const said = await rig.logged('run of an earlier journal is alive');
  assert.deepEqual([said['was'], said['target']], [puppet.run, 'one']);
  const found = Number(said['run']);
  const session = await rig.open();
  const waiting = session.send({ type: 'run', target: 'one', wait: true });
  const { run } = await session.reply('accepted', waiting);
  const { outcome } = await session.ask({ type: 'wait', run: found }, 'ended');
  assert.equal(outcome.kind, 'lost');
  // Once, however often the daemon is started, and with its output.
  await begin(rig, () => {});
  const later = await rig.open();
  const { targets } = await later.ask({ type: 'status' }, 'status');
  assert.deepEqual(
    targets.flatMap(({ active }) => active.map((it) => [it.run, it.state])),
    [[found, 'ended']],
  );
  assert.equal(puppets.unasked, 0, 'a second one runs beside it');
  assert.equal((await rig.baton('logs', String(found))).text, 'of the earlier life');
  const gone = puppet.gone();
  assert.equal((await rig.baton('cancel', String(found))).status, 0);
  await gone;
  (await puppets.next()).exit(5);
  assert.equal((await later.ask({ type: 'wait', run }, 'ended')).exit, 5);
});

test('a run of another life that is alive can be ended', async (t) => {
  const { rig, puppets } = await stage(t);
  assert.equal((await rig.baton('run', 'one')).status, 0);
  const puppet = await puppets.next();
  await begin(rig, () => rmSync(journalOf(rig)));
  const { run } = await rig.logged('run of an earlier journal is alive');
  const gone = puppet.gone();
  assert.equal((await rig.baton('cancel', 'one')).status, 0);
  await gone;
  const session = await rig.open();
  const { outcome } = await session.ask({ type: 'wait', run: Number(run) }, 'ended');
  assert.equal(outcome.kind, 'cancelled');
});

test('a state directory that is moved away leaves its runs their places in the one that takes its name', async (t) => {
  const { rig, puppets } = await stage(t);
  assert.equal((await rig.baton('run', 'one')).status, 0);
  const puppet = await puppets.next();
  await begin(rig, () => renameSync(rig.state, `${rig.state}-2`));
  const session = await rig.open();
  await session.ask({ type: 'run', target: 'one' }, 'accepted');
  assert.deepEqual(await activeOf(session), [['running'], 1]);
  assert.equal(puppets.unasked, 0, 'a second one runs beside it');
  puppet.exit(7);
  (await puppets.next()).exit(0);
});

for (const when of ['has ended', 'runs'] as const) {
  test(`a run that waits in a restored journal and ${when} by now does not run again, and has its true end`, async (t) => {
    const { rig, puppets } = await stage(t);
    const copy = join(rig.directory, 'copy');
    const session = await rig.open();
    await session.ask({ type: 'pause', target: 'free' }, 'done');
    const { run, nonce } = await session.ask({ type: 'run', target: 'free' }, 'accepted');
    copyFileSync(journalOf(rig), copy);
    await session.ask({ type: 'resume', target: 'free' }, 'done');
    const puppet = await puppets.next();
    await puppet.print('out', 'once');
    const first = session.ask({ type: 'wait', run }, 'ended');
    if (when === 'has ended') {
      puppet.exit(7);
      assert.equal((await first).exit, 7);
    } else first.catch(() => {});
    await begin(rig, () => copyFileSync(copy, journalOf(rig)));
    const said = await rig.logged('run was started under an earlier journal');
    assert.deepEqual([said['level'], said['run'], said['target']], ['error', run, 'free']);
    if (when === 'runs') puppet.exit(7);
    const later = await rig.open();
    const named = { type: 'wait', run, ...(nonce === undefined ? {} : { nonce }) } as const;
    const { outcome } = await later.ask(named, 'ended');
    assert.deepEqual(outcome, { kind: 'exited', code: 7 });
    await later.ask({ type: 'resume', target: 'free' }, 'done');
    assert.equal((await rig.baton('logs', String(run))).text, 'once');
    assert.equal(puppets.unasked, 0, 'it runs again');
  });
}

for (const was of ['waits', 'runs', 'has ended'] as const) {
  test(`a run that ${was} in a journal that was gone and is restored keeps its end`, async (t) => {
    const { rig, puppets } = await stage(t);
    const copy = join(rig.directory, 'copy');
    const session = await rig.open();
    if (was === 'waits') await session.ask({ type: 'pause', target: 'free' }, 'done');
    const { run, nonce } = await session.ask({ type: 'run', target: 'free' }, 'accepted');
    if (was === 'waits') {
      copyFileSync(journalOf(rig), copy);
      await session.ask({ type: 'resume', target: 'free' }, 'done');
    }
    const puppet = await puppets.next();
    await puppet.print('out', 'once');
    if (was === 'runs') copyFileSync(journalOf(rig), copy);
    puppet.exit(7);
    assert.equal((await session.ask({ type: 'wait', run }, 'ended')).exit, 7);
    if (was === 'has ended') copyFileSync(journalOf(rig), copy);
    await begin(rig, () => rmSync(journalOf(rig)));
    assert.equal(readdirSync(join(rig.state, 'aside')).length, 1);
    await begin(rig, () => copyFileSync(copy, journalOf(rig)));
    const later = await rig.open();
    const named = { type: 'wait', run, ...(nonce === undefined ? {} : { nonce }) } as const;
    const { outcome } = await later.ask(named, 'ended');
    assert.deepEqual(outcome, { kind: 'exited', code: 7 });
    await later.ask({ type: 'resume', target: 'free' }, 'done');
    assert.equal((await rig.baton('logs', String(run))).text, 'once');
    assert.equal(puppets.unasked, 0, 'it runs again');
    assert.deepEqual(readdirSync(join(rig.state, 'aside')), []);
  });
}

test('an SSH run of another life is a run of this one, which nothing starts beside', {
  skip: whyWithout(...SSHD_NEEDS),
}, async (t) => {
  const sshd = await Sshd.start();
  t.after(() => sshd.close());
  const { rig, puppets } = await stage(t);
  const far = sshd.target({ args: puppets.args('one') });
  rig.configure({ targets: { one: { ...far, policies: [{ type: 'cardinality' }] } } });
  assert.equal((await rig.baton('reload')).status, 0);
  assert.equal((await rig.baton('run', 'one')).status, 0);
  const puppet = await puppets.next();
  await puppet.print('out', 'of the earlier life');
  await begin(rig, () => rmSync(journalOf(rig)));
  const session = await rig.open();
  await session.ask({ type: 'run', target: 'one' }, 'accepted');
  assert.deepEqual(await activeOf(session), [['running'], 1]);
  await begin(rig, () => rmSync(rig.state, { recursive: true }));
  const later = await rig.open();
  const next = await later.ask({ type: 'run', target: 'one' }, 'accepted');
  assert.deepEqual(await activeOf(later), [['running'], 1]);
  assert.equal(puppets.unasked, 0, 'a second one runs beside it');
  puppet.exit(7);
  (await puppets.next()).exit(5);
  assert.equal((await later.ask({ type: 'wait', run: next.run }, 'ended')).exit, 5);
});

test('an SSH run of another life ends as it ends, or is ended', {
  skip: whyWithout(...SSHD_NEEDS),
}, async (t) => {
  const sshd = await Sshd.start();
  t.after(() => sshd.close());
  const { rig, puppets } = await stage(t);
  rig.configure({ targets: { one: sshd.target({ args: puppets.args('one') }) } });
  assert.equal((await rig.baton('reload')).status, 0);
  const found = async () => {
    assert.equal((await rig.baton('run', 'one')).status, 0);
    const puppet = await puppets.next();
    await puppet.print('out', 'of the earlier life');
    const since = rig.log.length;
    await begin(rig, () => rmSync(journalOf(rig)));
    const { run } = await rig.logged('run of an earlier journal is alive', since);
    return { puppet, run: Number(run) };
  };
  const first = await found();
  first.puppet.exit(7);
  const { outcome } = await (await rig.open()).ask({ type: 'wait', run: first.run }, 'ended');
  assert.deepEqual(outcome, { kind: 'exited', code: 7 });
  assert.equal((await rig.baton('logs', String(first.run))).text, 'of the earlier life');
  const second = await found();
  const gone = second.puppet.gone();
  const session = await rig.open();
  await session.ask({ type: 'cancel', of: second.run }, 'done');
  await gone;
  const ended = await session.ask({ type: 'wait', run: second.run }, 'ended');
  assert.equal(ended.outcome.kind, 'cancelled');
});
