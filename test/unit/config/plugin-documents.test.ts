/** The documentation for plugins: their types, and the example of baton-plugin(7), which works. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { PLUGIN_EXAMPLE } from '../../../contrib/generate/pluginpage.ts';
import type { Policy, StandardSchema } from '../../../contrib/plugin.d.ts';
import { describeConfig } from '../../../daemon/config/describe.ts';
import type { PolicyPlugin } from '../../../daemon/core/plugin.ts';
import { planOf } from '../../../daemon/engine/daemon.ts';
import { accepted, ROOT } from '../../support/config.ts';
import { Core } from '../../support/core.ts';
import { mistakesIn, PluginFolder, withPolicy } from '../../support/plugins.ts';

interface Options {
  readonly a: string;
}

/** Both are the same: what is written with the package's types is accepted by the core. */
const options: StandardSchema<Options> = {
  '~standard': { version: 1, vendor: 'x', validate: () => ({ value: { a: '' } }) },
};
const theirs: Policy<Options> = {
  type: 'x',
  options,
  group: ({ a }) => a,
  admit: () => ({ type: 'admit' }),
  ready: (_run, { self }) => ({ type: 'wait', reason: self.options.a, behind: [] }),
};
const ours: PolicyPlugin<Options> = theirs;
const back: Policy<Options> = ours;

test('the types of the package are those of the core, and need no other package', () => {
  assert.equal(back.type, 'x');
  const text = readFileSync(join(ROOT, 'contrib/plugin.d.ts'), 'utf8');
  assert.doesNotMatch(text, /^import |export (function|const)/m);
  const about = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    readonly exports: Readonly<Record<string, { readonly types?: string }>>;
  };
  assert.equal(about.exports['./plugin']?.types, './contrib/plugin.d.ts');
});

test('the example of baton-plugin(7) lets runs start in its hours only', async (t) => {
  const folder = new PluginFolder(t);
  const file = folder.write('hours.mjs', PLUGIN_EXAMPLE);
  const wrong = await folder.load(['hours.mjs'], withPolicy('hours', { hours: ['one'] }));
  assert.match(
    mistakesIn(folder, wrong),
    /: targets\.t\.policies\[0\]\.hours: policy hours reports: /,
  );
  const config = accepted(await folder.load(['hours.mjs'], withPolicy('hours', { hours: [23] })));
  assert.ok(describeConfig(config).includes(`\n  plugin ${file}: policy hours\n`));
  const core = new Core([...config.catalog.targets.values()]);
  const run = core.ask('t');
  assert.deepEqual(core.why(run), ['waits for one of its hours; it is 22 UTC']);
  const openMs = 3_600_000 - ((1_700_000_000_000 + core.nowMs) % 3_600_000);
  core.advance(openMs - 1);
  core.expect(run, 'queued');
  core.advance(openMs);
  core.expect(run, 'running');
});

/** As "HH:MM" in local time. */
function clock(wallMs: number): string {
  const date = new Date(wallMs);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}`;
}

test('the example quiet-hours keeps runs from starting in the hours of its file', async (t) => {
  const folder = new PluginFolder(t);
  const example = 'contrib/examples/quiet-hours.mjs';
  folder.write('quiet-hours.mjs', readFileSync(join(ROOT, example), 'utf8'));
  const file = join(folder.path, 'hours');
  const load = async () =>
    accepted(await folder.load(['quiet-hours.mjs'], withPolicy('quiet-hours', { file })));
  const brokenBy = async () => (await load()).catalog.targets.get('t')?.broken;
  assert.equal(await brokenBy(), `${file} cannot be read (ENOENT); create it, or correct "file"`);
  folder.write('hours', '# at night\n10 to 11\n');
  assert.equal(
    await brokenBy(),
    `${file}: "10 to 11" is not a span such as "22:00-06:00"; correct the line`,
  );
  const wallMs = 1_700_000_000_000;
  const span = `${clock(wallMs - 120_000)}-${clock(wallMs + 120_000)}`;
  folder.write('hours', `# at night\n${span} # every day\n`);
  const { catalog } = await load();
  const core = new Core([...catalog.targets.values()]);
  const run = core.ask('t');
  assert.deepEqual(core.why(run), [`waits until the quiet hours in ${file} end, in 2 min`]);
  const endMs = 120_000 - (wallMs % 60_000);
  core.advance(endMs - 1);
  core.expect(run, 'queued');
  core.advance(endMs);
  core.expect(run, 'running');
});

test('the example memory-limit runs its command by systemd-run, as the runner local', async (t) => {
  const folder = new PluginFolder(t);
  const example = readFileSync(join(ROOT, 'contrib/examples/memory-limit.mjs'), 'utf8');
  folder.write('memory-limit.mjs', example);
  const load = (runner: object) =>
    folder.load(['memory-limit.mjs'], {
      targets: { t: { runner: { type: 'memory-limit', ...runner }, acceptArgs: ['[a-z]+'] } },
    });
  const wrong = mistakesIn(folder, await load({ memory: 'much', args: [] }));
  assert.match(
    wrong,
    /runner\.memory: runner memory-limit reports: expected a size such as "2G"; /,
  );
  assert.match(wrong, /runner\.args: runner memory-limit reports: expected a command as a list/);
  const others = await load({ memory: '2G', args: ['/bin/dump'], user: 'nobody' });
  assert.match(
    mistakesIn(folder, others),
    /runner\.user: runner memory-limit reports: unknown key;/,
  );
  const config = accepted(await load({ memory: '2G', args: ['/bin/dump', '-v'] }));
  assert.match(describeConfig(config), /\n {2}plugin .*memory-limit\.mjs: runner memory-limit\n/);
  const target = config.catalog.targets.get('t');
  assert.ok(target !== undefined);
  const plan = planOf(target, ['x']);
  assert.ok(plan.keeper === 'process');
  const limits = ['systemd-run', '--scope', '--quiet', '-p', 'MemoryMax=2G', '--'];
  assert.deepEqual(plan.args, [...limits, '/bin/dump', '-v', 'x']);
});

test('a runner whose plan is wrong is a mistake where it is named', async (t) => {
  for (const [plan, said] of [
    ['() => { throw Error("x"); }', /runner mine failed: plan\(\) threw Error: x/],
    ['() => 5', /runner mine failed: plan\(\) returned 5; expected an object with args/],
    [
      '() => ({ args: ["a"], cwd: "b" })',
      /plan\(\) of runner mine returned a wrong "cwd": expected an/,
    ],
  ] as const) {
    const folder = new PluginFolder(t);
    const validate = '(value) => ({ value })';
    const schema = `{ '~standard': { version: 1, vendor: 'x', validate: ${validate} } }`;
    folder.write('x.mjs', `export const x = { type: 'mine', options: ${schema}, plan: ${plan} };`);
    const targets = { t: { runner: { type: 'mine' } } };
    assert.match(mistakesIn(folder, await folder.load(['x.mjs'], { targets })), said);
  }
});
