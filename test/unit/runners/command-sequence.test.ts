/** Several commands as one, run by the machine's own sh. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import fc from 'fast-check';
import * as v from 'valibot';
import { sequence } from '../../../runners/command-sequence.ts';
import { local } from '../../../runners/local.ts';

function perform([file, ...args]: readonly string[]) {
  const { status, stdout } = spawnSync(file ?? '', args, { encoding: 'utf8' });
  return { status, stdout };
}

/** Prints which of the commands it is, and exits with a code. */
function step(name: number, code: number): [string, ...string[]] {
  return ['/bin/sh', '-c', `echo ${name}; exit ${code}`];
}

const codes = fc.constantFrom(0, 0, 1, 2, 3, 143);

test('commands run in order, as long as they end as they may; a warning on the way is kept', () => {
  fc.assert(
    fc.property(
      fc.array(codes, { minLength: 1, maxLength: 4 }),
      fc.subarray([0, 1, 2], { minLength: 1 }),
      (ends, continueOn) => {
        const failed = ends.slice(0, -1).findIndex((code) => !continueOn.includes(code));
        const ran = failed < 0 ? ends : ends.slice(0, failed + 1);
        const last = ran.at(-1) ?? 0;
        const kept = failed < 0 ? (ran.find((code) => code !== 0) ?? 0) : 0;
        const steps = ends.map((code, at) => step(at, code));
        const { status, stdout } = perform(sequence(steps, continueOn));
        assert.equal(stdout, ran.map((_, at) => `${at}\n`).join(''));
        assert.equal(status, last === 0 ? kept : last);
      },
    ),
    { numRuns: 60 },
  );
});

test('every word arrives as it was written, and appended ones go to the last command', () => {
  const word = fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0'));
  fc.assert(
    fc.property(fc.array(word, { maxLength: 4 }), fc.array(word, { maxLength: 2 }), (own, more) => {
      const print = (...words: string[]): [string, ...string[]] => ['printf', '[%s]', ...words];
      const { stdout } = perform([...sequence([print(...own), print('x')], [0]), ...more]);
      const shown = (words: readonly string[]): string =>
        words.length === 0 ? '[]' : words.map((text) => `[${text}]`).join('');
      assert.equal(stdout, shown(own) + shown(['x', ...more]));
    }),
    { numRuns: 60 },
  );
});

test('a command is a program, also where the shell has something of that name', () => {
  const cases = [
    [['exit', '0'], 127],
    [['exec', 'true'], 127],
    [['A=b'], 127],
    [['true'], 7],
  ] as const;
  for (const [first, status] of cases) {
    const steps = [[...first], step(1, 7)] as [string, ...string[]][];
    assert.equal(perform(sequence(steps, [0])).status, status, first.join(' '));
  }
});

test('local takes one command or several, never both, and continueOn beside several only', () => {
  const takes = (options: object): boolean =>
    v.safeParse(local.options, { type: 'local', ...options }).success;
  assert.ok(takes({ args: ['a'] }));
  assert.ok(takes({ cmds: [['a'], ['b', 'c']], continueOn: [0, 2] }));
  const wrong = [
    {},
    { args: ['a'], cmds: [['b']] },
    { args: ['a'], continueOn: [0] },
    { cmds: [] },
    { cmds: [[]] },
    { cmds: ['a b'] },
    { cmds: [['a']], continueOn: [] },
    { cmds: [['a']], continueOn: [256] },
  ];
  for (const options of wrong) assert.equal(takes(options), false, JSON.stringify(options));
});
