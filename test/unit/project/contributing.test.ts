/** CONTRIBUTING.md and README.md name what is there, and the worked example works. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { transformSync } from 'esbuild';
import * as v from 'valibot';
import { bind } from '../../../daemon/core/catalog.ts';
import type { Policy } from '../../../daemon/core/policy.ts';
import { directory, ROOT } from '../../support/config.ts';
import { Core, target } from '../../support/core.ts';
import { drawTerminal } from '../../support/terminalsvg.ts';

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const TEXT = read('CONTRIBUTING.md');

/** What the worked example tells people to write. */
const NEW = ['policies/pause.ts', 'test/unit/policies/pause.test.ts'];

test('every path that CONTRIBUTING.md names is there, and the files of its example are not', () => {
  const words = [...TEXT.matchAll(/`([^`\s]+)`/g)].flatMap(([, word]) => word ?? []);
  const paths = words.filter((word) => /^[\w.-]+\/|\.(ts|md|json|pl)$/.test(word));
  assert.ok(paths.length > 40, 'it names many');
  for (const path of paths) assert.equal(existsSync(join(ROOT, path)), !NEW.includes(path), path);
  for (const [, path = ''] of TEXT.matchAll(/dist\/(test\/\S+)\.js/g)) {
    assert.ok(existsSync(join(ROOT, `${path}.ts`)), path);
  }
});

test('every script that CONTRIBUTING.md and README.md name is one of package.json', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  const rows = [...TEXT.matchAll(/^\| `(\w+)` \| /gm)].map(([, name]) => name);
  const named = [...`${TEXT}${read('README.md')}`.matchAll(/npm run (\w+)/g)].map(([, it]) => it);
  assert.ok(rows.length > 8 && named.length > 5);
  for (const name of [...rows, ...named]) assert.ok(scripts[name ?? ''], `npm run ${name}`);
});

test('every file that README.md links is there, and its picture names nobody', () => {
  const links = [...read('README.md').matchAll(/\]\(([^)#\s]+)[^)]*\)/g)].map(([, to = '']) => to);
  assert.ok(links.includes('contrib/picture/status.svg'));
  for (const link of links) assert.ok(existsSync(join(ROOT, link)), link);
  const picture = 'contrib/picture/status.svg';
  assert.ok(statSync(join(ROOT, picture)).size <= 40_000);
  assert.doesNotMatch(read(picture), />[^<]*(\/tmp|\/home|\/root|\w@\w)/);
});

test('the policy of the worked example lets a target rest between two runs', async (t) => {
  const [, code = ''] = /```ts\n([\s\S]*?)```/.exec(TEXT) ?? [];
  const at = (path: string): string => pathToFileURL(join(ROOT, 'dist', path)).href;
  const source = code
    .replace('../daemon/shared/duration.ts', at('daemon/shared/duration.js'))
    .replace('../daemon/core/policy.ts', at('daemon/core/policy.js'))
    .replace("'valibot'", `'${import.meta.resolve('valibot')}'`);
  const file = join(directory(t), 'pause.mjs');
  writeFileSync(file, transformSync(source, { loader: 'ts' }).code);
  const { pause } = (await import(pathToFileURL(file).href)) as { pause: Policy<unknown> };
  assert.equal(v.safeParse(pause.options, { type: 'pause', time: 'soon' }).success, false);
  const options = v.parse(pause.options, { type: 'pause', time: '1h' });
  const core = new Core([target('t', [], { bindings: [bind(pause, options, { name: 't' })] })]);
  core.end(core.ask('t'));
  const second = core.ask('t');
  assert.deepEqual(core.why(second), ['waits until 1h have passed since run 1 (t)']);
  core.advance(3_600_000 - 1);
  core.expect(second, 'queued');
  core.advance(3_600_000);
  core.expect(second, 'running');
});

test('a coloured line of a terminal is drawn in its columns, and its signs are escaped', () => {
  const picture = drawTerminal(['\x1b[1;31m✗ a<b\x1b[0m  \x1b[2mdim\x1b[0m', 'x    y'], 'A & B');
  assert.match(picture, /<title>A &amp; B<\/title>/);
  assert.match(picture, /<text x="16" y="\d+" textLength="40" class="b c31">✗ a&lt;b<\/text>/);
  assert.match(picture, /<text x="72" y="\d+" textLength="24" class="d">dim<\/text>/);
  assert.match(picture, /<text x="56" y="\d+" textLength="8">y<\/text>/);
  assert.throws(() => drawTerminal(['\x1b[45mviolet'], ''), /no colour for SGR 45/);
});
