/**
 * baton under a real systemd: installed as in contrib/systemd/README.md, and used as an
 * administrator uses it, with systemctl and with the client.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { ROOT } from '../support/config.ts';
import { GUEST_NEEDS, Guest } from '../support/guest.ts';
import { installBaton } from '../support/guestbaton.ts';
import { whyWithout } from '../support/tools.ts';

/** Exits with 7 when it is told to end. */
const SLOW = {
  type: 'local',
  args: ['/bin/sh', '-c', 'test -p /run/go || mkfifo /run/go; read line </run/go; exit 7'],
};
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

  test('with a bad configuration each client is told so, the socket stays, and a mended file is used', () => {
    write('{"targets": {"hello": {"runner": {"type": "locl"}}}}');
    const clients =
      '1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32';
    // One after the other: systemd's start limit is 30 in a minute.
    const said = guest.ask(`for n in ${clients}; do baton run hello 2>&1; echo "status $?"; done`);
    const lines = said.trim().split('\n');
    assert.equal(lines.length, 64);
    for (const [at, line] of lines.entries()) {
      if (at % 2 === 1) assert.equal(line, 'status 78');
      else
        assert.match(
          line,
          /^baton: hello: .*fix \/etc\/baton\/config.json: line 1: targets.hello.runner.* "locl"/,
        );
    }
    assert.equal(guest.ask('systemctl is-active baton.socket'), 'active\n');
    assert.match(guest.ask('systemctl show -P StatusText baton.service'), /"locl"/);
    configure({ hello: { type: 'local', args: ['/bin/echo', 'hello'] } });
    hello();
  });

  test('a restart with a bad configuration fails, whether somebody waits or not', async () => {
    configure({ hello: { type: 'local', args: ['/bin/echo', 'hello'] }, slow: SLOW });
    const client = guest.start('exec baton run slow --wait');
    const ended = new Promise((resolve) => client.once('close', resolve));
    await guest.until('baton status', /slow .*running/);
    write('{"targets": 7}');
    for (const _ of ['from a good one', 'again']) {
      const { status } = guest.run('systemctl restart baton.service');
      assert.notEqual(status, 0);
      assert.match(
        guest.ask('journalctl -n 30 -u baton.service'),
        /config.json:1:2: targets: expected /,
      );
      await guest.until('systemctl show -P StatusText baton.service', /targets: expected /);
    }
    configure({ hello: { type: 'local', args: ['/bin/echo', 'hello'] }, slow: SLOW });
    guest.ask('systemctl restart baton.service');
    guest.ask('echo >/run/go');
    assert.equal(await ended, 7, 'the run had its keeper all the time');
    // Nobody waits now.
    guest.ask('systemctl stop baton.service');
    write('{"targets": 7}');
    for (const _ of ['once', 'again']) {
      assert.notEqual(guest.run('systemctl start baton.service').status, 0);
      assert.equal(guest.run('systemctl is-active baton.service').text, 'failed\n');
    }
    assert.equal(guest.run('baton run hello').status, 78);
    // It answers before systemd knows that it is ready; until then a reload is part of the start.
    await guest.until('systemctl is-active baton.service', /^active$/m);
    assert.notEqual(guest.run('systemctl reload baton.service').status, 0);
    configure({ hello: { type: 'local', args: ['/bin/echo', 'hello'] } });
    hello();
  });

  test('the members of a group use their socket without naming it; others hear whose it is', () => {
    guest.ask('useradd -mG baton bob && useradd -m carol');
    const targets = { hello: { runner: { type: 'local', args: ['/usr/bin/id', '-un'] } } };
    const sockets = [{ name: 'baton' }, { name: 'baton-submit', allow: ['run', 'wait'] }];
    write(JSON.stringify({ targets, sockets }));
    guest.ask('systemctl start baton-submit.socket');
    assert.equal(guest.ask('runuser -u bob -- baton run hello --wait'), 'root\n');
    assert.equal(guest.run('runuser -u bob -- baton status').status, 77);
    guest.ask('systemctl stop baton.service baton-submit.socket');
    const { status, errors } = guest.run('runuser -u carol -- baton run hello');
    assert.equal(status, 77);
    assert.match(errors, /baton.sock \(EACCES; it has mode 0600, user root, group root\)/);
    guest.ask('systemctl start baton-submit.socket && systemctl stop baton.socket');
    const submit = guest.run('runuser -u carol -- baton run hello');
    assert.match(submit.errors, /mode 0660, user root, group baton\).*usermod -aG baton/);
  });

  test('a user has a daemon of their own beside that of the machine', async () => {
    // Sessions from outside have no control group here; logind of Debian 13 refuses that (EUNATCH).
    guest.ask('useradd -m alice && systemd-run -q --wait loginctl enable-linger alice');
    const as = (command: string): string =>
      `cd /home/alice && runuser -u alice -- env XDG_RUNTIME_DIR=/run/user/$(id -u alice) ${command}`;
    await guest.until('ls /run/user/$(id -u alice)/systemd/private 2>&1', /^\/run/);
    const targets = { whoami: { runner: { type: 'local', args: ['/usr/bin/id', '-un'] } } };
    guest.ask(
      as(`sh -c 'mkdir -p ~/.config/baton && cat >~/.config/baton/config.json' <<'END'
${JSON.stringify({ targets })}
END`),
    );
    guest.ask(as('systemctl --user enable --now baton.socket baton.service'));
    assert.equal(guest.ask(as('baton run whoami --wait')), 'alice\n');
    assert.equal(guest.ask(as('systemctl --user is-active baton.service')), 'active\n');
    // Started by hand, without systemd: works, too, and never uses the socket of the system daemon.
    guest.ask(as('systemctl --user disable --now baton.socket baton.service'));
    const batond = guest.start(as('batond'));
    await new Promise<void>((resolve) => {
      batond.stdout?.on('data', (text) => String(text).includes('"ready"') && resolve());
    });
    assert.equal(guest.ask(as('baton run whoami --wait')), 'alice\n');
    guest.ask('pkill -TERM -u alice -x batond');
    hello();
  });

  test('the example memory-limit runs a command in a scope that has its limit', () => {
    const plugin = readFileSync(join(ROOT, 'contrib/examples/memory-limit.mjs'), 'utf8');
    guest.ask(`cat >/etc/baton/memory-limit.mjs <<'END'\n${plugin}\nEND`);
    const unit = '$(grep -om1 "run-.*[.]scope" /proc/self/cgroup)';
    const script = `systemctl show -P MemoryMax ${unit}; exit 7`;
    const runner = { type: 'memory-limit', memory: '64M', args: ['/bin/sh', '-c', script] };
    const slow = { ...runner, args: SLOW.args };
    const plugins = ['./memory-limit.mjs'];
    write(JSON.stringify({ plugins, targets: { limited: { runner }, slow: { runner: slow } } }));
    const { status, text, errors } = guest.run('baton run limited --wait');
    assert.deepEqual([status, text, errors], [7, `${64 * 1024 ** 2}\n`, '']);
    guest.ask('baton run slow');
    guest.ask('until test -p /run/go; do sleep .1; done');
    guest.ask('baton cancel slow');
    assert.equal(guest.run('baton wait slow').status, 143);
    assert.equal(guest.ask('systemctl list-units --plain --no-legend "run-*.scope"'), '');
  });

  test('processes are shown by their titles, and nothing else', () => {
    hello();
    const tree = guest.ask('systemctl status baton.service');
    assert.match(tree, /\d "?baton fork server"?$/m);
    assert.match(tree, / info ended run=\d+ target=hello /, 'the log is text');
  });

  test('a shutdown ends runs while their mounts are there, and the next boot retries them when they are again', async () => {
    guest.ask(`cat >/etc/systemd/system/far-disk.service <<'END' && systemctl enable --now far-disk
[Unit]
Before=remote-fs.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'sleep 1; echo mounted >>/var/log/order'
ExecStop=/bin/sh -c 'echo unmounted >>/var/log/order'
[Install]
WantedBy=remote-fs.target
END`);
    // Like a backup that cleans up and then dies by the signal.
    const script = `trap 'echo ended >>/var/log/order; trap - TERM; kill -TERM $$' TERM
      echo started >>/var/log/order; while :; do sleep 0.2; done`;
    const runner = { type: 'local', args: ['/bin/sh', '-c', script] };
    write(JSON.stringify({ targets: { nightly: { runner, onLost: 'retry' } } }));
    guest.ask('baton run nightly');
    await guest.until('cat /var/log/order', /started/);
    await guest.off();
    await guest.boot();
    const order = await guest.until('cat /var/log/order', /started.*started/s);
    assert.deepEqual(order.trim().split('\n'), [
      ...['mounted', 'started', 'ended', 'unmounted'],
      ...['mounted', 'started'],
    ]);
    guest.ask('baton cancel nightly');
    assert.match(guest.ask('baton history nightly'), /cancelled/);
  });
});
