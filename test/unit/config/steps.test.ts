/** How a large configuration is read: in steps, of which none grows with the number of targets. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { exclude } from '../../../daemon/config/bind-policies.ts';
import { findConflicts } from '../../../daemon/config/conflicts.ts';
import { loadConfig, loadWithPlugins } from '../../../daemon/config/load.ts';
import { PluginFiles } from '../../../daemon/config/plugin-files.ts';
import { makeCatalogInSteps } from '../../../daemon/core/catalog.ts';
import type { CooperativeSteps } from '../../../daemon/shared/cooperative.ts';
import { accepted, directory } from '../../support/config.ts';
import { target } from '../../support/core.ts';

function countSteps(steps: CooperativeSteps<unknown>): number {
  let count = 0;
  while (steps.next().done !== true) count++;
  return count;
}

test('each target is a step of its own wherever all of them are looked at', () => {
  const targets = Array.from({ length: 1_000 }, (_, at) =>
    target(`t${at}`, [{ type: 'cardinality', group: 'disk', instances: 2 }]),
  );
  for (const steps of [findConflicts(targets), exclude(targets), makeCatalogInSteps(targets)]) {
    assert.ok(countSteps(steps) >= targets.length);
  }
});

test('what is read in slices is what is read at once, and others have their turn meanwhile', async (t) => {
  const path = join(directory(t), 'config.json');
  const host = Array.from({ length: 5_000 }, (_, at) => `web${at}`);
  const definition = {
    each: { host },
    runner: { type: 'local', args: ['/bin/true', '{host}'] },
    policies: [{ type: 'cardinality', group: 'disk' }],
  };
  writeFileSync(path, JSON.stringify({ targets: { 'copy-{host}': definition } }), { mode: 0o600 });
  let turns = 0;
  let isOver = false;
  const look = (): void => {
    turns++;
    if (!isOver) setImmediate(look);
  };
  setImmediate(look);
  const { catalog } = accepted(await loadWithPlugins(path, new PluginFiles()));
  isOver = true;
  assert.ok(turns > 1, 'nobody had a turn');
  const atOnce = accepted(loadConfig(path)).catalog;
  assert.deepEqual([...catalog.targets.values()], [...atOnce.targets.values()]);
  assert.deepEqual([...catalog.groups.keys()], [...atOnce.groups.keys()]);
});
