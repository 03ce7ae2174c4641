/**
 * What baton says that cron does with crontabs, compared with the real cron on a faked clock:
 * hundreds of generated files at once, each with a line of its own. cron logs what it refuses, in
 * the words that baton uses; it also logs what runs at that minute.
 */
import assert from 'node:assert/strict';
import { chmodSync, chownSync, linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type CronHere, whyIgnored } from '../../client/crontab/cron-files.ts';
import { parseCrontab, runsOn } from '../../client/crontab/crontab.ts';
import { DEBIAN } from '../../client/crontab/debian-cron.ts';
import { amount } from '../support/amount.ts';
import { CRON_NEEDS, Cron } from '../support/cron.ts';
import { makeRandom, type Random } from '../support/random.ts';
import { whyWithout } from '../support/tools.ts';

const FILES = amount(300);
const SEED = Number(process.env['CRON_SEED'] ?? 1);
/** Friday, the first of January, at 03:00: what the clock shows soon after cron's start. */
const DAY = new Date('2027-01-01T00:00:00Z');
const MINUTE = 180;
const CLOCK = '2027-01-01 02:59:55';
const USERS = ['root', 'daemon'];

const skip = whyWithout(...CRON_NEEDS);

test('cron refuses, runs and leaves out what baton says of each of the generated files', {
  skip,
}, async (t) => {
  const random = makeRandom(SEED);
  const cron = new Cron();
  t.after(() => cron.close());
  const column = { isThere: () => true, exists: (word: string) => USERS.includes(word) };
  const wanted = new Map<string, string>();
  for (let n = 0; n < FILES; n++) {
    const name = `f${n}`;
    const text = `${fileText(random)}`.replaceAll('NAME', name);
    cron.write(`cron.d/${name}`, text);
    const lines = parseCrontab(name, text, column);
    // cron stops reading the file at the first one.
    const fault = lines.find((line) => line.fault !== undefined)?.fault;
    const isRun = lines.some(
      ({ schedule }) => schedule?.minutes.includes(MINUTE) === true && runsOn(schedule, DAY),
    );
    wanted.set(name, `${fault ?? (isRun ? 'runs' : 'does not run')}: ${JSON.stringify(text)}`);
  }
  const runs = [...wanted.values()].filter((verdict) => verdict.startsWith('runs: ')).length;
  assert.ok(runs > 0 && runs < FILES);
  cron.start(CLOCK);
  await cron.ended(runs);
  const log = cron.log.join('\n');
  for (const [name, verdict] of wanted) {
    const text = verdict.slice(verdict.indexOf(': ') + 2);
    assert.equal(`${verdictOf(log, name)}: ${text}`, verdict, `${name} of CRON_SEED=${SEED}`);
  }
});

function verdictOf(log: string, name: string): string {
  if (new RegExp(`\\*system\\*${name}\\) ERROR \\(Missing newline`).test(log)) {
    return 'missing newline before EOF';
  }
  const error = new RegExp(`Error: (.*); while reading /etc/cron.d/${name}$`, 'm').exec(log);
  if (error !== null) return error[1] ?? '';
  return new RegExp(`CMD \\(.*: ${name}\\b`).test(log) ? 'runs' : 'does not run';
}

/** One arbitrary line, mostly of five fields; sometimes with a setting before it. */
function fileText(random: Random): string {
  const setting = random.below(4) === 0 ? `${random.pick(SETTINGS)}\n` : '';
  const end = random.below(15) === 0 ? '' : '\n';
  const user = random.below(12) === 0 ? random.pick(['nosuch', 'ROOT', '0', '']) : 'root';
  const blank = random.pick([' ', '\t', '  ']);
  const when =
    random.below(8) === 0
      ? random.pick(['@daily', '@Daily', '@hourly', '@x', '@ daily', '@yearly'])
      : FIELDS.map(([plain, ...more], at) =>
          random.below(3) === 0 ? fieldText(random, at) : random.pick([plain, ...more]),
        ).join(blank);
  return `${setting}${when}${blank}${user}${blank}: NAME${end}`;
}

