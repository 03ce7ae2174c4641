/** The known tools, and what a target gets from its tool. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import * as v from 'valibot';
import { describeConfig } from '../../../daemon/config/describe.ts';
import {
  cautionOf,
  defaultsOfTool,
  KNOWN_TOOLS,
  toolOf,
} from '../../../daemon/config/known-tools.ts';
import { KnownTool } from '../../../daemon/config/tool-shape.ts';
import { accepted, load, mistakesOf } from '../../support/config.ts';

const command = (...args: readonly string[]) => ({ type: 'local', args });

function targetOf(settings: object, defaults: object = {}) {
  const config = accepted(load({ defaults, targets: { t: settings } }));
  const target = config.catalog.targets.get('t');
  assert.ok(target !== undefined);
  return { target, text: describeConfig(config) };
}

test('every row has the one shape, and its codes contradict nobody', () => {
  for (const [name, row] of KNOWN_TOOLS) {
    v.parse(KnownTool, row);
    const { warn = [], locked = [], again = [], failed = {}, stopped, seen } = row;
    for (const code of warn) {
      assert.ok(!locked.includes(code) && !again.includes(code), `${name}: ${code}`);
      assert.ok(!(code in failed) && code !== 0, `${name}: ${code}`);
    }
    for (const code of locked) assert.ok(code !== 0, name);
    assert.ok(stopped === undefined || row.stop !== undefined, name);
    assert.ok(stopped === undefined || seen.length === 0 || stopped.length === seen.length, name);
  }
});

test('what a row says was run, and nothing else, is run by test/tools/measure', () => {
  const folder = join(import.meta.dirname, '../../../../test/tools');
  const scripts = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'));
  const names = [...scripts.join('\n').matchAll(/^ *(?:for tool in|version) ([^;\n]+)/gm)];
  const words = new Set(names.flatMap(([, words = '']) => words.split(' ')));
  for (const [name, { seen }] of KNOWN_TOOLS) {
    const isRun = words.has(name.replace(' ', '_'));
    for (const debian of [12, 13])
      assert.equal(
        seen.some((it) => it.run && it.debian === debian),
        isRun,
        `${name}, Debian ${debian}`,
      );
  }
});

test('a tool is known by the command, behind what only starts it, and by its word', () => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ['restic backup /srv', 'restic'],
    ['/usr/local/bin/borg create', 'borg'],
    ['nice -n 19 ionice -c3 env A=b rclone sync a b', 'rclone'],
    ['rclone bisync a b', 'rclone bisync'],
    ['timeout 2h mysqldump --all-databases', 'mariadb-dump'],
    ['sqlite3 x.db .dump', 'sqlite3 .dump'],
    ['/usr/local/bin/restic-wrapper', undefined],
    ['sh -c restic', undefined],
    ['nice', undefined],
  ];
  for (const [line, name] of cases) assert.equal(toolOf(line.split(' ')), name, line);
});

test('a target has from its tool what it does not say itself, and no retry that it did not ask for', () => {
  const plain = targetOf({ runner: command('restic', 'prune'), tool: 'restic' }).target;
  assert.deepEqual(
    [plain.okExit, plain.warnExit, plain.stopSignal, plain.retry, plain.progress],
    [[0], [3], 'INT', undefined, undefined],
  );
  assert.equal(plain.stopTo, 'main');
  const { target } = targetOf({
    runner: command('restic'),
    ...{ tool: 'restic', warnExit: [], stopSignal: 'TERM', retry: { attempts: 2, on: [7] } },
  });
  assert.deepEqual([target.warnExit, target.stopSignal, target.retry?.on], [[], 'TERM', [7]]);
});

test('a script around a tool has its signal for all processes, as the shell keeps it to itself', () => {
  for (const [line, stopTo] of [
    ['nice -n 5 /usr/bin/restic backup /srv', 'main'],
    ['/usr/local/bin/nightly', undefined],
    ['timeout 5m restic backup /srv', undefined],
  ] as const) {
    const { target } = targetOf({ runner: command(...line.split(' ')), tool: 'restic' });
    assert.deepEqual([target.stopSignal, target.stopTo], ['INT', stopTo], line);
  }
});

test('with a retry, only what may pass by itself is tried again', () => {
  const { target } = targetOf({ runner: command('x'), tool: 'restic', retry: { attempts: 2 } });
  assert.deepEqual(target.retry?.on, [1, 11, 'signalled', 'timed-out', 'unreachable']);
  const own = targetOf({
    runner: command('x'),
    tool: 'btrbk',
    okExit: [0, 1],
    retry: { attempts: 2 },
  });
  assert.deepEqual(own.target.retry?.on, [3, 'signalled', 'timed-out', 'unreachable']);
});

test('a status that btrbk has also where every backup is missing is a failure, not a warning', () => {
  const { target } = targetOf({ runner: command('btrbk', 'run'), tool: 'btrbk' });
  assert.deepEqual([target.warnExit, target.stopSignal, target.stopTo], [[], 'INT', 'main']);
});

test('a warning of backupninja is a failure: it also warns if no database was saved', () => {
  const { target } = targetOf({ runner: command('backupninja', '--now'), tool: 'backupninja' });
  assert.deepEqual([target.okExit, target.warnExit], [[0], []]);
  assert.match(cautionOf('backupninja') ?? '', /reportwarning = no/);
});

test('unattended-upgrade alone is told to stop, as the package that it installs would be left in pieces', () => {
  const runner = command('nice', 'unattended-upgrade');
  const { target } = targetOf({ runner, tool: 'unattended-upgrade' });
  assert.deepEqual([target.stopSignal, target.stopTo], [undefined, 'main']);
});

test('what a target calls a success is no warning of its tool', () => {
  const { target } = targetOf({ runner: command('rsync'), tool: 'rsync', okExit: [0, 24] });
  assert.deepEqual([target.okExit, target.warnExit], [[0, 24], []]);
});

test('the tool of a target goes before the defaults of all, and null takes its value away', () => {
  const defaults = { warnExit: [24], retry: { attempts: 3 } };
  const { target } = targetOf({ runner: command('restic'), tool: 'restic' }, defaults);
  assert.deepEqual([target.warnExit, target.retry?.on.slice(0, 2)], [[3], [1, 11]]);
  const none = targetOf({ runner: command('restic'), tool: 'restic', warnExit: null }).target;
  assert.deepEqual(none.warnExit, []);
});

test('progress is read of a command that was told to print it', () => {
  const told = command('rsync', '-a', '--info=progress2', 'a', 'b');
  assert.equal(targetOf({ runner: told, tool: 'rsync' }).target.progress, true);
  assert.equal(
    targetOf({ runner: command('rsync', '-a'), tool: 'rsync' }).target.progress,
    undefined,
  );
  assert.equal(defaultsOfTool('rclone', ['rclone', '-P']).progress, true);
});

test('pg_dump with several patterns and without --strict-names exits with 0 although one matches nothing', () => {
  const cases: readonly (readonly [string, boolean])[] = [
    ['pg_dump base', false],
    ['pg_dump -t small base', false],
    ['pg_dump -t small -t other base', true],
    ['pg_dump -tsmall --schema=public base', true],
    ['pg_dump --table small -n public base', true],
    ['pg_dump --strict-names -t small -t other base', false],
    ['pg_dump --no-owner --exclude-table=x base', false],
  ];
  for (const [line, isTold] of cases) {
    assert.equal(cautionOf('pg_dump', line.split(' ')) !== undefined, isTold, line);
  }
  assert.match(cautionOf('borgmatic') ?? '', /exits with 0/);
});

test('a tool that is not known is a mistake', () => {
  const found = mistakesOf(load({ targets: { t: { runner: command('x'), tool: 'resticc' } } }));
  assert.match(found.join('\n'), /targets\.t\.tool: expected a known tool.*found "resticc"/);
});

test('batond --check says what a tool gives, proposes one, and warns of a 0 that is none', () => {
  const given = targetOf({ runner: command('x'), tool: 'restic', stopSignal: 'TERM' }).text;
  assert.match(given, /^note: target "t": tool restic sets: warnExit 3$/m);
  const nothing = targetOf({ runner: command('x'), tool: 'rdiff-backup' }).text;
  assert.match(nothing, /^note: target "t": tool rdiff-backup sets: nothing/m);
  const proposed = targetOf({ runner: command('/usr/bin/restic', 'backup') }).text;
  assert.match(
    proposed,
    /^note: target "t": runs restic; set "tool": "restic" to get warnExit 3, stopSignal INT, stopTo main$/m,
  );
  const whole = { warnExit: [3], stopSignal: 'INT', stopTo: 'main' };
  const done = targetOf({ runner: command('restic'), ...whole }).text;
  assert.doesNotMatch(done, /^note:/m);
  const unknown = targetOf({ runner: command('true') }).text;
  assert.doesNotMatch(unknown, /^(note|warning):/m);
  const silent = targetOf({ runner: command('borgmatic', 'create') }).text;
  assert.match(silent, /^warning: target "t": borgmatic exits with 0 and prints nothing although/m);
  assert.doesNotMatch(silent, /^note:/m);
});

test('of several commands the main process is a shell: a tool asks for no signal to that alone', () => {
  const runner = { type: 'local', cmds: [['true'], ['restic', 'backup', '/srv']] };
  const { target } = targetOf({ runner, tool: 'restic' });
  assert.deepEqual([target?.stopSignal, target?.stopTo], ['INT', undefined]);
});

test('a signal to the main process alone is a mistake where that is a shell, unless all have it by default', () => {
  const runners = [
    { type: 'local', cmds: [['true'], ['restic', 'backup', '/srv']] },
    { type: 'ssh', host: 'h', user: 'u', cmds: ['restic backup /srv'] },
  ];
  for (const runner of runners) {
    assert.deepEqual(mistakesOf(load({ targets: { t: { runner, stopTo: 'main' } } })), [
      'targets.t.stopTo: expected "tree", or "args" in the runner in place of "cmds": those a ' +
        'shell runs, and only the shell would get the signal; found "main"',
    ]);
    const { target } = targetOf({ runner }, { stopTo: 'main' });
    assert.equal(target.stopTo, undefined);
  }
  const { target } = targetOf({ runner: command('restic') }, { stopTo: 'main' });
  assert.equal(target.stopTo, 'main');
});
