#!/usr/bin/env node
/**
 * Installs `baton` and `batond` where cron finds them: node launchers.mjs [DIRECTORY], by default
 * /usr/bin. cron's PATH is /usr/bin:/bin, so it does not contain a `node` of nvm, volta or
 * /usr/local, and `#!/usr/bin/env node` fails there. A launcher contains the path of the node that
 * ran this script, and the file to run. Run this again after an upgrade of node. If there is a
 * perl, `baton` is the front end in Perl, which starts ten times as fast and calls Node only if
 * needed.
 *
 * Invariants: it overwrites only launchers of baton; all users can run what root has installed,
 * whatever the umask, or a warning names the directory that prevents it.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { isRoot, obstacleTo, openInstallation, ROOT } from './readable.mjs';

/** Longest first line that the kernel accepts (BINPRM_BUF_SIZE of Linux 5.1). */
const FIRST_LINE_BYTES_MAX = 253; // after "#!"
const MARK = 'launcher of baton';
/** Without the variables that change perl's behaviour, and without its warning about the locale. */
const PERL = '/usr/bin/env -S -u PERL5OPT -u PERL5DB -u PERL_UNICODE PERL_BADLANG=0 /usr/bin/perl';

const directory = resolve(process.argv[2] ?? '/usr/bin');
const launchers = {
  baton: hasPerl() ? byPerl('dist/client/baton.pl') : byNode('dist/client/main.cjs'),
  batond: byNode('dist/daemon/batond.cjs'),
};

if (Buffer.byteLength(process.execPath) > FIRST_LINE_BYTES_MAX || /\s/.test(process.execPath)) {
  fail(
    `${process.execPath}: the kernel does not accept this path in the first line of a script; ` +
      'use a shorter one without spaces',
  );
}
openInstallation();
for (const [name, text] of Object.entries(launchers)) {
  const path = join(directory, name);
  if (existsSync(path) && !readFileSync(path, 'utf8').includes(MARK)) {
    fail(`${path}: exists already and is not a launcher of baton; move it away`);
  }
  // Atomically: cron may be starting it.
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
if (isRoot) warn();

/** Crontabs of other users cannot run files that only root can reach. */
function warn() {
  const obstacles = [process.execPath, join(ROOT, 'package.json')].map((path) => obstacleTo(path));
  for (const path of new Set(obstacles.filter((obstacle) => obstacle !== undefined))) {
    const mode = (statSync(path).mode & 0o7777).toString(8).padStart(4, '0');
    complain(
      `${path}: mode ${mode}: root's jobs can run baton, those of other users cannot; ` +
        `for them, install node and baton where all users may read, such as /usr/local`,
    );
  }
}

/** The files are CommonJS, so loading them like this costs nothing. */
function byNode(file) {
  return `#!${process.execPath}\nrequire(${JSON.stringify(join(ROOT, file))}); // ${MARK}\n`;
}

/** The kernel passes the rest of the line as one argument; `env -S` (coreutils 8.30) splits it. */
function hasPerl() {
  return spawnSync('/usr/bin/env', ['-S', '/usr/bin/perl -e 1']).status === 0;
}

function byPerl(file) {
  const quoted = (text) => `'${text.replace(/[\\']/g, '\\$&')}'`;
  const node = `our $node = ${quoted(process.execPath)};`;
  return `#!${PERL}\n${node} require ${quoted(join(ROOT, file))}; # ${MARK}\n`;
}

function fail(message) {
  complain(message);
  process.exit(1);
}

function complain(message) {
  process.stderr.write(`launchers: ${message}\n`);
}
