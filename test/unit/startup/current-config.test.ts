/**
 * The current configuration: reloads that are requested while another one is under way, and changed
 * files of targets.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadConfig } from '../../../daemon/config/load.ts';
import { NONE, PluginFiles } from '../../../daemon/config/plugin-files.ts';
import { PolicyFiles } from '../../../daemon/config/policy-files.ts';
import { apply } from '../../../daemon/core/apply.ts';
import type { Catalog } from '../../../daemon/core/catalog.ts';
import { emptyState } from '../../../daemon/core/state.ts';
import { HeldRequests } from '../../../daemon/server/held-requests.ts';
import { CurrentConfig } from '../../../daemon/startup/current-config.ts';
import { makeLog } from '../../../daemon/system/log.ts';
import { accepted, directory } from '../../support/config.ts';
import { stamp } from '../../support/core.ts';

/** Plugins whose import takes until the test ends it. */
class SlowPlugins extends PluginFiles {
  readonly begun: (() => void)[] = [];

  override async load(): Promise<typeof NONE> {
    await new Promise<void>((done) => this.begun.push(done));
    return NONE;
  }
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise(setImmediate);
}

test('all who ask for a reload before it begins share one, and its answer', async (t) => {
  const path = join(directory(t), 'config.json');
  const write = (...names: readonly string[]): void => {
    const targets = names.map((name) => [name, { runner: { type: 'dummy', time: '0s' } }]);
    const text = JSON.stringify({ targets: Object.fromEntries(targets) });
    writeFileSync(path, text, { mode: 0o600 });
  };
  write('a');
  const plugins = new SlowPlugins();
  const inForce: string[] = [];
  const config = new CurrentConfig(
    {
      config: accepted(loadConfig(path)),
      plugins,
      log: makeLog({ level: 'silent', format: 'json', isJournal: false }).log,
      relevel: () => {},
    },
    {
      state: emptyState(),
      configure: ({ targets }) => inForce.push([...targets.keys()].join(' ')),
    },
  );
  const first = config.reload();
  await until(() => plugins.begun.length === 1);
  write('b', 'c');
  const others = Array.from({ length: 20 }, () => config.reload());
  plugins.begun[0]?.();
  assert.deepEqual(await first, { ok: true, text: `${path}: 1 targets` });
  await until(() => plugins.begun.length === 2);
  write('d');
  const last = config.reload();
  plugins.begun[1]?.();
  for (const reloaded of await Promise.all(others)) {
    assert.deepEqual(reloaded, { ok: true, text: `${path}: 2 targets` });
  }
  await until(() => plugins.begun.length === 3);
  plugins.begun[2]?.();
  assert.ok((await last).ok);
  assert.deepEqual(inForce, ['a', 'b c', 'd']);
});

/** Longer than a slice, however fast the machine is. */
const READ_MS = 20;

/**
 * Targets of four rsnapshot.conf, which the test changes, and a fleet of some of them; and one
 * target for each name of `more`, with a conf of that name.
 */
function refreshable(t: { after(done: () => void): void }, more: readonly string[] = []) {
  const place = directory(t);
  const path = join(place, 'config.json');
  const confOf = (name: string): string => join(place, `${name}.conf`);
  const write = (name: string, ...levels: readonly string[]): void =>
    writeFileSync(confOf(name), levels.map((level) => `retain\t${level}\t7\n`).join(''));
  for (const name of ['a', 'b', 'c', 'd', ...more]) write(name, 'day');
  let reads = 0;
  let fault: Error | undefined;
  const files = new PolicyFiles((conf) => {
    reads++;
    if (fault !== undefined) throw fault;
    for (const untilMs = performance.now() + READ_MS; performance.now() < untilMs; );
    return { ok: true, text: readFileSync(conf, 'utf8'), realPath: conf };
  });
  const of = (name: string, interval: string, group?: string) => ({
    runner: { type: 'local', args: ['/usr/bin/rsnapshot', '-c', confOf(name)] },
    policies: [{ type: 'rsnapshot', interval, ...(group === undefined ? {} : { group }) }],
  });
  const targets = {
    daily: of('a', 'day'),
    weekly: of('a', 'week'),
    b: of('b', 'day', 'both'),
    c: of('c', 'day', 'both'),
    d: of('d', 'day'),
    ...Object.fromEntries(more.map((name) => [name, of(name, 'day')])),
  };
  writeFileSync(path, JSON.stringify({ targets }), { mode: 0o600 });
  const made = accepted(loadConfig(path, undefined, files));
  const fleets = new Map([['all', ['daily', 'd']]]);
  const log: string[] = [];
  const noted = (_about: unknown, text?: string): void => void log.push(text ?? '');
  const { log: silent } = makeLog({ level: 'silent', format: 'json', isJournal: false });
  const state = emptyState();
  const inForce: Catalog[] = [];
  const config = new CurrentConfig(
    {
      config: { ...made, catalog: { ...made.catalog, fleets } },
      plugins: new PluginFiles(),
      log: Object.assign(silent, { info: noted, warn: noted, error: noted }),
      relevel: () => {},
    },
    { state, configure: (catalog) => inForce.push(catalog) },
  );
  reads = 0;
  const ask = (target: string): void => {
    const at = stamp(0);
    const run = state.nextRun;
    apply(state, { type: 'accepted', run, target, at, token: `${run}`, merged: true });
  };
  const fail = (error?: Error): void => {
    fault = error;
  };
  return { config, write, reads: () => reads, fail, log, ask, inForce };
}

