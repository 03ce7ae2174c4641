/**
 * Patterns of `acceptArgs`: they mean the same as in JavaScript, and no foreign text keeps the
 * daemon busy.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createContext, runInContext } from 'node:vm';
import fc from 'fast-check';
import { findUnfit, type Target } from '../../../daemon/core/catalog.ts';
import {
  MATCH_STEPS_MAX,
  matchWhole,
  PATTERN_PLACES_MAX,
  type Pattern,
  parsePattern,
} from '../../../daemon/shared/pattern.ts';
import { PATTERN_CHARS_MAX } from '../../../daemon/shared/pattern-tree.ts';
import { accepted, load, only } from '../../support/config.ts';

const runner = { type: 'local', args: ['/bin/echo'] };
/** More than any connection can send in a line. */
const LINE_CHARS = 65_536;

function pattern(source: string): Pattern {
  const parsed = parsePattern(source);
  assert.ok(typeof parsed !== 'string', `${source}: ${String(parsed)}`);
  return parsed;
}

function targetOf(...acceptArgs: readonly string[]): Target {
  const target = accepted(load({ targets: { x: { runner, acceptArgs } } })).catalog.targets.get(
    'x',
  );
  assert.ok(target);
  return target;
}

/** Possible parts of a pattern, with the characters below. */
const ATOMS = [
  ...['a', 'b', '-', '😀', '.', '\\n', '\\d', '\\w', '\\W', '\\s', '\\S', '\\.', '[ab]', '[^a]'],
  ...['[a-c-]', '[\\]\\-]', '[^\\d\\s]', '[[:]', '\\p{L}', '\\P{L}', '\\u0061', '\\x62', '\\u{63}'],
  ...['\\ud83d\\ude00', '\\cJ', '\\0', '[]', '[^]'],
];
const TEXT = fc.string({
  unit: fc.constantFrom(...'aabbc1- _.[]:\n\r\u2028\u00a0\ufeffé', '😀', '\ud83d', '\ude00', '\0'),
  maxLength: 8,
});
const { source: SOURCE } = fc.letrec<{ source: string }>((tie) => ({
  source: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(...ATOMS, '', '^', '$', '\\b', '\\B'),
    fc.array(tie('source'), { minLength: 2, maxLength: 4 }).map((parts) => parts.join('')),
    fc
      .tuple(
        fc.constantFrom('(', '(?:', '(?<name>', '(?:', '(?:'),
        fc.array(tie('source'), { minLength: 1, maxLength: 3 }),
        fc.constantFrom('', '', '*', '+', '?', '*?', '{2}', '{0}', '{1,}', '{0,2}', '{1,3}?'),
      )
      .map(([open, parts, times]) => `${open}${parts.join('|')})${times}`),
    fc
      .tuple(fc.constantFrom('(?=', '(?!', '(?<=', '(?<!'), tie('source'))
      .map(([open, part]) => `${open}${part})`),
  ),
}));

/**
 * JavaScript's verdict on each text; undefined if it gives up: nested repetitions need more time
 * than it has here, or its whole stack, even with eight characters.
 */
function theirMatches(source: string, texts: readonly string[]): unknown {
  Object.assign(engine, { pattern: new RegExp(`^(?:${source})$`, 'u'), texts });
  try {
    return runInContext('texts.map((text) => pattern.test(text))', engine, { timeout: 100 });
  } catch {
    return undefined;
  }
}
const engine = createContext({});

test('a pattern matches what it matches in JavaScript', () => {
  let compared = 0;
  fc.assert(
    fc.property(SOURCE, fc.array(TEXT, { minLength: 5, maxLength: 10 }), (source, texts) => {
      const parsed = parsePattern(source);
      if (parsed === 'too-large') return;
      // Two groups with one name, in an older JavaScript.
      if (parsed === 'no-pattern') return assert.throws(() => new RegExp(source, 'u'));
      if (typeof parsed === 'string') assert.fail(parsed);
      const matched = texts.map((text) => matchWhole(parsed, text, MATCH_STEPS_MAX)?.matches);
      const context = JSON.stringify({ source, texts });
      // Decided within the steps even if JavaScript gives up.
      assert.ok(!matched.includes(undefined), context);
      const expected = theirMatches(source, texts);
      if (expected === undefined) return;
      assert.equal(JSON.stringify(matched), JSON.stringify(expected), context);
      compared += texts.length;
    }),
    { numRuns: 3_000 },
  );
  assert.ok(compared > 10_000, `compared only ${compared}`);
});

