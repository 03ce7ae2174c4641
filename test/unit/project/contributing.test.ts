/** CONTRIBUTING.md and README.md refer only to existing things, and the worked example works. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { describeConfig } from '../../../daemon/config/describe.ts';
import { accepted, ROOT } from '../../support/config.ts';
import { Core } from '../../support/core.ts';
import { mistakesIn, PluginFolder } from '../../support/plugins.ts';
import { drawTerminal } from '../../support/terminalsvg.ts';

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const TEXT = read('CONTRIBUTING.md');

test('every path that CONTRIBUTING.md names is there', () => {
  const words = [...TEXT.matchAll(/`([^`\s]+)`/g)].flatMap(([, word]) => word ?? []);
  const paths = words.filter((word) => /^[\w.-]+\/|\.(ts|md|json|pl)$/.test(word));
  assert.ok(paths.length > 40, 'it names many');
  for (const path of paths) assert.ok(existsSync(join(ROOT, path)), path);
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
  const [, code = ''] = /```js\n([\s\S]*?)```/.exec(TEXT) ?? [];
  const [, json = ''] = /```json\n([\s\S]*?)```/.exec(TEXT) ?? [];
  const folder = new PluginFolder(t);
  const file = folder.write('rest.mjs', code);
  const load = async (text: string) => {
    const { plugins, ...rest } = JSON.parse(text) as { plugins: string[] };
    assert.deepEqual(plugins, ['/etc/baton/rest.mjs']);
    return await folder.load([file], rest);
  };
  const wrong = await load(json.replace('60', '"soon"'));
  assert.match(
    mistakesIn(folder, wrong),
    /minutes: policy rest reports: expected a number of minutes/,
  );
  const config = accepted(await load(json));
  assert.match(describeConfig(config), /\n {2}plugin .*rest\.mjs: policy rest\n/);
  const core = new Core([...config.catalog.targets.values()]);
  core.end(core.ask('mirror'));
  const second = core.ask('mirror');
  assert.deepEqual(core.why(second), ['waits until 60 min have passed since run 1 (mirror)']);
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
