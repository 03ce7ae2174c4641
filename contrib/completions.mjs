/**
 * Puts the completions for bash, zsh and fish where the shells find them:
 * node completions.mjs [PREFIX]
 *
 * npm has no place for completions, so `npm install -g` runs this ("postinstall" in package.json),
 * with its own prefix; anywhere else, as in a checkout, it then does nothing. Copies, not links:
 * what is left behind when npm removes the package must not make every new zsh complain of a
 * dangling link.
 *
 * Invariants: nothing is overwritten but completions of baton's, and no installation fails because
 * of them.
 */
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

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
  for (const [name, place] of places(resolve(prefix))) put(name, place);
}

/** The zsh of Debian looks into vendor-completions below /usr, every zsh into site-functions. */
function places(root) {
  const vendor = join(root, 'share/zsh/vendor-completions');
  const zsh = existsSync(vendor) ? vendor : join(root, 'share/zsh/site-functions');
  return [
    ['baton.bash', join(root, 'share/bash-completion/completions/baton')],
    ['_baton', join(zsh, '_baton')],
    ['baton.fish', join(root, 'share/fish/vendor_completions.d/baton.fish')],
  ];
}

function put(name, place) {
  const file = fileURLToPath(new URL(`completions/${name}`, import.meta.url));
  try {
    if (existsSync(place) && !/\bbaton\b/.test(readFileSync(place, 'utf8'))) {
      return trouble(`${place}: is there already and no completion of baton's`);
    }
    mkdirSync(dirname(place), { recursive: true });
    copyFileSync(file, place);
    if (isAsked) process.stdout.write(`${place}\n`);
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
