/**
 * The Debian package from `npm run deb`, on disposable machines: installed, used by cron, upgraded
 * in the middle of a run, removed and purged by the real dpkg and the package's own scripts.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { ROOT } from '../support/config.ts';
import { CRON_NEEDS, Cron } from '../support/cron.ts';
import { filesOf, namesIn, nodePackageIfMissing, outside, withVersion } from '../support/deb.ts';
import { Machine } from '../support/machine.ts';
import { whyWithout } from '../support/tools.ts';

const TOOLS = ['dpkg-buildpackage', 'dh', 'lintian', 'nsenter', 'mkfifo'];
const skip = whyWithout(...CRON_NEEDS, ...TOOLS);
const UPGRADED = '99.0.0-1';

describe('the Debian package', { skip }, () => {
  let directory = '';
  /**
   * The package, the same with a higher version, and a substitute for node's package or nothing.
   */
  let deb = '';
  let higher = '';
  let node = '';

  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'baton-deb-'));
    // As on a machine where only root can read root's files.
    const script = `umask 077; TZ=Asia/Tokyo LANG=de_DE.UTF-8 exec "$@"`;
    const args = [process.execPath, join(ROOT, 'contrib/deb.mjs'), '--out', directory];
    deb = outside('sh', '-c', script, 'sh', ...args).trim();
    higher = withVersion(directory, deb, UPGRADED);
    node = nodePackageIfMissing(directory);
  });

  after(() => rmSync(directory, { recursive: true, force: true }));

  /** With the package's dependencies. */
  async function boot(t: TestContext, { isSystemd }: { isSystemd: boolean }): Promise<Machine> {
    const machine = await Machine.boot();
    t.after(() => machine.close());
    for (const file of [deb, higher, node].filter(Boolean)) {
      outside('cp', file, machine.share);
    }
    if (isSystemd) machine.pretendSystemd();
    if (node !== '') machine.ask(`dpkg -i ${machine.share}/nodejs_*.deb`);
    // Debian's node or its substitute is replaced by the node under test.
    outside('cp', process.execPath, join(machine.share, 'node'));
    machine.ask(`ln -sf ${machine.share}/node /usr/bin/node`);
    assert.equal(machine.ask('/usr/bin/node --version').trim(), process.version);
    return machine;
  }

  /** The content of a file in the package. */
  function fileOf(path: string): string {
    return outside('sh', '-c', 'dpkg-deb --fsys-tarfile "$1" | tar -xO "$2"', 'sh', deb, path);
  }

  function install(machine: Machine, file = deb): void {
    machine.ask(`dpkg -i ${machine.share}/${file.split('/').at(-1)}`);
  }

  test('lintian finds nothing', () => {
    const args = ['--allow-root', '--fail-on', 'error,warning', deb];
    const { status, stdout, stderr } = spawnSync('lintian', args, { encoding: 'utf8' });
    assert.equal(`${stdout}${stderr}`, '');
    assert.equal(status, 0);
  });

  test('it holds what the administrator needs, and nothing of the tests', () => {
    const files = filesOf(deb);
    for (const file of [
      './etc/baton/config.json',
      './usr/bin/baton',
      './usr/sbin/batond',
      './usr/lib/sysusers.d/baton.conf',
      './usr/share/bash-completion/completions/baton',
      './usr/share/fish/vendor_completions.d/baton.fish',
      './usr/share/zsh/vendor-completions/_baton',
      './usr/share/baton/config.schema.json',
      './usr/share/doc/baton/NOTICE.gz',
      './usr/share/doc/baton/README.Debian',
      './usr/share/doc/baton/changelog.gz',
      './usr/share/doc/baton/copyright',
      './usr/share/doc/baton/examples/config.json',
      './usr/share/doc/baton/sbom.cdx.json.gz',
      './usr/share/doc/baton/systemd.md.gz',
    ]) {
      assert.ok(files.includes(file), file);
    }
    for (const unit of namesIn('contrib/systemd', /\.(service|socket|timer)$/)) {
      assert.ok(
        files.some((file) => file.endsWith(`lib/systemd/system/${unit}`)),
        unit,
      );
    }
    const pages = namesIn('contrib/man', /\.[1-8]$/);
    assert.ok(pages.includes('baton.1') && pages.includes('batond.8'));
    for (const page of pages) {
      const file = `./usr/share/man/man${page.at(-1)}/${page}.gz`;
      assert.ok(files.includes(file), file);
    }
    assert.deepEqual(
      files.filter((file) => /\.(node|ts|map|gyp)$|\/tests?\//.test(file)),
      [],
    );
    assert.equal(outside('dpkg-deb', '--info', deb, 'conffiles'), '/etc/baton/config.json\n');
  });

  test('its example configurations name the schema that it installs', () => {
    for (const name of ['config.json', 'rsnapshot.json']) {
      const example = fileOf(`./usr/share/doc/baton/examples/${name}`);
      assert.match(example, /"\$schema": "file:\/\/\/usr\/share\/baton\/config\.schema\.json"/);
    }
  });

  test('all users can read what is in it, though it was built under umask 077', () => {
    const entries = outside('dpkg-deb', '--contents', deb).trim().split('\n');
    const closed = entries.filter((entry) => !/^(d.{6}r.x|[-l].{6}r)/.test(entry));
    assert.deepEqual(closed, []);
    const commands = entries.filter((entry) => / \.\/usr\/lib\/baton\/.*\.(pl|cjs)$/.test(entry));
    const executable = commands.filter((entry) => /^-rwxr-xr-x/.test(entry));
    assert.ok(executable.length >= 2 && commands.length > executable.length);
  });

  test("it wants a node that is new enough: Debian 12's own is not, NodeSource's is", () => {
    const depends = outside('dpkg-deb', '--field', deb, 'Depends');
    const least = /\bnodejs \(>= ([^)]+)\)/.exec(depends)?.[1] ?? '';
    const fits = (version: string) =>
      spawnSync('dpkg', ['--compare-versions', version, 'ge', least]).status === 0;
    assert.equal(fits('18.20.4+dfsg-1~deb12u2'), false);
    assert.equal(fits('20.19.2+dfsg-1'), true);
    assert.equal(fits('20.20.2-1nodesource1'), true);
  });

  test('the copyright file has the licence of every module in it', () => {
    const copyright = fileOf('./usr/share/doc/baton/copyright');
    assert.match(copyright, /^Files: \*\nCopyright: .*\nLicense: EUPL-1\.2\n EUROPEAN UNION/m);
    // A bundle that is not minified contains the names of its source files.
    const bundles = filesOf(deb).filter((file) => /(batond|keeper|ssh2)\.cjs$/.test(file));
    const parts = bundles.flatMap((file) => [
      ...fileOf(file).matchAll(/^ *\/\/ (node_modules\/(?:@[^/\n]+\/)?[^/\n]+)\//gm),
    ]);
    const modules = new Set(parts.map(([, name = '']) => name));
    for (const name of ['ssh2', 'valibot', 'pino', 'ndjson', 'asn1']) {
      assert.ok(modules.has(`node_modules/${name}`), name);
    }
    // The client's is minified.
    modules.add('node_modules/meow');
    for (const name of modules) assert.ok(copyright.includes(`\nFiles: ${name}/*\n`), name);
  });

  test('it installs, cron runs a target, an upgrade keeps a run, and purge leaves nothing', async (t) => {
    const machine = await boot(t, { isSystemd: true });
    const before = traces(machine);
    install(machine);
    for (const unit of ['baton.service', 'baton.socket']) {
      assert.equal(machine.ask(`systemctl is-enabled ${unit}`), 'enabled\n');
    }
    assert.equal(machine.run('systemctl is-enabled baton-submit.socket').text, 'disabled\n');
    assert.match(machine.ask('getent group baton'), /^baton:x:\d+:$/m);
    assert.match(machine.ask('batond --check'), /1 target/);
    await cronRuns(machine);
    await survivesUpgrade(machine);
    await removes(machine);
    assert.deepEqual(traces(machine), before);
  });

  async function cronRuns(machine: Machine): Promise<void> {
    const cron = new Cron(machine);
    try {
      cron.write('cron.d/jobs', '0 3 * * * root baton run hello --wait\n');
      cron.start('2027-01-01 02:59:58');
      await cron.mailed(1);
      assert.equal(cron.mails[0]?.body.toString(), 'hello from baton\n');
    } finally {
      await cron.close();
    }
  }

  /** A run waits for a line from the test while the package of its daemon is replaced. */
  async function survivesUpgrade(machine: Machine): Promise<void> {
    const fifo = join(machine.share, 'fifo');
    outside('mkfifo', fifo);
    const script = `echo before; read line <${fifo}; echo "$line"; exit 7`;
    const slow = { runner: { type: 'local', args: ['/bin/sh', '-c', script] } };
    // Nobody listens there; finding that out requires the modules in the package.
    const ssh = { type: 'ssh', host: '127.0.0.1', port: 1, user: 'root', cmds: ['true'] };
    const config = JSON.stringify({ targets: { slow, remote: { runner: ssh } } });
    machine.ask(`printf '%s\\n' '${config.replaceAll("'", `'\\''`)}' >/etc/baton/config.json`);
    machine.ask('baton reload');
    assert.match(machine.run('baton probe remote').text, /ECONNREFUSED/);
    const client = machine.start('baton run slow --wait');
    let said = '';
    const ended = new Promise<number | null>((resolve) => client.once('close', resolve));
    client.stderr?.on('data', (chunk) => process.stderr.write(chunk));
    await new Promise<void>((resolve) => {
      client.stdout?.on('data', (chunk: Buffer) => {
        said += chunk.toString();
        if (said.includes('before')) resolve();
      });
    });
    const old = machine.ask('systemctl main-pid');
    install(machine, higher);
    const fresh = machine.ask('systemctl main-pid');
    assert.notEqual(fresh, old, 'the daemon was restarted');
    const asked = readFileSync(join(machine.share, 'systemctl.log'), 'utf8');
    assert.doesNotMatch(asked, /restart .*socket|stop/, 'the socket was open all the time');
    assert.equal(machine.ask('baton --version'), '99.0.0\n');
    assert.match(machine.ask('baton status'), /slow/);
    await writeFile(fifo, 'after\n');
    assert.equal(await ended, 7);
    assert.equal(said, 'before\nafter\n');
    assert.equal(machine.ask('cat /etc/baton/config.json').trim(), config, "the administrator's");
  }

  async function removes(machine: Machine): Promise<void> {
    machine.ask('dpkg --remove baton');
    const missing = machine.run('command -v baton || command -v batond');
    assert.equal(missing.text, '');
    assert.equal(machine.run('systemctl is-active baton.socket').status, 1, 'nobody listens');
    machine.ask('test -s /etc/baton/config.json && test -s /var/lib/baton/journal.ndjson');
    machine.ask('dpkg --purge baton');
    assert.notEqual(machine.run('dpkg-query -W baton').status, 0);
  }

  test('policy-rc.d is obeyed: nothing is started, nor restarted', async (t) => {
    const machine = await boot(t, { isSystemd: true });
    machine.ask(`printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d
      chmod 755 /usr/sbin/policy-rc.d`);
    install(machine);
    install(machine, higher);
    const log = readFileSync(join(machine.share, 'systemctl.log'), 'utf8');
    assert.match(log, /daemon-reload/);
    assert.doesNotMatch(log, /start/);
  });

  test('without systemd it installs, runs, upgrades and goes as well', async (t) => {
    const machine = await boot(t, { isSystemd: false });
    const before = traces(machine);
    install(machine);
    assert.match(machine.run('baton run hello --connect-timeout 1s').errors, /start batond/);
    const daemon = machine.start('exec batond --log-format text');
    await new Promise<void>((resolve) => {
      daemon.stdout?.on('data', (chunk: Buffer) => chunk.includes(' ready') && resolve());
    });
    assert.equal(machine.ask('baton run hello --wait'), 'hello from baton\n');
    install(machine, higher);
    assert.equal(machine.ask('baton run hello --wait'), 'hello from baton\n');
    daemon.kill();
    machine.ask('dpkg --purge baton');
    assert.deepEqual(traces(machine), before);
  });
});

/** Everything of baton that is left; the group stays, as usual in Debian. */
function traces(machine: Machine): readonly string[] {
  const roots = '/etc /usr /lib /var /run';
  const found = machine.ask(`find ${roots} -xdev -iname '*baton*' | sort`);
  return found.trim().split('\n');
}
