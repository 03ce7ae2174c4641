/**
 * Random crontab lines: everything around a call of rsnapshot stays byte for byte when the call is
 * replaced, and sh can parse every printed line and target.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseCrontab } from '../../../client/crontab/crontab.ts';
import { findAll, type Knowledge } from '../../../client/crontab/findings.ts';
import { importAll } from '../../../client/crontab/import-crontab.ts';
import { escapePercent } from '../../../client/crontab/percent.ts';
import { readRsnapshotConf } from '../../../policies/rsnapshot-conf.ts';
import { amount } from '../../support/amount.ts';

const LINES = amount(1_000);
const RUN = 'baton run rsnap-daily --wait';
const KNOWN: Knowledge = {
  targets: undefined,
  suggest: () => undefined,
  conf: (path) => {
    const text = 'retain\thourly\t6\nretain\tdaily\t7\n';
    const read = readRsnapshotConf(path, () => ({ ok: true, text, realPath: path }));
    return read.ok ? read.conf : undefined;
  },
};

/** A text with one place for a call in it. */
type Around = (call: string) => string;

const WORD = fc.constantFrom(
  ...[
    'a',
    '-x',
    '--y=z',
    "'it is'",
    '"a b"',
    '"$X"',
    '$(date +%F)',
    '`id`',
    'a\\ b',
    '*.conf',
    '~/x',
  ],
  ...[
    '100%',
    '$?',
    `$\{A:-b}`,
    '"$(echo "c d")"',
    'rsnapshot',
    '/etc/rsnapshot.conf',
    "'#'",
    'a#b',
  ],
);
const OTHER = fc
  .tuple(
    fc.constantFrom('true', 'logger', '/root/dump', '[', 'mail'),
    fc.array(WORD, { maxLength: 3 }),
  )
  .map(([program, words]) => [program, ...words, ...(program === '[' ? [']'] : [])].join(' '));
const BLANKS = fc.constantFrom(' ', '  ', '\t');
const BEHIND = fc.constantFrom(
  '',
  ' >/dev/null',
  ' 2>&1',
  ' >>/var/log/x 2>&1',
  ' </dev/null',
  ' # no',
);

const { around } = fc.letrec<{ around: Around }>((tie) => ({
  around: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constant<Around>((call) => call),
    fc.tuple(tie('around'), BEHIND).map(([inner, behind]): Around => {
      return (call) => `{ ${inner(call)}; }${behind.replace(' # no', '')}`;
    }),
    fc
      .tuple(
        tie('around'),
        OTHER,
        fc.constantFrom('; ', ' && ', ' || ', ' | ', ' & '),
        fc.boolean(),
      )
      .map(([inner, other, sign, isFirst]): Around => {
        return (call) => (isFirst ? inner(call) + sign + other : other + sign + inner(call));
      }),
    fc.tuple(tie('around'), OTHER).map(
      ([inner, other]): Around =>
        (call) =>
          `if ${other}; then ${inner(call)}; else ${other}; fi`,
    ),
    tie('around').map(
      (inner): Around =>
        (call) =>
          `( ${inner(call)} ) 2>&1`,
    ),
    tie('around').map(
      (inner): Around =>
        (call) =>
          `while ${inner(call)}; do sleep 1; done`,
    ),
    tie('around').map(
      (inner): Around =>
        (call) =>
          `case $(id -u) in 0) ${inner(call)};; *) ;; esac`,
    ),
    tie('around').map(
      (inner): Around =>
        (call) =>
          `for i in a b; do ${inner(call)}; done`,
    ),
    tie('around').map(
      (inner): Around =>
        (call) =>
          `x="$( ${inner(call)} )"`,
    ),
  ),
}));

const CALL = fc
  .tuple(
    fc.array(
      fc.constantFrom(
        'nice',
        'nice -n 5',
        'ionice -c3',
        'timeout 8h',
        'env A=b',
        'flock -n /l',
        'chrt -b 0',
      ),
      { maxLength: 3 },
    ),
    fc.constantFrom('rsnapshot', '/usr/bin/rsnapshot', "'rsnapshot'", '$(which rsnapshot)'),
    fc.constantFrom('', '-q ', '-v -V ', '-c /etc/rsnapshot.conf '),
    BLANKS,
  )
  .map(([before, program, flags, blank]) => [...before, program, `${flags}daily`].join(blank));

function shReads(lines: readonly string[]): boolean {
  return spawnSync('sh', ['-n'], { input: lines.map((it) => `${it}\n`).join('') }).status === 0;
}

function lineOf(command: string): string {
  return `5 3 * * *\troot  ${escapePercent(command)}`;
}

/** As cron passes it on, if it contains no other `%`. */
function shellOf(line: string): string {
  return line.slice('1 2 * * *  root '.length).replaceAll('\\%', '%');
}

const parse = (text: string) => parseCrontab('/etc/cron.d/x', `${text}\n`, () => true);

test('what is not the call stays byte for byte', () => {
  const written: string[] = [];
  let byHand = 0;
  fc.assert(
    fc.property(around, CALL, BEHIND, (place, call, behind) => {
      const found = findAll(parse(lineOf(place(call) + behind)), KNOWN);
      assert.equal(found.length, 1, place(call) + behind);
      const [{ instead, text } = { text: '' }] = found;
      if (instead === undefined) {
        byHand++;
        return assert.match(text, /rewrite this one by hand: /);
      }
      assert.equal(instead, lineOf(place(RUN) + behind));
      written.push(place(RUN) + behind);
    }),
    { numRuns: LINES },
  );
  assert.ok(byHand * 4 < written.length, `${byHand} by hand, ${written.length} written`);
  assert.ok(shReads(written));
});

test('whatever a crontab holds, an import changes nothing but what it says, and sh can read it', () => {
  const command = fc.oneof(
    OTHER,
    around.chain((place) => OTHER.map((other) => place(other))),
    fc.string({ unit: fc.constantFrom(...'ab $"\'`(){};|&<>#\\%!=*?~[]-/.'), maxLength: 30 }),
  );
  /** Each with its previous form. */
  const printed: (readonly [before: string, after: string])[] = [];
  fc.assert(
    fc.property(fc.array(command, { minLength: 1, maxLength: 4 }), (commands) => {
      const text = `# a comment\nMAILTO=x\n${commands.map((it) => `1 2 * * *  root ${it}`).join('\n')}\n`;
      const lines = parse(text.slice(0, -1));
      const all = { texts: new Map([['/etc/cron.d/x', text]]), lines, unread: [] };
      const { changed, targets } = importAll(all, KNOWN, true);
      const after = changed[0]?.after ?? text;
      const old = text.split('\n');
      const pairs = after.split('\n').map((line, at) => [old[at] ?? '', line] as const);
      for (const [before, line] of pairs) {
        if (before === line) continue;
        assert.match(line, /^1 2 \* \* \* {2}root .*\bbaton run [\w.-]+ --wait\b/s);
        printed.push([shellOf(before), shellOf(line)]);
      }
      for (const { runner } of Object.values(targets)) {
        const [, flag, text] = runner.args ?? [];
        const isWhole = flag === '-c' && text !== undefined;
        assert.ok(!isWhole || lines.some((it) => it.command.trimEnd() === text));
      }
    }),
    { numRuns: LINES },
  );
  assert.ok(printed.length > LINES);
  if (shReads(printed.map(([, after]) => after))) return;
  const wrong = printed.filter(([before, after]) => !shReads([after]) && shReads([before]));
  assert.deepEqual(wrong.slice(0, 3), []);
});
