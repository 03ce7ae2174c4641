/** baton under the real cron: New Year's stampede, and what cron mails. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { amount } from '../support/amount.ts';
import { CRON_NEEDS, Cron, type Mail } from '../support/cron.ts';
import { Rig } from '../support/rig.ts';
import { install, stampede } from '../support/stampede.ts';
import { whyWithout } from '../support/tools.ts';

const HIGHEST_FIRST = ['yearly', 'monthly', 'weekly', 'daily'];
const REPETITIONS = amount(10);
/**
 * The machine should not be busier than a real one at 03:00: the minutes begin one after another.
 */
const APART_S = 2;
/** On a busy machine, cron takes longer than the usual two seconds to request all four. */
const STAMPEDE = { busySeconds: 0.3, settle: '30s' };
const SETTLE_MS = 30_000;
const MANY_BYTES = 10_000_000;

const skip = whyWithout(...CRON_NEEDS, 'rsnapshot', 'rsync');

describe("New Year's stampede", { skip, concurrency: REPETITIONS }, () => {
  for (let n = 0; n < REPETITIONS; n++) {
    test(`four intervals at 03:00 all complete, the highest first, without a mail: ${n + 1} of ${REPETITIONS}`, async (t) => {
      const secondsBefore = 3 + APART_S * n;
      const night = await stampede({ ...STAMPEDE, secondsBefore });
      const { log, order, completed, mails, starts, planned } = night;
      assert.deepEqual(order, HIGHEST_FIRST, "the order of rsnapshot's own log");
      assert.deepEqual(completed, HIGHEST_FIRST, JSON.stringify(log));
      const turns = log.filter(({ what }) => /^(started|completed)/.test(what));
      assert.deepEqual(
        turns.map(({ interval }) => interval),
        HIGHEST_FIRST.flatMap((level) => [level, level]),
        'each ends before the next begins',
      );
      assert.deepEqual(mails, []);
      assert.deepEqual(
        planned.map(({ target }) => target),
        starts.map(({ target }) => target),
        'the order of baton plan',
      );
      for (const [at, { target, afterMs }] of planned.entries()) {
        const offMs = (starts[at]?.afterMs ?? Number.POSITIVE_INFINITY) - afterMs;
        t.diagnostic(`${target} starts ${offMs} ms after its time in the plan`);
        assert.ok(Math.abs(offMs) <= SETTLE_MS, `${target}: ${offMs} ms`);
      }
    });
  }
});

