/**
 * The npm package: packed, installed by `npm install -g` into a prefix of its own without a
 * network, and used as cron uses it.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import { type TestContext, test } from 'node:test';
import * as v from 'valibot';
import { directory, ROOT } from '../support/config.ts';
import { Rig } from '../support/rig.ts';
import { skipWithout } from '../support/tools.ts';

const CRON = { HOME: '/root', LOGNAME: 'root', PATH: '/usr/bin:/bin', SHELL: '/bin/sh' };
/** npm's prefix is one for all, and its modules lie below it. */
const MODULE = 'lib/node_modules/batond';
const BUNDLE = join(ROOT, 'dist/client/main.cjs');

/** All that is built and shipped: the bundles, and what is no TypeScript. */
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

/** Packs what was built, installs it, and returns the prefix. */
function install(t: TestContext): string {
  const place = directory(t);
  const prefix = join(place, 'prefix');
  // npm has a cache of its own here, so nothing but the tarball can be the source.
  const env = { ...process.env, npm_config_cache: join(place, 'cache') };
  // Without scripts, as the tests that run beside this one use what is built. npm 10 runs prepare
  // all the same, which has to know of it.
  const built = statSync(BUNDLE).ino;
  const pack = ['pack', '--silent', '--ignore-scripts', '--pack-destination', place];
  const tarball = join(place, run('npm', pack, env, ROOT).trim());
  assert.equal(statSync(BUNDLE).ino, built, 'npm pack has built again');
  run('npm', ['install', '-g', '--offline', '--prefix', prefix, tarball], env);
  // As npm does, unless it is one that runs no scripts.
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
  // meow has copies of these, and ndjson brings no text of its licence.
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

/** By the launchers, as the node of this machine need not be on cron's PATH. */
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

/** completions.mjs beside completions that are there, whatever is in contrib. */
function completer(t: TestContext): string {
  const place = directory(t);
  mkdirSync(join(place, 'completions'));
  for (const name of ['baton.bash', '_baton', 'baton.fish']) {
    writeFileSync(join(place, 'completions', name), `# ${name}, for baton\n`);
  }
  cpSync(join(ROOT, 'contrib/completions.mjs'), join(place, 'completions.mjs'));
  return join(place, 'completions.mjs');
}

test('completions are put where each shell looks, and never over a file that is not of baton', (t) => {
  const prefix = directory(t);
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
      /^completions: \S+baton\.fish: is there already and no completion of .*\n$/,
    );
  }
  const read = (place: string) => readFileSync(join(prefix, 'share', place), 'utf8');
  assert.equal(read('fish/vendor_completions.d/baton.fish'), '# of another program\n');
  assert.equal(read('bash-completion/completions/baton'), '# baton.bash, for baton\n');
  assert.equal(read('zsh/vendor-completions/_baton'), '# _baton, for baton\n');
});

test('an installation that is not global puts no completions anywhere', (t) => {
  const env = { npm_lifecycle_event: 'postinstall', npm_config_prefix: directory(t) };
  const args = [completer(t)];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { env, encoding: 'utf8' });
  assert.deepEqual([status, stdout, stderr], [0, '', '']);
  assert.deepEqual(readdirSync(env.npm_config_prefix), []);
});
