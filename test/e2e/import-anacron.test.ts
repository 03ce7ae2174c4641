/**
 * `baton import anacron` with the real anacron: an imported line starts its command with the same
 * arguments, directory and variables as before, and anacron still decides when.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { directory } from '../support/config.ts';
import { BATON, BATOND, Rig } from '../support/rig.ts';
import { skipWithout } from '../support/tools.ts';

/** Appends everything that a command can find out about its start to the file OUT. */
const SHOW = `#!/usr/bin/perl
open my $out, '>>', shift or die $!;
my $stdin = readlink '/proc/self/fd/0';
print $out join('|', @ARGV), " uid $< cwd ", readlink('/proc/self/cwd');
printf $out ' umask %03o nice %d stdin %s', umask, getpriority(0, 0), $stdin;
print $out map(" $_=$ENV{$_}", grep { !/^(BATON|MAILTO|PWD|OLDPWD|USER|_$)/ } sort keys %ENV), "\\n";
`;

interface Place {
  readonly root: string;
  readonly tab: string;
  readonly out: string;
  readonly spool: string;
}

/** Its lines may contain OUT and BIN. */
function placeWith(t: TestContext, lines: readonly string[]): Place {
  const root = directory(t);
  const [tab, out, spool] = [join(root, 'anacrontab'), join(root, 'out'), join(root, 'spool')];
  const bin = join(root, 'bin');
  for (const path of [spool, bin]) mkdirSync(path);
  writeFileSync(join(bin, 'show'), SHOW);
  chmodSync(join(bin, 'show'), 0o755);
  const text = lines
    .map((line) => `${line.replaceAll('OUT', out).replaceAll('BIN', bin)}\n`)
    .join('');
  writeFileSync(tab, text);
  return { root, tab, out, spool };
}

/** Its output; all its jobs have ended. */
function anacron({ spool }: Place, tab: string, env: NodeJS.ProcessEnv, ...args: string[]): string {
  const script = 'umask 022; exec anacron "$@"';
  const words = ['-d', '-n', '-t', tab, '-S', spool, ...args];
  const done = spawnSync('/bin/sh', ['-c', script, 'sh', ...words], {
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', ...env },
    encoding: 'utf8',
  });
  assert.equal(done.status, 0, done.stderr);
  return done.stderr;
}

function taken(path: string): readonly string[] {
  const lines = readFileSync(path, 'utf8').split('\n').filter(Boolean);
  rmSync(path);
  return lines;
}

/** Imports the tab, and starts a daemon with the result; `baton` is in BIN. */
async function adopt(t: TestContext, { root, tab }: Place) {
  const made = join(root, 'made');
  const env = { PATH: process.env['PATH'], BATON_SOCKET: join(root, 'nobody') };
  const args = [BATON, 'import', 'anacron', tab, '--write', made];
  const done = spawnSync(process.execPath, args, { env, encoding: 'utf8' });
  assert.equal(done.status, 0, done.stderr);
  const config = join(made, 'config.json');
  const checked = spawnSync(process.execPath, [BATOND, '--check', config], { encoding: 'utf8' });
  assert.equal(checked.status, 0, checked.stderr);
  const rig = await Rig.start(JSON.parse(readFileSync(config, 'utf8')));
  t.after(() => rig.close());
  const program = join(root, 'bin/baton');
  writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' '${BATON}' "$@"\n`);
  chmodSync(program, 0o755);
  return { rig, errors: done.stderr, text: done.stdout, made: join(made, tab) };
}

const LINES = [
  'FOO=before',
  'SHELL=/bin/bash',
  'HOME=/srv',
  'LOGNAME=root',
  'PATH=BIN:/usr/sbin:/usr/bin:/sbin:/bin',
  'FOO= "a  b"',
  '# the nightly ones',
  '1 0 words  show OUT one "two words" 100% $FOO \'$FOO\' %F',
  '7\t0 nicely nice -n 7 show OUT nice',
  '@monthly 0 text test -d / && { show OUT $0 "$((2 + 3))"; cd /usr && show OUT usr; }',
];

test('an imported line starts its command as anacron did', async (t) => {
  if (skipWithout(t, 'anacron', 'root')) return;
  const place = placeWith(t, LINES);
  anacron(place, place.tab, {}, '-f');
  const before = taken(place.out);
  assert.match(before[0] ?? '', /^one\|two words\|100%\|"a\|b"\|\$FOO\|%F uid 0 cwd \/ umask 022/);
  assert.equal(before.length, 4);
  const { rig, errors, made } = await adopt(t, place);
  assert.equal(
    errors,
    `baton: wrote ${join(place.root, 'made/config.json')}; check it, then put it in place
baton: wrote ${made}; check it, then put it in place
`,
  );
  const tab = readFileSync(made, 'utf8').split('\n');
  assert.deepEqual(tab.slice(6), [
    '# the nightly ones',
    '1 0 words  baton run words --wait',
    '7\t0 nicely baton run nicely --wait',
    '@monthly 0 text baton run text --wait',
    '',
  ]);
  anacron(place, made, { BATON_SOCKET: rig.socket }, '-f');
  assert.deepEqual(taken(place.out), before);
  const { text } = await rig.baton('history', '--json');
  assert.equal(text.match(/"kind": "exited"/g)?.length, 3);
});

