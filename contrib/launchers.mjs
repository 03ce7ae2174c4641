#!/usr/bin/env node
/**
 * Puts `baton` and `batond` where cron finds them: node launchers.mjs [DIRECTORY], by default
 * /usr/bin. cron's PATH is /usr/bin:/bin, so a `node` of nvm, volta or /usr/local is not on it, and
 * `#!/usr/bin/env node` fails there. A launcher names the very node that ran this script, and the
 * file to run. After an upgrade of node, run it again. Where there is a perl, `baton` is its front
 * door, which starts in a tenth of Node's time and knows Node for the rest.
 *
 * Invariant: nothing is overwritten but a launcher of baton's.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Longest first line that the kernel takes (BINPRM_BUF_SIZE of Linux 5.1). */
const FIRST_LINE_BYTES_MAX = 253; // behind "#!"
const MARK = 'launcher of baton';
/** perl complains of a locale that is not there, and these change what a script does. */
const PERL = '/usr/bin/env -S -u PERL5OPT -u PERL5DB -u PERL_UNICODE PERL_BADLANG=0 /usr/bin/perl';

const directory = resolve(process.argv[2] ?? '/usr/bin');
const root = fileURLToPath(new URL('..', import.meta.url));
const launchers = {
  baton: hasPerl() ? byPerl('dist/client/baton.pl') : byNode('dist/client/main.cjs'),
  batond: byNode('dist/daemon/batond.cjs'),
};

if (Buffer.byteLength(process.execPath) > FIRST_LINE_BYTES_MAX || /\s/.test(process.execPath)) {
  fail(`${process.execPath}: the kernel takes no such path in a first line; use a shorter one`);
}
for (const [name, text] of Object.entries(launchers)) {
  const path = join(directory, name);
  if (existsSync(path) && !readFileSync(path, 'utf8').includes(MARK)) {
    fail(`${path}: is there already and no launcher of baton's; move it away`);
  }
  // In one step: cron may be looking at it.
  const fresh = `${path}.${process.pid}`;
  try {
    writeFileSync(fresh, text, { flag: 'wx' });
    chmodSync(fresh, 0o755);
    renameSync(fresh, path);
  } catch (error) {
    fail(`${path}: cannot be written (${error.code})`);
  }
  process.stdout.write(`${path} runs ${process.execPath}\n`);
}

/** The files are CommonJS: loading them like this costs nothing. */
function byNode(file) {
  return `#!${process.execPath}\nrequire(${JSON.stringify(join(root, file))}); // ${MARK}\n`;
}

/** `env -S` is there since coreutils 8.30; the kernel gives it all of the line as one argument. */
function hasPerl() {
  return spawnSync('/usr/bin/env', ['-S', '/usr/bin/perl -e 1']).status === 0;
}

function byPerl(file) {
  const quoted = (text) => `'${text.replace(/[\\']/g, '\\$&')}'`;
  const node = `our $node = ${quoted(process.execPath)};`;
  return `#!${PERL}\n${node} require ${quoted(join(root, file))}; # ${MARK}\n`;
}

function fail(message) {
  process.stderr.write(`launchers: ${message}\n`);
  process.exit(1);
}
