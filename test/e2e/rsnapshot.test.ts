/** The rsnapshot policy with the real rsnapshot: locks, warnings, changed confs, sync. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { directory } from '../support/config.ts';
import { Puppets } from '../support/puppet.ts';
import { Rig } from '../support/rig.ts';
import { makeRsnapshot, type Rsnapshot } from '../support/rsnapshot.ts';
import { whyWithout } from '../support/tools.ts';

const skip = whyWithout('rsnapshot', 'rsync');

interface Context {
  after(done: () => void | Promise<void>): void;
}

/** A target for each level, named after it. */
function targetsOf({ conf }: Rsnapshot, levels: readonly string[], more: object = {}, prefix = '') {
  return Object.fromEntries(
    levels.map((interval) => {
      const runner = { type: 'local', args: ['/usr/bin/rsnapshot', '-c', conf, interval] };
      const policies = [{ type: 'rsnapshot', interval, ...more }];
      return [`${prefix}${interval}`, { runner, policies }];
    }),
  );
}

async function rigOf(t: Context, targets: object): Promise<Rig> {
  const rig = await Rig.start({ targets });
  t.after(() => rig.close());
  return rig;
}

/** A puppet that holds the lowest interval, and the lock, before anything else. */
async function puppeteer(t: Context) {
  const puppets = await Puppets.open();
  t.after(() => puppets.close());
  return { puppets, held: ['cmd_preexec', puppets.args('held').join(' ')] };
}

