/**
 * `baton import systemd` against a real systemd: a service that was imported starts its command
 * with the same words, user, directory and variables as before, and ends as it does.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { GUEST_NEEDS, Guest } from '../support/guest.ts';
import { installBaton } from '../support/guestbaton.ts';
import { whyWithout } from '../support/tools.ts';

/** Prints all that a command can know of how it was started. */
const SHOW = `#!/usr/bin/perl
print join('|', 'args', @ARGV), "\\n";
printf "uid %d gid %d cwd %s umask %03o ", $<, $(, readlink('/proc/self/cwd'), umask;
print 'nice ', getpriority(0, 0), "\\n";
my @own = grep { !/^(BATON_|INVOCATION_ID|JOURNAL_STREAM|SYSTEMD_)/ } sort keys %ENV;
print "$_=$ENV{$_}\\n" for @own;
exit $ENV{STATUS} || 0;
`;
/** What baton gives every command and systemd does not without User=; PWD is of a sequence. */
const MORE = /^(?:HOME|LOGNAME|PWD|SHELL|USER)=.*\n/gm;

/** Where each of these units prints to. */
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
    guest.ask('systemctl daemon-reload');
  });
  after(() => guest?.close());

  function write(name: string, lines: readonly string[]): void {
    guest.ask(`cat >'/etc/systemd/system/${name}' <<'END'\n${lines.join('\n')}\nEND`);
  }

  /** Imports units and takes over what was made, as README.md says. */
  function adopt(units: readonly string[]): void {
    const words = units.map((unit) => `'${unit}'`).join(' ');
    guest.ask(`set -e
      rm -rf /root/new
      baton import systemd ${words} --write /root/new
      cp /root/new/config.json /etc/baton/config.json
      cp -R /root/new/etc/systemd/system/. /etc/systemd/system/
      batond --check
      systemctl daemon-reload
      systemctl restart baton.socket`);
  }

  /** What a service prints, and how systemd says it ended. */
  function started(name: string): string {
    guest.run(`rm -f ${OUT}; systemctl reset-failed; systemctl start '${name}.service'`);
    // Only a oneshot is waited for by its start.
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

  test('what cannot be imported is said, and nothing is written', () => {
    write('secret.service', ['[Service]', 'EnvironmentFile=/etc/secret', 'ExecStart=/bin/true']);
    guest.ask('systemctl daemon-reload');
    const { status, text, errors } = guest.run('baton import systemd secret --write /root/none');
    assert.deepEqual([status, text], [1, '']);
    assert.match(errors, /^baton: secret\.service: not imported: only systemd can do what Env/);
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
