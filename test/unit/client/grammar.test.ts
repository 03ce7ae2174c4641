/** The two grammars agree, and what is not understood is reported in one line. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parse } from '../../../client/cli.ts';
import type { Command } from '../../../client/command-line/invocation.ts';
import { parseFast } from '../../../client/fast-path.ts';

const plainWish = { socket: undefined, connectTimeoutMs: undefined, errorCode: undefined };

const word = fc.oneof(
  fc.constantFrom(
    'run',
    '--wait',
    '--',
    '-',
    '',
    'true',
    'false',
    '0',
    '-1',
    '1e3',
    '"x"',
    "'a b'",
  ),
  fc.constantFrom('__proto__', 'constructor', '--wait=true', '--no-wait', '-t', '-s', '-E', 'é\n'),
  fc.string(),
  fc.string({ unit: 'binary' }),
);
const argv = fc.oneof(
  fc.array(word, { maxLength: 5 }),
  word.map((target) => ['run', target]),
  word.map((target) => ['run', target, '--wait']),
  word.map((target) => ['run', '--wait', target]),
  fc.oneof(word, fc.nat().map(String)).map((run) => ['wait', run]),
);

test('whatever the fast path accepts means the same to the full grammar', () => {
  let accepted = 0;
  fc.assert(
    fc.property(argv, (words) => {
      const command = parseFast(words);
      if (command === undefined) return;
      accepted++;
      assert.deepEqual(parse(words), { ok: true, invocation: { ...plainWish, command } });
    }),
    { numRuns: 2_000 },
  );
  assert.ok(accepted > 200, `only ${accepted} command lines were accepted`);
});

test('the full grammar never throws and never exits', () => {
  fc.assert(
    fc.property(fc.array(word, { maxLength: 6 }), (words) => {
      const parsed = parse(words);
      if (!parsed.ok) assert.match(parsed.mistake, /\S/);
    }),
    { numRuns: 2_000 },
  );
});

const all = { sinceMs: undefined, outcome: undefined };
const commands: readonly [string, Command][] = [
  ['run x', { verb: 'run', target: 'x', wait: false }],
  ['run --wait x', { verb: 'run', target: 'x', wait: true }],
  ['run --wait true', { verb: 'run', target: 'true', wait: true }],
  ['run -- -x', { verb: 'run', target: '-x', wait: false }],
  ['-t x', { verb: 'run', target: 'x', wait: false }],
  ['-t x --wait', { verb: 'run', target: 'x', wait: true }],
  ['-s', { verb: 'status', json: true }],
  ['wait 17', { verb: 'wait', runs: [17] }],
  ['wait 17 18', { verb: 'wait', runs: [17, 18] }],
  ['wait x', { verb: 'wait', runs: ['x'] }],
  ['wait x 17', { verb: 'wait', runs: ['x', 17] }],
  ['wait --all', { verb: 'wait-all' }],
  ['wait 17 --report f', { verb: 'wait', runs: [17], report: 'f' }],
  ['run x --print-id', { verb: 'run', target: 'x', wait: false, printId: true }],
  ['run x --max-wait 2s', { verb: 'run', target: 'x', wait: false, maxWaitMs: 2_000 }],
  ['run x --wait --report f', { verb: 'run', target: 'x', wait: true, report: 'f' }],
  [
    'run x y --wait',
    {
      verb: 'several',
      targets: ['x', 'y'],
      wait: true,
      quiet: false,
      verdict: false,
      printId: false,
      maxWaitMs: undefined,
    },
  ],
  ['status --json', { verb: 'status', json: true }],
  ['why 17', { verb: 'why', of: 17, json: false }],
  ['why x', { verb: 'why', of: 'x', json: false }],
  ['history', { verb: 'history', target: undefined, json: false, limit: undefined, ...all }],
  ['history x --limit 3 --json', { verb: 'history', target: 'x', json: true, limit: 3, ...all }],
  ['status --watch', { verb: 'status', json: false, watch: true }],
  ['status -w', { verb: 'status', json: false, watch: true }],
  ['why x --json', { verb: 'why', of: 'x', json: true }],
  [
    'history --since 24h --outcome failed',
    {
      verb: 'history',
      target: undefined,
      json: false,
      limit: undefined,
      sinceMs: 86_400_000,
      outcome: 'failed',
    },
  ],
  ['logs x -f', { verb: 'logs', of: 'x', follow: true }],
  ['logs --follow 3', { verb: 'logs', of: 3, follow: true }],
  ['cancel 3', { verb: 'cancel', of: 3 }],
  ['retry 17', { verb: 'retry', of: 17, wait: false, sinceMs: undefined }],
  [
    'retry --failed --since 12h --wait',
    { verb: 'retry', of: undefined, wait: true, sinceMs: 43_200_000 },
  ],
  ['pause x', { verb: 'pause', target: 'x' }],
  ['pause --group disk', { verb: 'pause', group: 'disk' }],
  ['pause --all --for 2h', { verb: 'pause', all: true, forMs: 7_200_000 }],
  ['resume x', { verb: 'resume', target: 'x' }],
  ['resume --group /etc/rsnapshot.conf', { verb: 'resume', group: '/etc/rsnapshot.conf' }],
  ['resume --all', { verb: 'resume', all: true }],
  ['forget x', { verb: 'forget', target: 'x' }],
  ['reload', { verb: 'reload' }],
  ['--help', { verb: 'help' }],
  ['-h', { verb: 'help' }],
  ['help', { verb: 'help' }],
  ['run x --help', { verb: 'help', about: 'run' }],
  ['help run', { verb: 'help', about: 'run' }],
  ['--version', { verb: 'version' }],
];
for (const [line, command] of commands) {
  test(`"baton ${line}" is understood`, () => {
    assert.deepEqual(parse(line.split(' ')), { ok: true, invocation: { ...plainWish, command } });
  });
}

test('options of the connection go with every command', () => {
  const parsed = parse('status --socket /s --connect-timeout 1m30s'.split(' '));
  const command = { verb: 'status', json: false };
  const invocation = { command, socket: '/s', connectTimeoutMs: 90_000, errorCode: undefined };
  assert.deepEqual(parsed, { ok: true, invocation });
});

for (const option of ['-E 75', '-E75', '--error-code 75', '--error-code=75']) {
  test(`"${option}" sets the status of baton's own failures`, () => {
    const parsed = parse(['run', 'x', ...option.split(' ')]);
    assert.equal(parsed.ok && parsed.invocation.errorCode, 75);
  });
}

const mistakes: readonly [string, string][] = [
  ['', 'expected a command, found none'],
  ['rum x', 'unknown command "rum"; did you mean "run"?'],
  ['rum --help', 'unknown command "rum"; did you mean "run"?'],
  ['help rum', 'unknown command "rum"; did you mean "run"?'],
  ['constructor x', 'unknown command "constructor"'],
  ['ls', 'unknown command "ls"; did you mean "status"?'],
  ['start x', 'unknown command "start"; did you mean "run"?'],
  ['tail 17', 'unknown command "tail"; did you mean "logs"?'],
  ['stop 17', 'unknown command "stop"; did you mean "cancel"?'],
  ['help add', 'unknown command "add"; did you mean "run"?'],
  ['run', 'run: expected TARGET…, found nothing'],
  ['run x y --wait -- z', 'run: arguments are for one TARGET, found several'],
  ['run x y --wait --report f', 'run: --report is for one TARGET, found several'],
  ['run x --report f', 'run: --report needs --wait'],
  ['run x --wait --print-id', 'run: --print-id cannot be combined with --wait; omit one of them'],
  ['run x --max-wait 0s', '--max-wait: expected more than 0, found "0s"'],
  ['wait', 'wait: expected RUN, TARGET or --all, found nothing'],
  ['pause', 'pause: expected TARGET, --group or --all, found nothing'],
  ['pause x --all', 'pause: expected either TARGET or --all, found both'],
  ['pause --group disk --all', 'pause: expected either --group or --all, found both'],
  ['pause x --for 0s', '--for: expected more than 0, found "0s"'],
  ['resume x --for 1h', 'resume: --for is not an option of this command'],
  ['wait 1 --all', 'wait: expected either RUN or --all, found both'],
  ['wait 1 2 --report f', 'wait: --report is for one RUN, found several'],
  ['wait --all --report f', 'wait: --report needs one RUN, found --all'],
  ['run x --wiat', 'unknown option --wiat; did you mean --wait?'],
  ['run x -Z', 'unknown option -Z'],
  ['run x --wait=no', '--wait takes no value, found "--wait=no"'],
  ['run x --socket', '--socket needs a value, found none'],
  ['run x --no-socket', '--socket needs a value, found none'],
  ['run x --socket a --socket b', '--socket is given twice; give it once'],
  ['run x --socket --socket a', '--socket is given twice; give it once'],
  [
    'run x --connect-timeout 1s --connect-timeout 2s',
    '--connect-timeout is given twice; give it once',
  ],
  ['run x -E 1 --wait --error-code 2', '--error-code is given twice; give it once'],
  ['run x -E', '--error-code needs a value, found none'],
  ['run x -E 0', '-E: expected a number from 1 to 255, found "0"'],
  ['run x -E 256', '-E: expected a number from 1 to 255, found "256"'],
  ['run x -E 0x9', '-E: expected a number from 1 to 255, found "0x9"'],
  ['run x -E abc', '-E: expected a number from 1 to 255, found "abc"'],
  [
    'run x -w',
    'run: -w means --watch, an option of status; write --wait to wait for the run to end',
  ],
  ['history -w', 'history: --watch is not an option of this command'],
  ['run x --json', 'run: --json is not an option of this command'],
  ['status x', 'status: unexpected argument "x"'],
  ['wait 0', 'wait: expected the number of a run, such as 17 (baton status shows them), found "0"'],
  ['history --limit 10001', '--limit: expected a number from 1 to 10000, found "10001"'],
  [
    'history --since yesterday',
    '--since: expected a duration with a unit, such as "90s", "30m", "8h" or "1h30m", found "yesterday"',
  ],
  [
    'history --outcome fialed',
    '--outcome: expected one of ok, warning, failed, exited, signalled, timed-out, cancelled, ' +
      'not-started, expired, skipped, unreachable, lost, interrupted, found "fialed"; did you mean "failed"?',
  ],
  [
    'status --watch --json',
    'status: expected either --watch (for people) or --json (for programs), found both',
  ],
  ['-t', '--target needs a value, found none'],
  ['-t x y', '-t TARGET: unexpected argument "y"'],
  ['-t x -s', 'options: expected either -t or -s, found both'],
];
for (const [line, mistake] of mistakes) {
  test(`"baton ${line}" is refused: ${mistake}`, () => {
    assert.deepEqual(parse(line === '' ? [] : line.split(' ')), { ok: false, mistake });
  });
}

test('a duration without a unit is refused', () => {
  const parsed = parse('run x --connect-timeout 5'.split(' '));
  assert.match(parsed.ok ? '' : parsed.mistake, /^--connect-timeout: expected .* found "5"$/);
});
