/**
 * The client reads foreign text in linear, not quadratic time: tested with a long line of
 * characters at which a backtracking parser would restart.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCrontab } from '../../../client/crontab/crontab.ts';
import { importAll } from '../../../client/crontab/import-crontab.ts';
import { OPENERS_MAX, readShell } from '../../../client/crontab/shell.ts';
import { readTail } from '../../../client/report/tail.ts';

const BYTES = 300_000;
/** Such a text is read several times: for its calls, its locks, its target. */
const WRAPPED_BYTES = 50_000;
/** A quadratic parser needs minutes of processor time for one text. */
const LIMIT_MS = 20_000;
/** Each is repeated until the line is long enough. */
const SEEDS = [
  ...['x', ' ', '\t', '\r', '\r\r\n', 'x\r', '\\', '%', '\\%', '"', "'", '`', '$', '(', ')', '{'],
  ...['x ', 'x=', '"x" ', '\\"', '$(', '${', '$((', '<<x ', '&&', '||', ';', '|', '#', ' #'],
  ...['a;', 'a|', 'a&&', '[[', '[', '2>&1 ', '>', 'if ', 'case x in ', 'for x in ', '! ', '=('],
  ...['-', '-x ', 'flock -x ', 'nice -n 1 ', 'env x=y ', 'sh -c ', 'timeout 1 ', '\u2028', '\x1b['],
  ...['\x1b]', '\x1b]0;', '\x9b1;', '1;'],
];

/** Names the text that took longest. */
function slowest(read: (text: string) => unknown, seeds = SEEDS, bytes = BYTES): string {
  const times = seeds.map((seed) => {
    const text = seed.repeat(Math.ceil(bytes / seed.length));
    const started = process.cpuUsage();
    read(text);
    read(`${text}x`);
    const { user, system } = process.cpuUsage(started);
    return { seed, ms: (user + system) / 1_000 };
  });
  const [worst = { seed: '', ms: 0 }] = times.toSorted((a, b) => b.ms - a.ms);
  return worst.ms > LIMIT_MS ? `${JSON.stringify(worst.seed)}: ${worst.ms} ms` : 'fast';
}

test('a crontab is read in linear time', () => {
  const read = (text: string) => parseCrontab('tab', text, (word) => word === 'root');
  assert.equal(slowest(read), 'fast');
  assert.equal(
    slowest((text) => read(`0 3 * * * ${text}`)),
    'fast',
  );
  assert.equal(
    slowest((text) => read(`0 3${text}`)),
    'fast',
  );
});

test('the output of a run is read in linear time', () => {
  const read = (text: string) => readTail({ bytes: Buffer.from(text), isCut: false });
  assert.equal(slowest(read), 'fast');
  const progress = (text: string): string => readTail({ bytes: Buffer.from(text), isCut: false });
  assert.equal(progress('a\r\r\nb\r50 %\r100 %\nc\r\r'), 'a\n100 %\nc');
});

test('a command with more brackets than are looked into is told as such', () => {
  for (const [seed, end] of [
    ['$(', ')'],
    ['(', ')'],
    ['"$(', ')"'],
    ['`', ''],
    ['{ ', '; }'],
  ] as const) {
    const of = (count: number) => `${seed.repeat(count)}true${end.repeat(count)}`;
    assert.doesNotThrow(() => readShell(of(OPENERS_MAX), false), seed);
    assert.match(readShell(of(OPENERS_MAX + 1), false).why ?? '', /more than 100 brackets/, seed);
  }
});

test('what is put before a program is looked through in linear time, up to a limit', () => {
  const known = { targets: undefined, conf: () => undefined, suggest: () => undefined };
  const read = (text: string): unknown => {
    const lines = parseCrontab('tab', `0 3 * * * ${text} rsnapshot daily`, () => false);
    // Debian's cron refuses such a long command; systemd's does not.
    const taken = lines.map(({ fault: _, ...line }) => line);
    return importAll({ texts: new Map(), lines: taken, unread: [] }, known, true);
  };
  const seeds = [
    'nice -n 1 ',
    'env x=y ',
    'timeout 1 ',
    'flock -x ',
    'x=y ',
    'sh -c ',
    '"x" ',
    '$(',
  ];
  assert.equal(slowest(read, seeds, WRAPPED_BYTES), 'fast');
});
