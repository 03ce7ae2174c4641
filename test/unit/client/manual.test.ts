/** The manual is correct: its examples are understood, its pages fit, nothing is missing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from '../../../client/cli.ts';
import { overview, page } from '../../../client/command-line/help.ts';
import {
  EXIT_STATUSES,
  GLOBAL_OPTIONS,
  OLD_OPTIONS,
} from '../../../client/command-line/manual/place.ts';
import type { Option } from '../../../client/command-line/manual/verb.ts';
import { OPTIONS, optionOf, VERBS } from '../../../client/command-line/manual.ts';
import { EXIT } from '../../../daemon/protocol/request.ts';

const SCREEN = { lines: 24, columns: 80 };

/** A shell would split most of these lines in the same way. */
function wordsAfterBaton(line: string): string[] | undefined {
  const [, call] = /(?:^|\s)baton (.*?)(?: [|>&].*)?$/.exec(line) ?? [];
  return call?.split(' ').map((word) => word.replace(/^(["'])(.*)\1$/, '$2'));
}

for (const verb of VERBS) {
  test(`every example of "baton ${verb.name}" is a command line of it`, () => {
    for (const { line } of verb.examples) {
      const words = wordsAfterBaton(line);
      assert.ok(words, line);
      assert.equal(words[0], verb.name);
      assert.deepEqual(parse(words).ok, true, line);
    }
    assert.ok(verb.examples.length > 0 || verb.isHidden);
  });

  test(`"baton ${verb.name} --help" fits 80 columns and shows every option`, () => {
    const text = page(verb);
    for (const line of text.split('\n')) assert.ok(line.length <= SCREEN.columns, line);
    for (const { name } of [...verb.options, ...GLOBAL_OPTIONS]) {
      assert.match(text, new RegExp(`^ .*${optionOf(name)}\\b`, 'm'));
    }
    assert.doesNotMatch(text, /`/);
  });

  test(`"baton ${verb.name}" has all its options understood`, () => {
    for (const { name, value } of verb.options) {
      const option = value === undefined ? [optionOf(name)] : [optionOf(name), '1'];
      const parsed = parse([verb.name, ...option]);
      assert.doesNotMatch(parsed.ok ? '' : parsed.mistake, /option/);
    }
  });
}

test('the overview is one screen, a line for each verb', () => {
  const lines = overview().trimEnd().split('\n');
  assert.ok(lines.length <= SCREEN.lines, `${lines.length} lines`);
  for (const line of lines) assert.ok(line.length <= SCREEN.columns, line);
  for (const { name, isHidden } of VERBS) {
    const shown = new RegExp(`^ .*\\b${name}\\b|\\bbaton ${name}\\b`);
    assert.equal(lines.filter((line) => shown.test(line)).length > 0, isHidden !== true, name);
  }
  for (const { overview: brief } of VERBS) {
    const [usage = '', text = ''] = brief ?? [];
    const isWhole = lines.some((line) => line.startsWith(`  ${usage} `) && line.endsWith(text));
    assert.ok(isWhole || brief === undefined, `"${usage}" and its meaning need one line`);
  }
});

test('options of one name are one option, and no two share a letter', () => {
  const all: readonly Option[] = [
    ...VERBS.flatMap(({ options }) => options),
    ...OLD_OPTIONS,
    ...GLOBAL_OPTIONS,
  ];
  for (const option of all) {
    const { name, short, value } = OPTIONS.find((it) => it.name === option.name)!;
    assert.deepEqual({ name, short, value }, { name, short: option.short, value: option.value });
  }
  const letters = OPTIONS.flatMap(({ short }) => short ?? []);
  assert.equal(new Set(letters).size, letters.length);
  for (const letter of letters) assert.equal(letter.length, 1);
});

test('what other tools call a verb is no verb of baton, and leads to one', () => {
  const words = VERBS.flatMap(({ elsewhere = [] }) => elsewhere);
  assert.equal(new Set(words).size, words.length);
  assert.deepEqual(
    words.filter((word) => VERBS.some(({ name }) => name === word)),
    [],
  );
});

test('every exit status of the protocol is explained', () => {
  const statuses = EXIT_STATUSES.map(({ status }) => status);
  const wanted = Object.entries(EXIT).map(([name, status]) =>
    name === 'signalBase' ? `${status}+S` : `${status}`,
  );
  assert.deepEqual(statuses.toSorted(), [...wanted, 'N'].toSorted());
});
