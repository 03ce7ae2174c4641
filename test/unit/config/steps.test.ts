/** A large configuration is read in steps whose size does not grow with the number of targets. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import * as v from 'valibot';
import { exclude } from '../../../daemon/config/bind-policies.ts';
import { findBadTargets, findConflicts } from '../../../daemon/config/conflicts.ts';
import { loadConfig, loadWithPlugins } from '../../../daemon/config/load.ts';
import { PluginFiles } from '../../../daemon/config/plugin-files.ts';
import { PolicyFiles } from '../../../daemon/config/policy-files.ts';
import { bind, makeCatalogInSteps, type Target } from '../../../daemon/core/catalog.ts';
import type { CooperativeSteps } from '../../../daemon/shared/cooperative.ts';
import { cardinality } from '../../../policies/cardinality.ts';
import { accepted, directory, load } from '../../support/config.ts';
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

/** The largest number of targets that one step looks at. */
function mostLookedAt(
  names: readonly string[],
  stepsOf: (targets: readonly Target[]) => CooperativeSteps<unknown>,
): number {
  let looked = new Set<string>();
  let most = 0;
  const targets = names.map((name, at) => {
    // Each is a group of its own, and shares a lockfile with seven others.
    const policy = { ...cardinality, resources: () => [`lockfile ${at >> 3}`, `disk ${at >> 3}`] };
    const options = v.parse(cardinality.options, { type: 'cardinality' });
    const bindings = [bind(policy, options, { name })];
    return Object.defineProperty(target(name), 'bindings', {
      get: () => {
        looked.add(name);
        return bindings;
      },
    });
  });
  const steps = stepsOf(targets);
  for (let isOver = false; !isOver; looked = new Set()) {
    isOver = steps.next().done === true;
    most = Math.max(most, looked.size);
  }
  return most;
}

test('no step looks at more than a target or two, whatever they share', () => {
  const names = Array.from({ length: 400 }, (_, at) => `t${at}`);
  const counted = [
    (targets: readonly Target[]) => findBadTargets(targets, {}, new Set()),
    findConflicts,
    exclude,
    makeCatalogInSteps,
  ].map((steps) => mostLookedAt(names, steps));
  assert.ok(Math.max(...counted) <= 2, `${counted}`);
});

test('a configuration is made again in steps, each of which reads one rsnapshot.conf', () => {
  const paths = Array.from({ length: 300 }, (_, at) => `/etc/${at}.conf`);
  let reads = 0;
  const files = new PolicyFiles((path) => {
    reads++;
    return { ok: true, text: 'retain\tdaily\t7\n', realPath: path };
  });
  const targets = paths.map((path, at) => {
    const args = ['/usr/bin/rsnapshot', '-c', path];
    const policies = [{ type: 'rsnapshot', interval: 'daily' }];
    return [`t${at}`, { runner: { type: 'local', args }, policies }];
  });
  const config = accepted(load({ targets: Object.fromEntries(targets) }, files));
  reads = 0;
  const steps = config.again(config.policyFiles.without(paths));
  let most = 0;
  let count = 0;
  for (let before = 0; steps.next().done !== true; before = reads) {
    most = Math.max(most, reads - before);
    count++;
  }
  assert.deepEqual([reads, most], [paths.length, 1]);
  assert.ok(count > 5 * paths.length, `only ${count} steps`);
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
