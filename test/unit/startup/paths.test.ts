/** Where configuration, socket and state are found. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clientSocket, SOCKET_PATH_BYTES_MAX } from '../../../daemon/protocol/request.ts';
import { findConfig, findSocket, findState, type Places } from '../../../daemon/startup/paths.ts';

function places(uid: number, env: Places['env'] = {}, existing: readonly string[] = []): Places {
  return { uid, env: { HOME: '/home/user', ...env }, exists: (path) => existing.includes(path) };
}

const OWN = '/home/user/.config/baton/config.json';
const SYSTEM = '/etc/baton/config.json';

test('the flag names the configuration, then BATON_CONFIG, whether or not the file exists', () => {
  const env = { BATON_CONFIG: '/b.json' };
  assert.equal(findConfig('/a.json', places(0, env, [SYSTEM])), '/a.json');
  assert.equal(findConfig(undefined, places(0, env, [SYSTEM])), '/b.json');
  assert.equal(findConfig(undefined, places(0, { BATON_CONFIG: '' }, [SYSTEM])), SYSTEM);
});

test('a user has an own configuration, and the system’s where there is none', () => {
  assert.equal(findConfig(undefined, places(1000, {}, [OWN, SYSTEM])), OWN);
  assert.equal(findConfig(undefined, places(1000, {}, [SYSTEM])), SYSTEM);
  const xdg = { XDG_CONFIG_HOME: '/cfg' };
  const there = '/cfg/baton/config.json';
  assert.equal(findConfig(undefined, places(1000, xdg, [there, OWN])), there);
  const relative = { XDG_CONFIG_HOME: 'cfg' };
  assert.equal(findConfig(undefined, places(1000, relative, [OWN])), OWN);
  assert.equal(findConfig(undefined, places(1000)), undefined);
});

test('root reads no configuration from a home directory', () => {
  assert.equal(findConfig(undefined, places(0, {}, [OWN])), undefined);
  const xdg = { XDG_CONFIG_HOME: '/cfg' };
  assert.equal(findConfig(undefined, places(0, xdg, ['/cfg/baton/config.json'])), undefined);
});

test('a daemon listens by the flag, BATON_SOCKET, on the machine’s for root, or on the user’s own', () => {
  const path = (flag: string | undefined, where: Places): string => {
    const found = findSocket(flag, where);
    return found.ok ? found.value : found.error;
  };
  const run = '/run/baton/baton.sock';
  assert.equal(path('/a', places(0, { BATON_SOCKET: '/b' })), '/a');
  assert.equal(path(undefined, places(0, { BATON_SOCKET: '/b' })), '/b');
  assert.equal(path(undefined, places(0)), run);
  assert.equal(path(undefined, places(1000, {}, [run])), '/run/user/1000/baton.sock');
  assert.equal(path(undefined, places(1000)), '/run/user/1000/baton.sock');
  assert.equal(path(undefined, places(1000, { XDG_RUNTIME_DIR: '/r' })), '/r/baton.sock');
});

test('a client asks on the first socket that its user may open', () => {
  const [own, run, submit] = ['/r/baton.sock', '/run/baton/baton.sock', '/run/baton/submit.sock'];
  const ask = (
    seen: Readonly<Record<string, 'open' | 'closed'>>,
    uid = 1000,
    env: Places['env'] = {},
  ): string =>
    clientSocket({ XDG_RUNTIME_DIR: '/r', ...env }, uid, (path, mayOpen) =>
      mayOpen ? seen[path] === 'open' : path in seen,
    );
  assert.equal(ask({ [own]: 'open', [run]: 'open' }), own);
  assert.equal(ask({ [run]: 'open', [submit]: 'open' }), run);
  assert.equal(ask({ [run]: 'closed', [submit]: 'open' }), submit);
  assert.equal(ask({ [run]: 'closed', [submit]: 'closed' }), run, 'which is what 77 names');
  assert.equal(ask({ [submit]: 'closed' }), submit);
  assert.equal(ask({}), own);
  assert.equal(ask({ [own]: 'open' }, 0), run);
  assert.equal(ask({ [own]: 'open' }, 1000, { BATON_SOCKET: '/b' }), '/b');
});

test('a socket path that the kernel would not take is refused with its length', () => {
  const longest = `/${'s'.repeat(SOCKET_PATH_BYTES_MAX - 1)}`;
  assert.deepEqual(findSocket(longest, places(0)), { ok: true, value: longest });
  const found = findSocket(`${longest}s`, places(0));
  assert.ok(!found.ok);
  assert.match(found.error, /108 bytes, expected at most 107; name a shorter one/);
  const umlauts = findSocket(`/${'ü'.repeat(60)}`, places(0));
  assert.ok(!umlauts.ok, 'bytes count, not characters');
});

test('the state directory is the flag, systemd’s, the machine’s for root, or the user’s own', () => {
  const env = { STATE_DIRECTORY: '/var/lib/x:/var/lib/y' };
  assert.equal(findState('/s', places(0, env)), '/s');
  assert.equal(findState(undefined, places(0, env)), '/var/lib/x');
  assert.equal(findState(undefined, places(0, { XDG_STATE_HOME: '/st' })), '/var/lib/baton');
  assert.equal(findState(undefined, places(1000, { XDG_STATE_HOME: '/st' })), '/st/baton');
  assert.equal(findState(undefined, places(1000)), '/home/user/.local/state/baton');
});
