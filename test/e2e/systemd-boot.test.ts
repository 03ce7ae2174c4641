/**
 * baton under a real systemd: installed as contrib/systemd/README.md says, and used as an
 * administrator uses it, by systemctl and by the client.
 */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { GUEST_NEEDS, Guest } from '../support/guest.ts';
import { installBaton } from '../support/guestbaton.ts';
import { whyWithout } from '../support/tools.ts';

const SOCKET = '/run/baton/baton.sock';

describe('under systemd', { skip: whyWithout(...GUEST_NEEDS) }, () => {
  let guest: Guest;
  before(async () => {
    guest = await Guest.boot();
    installBaton(guest);
  });
  after(() => guest?.close());

  beforeEach(() => {
    configure({ hello: { type: 'local', args: ['/bin/echo', 'hello'] } });
    guest.run('systemctl stop baton.socket baton-submit.socket baton.service');
    guest.run('systemctl reset-failed');
    guest.ask('systemctl start baton.socket');
  });

  function configure(runners: Readonly<Record<string, object>>): void {
    const targets = Object.entries(runners).map(([name, runner]) => [name, { runner }]);
    write(JSON.stringify({ targets: Object.fromEntries(targets) }));
  }

  function write(text: string): void {
    guest.ask(`cat >/etc/baton/config.json <<'END'\n${text}\nEND`);
  }

  const hello = (): void => assert.equal(guest.ask('baton run hello --wait'), 'hello\n');
  const mainPid = (): string => guest.ask('systemctl show -P MainPID baton.service').trim();

  test('the socket starts the daemon with the first request', () => {
    assert.equal(mainPid(), '0');
    hello();
    assert.notEqual(mainPid(), '0');
  });

  for (const unit of ['baton.socket', 'baton-submit.socket']) {
    test(`"systemctl restart ${unit}" under a living daemon leaves all sockets open`, () => {
      guest.ask('systemctl start baton-submit.socket');
      hello();
      guest.ask(`systemctl restart ${unit}`);
      hello();
      guest.ask('test -S /run/baton/baton.sock && test -S /run/baton/submit.sock');
    });
  }

  test('a batond started by hand leaves the socket of systemd alone, and says so', () => {
    const inode = guest.ask(`stat -c %i ${SOCKET}`);
    const { status, errors } = guest.run('timeout 20 batond');
    assert.equal(status, 69);
    assert.match(
      errors,
      /^batond: socket \/run\/baton\/baton.sock: systemd \(pid 1\) listens there/m,
    );
    assert.equal(guest.ask(`stat -c %i ${SOCKET}`), inode);
    assert.equal(mainPid(), '0', 'nobody was woken for that');
    hello();
  });

  test('the socket that systemd has put in the place of a running one survives that daemon', async () => {
    guest.ask('systemctl stop baton.socket');
    const batond = guest.start('echo $$ >/run/by-hand; exec batond --log-format text');
    const ended = new Promise((resolve) => batond.once('close', resolve));
    await new Promise<void>((resolve) => {
      batond.stdout?.on('data', (text) => String(text).includes(' ready ') && resolve());
    });
    guest.ask('systemctl start baton.socket');
    guest.ask('kill "$(cat /run/by-hand)"');
    assert.equal(await ended, 0);
    guest.ask(`test -S ${SOCKET}`);
    hello();
  });
});
