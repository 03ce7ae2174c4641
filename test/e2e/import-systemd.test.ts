/**
 * `baton import systemd` with a real systemd: an imported service starts its command with the same
 * arguments, user, directory and variables as before, and ends in the same way. In the same guest:
 * the timers in `baton plan`.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Planned } from '../../daemon/protocol/planned.ts';
import { GUEST_NEEDS, Guest } from '../support/guest.ts';
import { installBaton } from '../support/guestbaton.ts';
import { commandsBelow } from '../support/guide.ts';
import { whyWithout } from '../support/tools.ts';

/** Prints everything that a command can find out about its start. */
const SHOW = `#!/usr/bin/perl
print join('|', 'args', @ARGV), "\\n";
printf "uid %d gid %d cwd %s umask %03o ", $<, $(, readlink('/proc/self/cwd'), umask;
print 'nice ', getpriority(0, 0), "\\n";
my @own = grep { !/^(BATON_|INVOCATION_ID|JOURNAL_STREAM|SYSTEMD_)/ } sort keys %ENV;
print "$_=$ENV{$_}\\n" for @own;
exit $ENV{STATUS} || 0;
`;
/** Variables of every command in baton but not in systemd without User=; PWD is from a sequence. */
const MORE = /^(?:HOME|LOGNAME|PWD|SHELL|USER)=.*\n/gm;

const ADOPTION = commandsBelow('README.md', '## Move existing jobs to baton').join('\n');

/** The output file of each of these units. */
const OUT = '/run/out';
const UNITS: Readonly<Record<string, readonly string[]>> = {
  'words.service': [
    ...['Type=oneshot', `Environment=FOO="a b" "BAR=c d"`, 'Environment=EMPTY='],
    `ExecStart=show foo"bar baz"qux $FOO x\${BAR}y $EMPTY $$ %% %N a\\x41b 't "u"' \\; end`,
    'ExecStart=/usr/local/bin/show second',
  ],
  'account.service': [
    ...['Type=oneshot', 'User=backup', 'Group=disk', 'WorkingDirectory=/srv', 'UMask=0077'],
    ...['Nice=7', 'ExecStart=/usr/local/bin/show \\', '  "" last'],
  ],
  'tree@.service': ['ExecStart=/usr/local/bin/show %i %I'],
  'failing.service': [...['Type=oneshot', 'Environment=STATUS=3', 'ExecStart=/usr/local/bin/show']],
  'fair.service': [
    ...['Type=oneshot', 'Environment=STATUS=3', 'SuccessExitStatus=3'],
    'ExecStart=/usr/local/bin/show',
  ],
};
const NAMES = ['words', 'account', 'tree@home-a\\x2db', 'failing', 'fair'];

