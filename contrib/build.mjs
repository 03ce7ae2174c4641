/**
 * Builds what tsc does not: the bundles, and the files that are no TypeScript.
 *
 *   dist/client/main.cjs    the fast path; small, because parsing unused code costs milliseconds
 *   dist/client/cli.cjs     everything else, loaded by it when needed
 *   dist/daemon/batond.cjs  the daemon: one file instead of 200 starts in 60 % of the time and takes
 *                           9 MB less; not minified, since its stack traces are read by people
 *
 * CommonJS, because an ES module starts some 6 ms later. They are built from the sources, not from
 * tsc's output, so this runs without tsc too.
 */
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** The fast path's size is its start-up time. */
const MAIN_BYTES_MAX = 10_000;

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const common = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  legalComments: 'none',
  logLevel: 'warning',
  // ndjson brings a copy of Node's own streams.
  alias: { 'readable-stream': 'node:stream' },
};

/** What an ES module knows of itself, for one that became CommonJS. */
const MODULE_WORDS = {
  define: { 'import.meta.url': 'importMeta.url', 'import.meta': 'importMeta' },
  banner: {
    js: [
      `const importMeta={url:require('node:url').pathToFileURL(__filename).href,`,
      'filename:__filename,dirname:__dirname};',
    ].join(''),
  },
};

await Promise.all([
  build({
    ...common,
    minify: true,
    entryPoints: ['client/main.ts'],
    outfile: 'dist/client/main.cjs',
    external: ['./cli.cjs'],
    banner: { js: '#!/usr/bin/env node' },
    plugins: [withoutSchemas()],
  }),
  build({
    ...common,
    ...MODULE_WORDS,
    minify: true,
    entryPoints: ['client/cli.ts'],
    outfile: 'dist/client/cli.cjs',
    plugins: [lazyNormalizer()],
  }),
  build({
    ...common,
    ...MODULE_WORDS,
    entryPoints: ['daemon/main.ts'],
    outfile: 'dist/daemon/batond.cjs',
    sourcemap: true,
    plugins: [lazyNormalizer()],
  }),
]);

const { size } = statSync('dist/client/main.cjs');
if (size >= MAIN_BYTES_MAX) {
  throw new Error(`dist/client/main.cjs has ${size} bytes, expected less than ${MAIN_BYTES_MAX}`);
}
if (existsSync('daemon/keeper.pl')) {
  mkdirSync('dist/daemon', { recursive: true });
  copyFileSync('daemon/keeper.pl', 'dist/daemon/keeper.pl');
}
for (const path of ['dist/client/main.cjs', 'dist/daemon/batond.cjs']) {
  if (existsSync(path)) chmodSync(path, 0o755);
}

/**
 * The fast path takes constants and types from daemon/protocol.ts, never a schema, but esbuild
 * cannot see that building one has no effect (it spreads objects). So here valibot's functions
 * make nothing.
 */
function withoutSchemas() {
  return {
    name: 'without-schemas',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^valibot$/ }, ({ path }) => ({ path, namespace: 'empty' }));
      onLoad({ filter: /./, namespace: 'empty' }, () => {
        const source = readFileSync('daemon/protocol.ts', 'utf8');
        const names = new Set(
          Array.from(source.matchAll(/\bv\.([a-z]\w*)\(/g), ([, name]) => name),
        );
        const lines = Array.from(names, (name) => `export const ${name} = () => ({});`);
        return { contents: lines.join('\n') };
      });
    },
  };
}

/**
 * meow carries a normalizer of package.json files that spends 10 ms on its tables when loaded, and
 * that we never call: it is now loaded by the first call.
 */
function lazyNormalizer() {
  const eager =
    /var normalizeExports = requireNormalize\(\);\s*const normalizePackageData = [^\n]+;/;
  const lazy = 'const normalizePackageData = (data) => requireNormalize()(data);';
  let isDone = false;
  return {
    name: 'lazy-normalizer',
    setup({ onLoad, onEnd }) {
      onLoad({ filter: /[/\\]meow[/\\]build[/\\]dependencies\.js$/ }, ({ path }) => {
        const source = readFileSync(path, 'utf8');
        isDone = eager.test(source);
        return { contents: source.replace(eager, lazy), loader: 'js' };
      });
      onEnd(() => {
        if (isDone) return;
        throw new Error(
          'meow has changed: build/dependencies.js has no eager "normalizePackageData" any more; ' +
            'see if contrib/build.mjs still needs to make it lazy',
        );
      });
    },
  };
}