for (const [source, yes, no] of [
  ['(?!-)[\\w-]+', ['a-b'], ['-a', '']],
  ['(?!.*\\.\\.)[\\w./]+', ['a/b.c', '.'], ['a/../b', '..']],
  ['[a-z]+(?<!-old)|x', ['abc', 'x'], ['-old']],
  ['\\d{4}-\\d\\d-\\d\\d', ['2026-01-31'], ['2026-1-31', '2026-01-311']],
  ['(?=.*\\d)(?=.*[a-z]).{2,8}', ['a1', '1......a'], ['aa', '11', 'a1.......']],
  ['(?<!a(?=b)).*', ['ab'], []],
] as const) {
  test(`the pattern ${source} is understood`, () => {
    for (const text of yes)
      assert.equal(matchWhole(pattern(source), text, 1e6)?.matches, true, text);
    for (const text of no)
      assert.equal(matchWhole(pattern(source), text, 1e6)?.matches, false, text);
  });
}

const HOSTILE = [
  '(a+)+b',
  '(?:a|a)*b',
  '(?:a*)*b',
  '(?:a?){30}a{30}',
  '([a-z]+)*\\d',
  '(?:.*,)*x',
  '(?!(a+)+b)a*c',
  'a*a*a*a*a*b',
  '(?:(?:(?:a{0,5}){0,5}){0,5})b',
];

test('steps grow with the text, and no faster', () => {
  for (const source of HOSTILE) {
    const parsed = pattern(source);
    const steps = (chars: number): number => {
      const most = 1e9;
      return most - (matchWhole(parsed, 'a'.repeat(chars), most)?.steps ?? 0);
    };
    const ratio = steps(8_000) / steps(4_000);
    assert.ok(ratio < 2.2, `${source}: ${ratio} times the steps for twice the text`);
  }
});

test('what 500 characters are held against is always decided; longer ones cost no more than the most steps', () => {
  let decided = 0;
  for (const source of [...HOSTILE, '(?:a*){300}b']) {
    const target = targetOf(source);
    const short = matchWhole(pattern(source), 'a'.repeat(500), MATCH_STEPS_MAX);
    assert.equal(short?.matches, false, source);
    const unfit = findUnfit(target, ['a'.repeat(LINE_CHARS)]) ?? '';
    if (/^does not accept argument 1: 65536 characters are too many/.test(unfit)) decided++;
    else assert.match(unfit, /^does not accept argument 1: expected/);
  }
  assert.ok(decided > 0);
});

test('the steps of a request are those of all its arguments', () => {
  const source = '(?:a*){100}';
  const arg = 'a'.repeat(2_000);
  assert.equal(findUnfit(targetOf(source), [arg]), undefined);
  const several = Array.from({ length: 10 }, () => source);
  const unfit =
    findUnfit(
      targetOf(...several),
      several.map(() => arg),
    ) ?? '';
  assert.match(unfit, /^does not accept argument \d+: 2000 characters are too many/);
});

test('a pattern that cannot be bounded is a mistake of the configuration', () => {
  const mistake = (source: string): string =>
    only(load({ targets: { x: { runner, acceptArgs: [source] } } }));
  for (const source of ['(a)\\1', '(?<n>a)\\k<n>', '(a)(?:b|\\1)']) {
    assert.match(mistake(source), /^targets\.x\.acceptArgs\[0\]: .*without back-references/);
  }
  const most = PATTERN_PLACES_MAX;
  for (const source of [`a{${most}}`, '(?:a{100}){100}', '(?:){1000000000}', 'a{0,99999}']) {
    assert.match(mistake(source), /of at most 4000 characters and 1000 places/, source);
  }
  assert.match(mistake(`${'a|'.repeat(PATTERN_CHARS_MAX / 2)}a`), /of at most 4000 characters/);
  assert.match(mistake('(?i:a)'), /expected a regular expression/);
  for (const source of [
    `a{${most - 1}}`,
    '[0-9a-f]{64}',
    '.{1,255}',
    '(?:'.repeat(999) + ')'.repeat(999),
  ]) {
    assert.equal(typeof pattern(source), 'object', source);
  }
});
