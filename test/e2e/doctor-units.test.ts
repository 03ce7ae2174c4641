/** `baton doctor` under a real systemd: how the daemon of the units crashed, and the clock. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { assertWrong, type Diagnosis, type Wrong } from '../support/diagnose.ts';
import { GUEST_NEEDS, Guest } from '../support/guest.ts';
import { installBaton } from '../support/guestbaton.ts';
import { whyWithout } from '../support/tools.ts';

const DROP_IN = '/etc/systemd/system/baton.service.d/test.conf';
/** Which kills the daemon as soon as it is ready. */
const KILL = "ExecStartPost=/bin/sh -c 'kill -KILL $MAINPID'";
const CRASHED: Wrong = [
  'crashes',
  /^the daemon crashed: baton\.service, signal, signal 9, \w+ \d{4}-/,
  /^see "journalctl -u baton\.service"/,
];

describe('baton doctor under systemd', { skip: whyWithout(...GUEST_NEEDS) }, () => {
  let guest: Guest;
  before(async () => {
    guest = await Guest.boot();
    installBaton(guest);
    const config = { targets: { hello: { runner: { type: 'local', args: ['/bin/true'] } } } };
    guest.ask(`echo '${JSON.stringify(config)}' >/etc/baton/config.json`);
  });
  after(() => guest?.close());

  beforeEach(() => {
    guest.run(`rm -rf ${DROP_IN}; systemctl daemon-reload`);
    guest.run('systemctl stop baton.socket baton.service');
    guest.run('systemctl reset-failed');
    guest.ask('systemctl start baton.socket');
  });

  function change(...lines: readonly string[]): void {
    guest.ask(`install -D /dev/stdin ${DROP_IN} <<'END'\n${lines.join('\n')}\nEND`);
    guest.ask('systemctl daemon-reload');
  }

  function diagnose(): Diagnosis {
    const { status, text, errors } = guest.run('baton doctor --json');
    assert.equal(errors, '');
    const { findings } = JSON.parse(text) as Pick<Diagnosis, 'findings'>;
    return { status: status ?? 'SIGKILL', text, findings };
  }

  test('while systemd waits to restart it, a killed daemon is reported with its signal', async () => {
    change('[Service]', KILL, 'RestartSec=10min');
    guest.run('systemctl start baton.service');
    await guest.until('systemctl show -P SubState baton.service', /auto-restart/);
    const silent: Wrong = ['daemon', /does not answer \(10\.0 s\)$/, /^check batond/];
    assertWrong(diagnose(), silent, CRASHED);
  });

  test('a daemon that crashes again and again is told so, and what systemd gave up', async () => {
    change('[Unit]', 'StartLimitBurst=3', '[Service]', KILL, 'RestartSec=100ms');
    guest.run('systemctl start baton.service');
    await guest.until('systemctl show -P ActiveState baton.service', /failed/);
    const found = diagnose();
    assertWrong(
      found,
      ['socket', /baton\.sock: there is no such socket$/, /^run "systemctl enable/],
      ['units', /^baton\.socket has failed \(service-start-limit-hit\)$/, /reset-failed/],
      ['units', /^baton\.service has failed \(signal, signal 9\)$/, /reset-failed/],
      CRASHED,
    );
    const notes = found.findings.filter(
      ({ look, level }) => look === 'crashes' && level === 'note',
    );
    assert.match(notes[0]?.found ?? '', /^systemd had to restart baton\.service \(times: \d\)$/);
    // What it says to do, once the cause is gone.
    change('[Service]');
    guest.ask('systemctl reset-failed baton.service baton.socket && systemctl start baton.socket');
    assertWrong(diagnose());
  });

  test('a unit that is masked is told so', () => {
    guest.ask('systemctl stop baton.socket && rm /etc/systemd/system/baton.service');
    try {
      guest.ask('systemctl mask baton.service');
      const { findings } = diagnose();
      const units = findings.filter(({ look, level }) => look === 'units' && level === 'wrong');
      const masked = units.find(({ found }) => found === 'baton.service is masked');
      assert.match(masked?.todo ?? '', /^run "systemctl unmask baton\.service"/);
    } finally {
      guest.ask('systemctl unmask baton.service');
      guest.ask(`cp /usr/lib/baton/contrib/systemd/baton.service /etc/systemd/system/`);
      guest.ask('systemctl daemon-reload');
    }
  });

  test('a clock is synchronized if systemd says so, and nothing else', () => {
    const isSet = guest.ask('timedatectl show --property=NTPSynchronized --value') === 'yes\n';
    const [clock] = diagnose().findings.filter(({ look }) => look === 'clock');
    const no = /^the clock is not synchronized \(no time service is enabled\)$/;
    assert.equal(clock?.level, isSet ? 'ok' : 'note');
    assert.match(clock?.found ?? '', isSet ? /, synchronized$/ : no);
    assert.match(clock?.todo ?? '', isSet ? /^$/ : /timedatectl set-ntp true/);
  });
});