test('where no file has changed there is nothing to wait for', (t) => {
  const { config, reads } = refreshable(t);
  for (const target of ['daily', 'b', 'all', 'unknown']) {
    assert.equal(config.refresh(new Set([target])), undefined);
  }
  assert.equal(reads(), 0);
});

test('while changed files are read again others have their turn', async (t) => {
  const { config, write, reads, log, inForce } = refreshable(t);
  write('a', 'day', 'week');
  write('d', 'day', 'week');
  const seen = new Set<number>();
  let isOver = false;
  const look = (): void => {
    seen.add(reads());
    if (!isOver) setImmediate(look);
  };
  setImmediate(look);
  const refreshed = config.refresh(new Set(['all']));
  assert.equal(inForce.length, 0);
  await refreshed;
  isOver = true;
  assert.ok(seen.has(1), 'nobody had a turn between two files');
  assert.equal(reads(), 2, 'of all targets of the fleet, and of no others');
  assert.equal(inForce.length, 1);
  assert.equal(inForce.at(-1)?.targets.get('weekly')?.broken, undefined);
  assert.deepEqual(log, ['changed files reloaded', 'target works again']);
  assert.equal(config.refresh(new Set(['all'])), undefined);
});

test('a group that became busy keeps what it began with, and is looked at again', async (t) => {
  const { config, write, reads, log, ask, inForce } = refreshable(t);
  write('a', 'day', 'week');
  const refreshed = config.refresh(new Set(['daily']));
  ask('weekly');
  await refreshed;
  assert.deepEqual([inForce.length, log], [0, []]);
  assert.equal(config.refresh(new Set(['daily'])), undefined, 'not while it is busy');
  write('d', 'day', 'week');
  await config.refresh(new Set(['d']));
  assert.equal(reads(), 2);
  assert.equal(inForce.length, 1);
  assert.notEqual(inForce.at(-1)?.targets.get('weekly')?.broken, undefined);
});

test('a group that became busy does not keep the news from others', async (t) => {
  const { config, write, reads, ask, inForce } = refreshable(t);
  write('a', 'day', 'week');
  write('d', 'day', 'week');
  const refreshed = config.refresh(new Set(['d', 'daily']));
  ask('weekly');
  await refreshed;
  assert.equal(inForce.length, 1);
  assert.notEqual(inForce.at(-1)?.targets.get('weekly')?.broken, undefined);
  assert.equal(config.refresh(new Set(['d', 'daily'])), undefined);
  assert.equal(reads(), 3, 'both, and then d');
});

test('however many files have changed, those who ask at once share two readings', async (t) => {
  const names = Array.from({ length: 50 }, (_, at) => `more${at}`);
  const { config, write, reads, inForce } = refreshable(t, names);
  for (const name of names) write(name, 'day', 'week');
  const gone: string[] = [];
  const held = new HeldRequests((targets) => config.refresh(targets));
  for (const name of [...names, 'b']) {
    held.pass(name, { hold: () => {} }, () => gone.push(`${name} ${inForce.length}`));
  }
  await until(() => gone.length > names.length);
  const [first, ...others] = names;
  assert.deepEqual(gone, [`${first} 1`, ...[...others, 'b'].map((name) => `${name} 2`)]);
  assert.equal(reads(), names.length);
});

test('a fault of baton while files are read again keeps no request, and is told', async (t) => {
  const { config, write, fail, log, inForce } = refreshable(t);
  write('a', 'day', 'week');
  fail(new Error('a fault'));
  let isGone = false;
  const held = new HeldRequests((targets) => config.refresh(targets));
  held.pass('daily', { hold: () => {} }, () => {
    isGone = true;
  });
  await until(() => isGone);
  assert.deepEqual([log, inForce], [['changed files could not be reloaded'], []]);
  fail();
  assert.ok((await config.reload()).ok);
  await config.refresh(new Set(['daily']));
  assert.equal(inForce.length, 1);
});

test('changed files that are refused are not read again before they change again', async (t) => {
  const { config, write, reads, log, inForce } = refreshable(t);
  write('b', 'day', 'week');
  await config.refresh(new Set(['b']));
  assert.deepEqual([log, inForce], [['changed files refused'], []]);
  assert.equal(reads(), 1);
  assert.equal(config.refresh(new Set(['b'])), undefined);
  write('c', 'day', 'week');
  await config.refresh(new Set(['c']));
  assert.deepEqual([log.at(-1), inForce.length], ['changed files reloaded', 1]);
});

test('a reload waits for files that are read again, and they do not wait for it', async (t) => {
  const { config, write, inForce } = refreshable(t);
  write('a', 'day', 'week');
  const refreshed = config.refresh(new Set(['daily']));
  const reloaded = config.reload();
  write('b', 'day', 'week');
  assert.equal(config.refresh(new Set(['b'])), undefined, 'the reload reads all files');
  await refreshed;
  assert.equal(inForce.length, 1);
  const { ok } = await reloaded;
  assert.ok(!ok, 'b and c have one group, and different levels');
  write('c', 'day', 'week');
  assert.ok((await config.reload()).ok);
  assert.equal(inForce.length, 2);
});
