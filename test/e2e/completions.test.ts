/** The completions, in the real shells, with names from a real daemon. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { optionOf, VERBS } from '../../client/command-line/manual.ts';
import { ROOT } from '../support/config.ts';
import { BATON, Rig } from '../support/rig.ts';
import { skipWithout } from '../support/tools.ts';

const SHELL_MS_MAX = 30_000;
const COMPLETIONS = join(ROOT, 'contrib/completions');
const verbs = VERBS.filter(({ isHidden }) => isHidden !== true);
const TARGETS = ['a:db@x=1', 'a:dc', "it's", 'quick', 'rsnap-daily', 'rsnap-weekly', 'two words'];
const FLEET = ['up', 'up@db1', 'up@web1'];

let rig: Rig;
let env: NodeJS.ProcessEnv;

before(async () => {
  const runner = { type: 'local', args: ['/bin/true'] };
  const targets = Object.fromEntries(TARGETS.map((name) => [name, { runner }]));
  const disk = { runner, policies: [{ type: 'cardinality', group: 'disk one' }] };
  rig = await Rig.start({
    targets: {
      ...targets,
      quick: { runner, description: 'does next to nothing' },
      'rsnap-daily': disk,
      'rsnap-weekly': disk,
      up: { hosts: ['db1', 'web1'], description: 'on {host}', runner },
      'a:dc': {
        runner,
        policies: [
          { type: 'cardinality', group: 'net' },
          { type: 'spacing', least: '1s' },
        ],
      },
    },
  });
  const bin = join(rig.directory, 'bin');
  const zsh = join(rig.directory, 'zsh');
  for (const path of [bin, zsh]) mkdirSync(path);
  const launcher = `#!/bin/sh\nexec ${process.execPath} ${BATON} "$@"\n`;
  writeFileSync(join(bin, 'baton'), launcher);
  chmodSync(join(bin, 'baton'), 0o755);
  copyFileSync(join(COMPLETIONS, '_baton'), join(zsh, '_baton'));
  writeFileSync(join(rig.directory, 'some.file'), '');
  env = {
    PATH: `${bin}:${process.env['PATH']}`,
    HOME: rig.directory,
    LC_ALL: 'C.UTF-8',
    TERM: 'dumb',
    BATON_SOCKET: rig.socket,
  };
  spawnSync('baton', ['run', 'quick', '--wait'], { env });
});

after(async () => {
  await rig.close();
});

function shell(command: string, args: readonly string[], more: NodeJS.ProcessEnv = {}): string {
  const options = { env: { ...env, ...more }, cwd: rig.directory, timeout: SHELL_MS_MAX };
  const { stdout, stderr, status } = spawnSync(command, args, { ...options, encoding: 'utf8' });
  assert.equal(status, 0, `${command}: ${stdout}${stderr}`);
  return stdout;
}

const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '');

test('names are one a line with a word about each, for targets, groups, hosts and runs', () => {
  const targets = lines(shell('baton', ['names', 'targets']));
  assert.deepEqual(targets.toSorted(), [
    ...[
      'a:db@x=1',
      'a:dc',
      "it's",
      'quick\tdoes next to nothing',
      'rsnap-daily',
      'rsnap-weekly',
      'two words',
      'up\ta fleet',
      'up@db1\ton db1',
      'up@web1\ton web1',
    ],
  ]);
  assert.equal(shell('baton', ['names', 'hosts']), 'db1\tup\nweb1\tup\n');
  const groups = lines(shell('baton', ['names', 'groups']));
  assert.deepEqual(groups.toSorted(), ['disk one\trsnap-daily, rsnap-weekly', 'net\ta:dc']);
  assert.match(shell('baton', ['names', 'runs']), /^1\tquick, exited with 0\n$/);
});

test('without a daemon names says nothing and does not wait', () => {
  const nowhere = { ...env, BATON_SOCKET: join(rig.directory, 'none') };
  const options = { env: nowhere, encoding: 'utf8' } as const;
  const { status, stdout, stderr } = spawnSync('baton', ['names', 'targets'], options);
  assert.deepEqual({ status, stdout, stderr }, { status: 69, stdout: '', stderr: '' });
});

// --- all three, with the same cases: the words before the cursor, and the offered completions

/** Words before the one under the cursor, that word, and the completions offered for it. */
const cases: readonly (readonly [readonly string[], string, readonly string[]])[] = [
  [['run'], 'rsn', ['rsnap-daily', 'rsnap-weekly']],
  [['run', '--wait'], 'rsn', ['rsnap-daily', 'rsnap-weekly']],
  [['run', '-E', '75'], 'q', ['quick']],
  [['run', 'up', '--only'], '', ['db1', 'web1']],
  [['run', 'quick', '--', '--'], 'q', []],
  [['wait'], '', [...TARGETS, ...FLEET, '1']],
  [['retry'], '', ['1']],
  [['logs'], '', [...TARGETS, ...FLEET, '1']],
  [['h'], '', []],
  [[], 'hi', ['history']],
  [[], 're', ['reload', 'report', 'resume', 'retry']],
  [['help'], 'ch', ['check-crontab']],
  [
    ['import'],
    '',
    ['anacron', 'borgmatic', 'crontab', 'py9tor', 'resticprofile', 'rsnapshot', 'systemd'],
  ],
  [['import', 'py9tor'], 'some', ['some.file']],
  [['reload'], 'q', []],
  [['history'], '--js', ['--json']],
  [['--socket'], 'some', ['some.file']],
  [['-t'], 'qu', ['quick']],
  [['pause', '--group'], '', ['disk one', 'net']],
  [['resume', '--group'], 'di', ['disk one']],
];