describe("cron's mails", { skip }, () => {
  let cron: Cron;
  let rig: Rig;

  const sh = (script: string, more: object = {}) => ({
    runner: { type: 'local', args: ['/bin/sh', '-c', script] },
    ...more,
  });
  const targets = {
    silent: sh('true'),
    both: sh('echo 1 out; echo 2 err >&2; echo 3 out; printf "4 err, no newline" >&2'),
    'silent-failure': sh('exit 3'),
    'loud-failure': sh('echo trouble >&2; exit 3'),
    many: sh(`yes 0123456789abcdef | head -c ${MANY_BYTES}`),
    'quiet-ok': sh('echo all is well'),
    'quiet-warning': sh('echo some files vanished; exit 24', { warnExit: [24] }),
    'quiet-failure': sh('echo 1; echo 2 >&2; echo 3; exit 5'),
    unwaited: sh('echo nobody reads this; exit 1'),
    'with blank': sh('echo "$0"'),
  };
  /** Each is one crontab line, with its user. */
  const jobs: readonly (readonly [user: string, command: string])[] = [
    ['root', 'baton run silent --wait'],
    ['root', 'baton run both --wait'],
    ['root', 'baton run silent-failure --wait'],
    ['root', 'baton run loud-failure --wait'],
    ['root', 'baton run many --wait'],
    ['root', 'baton run quiet-ok --wait --quiet-success'],
    ['root', 'baton run quiet-warning --wait --quiet-success'],
    ['root', 'baton run quiet-failure --wait --quiet-success'],
    ['root', 'baton run unwaited'],
    ['root', 'baton run "with blank" --wait'],
    ['root', 'baton run no-such-target --wait'],
    ['nobody', 'baton run silent --wait --connect-timeout 1s'],
    ['root', 'env | sed s/=.*//'],
  ];

  before(async () => {
    cron = new Cron();
    rig = await Rig.start({ targets });
    install(cron, rig);
    cron.write('cron.d/jobs', jobs.map(([user, line]) => `0 3 * * * ${user} ${line}\n`).join(''));
    cron.start('2027-01-01 02:59:57');
    await cron.ended(jobs.length);
  });

  after(async () => {
    await Promise.all([cron.close(), rig.close()]);
  });

  /** The single mail caused by this command, or undefined. */
  function mailOf(command: string): Mail | undefined {
    const subject = /^Cron <\w+@[^>]*> (.*?)( \(failed\))?$/;
    const own = (mail: Mail): boolean => subject.exec(mail.subject)?.[1] === command;
    const [mail, ...more] = cron.mails.filter(own);
    assert.deepEqual(more, [], 'one mail only');
    return mail;
  }

  test('the environment is as bare as cron makes it', () => {
    const names = mailOf('env | sed s/=.*//')?.body.toString().trim().split('\n').sort();
    assert.deepEqual(names, ['HOME', 'LOGNAME', 'PATH', 'PWD', 'SHELL']);
  });

  test('a success that prints nothing brings no mail', () => {
    assert.equal(mailOf('baton run silent --wait')?.headers, undefined);
  });

  test('both streams are one mail, byte by byte and in order', () => {
    const mail = mailOf('baton run both --wait');
    assert.equal(mail?.body.toString(), '1 out\n2 err\n3 out\n4 err, no newline');
    assert.doesNotMatch(mail?.subject ?? '', /failed/);
  });

  test('a failure without a word is one line that says what happened', () => {
    const mail = mailOf('baton run silent-failure --wait');
    const said =
      /^baton: silent-failure: run \d+ exited with 3, with no output; see the documentation of its command for that status\n$/;
    assert.match(mail?.body.toString() ?? '', said);
    assert.match(mail?.subject ?? '', /\(failed\)$/);
  });

  test("a failure that says why is mailed in the command's own words alone", () => {
    assert.equal(mailOf('baton run loud-failure --wait')?.body.toString(), 'trouble\n');
  });

  test('10 MB of output arrive whole', () => {
    const body = mailOf('baton run many --wait')?.body ?? Buffer.alloc(0);
    const line = Buffer.from('0123456789abcdef\n');
    assert.equal(body.length, MANY_BYTES);
    assert.ok(body.equals(Buffer.alloc(MANY_BYTES, line)));
  });

  test('--quiet-success brings no mail of a success or a warning, and all of a failure', () => {
    assert.equal(mailOf('baton run quiet-ok --wait --quiet-success'), undefined);
    assert.equal(mailOf('baton run quiet-warning --wait --quiet-success'), undefined);
    assert.equal(
      mailOf('baton run quiet-failure --wait --quiet-success')?.body.toString(),
      '1\n2\n3\n',
    );
    const log = cron.log.filter((line) => line.includes('exit status'));
    assert.equal(
      log.filter((line) => line.includes('status 24')).length,
      1,
      'cron sees the status',
    );
  });

  test('without --wait an accepted request is silent, whatever becomes of it', () => {
    assert.equal(mailOf('baton run unwaited'), undefined);
  });

  test('a name with a blank is quoted as anywhere, and nothing needs a percent sign', () => {
    assert.equal(mailOf('baton run "with blank" --wait')?.body.toString(), '/bin/sh\n');
  });

  test("baton's own failures are one line each", () => {
    const unknown = /^baton: no-such-target: there is no target of this name in [^\n]+\n$/;
    assert.match(mailOf('baton run no-such-target --wait')?.body.toString() ?? '', unknown);
    const forbidden = /^baton: silent: not permitted to use \/run\/baton\/baton\.sock .*\n$/;
    assert.match(
      mailOf('baton run silent --wait --connect-timeout 1s')?.body.toString() ?? '',
      forbidden,
    );
  });
});