describe('import systemd', { skip: whyWithout(...GUEST_NEEDS) }, () => {
  let guest: Guest;

  before(async () => {
    guest = await Guest.boot();
    installBaton(guest);
    writeFileSync(join(guest.share, 'show'), SHOW);
    guest.ask('install -m 755 /share/show /usr/local/bin/show');
    for (const [name, lines] of Object.entries(UNITS)) {
      write(name, ['[Service]', ...lines, `StandardOutput=append:${OUT}`]);
    }
    guest.ask('systemctl daemon-reload; systemctl start baton.socket');
  });
  after(() => guest?.close());

  function write(name: string, lines: readonly string[]): void {
    guest.ask(`cat >'/etc/systemd/system/${name}' <<'END'\n${lines.join('\n')}\nEND`);
  }

  /** Imports units and installs the result, as in README.md, while no daemon runs. */
  function adopt(units: readonly string[]): void {
    const words = units.map((unit) => `'${unit}'`).join(' ');
    guest.ask(`set -e
      rm -rf /root/new
      baton import systemd ${words} --write /root/new
      cp /root/new/config.json /etc/baton/config.json
      systemctl stop baton.service
      ${ADOPTION.replaceAll('DIRECTORY', '/root/new')}`);
  }

  /** A service's output, and how it ended according to systemd. */
  function started(name: string): string {
    guest.run(`rm -f ${OUT}; systemctl reset-failed; systemctl start '${name}.service'`);
    // Only the start of a oneshot waits for its end.
    guest.ask(`while systemctl is-active --quiet '${name}.service'; do sleep .05; done`);
    const how = `systemctl show -P Result -P ExecMainStatus '${name}.service'`;
    return guest.ask(`cat ${OUT}; ${how}`);
  }

  test('an imported service starts its command as before, and ends as it does', () => {
    const before = NAMES.map((name) => started(name).replace(MORE, ''));
    assert.match(
      before[0] ?? '',
      /^args\|foobar bazqux\|a\|b\|xc dy\|\$\|%\|words\|aAb\|t "u"\|;\|end\n/,
    );
    adopt(NAMES);
    assert.deepEqual(
      NAMES.map((name) => started(name).replace(MORE, '')),
      before,
    );
    const runs = guest.ask('baton history --json');
    for (const target of ['words', 'account', 'tree-home-a_x2db', 'failing', 'fair']) {
      assert.match(runs, new RegExp(`"target": "${target}"`));
    }
  });

  test('the service of a timer is imported, and the timer starts the run', async () => {
    write('nightly.timer', ['[Timer]', 'OnActiveSec=1s', 'Unit=work.service']);
    write('work.service', ['[Service]', 'ExecStart=/bin/sh -c "echo at work >/run/worked"']);
    guest.ask('systemctl daemon-reload');
    adopt(['nightly.timer']);
    guest.ask('systemctl start nightly.timer');
    await guest.until('baton history --json', /"target": "work"/);
    assert.equal(await guest.until('cat /run/worked', /./), 'at work\n');
  });

  test('a service that is stopped ends its run by its own signal', async () => {
    write('patient.service', [
      ...['[Service]', 'KillSignal=SIGINT', 'SuccessExitStatus=4'],
      `ExecStart=/bin/sh -c 'trap "echo INT >/run/by; exit 4" INT; touch /run/patient; while :; do sleep 1; done'`,
    ]);
    guest.ask('systemctl daemon-reload');
    adopt(['patient']);
    guest.ask('systemctl start patient');
    await guest.until('ls /run', /patient/);
    guest.ask('systemctl stop patient');
    assert.equal(guest.ask('cat /run/by'), 'INT\n');
    const history = guest.ask('baton history patient --json');
    assert.match(history, /"kind": "cancelled"/);
  });

  test('the units of contrib/examples run a target, fail as it fails, and cancel it', async () => {
    const catches = 'trap "echo INT >/run/by; exit 4" INT; touch /run/there; sleep 60 & wait';
    const targets = {
      bad: { runner: { type: 'local', args: ['/bin/sh', '-c', 'exit 3'] } },
      long: { runner: { type: 'local', args: ['/bin/sh', '-c', catches] }, stopSignal: 'INT' },
    };
    writeFileSync(join(guest.share, 'config.json'), JSON.stringify({ targets }));
    guest.ask(`set -e
      rm -f /run/by
      cp /share/config.json /etc/baton/config.json
      cp /usr/lib/baton/contrib/examples/baton-run@.* /etc/systemd/system/
      systemctl daemon-reload
      systemctl restart baton.socket
      systemctl enable --now baton-run@bad.timer`);
    assert.match(guest.ask('systemctl list-timers --all'), /baton-run@bad\.timer/);
    assert.equal(guest.run('systemctl start baton-run@bad').status, 1);
    assert.equal(guest.ask('systemctl show -P ExecMainStatus baton-run@bad'), '3\n');
    assert.match(
      guest.ask('journalctl -o cat -u baton-run@bad'),
      /baton: bad: run \d+ exited with 3/,
    );
    guest.ask('systemctl start --no-block baton-run@long');
    await guest.until('ls /run', /there/);
    guest.ask('systemctl stop baton-run@long');
    assert.equal(guest.ask('cat /run/by'), 'INT\n');
    assert.match(guest.ask('baton history long --json'), /"kind": "cancelled"/);
  });

  test('a plan has the timers whose services ask baton, and they start as it says', async () => {
    const sleeper = { runner: { type: 'local', args: ['/bin/true'] } };
    const targets = { bad: sleeper, tick: sleeper, night: sleeper };
    writeFileSync(join(guest.share, 'config.json'), JSON.stringify({ targets }));
    const timer = (...lines: readonly string[]) => ['[Timer]', 'AccuracySec=1us', ...lines];
    const units: Readonly<Record<string, readonly string[]>> = {
      'tick.timer': timer('OnCalendar=*-*-* *:*:0/5'),
      'tick.service': ['[Service]', 'Type=oneshot', 'ExecStart=/usr/bin/baton run %p'],
      'night.timer': timer('OnCalendar=02,03:30', 'OnBootSec=5h', 'RandomizedDelaySec=20min'),
      'night.service': ['[Service]', `ExecStart=-/bin/sh -c 'baton run night --wait'`],
      'open.timer': timer('OnCalendar=04:00'),
      'open.service': ['[Service]', 'EnvironmentFile=/etc/open', 'ExecStart=baton run $WHAT'],
      'other.timer': timer('OnCalendar=hourly'),
      'other.service': ['[Service]', 'ExecStart=/bin/true'],
    };
    for (const [name, lines] of Object.entries(units)) write(name, lines);
    guest.ask(`set -e
      cp /share/config.json /etc/baton/config.json
      systemctl daemon-reload
      systemctl restart baton.socket baton.service
      systemctl start baton-run@bad.timer night.timer open.timer other.timer`);
    const plan = (how: string): Planned => JSON.parse(guest.ask(`baton plan --json ${how}`));

    // A machine in UTC; no timer is active yet.
    const { runs } = plan('--from 2027-01-04');
    const asked = runs.map(({ target, askedAtMs }) => [target, new Date(askedAtMs).toISOString()]);
    assert.deepEqual(asked, [
      ['night', '2027-01-04T02:30:00.000Z'],
      ['bad', '2027-01-04T03:00:00.000Z'],
      ['night', '2027-01-04T03:30:00.000Z'],
    ]);
    const told = guest.ask('COLUMNS=1000 baton plan --from 2027-01-04');
    assert.match(
      told,
      /not planned, because their times are not known in advance: .*\bnight\.timer/,
    );
    assert.match(told, /later than planned: .*night\.timer \(up to 20 min\)/);
    assert.match(told, /baton-run@bad\.timer \(up to 1 min\)/);
    assert.match(told, /start after the next boot, which is not planned: baton-run@bad\.timer\n/);
    assert.match(told, /the shell determines the target, .*: open\.timer\n/);
    assert.doesNotMatch(told, /other\.timer/);
    assert.deepEqual(plan('--from 2027-01-04 /etc/crontab').runs, []);

    guest.ask('systemctl start tick.timer');
    const planned = plan('--for 1min').runs.filter(({ target }) => target === 'tick');
    assert.equal(planned.length, 12);
    await guest.until(
      `baton history tick --json | grep -c '"acceptedAtMs":'`,
      /^(?:[3-9]|\d\d+)\n/,
    );
    guest.ask('systemctl stop tick.timer');
    const { runs: ran } = JSON.parse(guest.ask('baton history tick --json'));
    const [first] = planned;
    const came = (ran as { acceptedAtMs: number }[])
      .map(({ acceptedAtMs }) => acceptedAtMs)
      .filter((atMs) => atMs >= (first?.askedAtMs ?? 0))
      .sort((a, b) => a - b);
    assert.ok(came.length >= 2, `${came}`);
    for (const [at, atMs] of came.entries()) {
      const lateMs = atMs - (planned[at]?.askedAtMs ?? 0);
      assert.ok(lateMs >= 0 && lateMs < 5_000, `${lateMs} ms`);
    }
  });

  test('what cannot be imported is said, and nothing is written', () => {
    write('secret.service', ['[Service]', 'EnvironmentFile=/etc/secret', 'ExecStart=/bin/true']);
    guest.ask('systemctl daemon-reload');
    const { status, text, errors } = guest.run('baton import systemd secret --write /root/none');
    assert.deepEqual([status, text], [1, '']);
    assert.match(errors, /^baton: secret\.service: not imported: only systemd supports Env/);
    const away = guest.run('baton import systemd nosuch; test -e /root/none');
    assert.match(
      away.errors,
      /^baton: nosuch: not imported: systemctl cannot show it \(No files found for nosuch/,
    );
    assert.equal(away.status, 1);
    assert.equal(guest.run('baton import systemd nosuch').status, 66);
    const template = guest.run('baton import systemd tree@.service');
    assert.match(template.errors, /it is a template; name an instance, such as tree@NAME\.service/);
  });
});