function inBash(words: readonly string[], current: string): readonly string[] {
  const script = `
    source "$1"; shift
    complete -p baton | grep -q 'complete -F _baton baton' || exit 9
    COMP_WORDS=(baton "$@") COMP_CWORD=$# COMP_LINE="baton $*"
    _baton baton
    [[ \${#COMPREPLY[@]} -eq 0 ]] || printf '%s\\n' "\${COMPREPLY[@]}"`;
  const file = join(COMPLETIONS, 'baton.bash');
  return lines(shell('bash', ['-c', script, 'bash', file, ...words, current]));
}

function inFish(words: readonly string[], current: string): readonly string[] {
  const line = ['baton', ...words, current].join(' ');
  const script = 'source $argv[1]; complete -C "$argv[2]"';
  const file = join(COMPLETIONS, 'baton.fish');
  return lines(shell('fish', ['-c', script, file, line])).map((it) => it.split('\t')[0] ?? '');
}

for (const [name, complete] of [
  ['bash', inBash],
  ['fish', inFish],
] as const) {
  for (const [words, current, offered] of cases) {
    const line = ['baton', ...words, current].join(' ');
    test(`${name} completes "${line}" to ${offered.join(', ') || 'nothing'}`, (t: TestContext) => {
      if (skipWithout(t, name)) return;
      const plain = complete(words, current).map((word) => word.replaceAll('\\', ''));
      assert.deepEqual(plain.toSorted(), offered.toSorted());
    });
  }

  test(`${name} knows every command and its options`, (t: TestContext) => {
    if (skipWithout(t, name)) return;
    assert.deepEqual(complete([], '').toSorted(), verbs.map((verb) => verb.name).toSorted());
    for (const { name: verb, options } of verbs) {
      const offered = complete([verb], '--');
      const wanted = [...options.map((option) => optionOf(option.name)), '--socket', '--help'];
      for (const option of wanted) assert.ok(offered.includes(option), `${verb} ${option}`);
    }
  });
}

test('bash quotes what it offers, takes what is typed as it is, and evaluates none of it', (t) => {
  if (skipWithout(t, 'bash')) return;
  assert.deepEqual(inBash(['run'], 'two\\ w'), ['two\\ words']);
  assert.deepEqual(inBash(['run'], '"two w'), ['two words']);
  assert.deepEqual(inBash(['run'], 'it'), ["it\\'s"]);
  assert.deepEqual(inBash(['run'], '$(touch evil)`touch evil`'), []);
  assert.equal(shell('ls', [rig.directory]).includes('evil'), false);
});

