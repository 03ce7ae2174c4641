/** What a failing test file shows of its daemons. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { directory } from '../support/config.ts';
import { LINES_SHOWN_MAX, showOnFailure, showWhenLong } from '../support/daemonlog.ts';

const SUPPORT = join(import.meta.dirname, '../support');

/** The runner's output for a file with these tests, which have a `rig` and `assert`. */
function outputOf(t: TestContext, tests: string): string {
  const file = join(directory(t), 'inner.test.mjs');
  const script = `
    import assert from 'node:assert';
    import { after, describe, test } from 'node:test';
    import { Rig } from '${SUPPORT}/rig.js';
    const rig = await Rig.start({ targets: { a: { runner: { type: 'dummy', time: '1ms' } } } });
    after(() => rig.close());
    ${tests}`;
  writeFileSync(file, script);
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const args = ['--test', '--test-reporter=tap', file];
  return spawnSync(process.execPath, args, { encoding: 'utf8', env }).stdout;
}

const FAILS = `async () => { await rig.baton('run', 'a', '--wait'); assert.fail('so it is'); }`;

for (const [where, tests] of [
  ['a test', `test('inner', ${FAILS});`],
  ['a suite', `describe('suite', () => { test('inner', ${FAILS}); });`],
] as const) {
  test(`${where} that fails shows what its daemon logged`, (t) => {
    const output = outputOf(t, tests);
    const [, after = ''] = output.split('not ok 1 - inner');
    assert.match(after, /# the daemon of \S+:\n/);
    assert.match(after, /# .*"msg":"ready"/);
    assert.match(after, /# .*"msg":"accepted"/);
  });
}

test('a test that succeeds shows nothing, and what was logged for it is not shown for the next', (t) => {
  const succeeds = `test('good', async () => { await rig.baton('run', 'a', '--wait'); });`;
  assert.doesNotMatch(outputOf(t, succeeds), /the daemon of/);
  const output = outputOf(t, `${succeeds} test('bad', ${FAILS});`);
  assert.match(output, /# .*"run":2,.*"msg":"accepted"/);
  assert.doesNotMatch(output, /"msg":"ready"|"run":1,/);
});

test('a file that takes long shows the last lines of each daemon before it is ended', (t) => {
  const write = t.mock.method(process.stderr, 'write', () => true);
  const log = Array.from({ length: LINES_SHOWN_MAX }, (_, at) => ({ line: at }));
  showOnFailure({ directory: '/x', log, stderr: 'said\n' });
  t.mock.timers.enable({ apis: ['setTimeout'] });
  showWhenLong(5);
  t.mock.timers.tick(5);
  t.mock.timers.reset();
  const [text = ''] = write.mock.calls.map((call) => String(call.arguments[0]));
  const lines = text.trim().split('\n');
  assert.equal(lines[0], 'this file has run for 5 ms');
  assert.equal(lines[1], 'the daemon of /x, without its first 1 lines:');
  assert.equal(lines[2], '{"line":1}');
  assert.equal(lines.at(-1), 'said');
  assert.equal(lines.length, 2 + LINES_SHOWN_MAX);
});
