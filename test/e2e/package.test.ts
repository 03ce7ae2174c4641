/**
 * The npm package: packed, installed by `npm install -g` into a prefix of its own without a
 * network, and used as cron uses it.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import { type TestContext, test } from 'node:test';
import * as v from 'valibot';
import { directory, ROOT } from '../support/config.ts';
import { Rig } from '../support/rig.ts';
import { skipWithout } from '../support/tools.ts';

const CRON = { HOME: '/root', LOGNAME: 'root', PATH: '/usr/bin:/bin', SHELL: '/bin/sh' };
/** npm has a single prefix, with its modules below it. */
const MODULE = 'lib/node_modules/batond';
/** What the tarball is built from. */
const SOURCES = [
  ...['client', 'contrib', 'daemon', 'policies', 'runners', 'test/demo.ts', 'test/support'],
  ...['package.json', 'config.json', 'README.md', 'CHANGELOG.md', 'LICENSE.md', 'SECURITY.md'],
];
const BUNDLE = join(ROOT, 'dist/client/main.cjs');

/** Everything that is built and shipped: the bundles, and files that are not TypeScript. */
const BUILT = [
  'NOTICE',
  'client/baton.pl',
  'client/cli.cjs',
  'client/main.cjs',
  'daemon/batond.cjs',
  'daemon/keeper.pl',
  'daemon/slurm-keeper.pl',
  'licences',
  'runners/ssh/keeper.cjs',
  'runners/ssh/ssh2.cjs',
  'sbom.cdx.json',
];

