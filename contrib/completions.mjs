/**
 * Installs the man pages, and the completions for bash, zsh and fish, where `man` and the shells
 * find them: node completions.mjs [PREFIX]
 *
 * npm has no place for completions, and since npm 12 none for man pages. So `npm install -g` runs
 * this ("postinstall" in package.json), with its own prefix; anywhere else, as in a checkout, it
 * then does nothing. Completions are copied: if npm removes the package, a dangling link would make
 * every new zsh complain. Man pages are links, as npm 10 and 11 make them, which would refuse to
 * overwrite a file.
 *
 * Invariants: only baton's own files are overwritten; no installation fails because of them; all
 * users can read what root installs, whatever its umask.
 */
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  symlinkSync,
} from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isRoot, openInstallation, openTree, openWay, PREFIX } from './readable.mjs';

const { npm_config_global: isGlobal, npm_config_prefix: npmPrefix } = process.env;
const ofNpm = isGlobal === 'true' ? npmPrefix : undefined;
const prefix = process.argv[2] ?? ofNpm;
const isAsked = process.argv[2] !== undefined;

if (prefix === undefined) {
  if (process.env.npm_lifecycle_event !== 'postinstall') {
    complain('no prefix; name one, such as /usr/local');
    process.exitCode = 64;
  }
} else {
  const top = resolve(prefix);
  attempt(PREFIX ?? top, () => openInstallation());
  for (const [file, place] of [...completions(top), ...manPages(top)]) put(top, file, place);
}

/** Debian's zsh uses vendor-completions below /usr, every zsh uses site-functions. */
function completions(top) {
  const vendor = join(top, 'share/zsh/vendor-completions');
  const zsh = existsSync(vendor) ? vendor : join(top, 'share/zsh/site-functions');
  return [
    [ours('completions/baton.bash'), join(top, 'share/bash-completion/completions/baton')],
    [ours('completions/_baton'), join(zsh, '_baton')],
    [ours('completions/baton.fish'), join(top, 'share/fish/vendor_completions.d/baton.fish')],
  ];
}

function manPages(top) {
  const pages = readdirSync(ours('man')).filter((name) => /\.[1-8]$/.test(name));
  return pages.map((name) => [ours(`man/${name}`), join(top, `share/man/man${name.at(-1)}`, name)]);
}

function ours(name) {
  return fileURLToPath(new URL(name, import.meta.url));
}

function put(top, file, place) {
  attempt(place, () => {
    if (!isFree(place)) return trouble(`${place}: exists already and is not a file of baton`);
    const directory = dirname(place);
    mkdirSync(directory, { recursive: true });
    // Atomically: a shell may be reading the existing one.
    const fresh = `${place}.${process.pid}`;
    // A link to a checkout would break as soon as that is removed.
    if (top === PREFIX && place.includes('/man/')) symlinkSync(relative(directory, file), fresh);
    else copyFileSync(file, fresh);
    if (isRoot) {
      openTree(fresh);
      openWay(top, directory);
    }
    renameSync(fresh, place);
    if (isAsked) process.stdout.write(`${place}\n`);
  });
}

/** Nothing is there, or a file of baton, or a link to one that npm has removed. */
function isFree(place) {
  if (existsSync(place)) return /\bbaton\b/.test(readFileSync(place, 'utf8'));
  const entry = lstatSync(place, { throwIfNoEntry: false });
  return entry === undefined || /\bbatond\b/.test(readlinkSync(place));
}

function attempt(place, action) {
  try {
    action();
  } catch (error) {
    trouble(`${place}: cannot be written (${error.code ?? error.message})`);
  }
}

function trouble(message) {
  complain(message);
  if (isAsked) process.exitCode = 1;
}

function complain(message) {
  process.stderr.write(`completions: ${message}\n`);
}
