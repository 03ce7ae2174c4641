/** baton understands the command lines in the documents. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from '../../../client/cli.ts';
import { commandsOf } from '../../support/guide.ts';

const DOCUMENTS = {
  'README.md': 9,
  'contrib/FLEETS.md': 6,
  'contrib/SLURM.md': 2,
  'contrib/SSH.md': 2,
  'contrib/FROM-RSNAPSHOT.md': 3,
};

for (const [document, least] of Object.entries(DOCUMENTS)) {
  test(`every command line of baton in ${document} is understood`, () => {
    const lines = commandsOf(document).flatMap(callsIn);
    assert.ok(lines.length >= least, `only ${lines.length} command lines`);
    for (const words of lines) {
      const parsed = parse(words);
      assert.ok(parsed.ok, `baton ${words.join(' ')}: ${parsed.ok ? '' : parsed.mistake}`);
    }
  });
}

test('a command line that is not understood would be noticed', () => {
  const [words = []] = callsIn("30 2 * * Sun  root  baton run up --only 'web*' --later  # no");
  assert.deepEqual(words, ['run', 'up', '--only', 'web*', '--later']);
  assert.equal(parse(words).ok, false);
});

/** The words of each call of baton in a shell or crontab line. */
function callsIn(line: string): readonly (readonly string[])[] {
  const commands = line.replace(/\s#.*$/, '').split(/&&|\|\||;/);
  return commands.flatMap((command) => {
    const [, words] = /^(?:(?:\S+ +){5}root +| *(?:npx )?)baton (.*)$/.exec(command) ?? [];
    return words === undefined ? [] : [words.trim().replaceAll(/['"]/g, '').split(/ +/)];
  });
}
