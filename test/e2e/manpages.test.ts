/** The man pages as rendered by the machine's own tools. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { optionOf, VERBS } from '../../client/command-line/manual.ts';
import { ROOT } from '../support/config.ts';
import { skipWithout } from '../support/tools.ts';

const MAN = join(ROOT, 'contrib/man');
const pages = readdirSync(MAN);
const COLUMNS = 80;
/** A character that is printed again, as in bold text. */
const OVERSTRIKE = new RegExp(`.${String.fromCharCode(8)}`, 'gu');

/** What a reader sees, without bold and underlined text. */
function rendered(name: string): string {
  const env = {
    ...process.env,
    MANWIDTH: `${COLUMNS}`,
    LC_ALL: 'C.UTF-8',
    MAN_KEEP_FORMATTING: '',
  };
  const { stdout, stderr } = spawnSync('man', ['-l', join(MAN, name)], { env, encoding: 'utf8' });
  assert.equal(stderr, '');
  return stdout.replaceAll(OVERSTRIKE, '');
}

test('package.json installs every man page', () => {
  const about = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  assert.deepEqual(about.man.toSorted(), pages.map((name) => `contrib/man/${name}`).toSorted());
  assert.ok(pages.length >= 4);
});

for (const name of pages) {
  test(`${name} is read by man without a warning, and fits ${COLUMNS} columns`, (t: TestContext) => {
    if (skipWithout(t, 'man')) return;
    const args = ['--warnings', '-E', 'UTF-8', '-l', '-Tutf8', '-Z', join(MAN, name)];
    const { status, stderr } = spawnSync('man', args, { encoding: 'utf8' });
    assert.deepEqual({ status, stderr }, { status: 0, stderr: '' });
    const text = rendered(name);
    assert.match(text, /^NAME\n {7}\S+ - \S/m);
    for (const line of text.split('\n')) assert.ok(line.length <= COLUMNS, line);
    // Markup that the generator has missed.
    assert.doesNotMatch(text, /`|undefined|\\[(f%]/);
    // An option that is broken after its bracket, with a hyphen that is not part of it.
    assert.doesNotMatch(text, /^.*\P{L}‐$/mu);
  });

  test(`mandoc finds nothing in ${name} but that it has no date`, (t: TestContext) => {
    if (skipWithout(t, 'mandoc')) return;
    const { stdout } = spawnSync('mandoc', ['-T', 'lint', join(MAN, name)], { encoding: 'utf8' });
    const found = stdout.split('\n').filter((line) => line !== '');
    assert.deepEqual(
      found.filter((line) => !/missing date, using ""/.test(line)),
      [],
    );
  });
}

test('baton(1) shows every command and its options', (t: TestContext) => {
  if (skipWithout(t, 'man')) return;
  const text = rendered('baton.1');
  for (const verb of VERBS.filter(({ isHidden }) => isHidden !== true)) {
    assert.match(text, new RegExp(`^ {7}baton ${verb.name}\\b`, 'm'));
    const from = text.search(new RegExp(`^ {3}${verb.name}\\b`, 'm'));
    assert.ok(from > 0, verb.name);
    for (const { name } of verb.options) {
      assert.match(text.slice(from), new RegExp(`^ {7}(-\\w, )?${optionOf(name)}\\b`, 'm'));
    }
  }
});
