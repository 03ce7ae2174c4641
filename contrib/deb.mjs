/**
 * Builds the Debian package: npm run deb -- [--out DIRECTORY] [--version VERSION]
 *
 * The package contains what npm packs. Debian's tools build it in a temporary directory, by
 * contrib/debian/rules. This script writes what depends on package.json, on the modules in the
 * bundles and on the builder: the changelog, the copyright file, and the links from the commands
 * to their files.
 *
 * The maintainer is the builder, as everywhere in Debian: $DEBFULLNAME and $DEBEMAIL, or else an
 * address at this host that has no mailbox (RFC 2606). The date is $SOURCE_DATE_EPOCH, or else that
 * of the last commit. So the same commit makes the same package, byte for byte, if the maintainer
 * is the same.
 */
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { HOLDER, stanza } from './licences.mjs';

/** The tools, and their packages. */
const TOOLS = { dh: 'debhelper', 'dpkg-buildpackage': 'dpkg-dev', npm: 'npm', tar: 'tar' };
/**
 * The commands. Each finds Node by PATH; in the package, which depends on Debian's nodejs, it is
 * /usr/bin/node.
 */
const COMMANDS = [
  {
    file: 'dist/client/baton.pl',
    place: 'usr/bin/baton',
    names: 'our $node; ',
    by: "our $node = '/usr/bin/node'; ",
  },
  {
    file: 'dist/daemon/batond.cjs',
    place: 'usr/sbin/batond',
    names: '#!/usr/bin/env node\n',
    by: '#!/usr/bin/node\n',
  },
];

const tree = fileURLToPath(new URL('..', import.meta.url));
const { out, version } = readArguments();
const about = JSON.parse(readFileSync(join(tree, 'package.json'), 'utf8'));
const stage = mkdtempSync(join(tmpdir(), 'baton-deb-'));
try {
  process.stdout.write(`${build(version ?? `${about.version.replace('-', '~')}-1`)}\n`);
} finally {
  rmSync(stage, { recursive: true, force: true });
}

function readArguments() {
  const missing = Object.keys(TOOLS).filter((tool) => spawnSync('which', [tool]).status !== 0);
  if (missing.length > 0) {
    const packages = missing.map((tool) => TOOLS[tool]).join(' ');
    fail(`${missing.join(', ')}: not found; apt-get install ${packages}`);
  }
  try {
    const { values } = parseArgs({
      options: { out: { type: 'string' }, version: { type: 'string' } },
    });
    return { out: resolve(values.out ?? '.'), version: values.version };
  } catch (error) {
    return fail(error.message);
  }
}

/** Returns the path of the package. */
function build(debianVersion) {
  // No scripts: dist has been built, and others may be using it.
  run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', stage], tree);
  const [tarball] = readdirSync(stage);
  const source = join(stage, 'baton');
  const packed = join(source, 'package');
  mkdirSync(source);
  run('tar', ['-xf', join(stage, tarball), '-C', source], stage);
  cpSync(join(tree, 'contrib/debian'), join(source, 'debian'), { recursive: true });
  const put = (name, text) => writeFileSync(join(source, 'debian', name), text);
  const control = readFileSync(join(source, 'debian/control'), 'utf8');
  put('control', control.replace('@MAINTAINER@', maintainer()));
  put('changelog', changelog(debianVersion));
  put('copyright', copyright(packed));
  put('baton.links', links(packed));
  run('dpkg-buildpackage', ['-b', '-us', '-uc', '-d'], source, {
    SOURCE_DATE_EPOCH: String(builtAtS()),
    NODE_VERSION: about.engines.node.replace(/^>=/, ''),
  });
  const name = readdirSync(stage).find((file) => file.endsWith('.deb'));
  mkdirSync(out, { recursive: true });
  // Atomically: somebody may be installing the old one.
  const fresh = join(out, `.${name}.${process.pid}`);
  copyFileSync(join(stage, name), fresh);
  renameSync(fresh, join(out, name));
  return join(out, name);
}

function run(command, args, cwd, env = {}) {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd,
    env: { ...process.env, ...env },
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  if (status === 0) return stdout;
  process.stderr.write(`${stdout}${stderr}`);
  return fail(`${command} ended with ${status}; its output is above`);
}

function maintainer() {
  const { DEBFULLNAME = 'baton', DEBEMAIL = `baton@${hostname()}.invalid` } = process.env;
  return `${DEBFULLNAME} <${DEBEMAIL}>`;
}

/** In seconds since 1970. */
function builtAtS() {
  const { SOURCE_DATE_EPOCH } = process.env;
  if (SOURCE_DATE_EPOCH !== undefined) return Number(SOURCE_DATE_EPOCH);
  // Works in a clone that belongs to somebody else, too.
  const safe = ['-c', 'safe.directory=*'];
  const { stdout } = spawnSync('git', [...safe, 'log', '-1', '--format=%ct'], {
    cwd: tree,
    encoding: 'utf8',
  });
  return Number(stdout) || Math.floor(Date.now() / 1000);
}

function changelog(debianVersion) {
  const date = new Date(builtAtS() * 1000).toUTCString().replace('GMT', '+0000');
  return [
    `baton (${debianVersion}) unstable; urgency=medium`,
    `  * baton ${about.version}; see /usr/share/doc/baton/changelog.gz.`,
    ` -- ${maintainer()}  ${date}`,
    '',
  ].join('\n\n');
}

/** Links to the commands, which are changed to use Debian's node. */
function links(packed) {
  const lines = COMMANDS.map(({ file, place, names, by }) => {
    const path = join(packed, file);
    const text = readFileSync(path, 'utf8');
    if (text.split(names).length !== 2) fail(`${path}: expected "${names}" once`);
    writeFileSync(path, text.replace(names, by), { mode: 0o755 });
    return `usr/lib/baton/${file} ${place}\n`;
  });
  return lines.join('');
}

/** The licence of baton, and those of all bundled modules. */
function copyright(packed) {
  const own = stanza({
    files: '*',
    holder: HOLDER,
    licence: about.license,
    text: readFileSync(join(packed, 'LICENSE.md'), 'utf8'),
  });
  const format = 'https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/';
  // Debian already has this text.
  const others = readFileSync(join(packed, 'dist/licences'), 'utf8').replace(
    /^ +Apache License\n +Version 2\.0.*\n[\s\S]*?END OF TERMS AND CONDITIONS$/gm,
    ' See /usr/share/common-licenses/Apache-2.0.',
  );
  return [`Format: ${format}\nUpstream-Name: baton\n`, own, others].join('\n');
}

function fail(message) {
  process.stderr.write(`deb: ${message}\n`);
  return process.exit(1);
}
