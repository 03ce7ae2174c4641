/** The configuration in force: reloads that are asked for while another one is under way. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadConfig } from '../../../daemon/config/load.ts';
import { NONE, PluginFiles } from '../../../daemon/config/plugin-files.ts';
import { emptyState } from '../../../daemon/core/state.ts';
import { CurrentConfig } from '../../../daemon/startup/current-config.ts';
import { makeLog } from '../../../daemon/system/log.ts';
import { accepted, directory } from '../../support/config.ts';

/** Plugins whose import takes until the test says so. */
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
