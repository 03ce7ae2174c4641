/** What `batond --check` prints: what is the same for several targets is printed once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeConfig } from '../../../daemon/config/describe.ts';
import { accepted, load } from '../../support/config.ts';

/** For these targets, each of which has the same fault or a fault of its own. */
function warnings(targets: Readonly<Record<string, string>>): readonly string[] {
  const config = accepted(
    load({
      targets: Object.fromEntries(
        Object.entries(targets).map(([name, program]) => [
          name,
          { runner: { type: 'local', args: [program, 'word'] } },
        ]),
      ),
    }),
  );
  return describeConfig(config)
    .split('\n')
    .filter((line) => line.startsWith('warning: '));
}

const one = { a: '/nowhere/one' };

test('a warning names its target', () => {
  const [warning = '', ...more] = warnings({ ...one, b: '/bin/true' });
  assert.match(warning, /^warning: target "a": its program \/nowhere\/one /);
  assert.deepEqual(more, []);
});

test('a warning of several targets is said once, with a few of their names', () => {
  const [first = '', second = '', ...more] = warnings({
    ...one,
    b: '/nowhere/two',
    ...Object.fromEntries(['c', 'd', 'e', 'f', 'g'].map((name) => [name, '/nowhere/one'])),
    h: '/nowhere/two',
  });
  assert.match(first, /^warning: target "a" \(and "c", "d", "e" and 2 more\): its program \S+one /);
  assert.match(second, /^warning: target "b" \(and "h"\): its program \/nowhere\/two /);
  assert.deepEqual(more, []);
});
