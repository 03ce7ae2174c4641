/**
 * Builds what tsc does not: the bundles, and the files that are not TypeScript.
 *
 *   dist/client/main.cjs    the fast path; small, because parsing unused code costs milliseconds
 *   dist/client/cli.cjs     everything else, loaded by it when needed
 *   dist/daemon/batond.cjs  the daemon: one file instead of 200 starts in 60 % of the time and
 *                           takes 9 MB less; not minified, because people read its stack traces
 *   dist/runners/ssh/       the SSH keeper, and ssh2, which it shares with the daemon: there the
 *                           first key loads it, because it takes 12 MB
 *   dist/daemon/*.pl        the fork server, and the keeper in a Slurm job, each with their
 *                           common part
 *   dist/test/demo.js       for `npm run demo`, which a newcomer can try without tsc
 *   dist/licences, dist/NOTICE, dist/sbom.cdx.json
 *                           of all modules in the above: see licences.mjs
 *
 * The packages ship only these: npm has nothing else to install, so it needs no network, and no
 * compiler for the optional parts of ssh2. CommonJS, because an ES module starts some 6 ms later.
 * They are built from the sources, not from tsc's output, so this runs without tsc too.
 */
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { build } from 'esbuild';
import { bundledIn } from './bundled.mjs';
import { noticeOf, sbomOf, stanzasOf } from './licences.mjs';
import { openTree, openWay, ROOT } from './readable.mjs';

/** The size of the fast path determines its start-up time. */
const MAIN_BYTES_MAX = 10_500;

/** Optional native modules that ssh2 tries to load; the packages do not contain them. */
const NATIVE = ['cpu-features', '*/sshcrypto.node'];

const COMMANDS = ['dist/client/baton.pl', 'dist/client/main.cjs', 'dist/daemon/batond.cjs'];
/** What else the packages ship; git has written it, with modes according to the umask. */
const SHIPPED = /^([A-Z]+\.md|config\.json|package\.json|contrib)$/;

process.chdir(ROOT);

const common = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  legalComments: 'none',
  logLevel: 'warning',
  metafile: true,
  write: false,
  alias: {
    // ndjson uses a copy of Node's own streams.
    'readable-stream': 'node:stream',
    // Its CommonJS form imports its parts in a way that bundlers do not see.
    'jsonc-parser': 'jsonc-parser/lib/esm/main.js',
  },
};

/** Replacements for import.meta in an ES module that was converted to CommonJS. */
const MODULE_WORDS = {
  define: { 'import.meta.url': 'importMeta.url', 'import.meta': 'importMeta' },
  banner: {
    js: [
      `const importMeta={url:require('node:url').pathToFileURL(__filename).href,`,
      'filename:__filename,dirname:__dirname};',
    ].join(''),
  },
};

const built = await Promise.all([
  build({
    ...common,
    minify: true,
    entryPoints: ['client/main.ts'],
    outfile: 'dist/client/main.cjs',
    external: ['./cli.cjs'],
    banner: { js: '#!/usr/bin/env node' },
  }),
  build({
    ...common,
    ...MODULE_WORDS,
    minify: true,
    entryPoints: ['client/cli.ts'],
    outfile: 'dist/client/cli.cjs',
  }),
  build({
    ...common,
    ...MODULE_WORDS,
    entryPoints: ['daemon/main.ts'],
    outfile: 'dist/daemon/batond.cjs',
    sourcemap: true,
    plugins: [lazySsh2('../runners/ssh/ssh2.cjs')],
  }),
  build({
    ...common,
    ...MODULE_WORDS,
    entryPoints: ['runners/ssh-keeper/main.ts'],
    outfile: 'dist/runners/ssh/keeper.cjs',
    sourcemap: true,
    plugins: [lazySsh2('./ssh2.cjs')],
  }),
  build({
    ...common,
    entryPoints: ['node_modules/ssh2/lib/index.js'],
    outfile: 'dist/runners/ssh/ssh2.cjs',
    external: NATIVE,
  }),
  build({
    ...common,
    bundle: false,
    format: 'esm',
    alias: {},
    entryPoints: ['test/demo.ts'],
    outfile: 'dist/test/demo.js',
  }),
]);
const bundles = built.flatMap(({ outputFiles }) => outputFiles);
const { length } = bundles.find(({ path }) => path.endsWith('/dist/client/main.cjs')).contents;
if (length >= MAIN_BYTES_MAX) {
  throw new Error(`dist/client/main.cjs has ${length} bytes, expected less than ${MAIN_BYTES_MAX}`);
}
for (const { path, contents } of bundles) put(relative('.', path), contents);
const modules = bundledIn(built.flatMap(inputsOf));
const about = JSON.parse(readFileSync('package.json', 'utf8'));
put('dist/licences', stanzasOf(modules));
put('dist/NOTICE', noticeOf(modules, about));
put('dist/sbom.cdx.json', sbomOf(modules, about));
put('dist/client/baton.pl', readFileSync('client/baton.pl'));
// Each of the two Perl keepers must be a single file, because it may be copied to another machine.
for (const [file, part] of [
  ['keeper.pl', 'fork-server.pl'],
  ['slurm-keeper.pl', 'slurm-keeper.pl'],
]) {
  const parts = ['keeper.pl', part].map((name) => readFileSync(`daemon/keepers/${name}`, 'utf8'));
  put(`dist/daemon/${file}`, `#!/usr/bin/perl\n${parts.join('\n')}`);
}
// The package does not depend on the umask, and other users can read it.
for (const path of readdirSync('.').filter((name) => SHIPPED.test(name))) openTree(path);

/** Atomically: cron may be starting the existing one, and half a program would exit with 0. */
function put(path, contents) {
  mkdirSync(dirname(path), { recursive: true });
  const fresh = `${path}.${process.pid}.new`;
  writeFileSync(fresh, contents);
  // Whatever the umask: other users' crontabs call them.
  chmodSync(fresh, COMMANDS.includes(path) ? 0o755 : 0o644);
  openWay(ROOT, join(ROOT, dirname(path)));
  renameSync(fresh, path);
}

/** The files whose code is in the output. */
function inputsOf({ metafile }) {
  const inputs = Object.values(metafile.outputs).flatMap((output) => Object.entries(output.inputs));
  return inputs.flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [path] : []));
}

/** ssh2 is in a separate file, which is loaded on first use. */
function lazySsh2(file) {
  return {
    name: 'lazy-ssh2',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^ssh2$/ }, ({ path }) => ({ path, namespace: 'lazy' }));
      onResolve({ filter: /./, namespace: 'lazy' }, ({ path }) => ({ path, external: true }));
      onLoad({ filter: /./, namespace: 'lazy' }, () => ({
        contents: `module.exports = new Proxy({}, { get: (_, name) => require('${file}')[name] });`,
      }));
    },
  };
}
