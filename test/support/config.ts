/** A configuration in a file of its own, loaded as in the daemon. */
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Config, type Loaded, loadConfig } from '../../daemon/config/load.ts';
import { formatMistakes } from '../../daemon/config/mistakes.ts';
import { PolicyFiles } from '../../daemon/config/policy-files.ts';
import type { Lockfile } from '../../daemon/core/world.ts';
import './scratch.ts';

/** The repository, relative to dist/test/support. */
export const ROOT = join(import.meta.dirname, '../../..');

/** A fresh directory for one test, removed at its end. */
export function directory(t: { after(done: () => void): void }): string {
  const path = mkdtempSync(join(tmpdir(), 'baton-'));
  t.after(() => rmSync(path, { recursive: true, force: true, maxRetries: 5 }));
  return path;
}

/** A machine with only these rsnapshot.confs, whatever this one has. */
export function withConfs(policyFiles: Readonly<Record<string, string>> = {}): PolicyFiles {
  return new PolicyFiles((path) => {
    const text = policyFiles[path];
    return text === undefined ? { ok: false, error: 'ENOENT' } : { ok: true, text, realPath: path };
  });
}

export function loadText(
  text: string,
  mode = 0o600,
  policyFiles: Readonly<Record<string, string>> | PolicyFiles = {},
): Loaded {
  const path = mkdtempSync(join(tmpdir(), 'baton-'));
  try {
    const file = join(path, 'config.json');
    writeFileSync(file, text);
    chmodSync(file, mode);
    return loadConfig(
      file,
      undefined,
      policyFiles instanceof PolicyFiles ? policyFiles : withConfs(policyFiles),
    );
  } finally {
    rmSync(path, { recursive: true, force: true });
  }
}

export function load(
  value: unknown,
  policyFiles: Readonly<Record<string, string>> | PolicyFiles = {},
): Loaded {
  return loadText(JSON.stringify(value), 0o600, policyFiles);
}

/** A lockfile as a policy describes it. */
export function lockfileAt(path: string, program = 'rsnapshot'): Lockfile {
  return { kind: 'lockfile', path, program, stopsWhenStale: false };
}

/** Fails with all mistakes if there are any. */
export function accepted(loaded: Loaded): Config {
  if (!loaded.ok) throw new Error(formatMistakes(loaded));
  return loaded.value;
}

/** Each mistake as "place: text"; none if the configuration was accepted. */
export function mistakesOf(loaded: Loaded): readonly string[] {
  return loaded.ok ? [] : loaded.mistakes.map(({ path, text }) => `${path}: ${text}`);
}

/** The only mistake of a configuration. */
export function only(loaded: Loaded): string {
  const [mistake, ...more] = mistakesOf(loaded);
  assert.deepEqual(more, [], 'one mistake only');
  return mistake ?? 'no mistake';
}
