/** Plugin modules for tests: their files, and configurations that use them. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Loaded, loadWithPlugins } from '../../daemon/config/load.ts';
import { formatMistakes } from '../../daemon/config/mistakes.ts';
import { PluginFiles } from '../../daemon/config/plugin-files.ts';
import { directory } from './config.ts';

/** A handwritten schema that accepts any object. */
const ANY = `{ '~standard': { version: 1, vendor: 'hand', validate: (value) => ({ value }) } }`;

/** A module with one policy; `more` contains its special properties. */
export function policyModule(type: string, more = ''): string {
  return `export const policy = {
    type: '${type}',
    options: ${ANY},
    group: (_, target) => target.name,
    admit: () => ({ type: 'admit' }),
    ready: () => ({ type: 'start' }),
    ${more}
  };\n`;
}

/** One target with one policy. */
export function withPolicy(type: string, options: object = {}): object {
  const runner = { type: 'local', args: ['true'] };
  return { targets: { t: { runner, policies: [{ type, ...options }] } } };
}

/** Longer than the import of a good module takes on any machine, however busy. */
const IMPORT_MS_MAX = 100_000;

/** A directory with modules, and the configurations that are loaded in it. */
export class PluginFolder {
  readonly path: string;
  readonly files: PluginFiles;

  constructor(t: { after(done: () => void): void }, importMsMax = IMPORT_MS_MAX) {
    this.path = directory(t);
    this.files = new PluginFiles(undefined, importMsMax);
  }

  write(name: string, text: string, mode = 0o600): string {
    const path = join(this.path, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text, { mode });
    return path;
  }

  async load(plugins: readonly string[], rest: object = { targets: {} }): Promise<Loaded> {
    const path = this.write('config.json', JSON.stringify({ plugins, ...rest }));
    return await loadWithPlugins(path, this.files);
  }
}

/** All mistakes, each on a line, without the directory. */
export function mistakesIn(folder: PluginFolder, loaded: Loaded): string {
  return loaded.ok ? '' : formatMistakes(loaded).replaceAll(`${folder.path}/`, '');
}