describe('with the real rsnapshot', { skip, concurrency: true }, () => {
  test('a rsnapshot started by hand is waited for, by its pid and what it does', async (t) => {
    const { puppets, held } = await puppeteer(t);
    const it = makeRsnapshot(directory(t), ['daily', 'weekly'], [held]);
    const rig = await rigOf(t, targetsOf(it, ['daily', 'weekly']));
    const byHand = spawn('/usr/bin/rsnapshot', ['-c', it.conf, 'daily'], { stdio: 'ignore' });
    const first = await puppets.next();
    const pid = Number(readFileSync(it.lockfile, 'utf8'));
    assert.equal(pid, byHand.pid);
    const client = rig.client(['run', 'weekly', '--wait']);
    await rig.logged('accepted');
    const { text } = await rig.baton('why', 'weekly');
    assert.ok(
      text.includes(
        `waits for external process ${pid} (rsnapshot -c ${it.conf} daily), which holds`,
      ) || text.includes(`waits for external process ${pid} (rsnapshot -c `),
      text,
    );
    first.exit(0);
    const { status, errors } = await client.ended;
    assert.deepEqual([status, errors], [0, '']);
    assert.deepEqual(it.order(), ['daily', 'weekly']);
  });

  test('a FIFO in the place of the lockfile holds its group alone, also across a restart', async (t) => {
    const { puppets, held } = await puppeteer(t);
    const it = makeRsnapshot(directory(t), ['daily'], [held]);
    const free = { runner: { type: 'local', args: puppets.args('free') } };
    const rig = await rigOf(t, { ...targetsOf(it, ['daily']), free });
    assert.equal(spawnSync('mkfifo', [it.lockfile]).status, 0);
    const client = rig.client(['run', 'daily', '--wait']);
    await rig.logged('accepted');
    // Opening it would block until somebody writes, and with it the daemon's only thread.
    for (const round of ['first', 'restarted']) {
      const { text } = await rig.baton('why', 'daily');
      assert.match(text.replace(/\s+/g, ' '), /it is not a regular file; remove it/, round);
      const other = rig.client(['run', 'free', '--wait']);
      (await puppets.next()).exit(0);
      assert.equal((await other.ended).status, 0);
      assert.equal(await rig.end('SIGTERM'), 0, 'it hears of its end');
      await rig.boot();
    }
    rmSync(it.lockfile);
    (await puppets.next()).exit(0);
    const { status, errors } = await client.ended;
    assert.deepEqual([status, errors], [0, '']);
    assert.deepEqual(it.order(), ['daily']);
  });

  test('respectLock false leaves it to rsnapshot, which gives up', async (t) => {
    const { puppets, held } = await puppeteer(t);
    const it = makeRsnapshot(directory(t), ['daily', 'weekly'], [held]);
    const rig = await rigOf(t, targetsOf(it, ['daily', 'weekly'], { respectLock: false }));
    const byHand = spawn('/usr/bin/rsnapshot', ['-c', it.conf, 'daily'], { stdio: 'ignore' });
    const isOver = once(byHand, 'exit');
    const first = await puppets.next();
    const { status, errors } = await rig.baton('run', 'weekly', '--wait');
    assert.equal(status, 1);
    assert.match(errors, /Lockfile \S+ exists and so does its process/);
    first.exit(0);
    await isOver;
  });

  test('exit 2 is a warning: the status is relayed, nothing of baton’s own is said', async (t) => {
    const it = makeRsnapshot(directory(t), ['daily']);
    const rig = await rigOf(t, targetsOf(it, ['daily']));
    const { pid } = spawnSync('/bin/true');
    writeFileSync(it.lockfile, String(pid));
    const { status, errors } = await rig.baton('run', 'daily', '--wait');
    assert.equal(status, 2);
    assert.match(errors, /Removing stale lockfile/);
    assert.doesNotMatch(errors, /^baton:/m);
    const [target] = (await rig.status()).targets;
    assert.equal(target?.last?.verdict, 'warning');
  });

  test('TERM with stop_on_stale_lockfile names the lock that is left behind', async (t) => {
    const { puppets, held } = await puppeteer(t);
    const it = makeRsnapshot(directory(t), ['daily'], [held, ['stop_on_stale_lockfile', '1']]);
    const rig = await rigOf(t, targetsOf(it, ['daily']));
    const client = rig.client(['run', 'daily', '--wait']);
    await puppets.next();
    await rig.baton('cancel', 'daily');
    const { status, errors } = await client.ended;
    assert.equal(status, 143);
    const said = `its lock file ${it.lockfile} was left behind; remove it, or all later runs will fail`;
    assert.ok(errors.includes(said), errors);
    const next = await rig.baton('run', 'daily', '--wait');
    assert.equal(next.status, 1);
    assert.match(next.errors, /Stale lockfile \S+ detected/);
  });

  test('a conf that has changed is read again, once its group is idle', async (t) => {
    const { puppets, held } = await puppeteer(t);
    const place = directory(t);
    const it = makeRsnapshot(place, ['nightly'], [held]);
    const rig = await rigOf(t, targetsOf(it, ['nightly', 'fortnight']));
    const before = await rig.baton('run', 'fortnight', '--wait');
    assert.equal(before.status, 78);
    assert.match(before.errors, /"fortnight" is not a retain line of .*, which has nightly/);
    const busy = rig.client(['run', 'nightly', '--wait']);
    const puppet = await puppets.next();
    makeRsnapshot(place, ['nightly', 'fortnight'], [held]);
    assert.equal(
      (await rig.baton('run', 'fortnight', '--wait')).status,
      78,
      'not while it is busy',
    );
    puppet.exit(0);
    assert.equal((await busy.ended).status, 0);
    assert.equal((await rig.baton('run', 'fortnight', '--wait')).status, 0);
    await rig.logged('target works again', 0, ({ target }) => target === 'fortnight');
    const since = rig.log.findIndex(({ msg }) => msg === 'changed files reloaded');
    assert.ok(since >= 0);
    assert.ok(!rig.log.slice(since).some(({ msg }) => msg === 'target is broken'), 'it is not now');
    assert.deepEqual(it.order(), ['nightly', 'fortnight']);
  });

  test('names of one’s own, by include_conf and over several lines, run in the conf’s order', async (t) => {
    const place = directory(t);
    writeFileSync(join(place, 'more'), 'retain\n\tfortnight\n\t2\nretain\tquarter\t2\n');
    const it = makeRsnapshot(place, ['nightly'], [['include_conf', join(place, 'more')]]);
    const levels = ['nightly', 'fortnight', 'quarter'];
    const rig = await rigOf(t, targetsOf(it, levels));
    const all = await Promise.all(levels.map((level) => rig.baton('run', level, '--wait')));
    assert.deepEqual(
      all.map(({ status }) => status),
      [0, 0, 0],
      JSON.stringify(it.log()),
    );
    assert.deepEqual(it.order(), ['quarter', 'fortnight', 'nightly']);
  });

  test('two confs with one lockfile never run at once, and none gives up', async (t) => {
    const place = directory(t);
    const shared = [
      ['lockfile', join(place, 'one.pid')],
      ['cmd_preexec', '/bin/sleep 0.2'],
    ];
    const confs = ['a', 'b'].map((name) => {
      mkdirSync(join(place, name));
      return makeRsnapshot(join(place, name), ['daily', 'weekly'], shared);
    });
    const targets = confs.map((it, at) => targetsOf(it, ['daily', 'weekly'], {}, 'ab'[at]));
    const rig = await rigOf(t, Object.assign({}, ...targets));
    assert.match(JSON.stringify(rig.log), /share lockfile .*, so they wait for each other/);
    const names = ['adaily', 'bweekly', 'bdaily', 'aweekly'];
    const all = await Promise.all(names.map((name) => rig.baton('run', name, '--wait')));
    assert.deepEqual(
      all.map(({ status }) => status),
      [0, 0, 0, 0],
      all.map((it) => it.errors).join(),
    );
    for (const it of confs) assert.deepEqual(it.completed(), ['weekly', 'daily']);
  });

  test('a reload that renames the group of a running interval starts none beside it', async (t) => {
    const { puppets, held } = await puppeteer(t);
    const it = makeRsnapshot(directory(t), ['daily', 'weekly'], [held]);
    const rig = await rigOf(t, targetsOf(it, ['daily', 'weekly'], { group: 'old' }));
    const daily = rig.client(['run', 'daily', '--wait']);
    const puppet = await puppets.next();
    rig.configure({ targets: targetsOf(it, ['daily', 'weekly'], { group: 'new' }) });
    assert.equal((await rig.baton('reload')).status, 0);
    const since = rig.log.length;
    const weekly = rig.client(['run', 'weekly', '--wait']);
    await rig.logged('accepted', since);
    const { text } = await rig.baton('why', 'weekly');
    assert.match(text, /waits for run 1 \(daily\), which is running/);
    puppet.exit(0);
    assert.deepEqual([(await daily.ended).status, (await weekly.ended).status], [0, 0]);
    assert.deepEqual(it.completed(), ['daily', 'weekly']);
  });

  test('a target without the policy that runs rsnapshot is waited for, by its run', async (t) => {
    const { puppets, held } = await puppeteer(t);
    const it = makeRsnapshot(directory(t), ['daily', 'weekly'], [held]);
    const args = ['/usr/bin/rsnapshot', '-c', it.conf, 'daily'];
    const script = { runner: { type: 'local', args } };
    const rig = await rigOf(t, { script, ...targetsOf(it, ['weekly']) });
    const first = rig.client(['run', 'script', '--wait']);
    const puppet = await puppets.next();
    const since = rig.log.length;
    const weekly = rig.client(['run', 'weekly', '--wait']);
    await rig.logged('accepted', since);
    const { text } = await rig.baton('why', 'weekly');
    const said = `waits for run 1 (script) of another group, which holds ${it.lockfile}`;
    assert.ok(text.includes(said), text);
    puppet.exit(0);
    assert.deepEqual([(await first.ended).status, (await weekly.ended).status], [0, 0]);
  });

  test('with sync_first: the higher interval, then sync, then the lowest', async (t) => {
    const it = makeRsnapshot(directory(t), ['alpha', 'beta'], [['sync_first', '1']]);
    const levels = ['alpha', 'sync', 'beta'];
    const rig = await rigOf(t, targetsOf(it, levels));
    // One client: three could be seconds apart on a busy machine.
    const { status, errors } = await rig.baton('run', ...levels, '--wait');
    assert.equal(status, 0, errors);
    assert.deepEqual(it.order(), ['beta', 'sync', 'alpha']);
  });

  test('one target syncs and rotates: warnings are passed on, a failed sync rotates nothing', async (t) => {
    const it = makeRsnapshot(directory(t), ['alpha', 'beta'], [['sync_first', '1']]);
    const stale = (): void => writeFileSync(it.lockfile, String(spawnSync('/bin/true').pid));
    const rsnapshot = ['/usr/bin/rsnapshot', '-c', it.conf];
    const cmds = [
      [...rsnapshot, 'sync'],
      [...rsnapshot, 'alpha'],
    ];
    const policies = [{ type: 'rsnapshot', interval: 'alpha' }];
    const strict = { runner: { type: 'local', cmds }, policies };
    const lenient = { ...strict, runner: { ...strict.runner, continueOn: [0, 2] } };
    const rig = await rigOf(t, { alpha: lenient });
    stale();
    assert.equal((await rig.baton('run', 'alpha', '--wait')).status, 2);
    assert.deepEqual(it.order(), ['sync', 'alpha']);
    rig.configure({ targets: { alpha: strict } });
    assert.equal((await rig.baton('reload')).status, 0);
    stale();
    assert.equal((await rig.baton('run', 'alpha', '--wait')).status, 2);
    assert.deepEqual(it.order(), ['sync', 'alpha', 'sync']);
  });

  test('a sync that fails skips the lowest and holds back the others; the next night all run', async (t) => {
    const gone = join(directory(t), 'gone');
    const more = [
      ['sync_first', '1'],
      ['backup', `${gone}/`, 'gone/'],
    ];
    const it = makeRsnapshot(directory(t), ['alpha', 'beta'], more);
    const rig = await rigOf(t, targetsOf(it, ['alpha', 'sync', 'beta']));
    const first = await rig.baton('run', 'sync', 'alpha', '--wait');
    assert.match(first.errors, /was skipped: run \d+, the sync that it needs, failed/);
    const why = await rig.baton('why', 'alpha');
    assert.match(why.text, /was skipped: run 1, the sync that it needs, failed/);
    const beta = rig.client(['run', 'beta', '--wait']);
    await rig.logged('accepted', 0, ({ target }) => target === 'beta');
    const held = await rig.baton('why', 'beta');
    assert.match(held.text, /waits for a sync that succeeds \("baton run sync" queues one\)/);
    assert.match(held.text, /run 1 \(sync\), the most recent one, failed/);
    mkdirSync(gone);
    const next = await rig.baton('run', 'alpha', 'sync', '--wait');
    assert.deepEqual([next.status, next.errors], [0, '']);
    assert.equal((await beta.ended).status, 0);
    // The failed sync found its conf wrong; rsnapshot then logs no start.
    assert.deepEqual(it.order(), ['sync', 'beta', 'alpha']);
  });
});
