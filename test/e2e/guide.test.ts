/**
 * From zero to the first nightly backup, as in the documents: on a fresh Debian under systemd,
 * every command of README's installation and of contrib/FROM-RSNAPSHOT.md is run as printed, for
 * the Debian package and for npm. Debian's own rsnapshot and cron do the rest.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { ROOT } from '../support/config.ts';
import { outside } from '../support/deb.ts';
import { GUEST_NEEDS, Guest } from '../support/guest.ts';
import { letNightCome } from '../support/guestnight.ts';
import { hasNode, installNode } from '../support/guestnode.ts';
import { commandsBelow, commandsOf, seenBy } from '../support/guide.ts';
import { whyWithout } from '../support/tools.ts';

const NEEDS = [...GUEST_NEEDS, 'dpkg-buildpackage', 'dh', 'npm', 'faketime'];
const GUIDE = 'contrib/FROM-RSNAPSHOT.md';
/** Where the reader has this tree, in the guest. */
const TREE = '/root/baton';
/** Debian's sample runs the lowest level every four hours. */
const BEFORE_THE_NIGHT = '2027-01-04 03:59:57';

/** README's commands for a machine with a network, and equivalents here that leave dist alone. */
const BUILDS: Readonly<Record<string, readonly string[]>> = {
  'npm ci && npm run deb': [process.execPath, join(ROOT, 'contrib/deb.mjs'), '--out'],
  'npm ci && npm pack': ['npm', 'pack', '--ignore-scripts', '--silent', '--pack-destination'],
};

describe('the guide from zero to the first nightly backup', { skip: whyWithout(...NEEDS) }, () => {
  let place = '';
  before(() => {
    place = mkdtempSync(join(tmpdir(), 'baton-guide-'));
  });
  after(() => rmSync(place, { recursive: true, force: true }));

  async function boot(t: TestContext): Promise<Guest> {
    const guest = await Guest.boot({ hasNode: false });
    t.after(() => guest.close());
    cpSync(join(ROOT, 'config.json'), join(guest.share, 'baton/config.json'));
    guest.ask(`cp -R /share/baton ${TREE} && echo ${TREE} >/share/where`);
    return guest;
  }

  test('by the Debian package', async (t) => {
    const guest = await boot(t);
    installNode(guest, place);
    install(guest, '### Debian and derivatives');
    await useIt(guest);
  });

  test('by npm, with a node where cron does not look', async (t) => {
    const guest = await boot(t);
    if (!hasNode(guest)) unpackNode(guest);
    install(guest, '### npm');
    await useIt(guest);
  });

  /** README's commands below a heading. */
  function install(guest: Guest, heading: string): void {
    let hellos = 0;
    for (const command of commandsBelow('README.md', heading)) {
      const [plain = ''] = command.split(/\s+# /);
      if (plain.startsWith('npm ci')) build(guest, plain);
      else {
        const { text } = type(guest, command);
        if (!plain.startsWith('baton run hello')) continue;
        assert.equal(text, `${seenBy(command)}\n`);
        hellos++;
      }
    }
    assert.equal(hellos, 1, 'the reader sees it work');
  }

  function build(guest: Guest, command: string): void {
    const [program, ...args] = BUILDS[command] ?? [];
    assert.ok(program !== undefined, `the test knows no other way to say "${command}"`);
    const to = mkdtempSync(join(place, 'built-'));
    const { status, stderr } = spawnSync(program, [...args, to], { cwd: ROOT, encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    for (const name of readdirSync(to)) cpSync(join(to, name), join(guest.share, name));
    guest.ask(`cp /share/baton?* ${TREE}/`);
  }

  /** The guide, for a reader who uses rsnapshot for the first time; then the night comes. */
  async function useIt(guest: Guest): Promise<void> {
    guest.ask("sed -i -E 's/^# (.*rsnapshot (alpha|beta|gamma))$/\\1/' /etc/cron.d/rsnapshot");
    const said = new Map(
      commandsOf(GUIDE).map((command) => [command, type(guest, command)] as const),
    );
    const of = (start: string) =>
      [...said].filter(([command]) => command.startsWith(start)).map(([, { text }]) => text);
    const [found, left] = of('baton check-crontab');
    assert.match(found ?? '', /rsnapshot:\d+: runs rsnapshot alpha directly/);
    assert.match(left ?? '', /^nothing to change in \d+ lines of \d+ crontabs?$/m);
    assert.match(of('baton import')[0] ?? '', /^\+0 \*\/4.*root\s+baton run rsnap-alpha --wait$/m);
    const [checked] = of('batond --check');
    assert.match(checked ?? '', /\b3 targets/);
    assert.doesNotMatch(checked ?? '', /warning/);
    assert.match(of('baton status')[0] ?? '', /rsnap-gamma/);
    assert.match(of('baton history')[0] ?? '', /rsnap-alpha/);
    guest.ask('test -d /var/cache/rsnapshot/alpha.0/localhost/etc');
    await theNight(guest);
  }

  /** Shortly before four. */
  async function theNight(guest: Guest): Promise<void> {
    letNightCome(guest, BEFORE_THE_NIGHT);
    await guest.until('ls -d /var/cache/rsnapshot/alpha.1/localhost/etc', /alpha\.1/);
    guest.ask('baton wait --all');
    const past = guest.ask('baton history rsnap-alpha').match(/^.*\brsnap-alpha\b.*$/gm) ?? [];
    assert.equal(past.length, 2, 'one by hand, one by cron');
    for (const line of past) assert.match(line, /exited with 0$/);
    const log = guest.ask('journalctl -u cron');
    assert.match(log, /CMD \(baton run rsnap-alpha --wait\)/);
    assert.doesNotMatch(log, /No MTA|discarding output/, 'cron has nothing to mail');
  }
});

/** A line at the reader's prompt, which has to succeed. The directory of `cd` is kept. */
function type(guest: Guest, command: string) {
  const said = guest.run(`cd "$(cat /share/where)" || exit
{ ${command}
}
status=$?; pwd >/share/where; exit $status`);
  assert.equal(said.status, 0, `${command}: ${said.text}${said.errors}`);
  return said;
}

/** As with the archive from nodejs.org. */
function unpackNode(guest: Guest): void {
  const npm = realpathSync(outside('sh', '-c', 'command -v npm').trim());
  cpSync(dirname(dirname(npm)), join(guest.share, 'local/lib/node_modules/npm'), {
    recursive: true,
  });
  cpSync(process.execPath, join(guest.share, 'local/bin/node'));
  guest.ask(`cp -R /share/local/* /usr/local/
    ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm`);
}