/** Each of these matches the minute. */
const FIELDS = [
  ['*', '0', '*/5', '0-10', '*/100'],
  ['*', '3', '1-5', '*/3', '03'],
  ['*', '1', '1-31', '1,15'],
  ['*', '1', 'jan', 'JAN-mar', '*/3'],
  ['*', '5', 'fri', 'mon-fri', '0-7'],
] as const;

const SETTINGS = [
  ...['MAILTO=', 'MAILTO=""', 'A=b', 'A = b c', 'A="b" c', 'A=b "c"', "'A'='b'", 'A B=c', '=', 'A'],
  ...['# comment', '  # comment', '', 'A==b', '"A"=b', 'A= ', 'A-B=c', 'export A=b', '"A=b'],
] as const;

const NUMBERS = [
  '0',
  '1',
  '3',
  '5',
  '7',
  '12',
  '22',
  '31',
  '59',
  '60',
  '007',
  '',
  'x',
  '*',
] as const;
const NAMES = ['jan', 'Feb', 'dec', 'sun', 'Mon', 'fri', 'sat', 'sunday', 'sept', '1x'] as const;

function fieldText(random: Random, at: number): string {
  const atom = (): string =>
    random.below(at > 2 ? 3 : 10) === 0 ? random.pick(NAMES) : random.pick(NUMBERS);
  const part = (): string => {
    const from = random.below(3) === 0 ? '*' : atom();
    const to = random.below(2) === 0 ? `-${atom()}` : '';
    const step = random.below(4) === 0 ? `/${atom()}` : '';
    const odd = random.below(12) === 0 ? random.pick(['~5', '#2', ';', '.5', 'L', '?', '+']) : '';
    return `${from}${to}${step}${odd}`;
  };
  const parts = Array.from({ length: 1 + random.below(2) }, part);
  return parts.join(',') || '*';
}

test('cron ignores, by their owners, modes, links and names, the files that baton names', {
  skip,
}, async (t) => {
  const cron = new Cron();
  t.after(() => cron.close());
  const line = (name: string): string => `* * * * * root : ${name}\n`;
  const at = (name: string): string => join(cron.directory, 'cron.d', name);
  const nobody = 65_534;
  const cases: Record<string, (path: string) => void> = {
    plain() {},
    executable: (path) => chmodSync(path, 0o755),
    unreadable: (path) => chmodSync(path, 0o000),
    'group-writable': (path) => chmodSync(path, 0o664),
    'writable-by-others': (path) => chmodSync(path, 0o646),
    'of-nobody': (path) => chownSync(path, nobody, 0),
    'of-a-group': (path) => chownSync(path, 0, nobody),
    'two-links': (path) => linkSync(path, join(cron.directory, 'another')),
    'with.dot': () => {},
  };
  for (const [name, change] of Object.entries(cases)) {
    writeFileSync(at(name), line(name));
    change(at(name));
  }
  mkdirSync(at('directory'));
  symlinkSync('/nonexistent', at('dangling'));
  symlinkSync('plain', at('link'));
  symlinkSync('of-nobody', at('link-to-a-stranger'));
  const names = [...Object.keys(cases), 'directory', 'dangling', 'link', 'link-to-a-stranger'];
  const here: CronHere = { name: 'cron', rules: DEBIAN, dropsLines: false };
  // The names are checked where cron looks for them.
  const why = (name: string): string | undefined =>
    /^[\w-]+$/.test(name) ? whyIgnored(at(name), here) : whyIgnored(`/etc/cron.d/${name}`, here);
  const ignored = names.filter((name) => name === 'with.dot' || why(name) !== undefined);
  cron.start(CLOCK);
  await cron.ended(names.length - ignored.length);
  const ran = [...cron.log.join('\n').matchAll(/CMD \(.*: ([\w-]+)\)/g)].map(([, name]) => name);
  assert.deepEqual(ran.sort(), ['executable', 'of-a-group', 'plain', 'plain', 'unreadable']);
  assert.deepEqual(ignored, [
    ...['group-writable', 'writable-by-others', 'of-nobody', 'two-links', 'with.dot'],
    ...['directory', 'dangling', 'link-to-a-stranger'],
  ]);
});