test('anacron goes on by its own time stamps, and runs what has come of age', async (t) => {
  if (skipWithout(t, 'anacron', 'root')) return;
  const place = placeWith(t, [
    LINES[4] ?? '',
    '7 0 weekly show OUT weekly',
    '1 0 fails show OUT f; exit 3',
  ]);
  anacron(place, place.tab, {});
  assert.equal(taken(place.out).length, 2);
  const { rig, made } = await adopt(t, place);
  const env = { BATON_SOCKET: rig.socket };
  assert.match(anacron(place, made, env), /Normal exit \(0 jobs run\)/);
  const days = (ago: number): string =>
    new Date(Date.now() - ago * 86_400_000).toISOString().slice(0, 10).replaceAll('-', '');
  writeFileSync(join(place.spool, 'weekly'), `${days(5)}\n`);
  writeFileSync(join(place.spool, 'fails'), `${days(2)}\n`);
  assert.match(anacron(place, made, env), /Job `fails' terminated \(exit status: 3\)/);
  assert.match(taken(place.out).join(), /^f uid/);
  writeFileSync(join(place.spool, 'weekly'), `${days(8)}\n`);
  assert.match(anacron(place, made, env), /Job `weekly' terminated/);
  assert.match(anacron(place, made, env), /Normal exit \(0 jobs run\)/);
});

test('a line that anacron reads otherwise than it looks is left, and so it did', (t) => {
  if (skipWithout(t, 'anacron', 'root')) return;
  const place = placeWith(t, [
    LINES[4] ?? '',
    '1 2 early  show OUT "early $LATE"',
    '1 0 drops  show OUT a\\\\b',
    'LATE=x',
    '1 1 later  show OUT \\',
    '  more',
  ]);
  anacron(place, place.tab, {}, '-f');
  assert.match(taken(place.out).join('\n'), /^ab .*\nmore .*\nearly x /);
  const done = spawnSync(process.execPath, [BATON, 'import', 'anacron', place.tab], {
    env: { PATH: process.env['PATH'], BATON_SOCKET: join(place.root, 'nobody') },
    encoding: 'utf8',
  });
  assert.equal(done.status, 0, done.stderr);
  assert.match(
    done.stderr,
    /:3: left as it is: anacron removes every backslash before the shell reads/,
  );
  assert.match(done.stderr, /:5: left as it is: it continues on the next line/);
  assert.match(done.stderr, /:2: anacron may also set LATE, defined further below, for this job/);
  assert.match(done.stdout, /^\+1 2 early {2}baton run early --wait$/m);
});

test('import anacron says what it cannot read, and what it needs no more', (t) => {
  const place = placeWith(t, ['1 5 cron.daily run-parts /etc/cron.daily']);
  const ask = (...args: readonly string[]) =>
    spawnSync(process.execPath, [BATON, 'import', 'anacron', ...args], {
      env: { PATH: process.env['PATH'], BATON_SOCKET: join(place.root, 'nobody') },
      encoding: 'utf8',
      timeout: 60_000,
    });
  const away = ask(join(place.root, 'none'));
  assert.deepEqual([away.status, away.stdout], [66, '']);
  const pipe = join(place.root, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const held = ask(pipe);
  assert.deepEqual([held.status, held.stdout], [66, '']);
  assert.match(held.stderr, /^baton: \S+pipe: cannot be read \(EFTYPE\); it is a pipe/);
  const script = 'cat "$1" | "$2" "$3" import anacron /dev/stdin';
  const piped = spawnSync('/bin/sh', ['-c', script, 'sh', place.tab, process.execPath, BATON], {
    env: { PATH: process.env['PATH'], BATON_SOCKET: join(place.root, 'nobody') },
    encoding: 'utf8',
  });
  assert.match(piped.stdout, /^\+1 5 cron\.daily baton run cron\.daily --wait$/m);
  const two = ask(place.tab, place.tab);
  assert.equal(two.status, 64);
  const named = ask(place.tab);
  assert.match(named.stdout, /^\+1 5 cron\.daily baton run cron\.daily --wait$/m);
  assert.equal(statSync(place.tab).size, readFileSync(place.tab).length);
});