function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv, cwd = '/') {
  const { status, stdout, stderr } = spawnSync(command, args, { env, cwd, encoding: 'utf8' });
  assert.equal(status, 0, `${command} ${args.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}

/** Packs what was built, installs it without running its scripts, and returns the prefix. */
function unpack(t: TestContext, umask: string): string {
  const place = directory(t);
  const prefix = join(place, 'prefix');
  mkdirSync(prefix);
  for (const open of [place, prefix]) chmodSync(open, 0o755);
  // npm has a cache of its own here, so only the tarball can be the source.
  const env = { ...process.env, npm_config_cache: join(place, 'cache') };
  // Without scripts, because concurrent tests use what is built. npm 10 runs prepare all the same,
  // which has to detect that.
  const built = statSync(BUNDLE).ino;
  const pack = ['pack', '--silent', '--ignore-scripts', '--pack-destination', place];
  const tarball = join(place, run('npm', pack, env, ROOT).trim());
  assert.equal(statSync(BUNDLE).ino, built, 'npm pack has built again');
  const flags = ['install', '-g', '--offline', '--ignore-scripts', '--prefix', prefix, tarball];
  run('sh', ['-c', `umask ${umask}; exec npm "$@"`, 'npm', ...flags], env);
  return prefix;
}

/** Like npm 10 and 11. */
function install(t: TestContext): string {
  const prefix = unpack(t, '022');
  const env = process.env;
  const lifecycle = { npm_config_global: 'true', npm_config_prefix: prefix };
  const module = join(prefix, MODULE);
  const { scripts } = aboutOf(module);
  run('sh', ['-c', scripts.postinstall], { ...env, ...lifecycle }, module);
  return prefix;
}

function aboutOf(module: string) {
  return JSON.parse(readFileSync(join(module, 'package.json'), 'utf8')) as {
    readonly version: string;
    readonly man?: readonly string[];
    readonly scripts: { readonly postinstall: string };
  };
}

test('npm install -g brings both commands, manual pages and completions, without a network', async (t) => {
  if (skipWithout(t, 'npm')) return;
  const prefix = install(t);
  const { version, man = [] } = aboutOf(join(prefix, MODULE));
  const env = { PATH: process.env['PATH'] };
  assert.equal(run(join(prefix, 'bin/baton'), ['--version'], env).trim(), version);
  const checked = run(join(prefix, 'bin/batond'), ['--check', join(ROOT, 'config.json')], env);
  assert.match(checked, /hello/);
  assert.deepEqual(filesIn(join(prefix, MODULE, 'dist')), BUILT);
  assert.ok(!existsSync(join(prefix, MODULE, 'node_modules')), 'npm has nothing to install');
  namesAllParts(join(prefix, MODULE, 'dist'));
  assert.ok(man.length > 0);
  assert.equal(man.length, pagesOf('contrib/man').length);
  for (const page of man) {
    const name = page.split('/').at(-1) ?? '';
    const place = join(prefix, `share/man/man${name.at(-1)}`, name);
    assert.ok(readFileSync(place, 'utf8').length > 0, place);
  }
  for (const [name, place] of [
    ['baton.bash', 'share/bash-completion/completions/baton'],
    ['_baton', 'share/zsh/site-functions/_baton'],
    ['baton.fish', 'share/fish/vendor_completions.d/baton.fish'],
  ]) {
    const given = readFileSync(join(ROOT, `contrib/completions/${name}`), 'utf8');
    assert.equal(readFileSync(join(prefix, place ?? ''), 'utf8'), given);
  }
  await runsUnderCron(t, prefix);
});

test('under umask 077, where npm runs no scripts and links no man pages, all users can read everything', (t) => {
  if (skipWithout(t, 'npm', 'root')) return;
  const prefix = unpack(t, '077');
  // As npm 12 leaves it.
  rmSync(join(prefix, 'share'), { recursive: true, force: true });
  const launchers = join(prefix, 'sbin');
  mkdirSync(launchers);
  for (const [script, to] of [
    ['completions', prefix],
    ['launchers', launchers],
  ]) {
    const file = join(prefix, MODULE, `contrib/${script}.mjs`);
    const command = `umask 077; exec "${process.execPath}" "${file}" "${to}"`;
    run('sh', ['-c', command], process.env);
  }
  const asNobody = ['--reuid=65534', '--regid=65534', '--clear-groups'];
  const unreadable = ['!', '-readable', '-o', '-type', 'd', '!', '-executable'];
  const found = run('setpriv', [...asNobody, 'find', prefix, ...unreadable], process.env);
  assert.equal(found, '');
  for (const page of aboutOf(join(prefix, MODULE)).man ?? []) {
    const name = page.split('/').at(-1) ?? '';
    const place = join(prefix, `share/man/man${name.at(-1)}`, name);
    // A file in place of its link would stop npm 10 and 11.
    assert.equal(realpathSync(place), join(realpathSync(prefix), MODULE, page));
  }
  for (const bin of ['bin/baton', 'bin/batond', 'sbin/baton', 'sbin/batond']) {
    run('setpriv', [...asNobody, 'test', '-x', join(prefix, bin)], process.env);
  }
});

test('the tarball is the same under another umask, time zone and language, and in another directory', (t) => {
  if (skipWithout(t, 'npm')) return;
  const [one, other] = [
    { umask: '022', rights: 'go=rX', env: { TZ: 'UTC', LANG: 'C' } },
    { umask: '077', rights: 'go=', env: { TZ: 'Asia/Tokyo', LANG: 'de_DE.UTF-8' } },
  ].map(({ umask, rights, env }) => {
    const tree = join(directory(t), 'tree');
    mkdirSync(tree);
    for (const part of SOURCES) cpSync(join(ROOT, part), join(tree, part), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules'), join(tree, 'node_modules'));
    // With modes as git writes them.
    run('chmod', ['-R', rights, ...SOURCES], process.env, tree);
    const script = `umask ${umask} && node contrib/build.mjs && npm pack --silent --ignore-scripts`;
    run('sh', ['-c', script], { ...process.env, ...env }, tree);
    const [tarball = ''] = readdirSync(tree).filter((name) => name.endsWith('.tgz'));
    return join(tree, tarball);
  });
  assert.ok(one !== undefined && other !== undefined);
  const modes = run('tar', ['-tvf', other], process.env).match(/^-\S+/gm) ?? [];
  assert.deepEqual([...new Set(modes)].sort(), ['-rw-r--r--', '-rwxr-xr-x']);
  assert.ok(readFileSync(one).equals(readFileSync(other)));
});

/** The notice, the licences and the bill of materials agree on what is in the bundles. */
function namesAllParts(dist: string): void {
  const [notice, licences, bill] = ['NOTICE', 'licences', 'sbom.cdx.json'].map((name) =>
    readFileSync(join(dist, name), 'utf8'),
  );
  const { components } = v.parse(Bill, JSON.parse(bill ?? ''));
  for (const { name, version } of components) {
    assert.ok(notice?.includes(`* ${name} ${version} (`), name);
    const own = `Files: node_modules/${name}/*\n`;
    const part = ` ${name} ${version} (`;
    assert.ok(licences?.includes(own) || licences?.includes(part), name);
  }
  // meow contains copies of these, and ndjson does not contain its licence text.
  for (const name of ['meow', 'yargs-parser', 'spdx-correct', 'ndjson', '@pinojs/redact']) {
    assert.ok(
      components.some((component) => component.name === name),
      name,
    );
  }
  assert.match(licences ?? '', /^License: BSD-3-Clause-ndjson\n Redistribution and use/m);
}

const Bill = v.object({
  bomFormat: v.literal('CycloneDX'),
  components: v.array(v.object({ name: v.string(), version: v.string(), purl: v.string() })),
});

/** Through the launchers, because this machine's node may not be on cron's PATH. */
async function runsUnderCron(t: TestContext, prefix: string): Promise<void> {
  const bin = join(directory(t), 'bin');
  mkdirSync(bin);
  run(process.execPath, [join(prefix, MODULE, 'contrib/launchers.mjs'), bin], CRON);
  const rig = new Rig();
  t.after(() => rig.close());
  const runner = { type: 'local', args: ['/bin/sh', '-c', 'echo out; echo err >&2; exit 3'] };
  rig.configure({ targets: { three: { runner } } });
  const places = ['--config', rig.configFile, '--socket', rig.socket, '--state', rig.state];
  const ended = rig.spawn([join(bin, 'batond'), ...places], CRON);
  await Promise.race([rig.logged('ready'), ended]);
  const command = `"${bin}/baton" run three --wait`;
  const { status, stdout, stderr } = spawnSync('/bin/sh', ['-c', command], {
    env: { ...CRON, BATON_SOCKET: rig.socket },
    encoding: 'utf8',
  });
  assert.deepEqual([status, stdout, stderr], [3, 'out\n', 'err\n']);
}

function filesIn(directory: string): readonly string[] {
  const entries = readdirSync(directory, { withFileTypes: true, recursive: true });
  const files = entries.filter((entry) => entry.isFile());
  return files.map(({ parentPath, name }) => relative(directory, join(parentPath, name))).sort();
}

function pagesOf(directory: string): readonly string[] {
  return readdirSync(join(ROOT, directory)).filter((name) => /\.[1-8]$/.test(name));
}

/** completions.mjs beside existing completions and a man page, whatever is in contrib. */
function completer(t: TestContext): string {
  const place = directory(t);
  for (const part of ['completions', 'man']) mkdirSync(join(place, part));
  writeFileSync(join(place, 'man/baton.1'), '.TH baton 1\n');
  for (const name of ['baton.bash', '_baton', 'baton.fish']) {
    writeFileSync(join(place, 'completions', name), `# ${name}, for baton\n`);
  }
  for (const script of ['completions.mjs', 'readable.mjs']) {
    cpSync(join(ROOT, 'contrib', script), join(place, script));
  }
  return join(place, 'completions.mjs');
}

test('completions and man pages are put where shells and man look, and never over a file that is not of baton', (t) => {
  const prefix = directory(t);
  const page = join(prefix, 'share/man/man1/baton.1');
  mkdirSync(join(page, '..'), { recursive: true });
  // A link left by npm, which has removed its target.
  symlinkSync('../../../lib/node_modules/batond/contrib/man/baton.1', page);
  const taken = join(prefix, 'share/fish/vendor_completions.d/baton.fish');
  mkdirSync(join(taken, '..'), { recursive: true });
  writeFileSync(taken, '# of another program\n');
  // As on Debian below /usr.
  mkdirSync(join(prefix, 'share/zsh/vendor-completions'), { recursive: true });
  const args = [completer(t), prefix];
  for (const time of ['first', 'second']) {
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    assert.equal(status, 1, time);
    assert.match(
      stderr,
      /^completions: \S+baton\.fish: exists already and is not a file of baton\n$/,
    );
  }
  const read = (place: string) => readFileSync(join(prefix, 'share', place), 'utf8');
  assert.equal(read('fish/vendor_completions.d/baton.fish'), '# of another program\n');
  assert.equal(read('bash-completion/completions/baton'), '# baton.bash, for baton\n');
  assert.equal(read('zsh/vendor-completions/_baton'), '# _baton, for baton\n');
  assert.equal(read('man/man1/baton.1'), '.TH baton 1\n');
});

test('an installation that is not global puts nothing anywhere else', (t) => {
  const env = { npm_lifecycle_event: 'postinstall', npm_config_prefix: directory(t) };
  const args = [completer(t)];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { env, encoding: 'utf8' });
  assert.deepEqual([status, stdout, stderr], [0, '', '']);
  assert.deepEqual(readdirSync(env.npm_config_prefix), []);
});

test('launchers of root name the directory that keeps other users from baton', (t) => {
  if (skipWithout(t, 'root')) return;
  const place = directory(t);
  const tree = join(place, 'tree');
  const bin = join(place, 'bin');
  for (const path of [join(tree, 'contrib'), bin]) mkdirSync(path, { recursive: true });
  for (const name of ['package.json', 'contrib/launchers.mjs', 'contrib/readable.mjs']) {
    cpSync(join(ROOT, name), join(tree, name));
  }
  const launch = () => {
    const args = [join(tree, 'contrib/launchers.mjs'), bin];
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    return stderr.split('\n').filter((line) => line.includes(place));
  };
  for (const path of [tree, join(tree, 'contrib')]) chmodSync(path, 0o755);
  chmodSync(join(tree, 'package.json'), 0o644);
  chmodSync(place, 0o700);
  const [line, ...more] = launch();
  assert.match(line ?? '', /^launchers: .*: mode 0700: .*other users cannot; .* \/usr\/local$/);
  assert.ok(line?.startsWith(`launchers: ${place}: `));
  assert.deepEqual(more, []);
  chmodSync(place, 0o755);
  assert.deepEqual(launch(), []);
});