/** Types into a bash on a terminal; `baton` there prints its arguments. */
function typeInBash(typed: string): string {
  const file = join(COMPLETIONS, 'baton.bash');
  const given =
    'baton() { if [[ $1 == names ]]; then command baton "$@"; else echo "GOT<$*>"; fi; }';
  const input = `source ${file}; ${given}\n${typed}\nexit\n`;
  const inner = ['-qec', 'bash --norc --noprofile -i', '/dev/null'];
  const options = { env, input, encoding: 'utf8', timeout: SHELL_MS_MAX } as const;
  return spawnSync('script', inner, options).stdout;
}

for (const [typed, got] of [
  ['run a:\t', 'run a:d'],
  ['run a:dc\t', 'run a:dc '],
  ['run a:db\t', 'run a:db@x=1 '],
  ['run a:db@x=\t', 'run a:db@x=1 '],
  ['run "a:db\t', 'run a:db@x=1 '],
  ['run a:dc q\t', 'run a:dc quick '],
] as const) {
  test(`bash at a terminal completes ${JSON.stringify(`baton ${typed}`)}`, (t) => {
    if (skipWithout(t, 'bash') || skipWithout(t, 'script')) return;
    const seen = typeInBash(`baton ${typed}`);
    assert.ok(seen.includes(`GOT<${got.trimEnd()}>`), seen);
  });
}

test('fish tells a word about each name', (t) => {
  if (skipWithout(t, 'fish')) return;
  const file = join(COMPLETIONS, 'baton.fish');
  const said = shell('fish', ['-c', 'source $argv; complete -C "baton run qu"', file]);
  assert.equal(said, 'quick\tdoes next to nothing\n');
});

// --- zsh completes only at a terminal

/** Types into a zsh on a terminal of its own; `baton` there prints its arguments. */
const ZSH = `
zmodload zsh/zpty
zpty inner "zsh -f -i"
send() { zpty -w -n inner "$1" }
until_seen() { zpty -r -m inner seen "*$1*" || exit 9; print -rn -- "$seen" }
send "PS1=; unsetopt prompt_sp zle_bracketed_paste 2>/dev/null; fpath=($1 \\$fpath); autoload -Uz compinit; compinit -u -D; zstyle ':completion:*' list-prompt ''; LISTMAX=1000; baton() { if [[ \\$1 == names ]]; then command baton \\"\\$@\\"; else print -r -- \\"GOT<\\\${(j:|:)@}>\\"; fi }; print READY-\\$((40+2))"$'\\n'
until_seen READY-42
send "$2"
until_seen "$3"
zpty -d inner
`;

function inZsh(typed: string, until: string): string {
  const place = join(rig.directory, 'zsh');
  return shell('zsh', ['-f', '-c', ZSH, 'zsh', place, typed, until]);
}

for (const [typed, got] of [
  ['run qu\t\n', 'GOT<run|quick>'],
  ['hist\t\n', 'GOT<history>'],
  ['run --wa\t quick\n', 'GOT<run|--wait|quick>'],
  ['run two\t\n', 'GOT<run|two words>'],
  ['run it\t\n', "GOT<run|it's>"],
  ['retry \t\n', 'GOT<retry|1>'],
  ['-t qu\t\n', 'GOT<-t|quick>'],
  ['pause --group di\t\n', 'GOT<pause|--group|disk one>'],
  ['run -E 7 qu\t\n', 'GOT<run|-E|7|quick>'],
  ['import py9tor some\t\n', 'GOT<import|py9tor|some.file>'],
  ['help check\t\n', 'GOT<help|check-crontab>'],
] as const) {
  test(`zsh completes ${JSON.stringify(`baton ${typed}`)} to ${got}`, (t: TestContext) => {
    if (skipWithout(t, 'zsh')) return;
    assert.match(inZsh(`baton ${typed}`, 'GOT<*>'), new RegExp(got.replaceAll('|', '\\|')));
  });
}

test('zsh lists the commands with what they do, and names with a word about them', (t) => {
  if (skipWithout(t, 'zsh')) return;
  assert.match(inZsh('baton re\t', 'resume*end a pause'), /reload +-- make the daemon reload/);
  assert.match(inZsh('baton why \t', 'next to nothing'), /quick +-- does next to nothing/);
});
