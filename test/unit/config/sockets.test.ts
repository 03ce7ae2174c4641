/** Which sockets a daemon listens on, and their descriptions in config.json. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeConfig } from '../../../daemon/config/describe.ts';
import {
  type Listener,
  nameListener,
  placesOf,
  planListeners,
} from '../../../daemon/server/listeners.ts';
import { goesToJournal, takeSockets } from '../../../daemon/system/systemd.ts';
import { accepted, load, mistakesOf, only } from '../../support/config.ts';

const targets = { web: { runner: { type: 'dummy', time: 0 } } };
const admin = { name: 'admin', path: '/run/a' };
const submit = { name: 'submit', path: '/run/b', allow: ['run' as const, 'wait' as const] };
const passed = (...names: string[]) => names.map((name, index) => ({ fd: 3 + index, name }));

function shape(listeners: readonly Listener[], settings: Parameters<typeof planListeners>[0]) {
  return listeners.map((listener) => {
    const { allow, closed } = listener.rights(settings);
    return [nameListener(listener), closed === undefined ? (allow ?? 'all') : 'closed'];
  });
}

test('without systemd every entry with a path is listened on, and what the command line names', () => {
  const settings = [admin, submit, { name: 'only-systemd' }];
  assert.deepEqual(shape(planListeners(settings, [], '/run/own'), settings), [
    ['/run/own', 'all'],
    ['/run/a', 'all'],
    ['/run/b', ['run', 'wait']],
  ]);
});

test('an entry for the path of the command line is true of it', () => {
  assert.deepEqual(shape(planListeners([submit], [], '/run/b'), [submit]), [
    ['/run/b', ['run', 'wait']],
  ]);
});

test('the sockets of systemd are matched by name, in any order, and their paths are not made', () => {
  const settings = [admin, submit];
  for (const names of [
    ['admin', 'submit'],
    ['submit', 'admin'],
  ]) {
    assert.deepEqual(
      Object.fromEntries(shape(planListeners(settings, passed(...names), undefined), settings)),
      { admin: 'all', submit: ['run', 'wait'] },
    );
  }
  const more = [admin, { path: '/run/c', allow: [] }];
  assert.deepEqual(shape(planListeners(more, passed('admin'), undefined), more), [
    ['admin', 'all'],
    ['/run/c', []],
  ]);
});

test('a socket of systemd that no entry names permits nothing, until a reload brings one', () => {
  const listeners = planListeners([admin], passed('admin', 'submit'), undefined);
  assert.deepEqual(shape(listeners, [admin]), [
    ['admin', 'all'],
    ['submit', 'closed'],
  ]);
  assert.deepEqual(shape(listeners, [submit]), [
    ['admin', 'closed'],
    ['submit', ['run', 'wait']],
  ]);
});

test('without any entries the only socket permits everything, and of several the main one', () => {
  const ask = (...names: string[]) =>
    shape(planListeners(undefined, passed(...names), undefined), undefined);
  assert.deepEqual(ask('unknown'), [['unknown', 'all']]);
  assert.deepEqual(ask('baton', 'baton-submit'), [
    ['baton', 'all'],
    ['baton-submit', 'closed'],
  ]);
  assert.deepEqual(ask('unknown', 'unknown'), [
    ['unknown', 'closed'],
    ['unknown', 'closed'],
  ]);
});

test('the rights of a path follow a reload; where it is need a restart', () => {
  const [listener] = planListeners([submit], [], undefined);
  assert.ok(listener);
  const wider = { ...submit, allow: [...submit.allow, 'status' as const] };
  assert.deepEqual(listener.rights([wider]).allow, wider.allow);
  assert.equal(listener.rights([admin]).closed, 'path');
  assert.equal(placesOf([wider]), placesOf([submit]));
  assert.notEqual(placesOf([{ ...submit, mode: 0o660 }]), placesOf([submit]));
});

test('the sockets of the environment are taken by the process that they are meant for', () => {
  const env = () => ({ LISTEN_PID: '7', LISTEN_FDS: '2', LISTEN_FDNAMES: 'b:a', PATH: '/bin' });
  const mine: Record<string, string | undefined> = env();
  assert.deepEqual(takeSockets(mine, 7), [
    { fd: 3, name: 'b' },
    { fd: 4, name: 'a' },
  ]);
  assert.deepEqual(mine, { PATH: '/bin' });
  const others: Record<string, string | undefined> = env();
  assert.deepEqual(takeSockets(others, 8), []);
  assert.deepEqual(others, { PATH: '/bin' });
  for (const count of ['', '-1', 'x', '0', '1.5']) {
    assert.deepEqual(takeSockets({ LISTEN_PID: '7', LISTEN_FDS: count }, 7), []);
  }
  assert.deepEqual(takeSockets({ LISTEN_PID: '7', LISTEN_FDS: '1' }, 7), [
    { fd: 3, name: 'unknown' },
  ]);
  assert.equal(takeSockets({ LISTEN_PID: '7', LISTEN_FDS: '9999999' }, 7).length, 64);
});

test('a stream that is not the one of JOURNAL_STREAM does not go to the journal', () => {
  assert.equal(goesToJournal({}, 1), false);
  assert.equal(goesToJournal({ JOURNAL_STREAM: '1:1' }, 1), false);
  assert.equal(goesToJournal({ JOURNAL_STREAM: '1:1' }, 999), false);
});

test('sockets, idleExit and log.format are read, and told by --check', () => {
  const config = accepted(
    load({
      targets,
      idleExit: '60s',
      log: { format: 'text' },
      sockets: [{ ...submit, mode: '0660', group: 'backup', targets: ['w*'] }, { name: 'x' }],
    }),
  );
  assert.equal(config.idleExitMs, 60_000);
  assert.equal(config.logFormat, 'text');
  assert.deepEqual(config.warnings, []);
  assert.deepEqual(config.sockets, [
    { ...submit, mode: 0o660, group: 'backup', targets: ['w*'] },
    { name: 'x' },
  ]);
  const told = describeConfig(config).split('\n');
  assert.ok(
    told.includes(
      '  socket /run/b: name submit, mode 0660, group backup, permits run, wait; targets w*',
    ),
    told.join('\n'),
  );
  assert.ok(told.includes('  socket "x": permits everything'));
});

for (const [what, sockets, words] of [
  ['no entries', [], /^sockets: expected a list that is not empty/],
  [
    'neither path nor name',
    [{ mode: '0660' }],
    /^sockets\[0\]\.path: expected an absolute path .*or a "name"/,
  ],
  ['a relative path', [{ path: 'run/s' }], /^sockets\[0\]\.path: expected an absolute path/],
  ['a path of 108 bytes', [{ path: `/${'x'.repeat(107)}` }], /at most 107 bytes/],
  ['a mode as a number', [{ path: '/s', mode: 660 }], /^sockets\[0\]\.mode: expected an octal/],
  ['a mode that is not octal', [{ path: '/s', mode: '0680' }], /octal number in quotes/],
  ['a name with a colon', [{ name: 'a:b' }], /^sockets\[0\]\.name: expected the FileDescriptor/],
  ['a group with a space', [{ path: '/s', group: 'a b' }], /^sockets\[0\]\.group: expected a name/],
  [
    'an unknown verb',
    [{ path: '/s', allow: ['runs'] }],
    /^sockets\[0\]\.allow\[0\]: expected one of "run"/,
  ],
  [
    'an unknown key',
    [{ path: '/s', alow: [] }],
    /^sockets\[0\]\.alow: unknown key; did you mean "allow"/,
  ],
  [
    'a pattern that is no list',
    [{ path: '/s', targets: 'web' }],
    /^sockets\[0\]\.targets: expected names/,
  ],
  [
    'a path twice',
    [{ path: '/s' }, { path: '/s' }],
    /^sockets: expected sockets whose paths and names differ/,
  ],
  [
    'a name twice',
    [{ name: 's' }, { name: 's' }],
    /^sockets: expected sockets whose paths and names differ/,
  ],
] as const) {
  test(`${what} in sockets is a mistake with its place`, () => {
    assert.match(only(load({ targets, sockets })), words);
  });
}

test('a pattern without a target, and run without wait, deserve a look', () => {
  const loaded = load({
    targets,
    sockets: [{ path: '/s', allow: ['run'], targets: ['web', 'x*'] }],
  });
  assert.deepEqual(mistakesOf(loaded), []);
  const { warnings } = accepted(loaded);
  assert.equal(warnings.length, 2);
  assert.match(
    warnings[0] ?? '',
    /^sockets\[0\]\.targets: "x\*" matches no target; correct or remove it$/,
  );
  assert.match(warnings[1] ?? '', /^sockets\[0\]\.allow: "run" without "wait"/);
});

test('an idleExit of no time is a mistake', () => {
  assert.match(only(load({ targets, idleExit: '0s' })), /^idleExit: expected a duration/);
});

test('a configuration has at most 32 sockets, each with at most 1000 patterns of targets', () => {
  const sockets = (count: number) =>
    Array.from({ length: count }, (_, at) => ({ name: `s${at}`, path: `/run/${at}` }));
  const patterns = (count: number) => [{ ...admin, targets: Array(count).fill('web') }];
  for (const [fits, tooMany] of [
    [sockets(32), sockets(33)],
    [patterns(1_000), patterns(1_001)],
  ]) {
    assert.ok(load({ targets, sockets: fits }).ok);
    assert.match(only(load({ targets, sockets: tooMany })), /^sockets/);
  }
});
