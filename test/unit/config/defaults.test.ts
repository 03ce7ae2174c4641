/** Defaults for all targets: how they are merged, and what is omitted. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULTS_EXAMPLE } from '../../../contrib/generate/configpage.ts';
import { DEFAULT_KEYS } from '../../../daemon/config/schema.ts';
import type { Target } from '../../../daemon/core/catalog.ts';
import { accepted, load, loadText, mistakesOf } from '../../support/config.ts';

const runner = { type: 'local', args: ['/bin/true'] };
/** As many as a message lists. */
const KNOWN = DEFAULT_KEYS.slice(0, 20).join(', ');
const limit = { type: 'cardinality', group: 'disk' };

/** A target with these defaults; "mail" exists for hooks. */
function made(defaults: unknown, target: object = {}, more: object = {}): Partial<Target> {
  const targets = { web: { runner, ...target }, mail: { runner } };
  return accepted(load({ ...more, defaults, targets })).catalog.targets.get('web') ?? {};
}

function mistakes(defaults: unknown, targets: object): readonly string[] {
  return mistakesOf(load({ defaults, targets: { mail: { runner }, ...targets } }));
}

test('a default is for every target that does not say it itself', () => {
  const defaults = { timeout: '8h', killAfter: '1m', okExit: [0, 3], policies: [limit] };
  const web = made(defaults);
  assert.equal(web.timeoutMs, 28_800_000);
  assert.equal(web.killAfterMs, 60_000);
  assert.deepEqual(web.okExit, [0, 3]);
  assert.deepEqual(
    web.bindings?.map(({ key }) => key),
    ['cardinality:disk'],
  );
});

test('what a target says takes the place of the default as a whole', () => {
  const own = {
    timeout: '1h',
    killAfter: '30s',
    policies: [{ type: 'priority', group: 'x', rank: 1 }],
  };
  const web = made({ timeout: '8h', killAfter: '1m', okExit: [0, 3], policies: [limit] }, own);
  assert.equal(web.timeoutMs, 3_600_000);
  assert.equal(web.killAfterMs, 30_000);
  assert.deepEqual(
    web.bindings?.map(({ key }) => key),
    ['priority:x'],
  );
  assert.deepEqual(made({ policies: [limit] }, { policies: [] }).bindings, []);
});

test('null takes a default away, and is no mistake where there is none', () => {
  const keys = {
    timeout: '8h',
    lateAfter: '1d',
    onFailure: 'mail',
    policies: [limit],
    okExit: [3],
  };
  const none = Object.fromEntries(DEFAULT_KEYS.map((key) => [key, null]));
  assert.deepEqual(made(keys, none), made({}));
  assert.deepEqual(made({}, none), made({}));
  assert.deepEqual(mistakesOf(load({ targets: { web: { runner: null, acceptArgs: null } } })), [
    'targets.web.runner: expected an object with a "type": {…}; found null',
    'targets.web.acceptArgs: expected a list: […]; found null',
  ]);
});

test('keep is completed limit by limit: by defaults, then by the top level', () => {
  const top = { keep: { runs: 7, days: 1, bytes: 5 } };
  const web = made({ keep: { days: 2, bytes: 6 } }, { keep: { bytes: 7 } }, top);
  assert.deepEqual(web.keep, { runs: 7, ms: 172_800_000, bytes: 7 });
  assert.deepEqual(made({ keep: { days: 2 } }, {}, top).keep, {
    runs: 7,
    ms: 172_800_000,
    bytes: 5,
  });
  assert.deepEqual(made({ keep: { days: 2 } }, { keep: null }, top).keep, {
    ...{ runs: 7, ms: 86_400_000, bytes: 5 },
  });
});

test('a default that does not fit a target is left out there', () => {
  const hooks = { onFailure: 'web', onStart: 'web', onSuccess: 'mail', onFailureAfter: 3 };
  const web = made(hooks);
  assert.deepEqual(web.hooks, { onSuccess: 'mail' });
  assert.equal(web.onFailureAfter, undefined);
  assert.equal(made({ onLate: 'mail' }).hooks, undefined);
  assert.deepEqual(made({ onLate: 'mail' }, { lateAfter: '1d' }).hooks, { onLate: 'mail' });
  assert.deepEqual(made({ onLate: 'mail', lateAfter: '1d' }, { lateAfter: null }).hooks, undefined);
  assert.deepEqual(made({ warnExit: [2, 3] }, { okExit: [0, 2] }).warnExit, [3]);
  assert.deepEqual(made({ okExit: [0, 2] }, { warnExit: [2] }).okExit, [0]);
});

test('what a target says wrong itself is a mistake, whatever the defaults say', () => {
  assert.deepEqual(mistakes({ timeout: '1h' }, { web: { runner, onLate: 'mail' } }), [
    'targets.web.onLate: expected nothing, or "lateAfter" beside it: without it nothing is ever late; found "mail"',
  ]);
  assert.match(
    mistakes({}, { web: { runner, okExit: [2], warnExit: [2] } }).join(),
    /^targets\.web\.warnExit: expected exit codes that okExit/,
  );
});

test('a mistake of the defaults is told once, at its place', () => {
  assert.deepEqual(
    mistakes({ timeout: 5, runner, description: 'x', kilAfter: '1s' }, { web: { runner } }),
    [
      'defaults.timeout: expected a duration with a unit, such as "90s", "30m", "8h" or "1h30m"; found 5',
      `defaults.runner: unknown key; known here: ${KNOWN}`,
      `defaults.description: unknown key; known here: ${KNOWN}`,
      'defaults.kilAfter: unknown key; did you mean "killAfter"?',
    ],
  );
  const hook = mistakes({ onFailure: 'mial' }, { web: { runner }, db: { runner } });
  assert.deepEqual(hook, [
    'defaults.onFailure: there is no target "mial"; expected a target of the configuration; did you mean "mail"?',
  ]);
  const twice = mistakes({ policies: [limit, limit] }, { web: { runner }, db: { runner } });
  assert.match(
    twice.join('\n'),
    /^defaults\.policies\[1\]: group "cardinality:disk" is already used .*$/,
  );
});

test('a default stands where it stands in the file', () => {
  const text =
    '{ "targets": { "web": { "runner": { "type": "dummy", "time": "1s" } } },\n  "defaults": { "onFailure": "x" } }';
  const loaded = loadText(text);
  assert.ok(!loaded.ok);
  assert.deepEqual(
    loaded.mistakes.map(({ position }) => position),
    [{ line: 2, column: 17 }],
  );
});

test('the example of the manual loads, and means what the page says', () => {
  const { targets } = accepted(load(DEFAULTS_EXAMPLE)).catalog;
  const [photos, tell] = [targets.get('photos'), targets.get('tell-admin')];
  assert.equal(photos?.lateAfterMs, 93_600_000);
  assert.deepEqual(photos?.hooks, { onFailure: 'tell-admin' });
  assert.deepEqual([tell?.lateAfterMs, tell?.hooks, tell?.bindings], [undefined, undefined, []]);
});

test('a target of py9tor has the defaults that its format cannot say', () => {
  const old = { class: 'py9tor.worker.DummyExecutor', attrs: { time: '1s' } };
  const loaded = accepted(
    load({ defaults: { timeout: '8h', policies: [limit] }, targets: { old } }),
  );
  const target = loaded.catalog.targets.get('old');
  assert.equal(target?.timeoutMs, 28_800_000);
  assert.deepEqual(target?.bindings, []);
});
