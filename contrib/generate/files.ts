/** Every generated file, by its path. A test checks that the committed files are up to date. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bashCompletion } from './bash.ts';
import { clientPage } from './clientpage.ts';
import { configPage } from './configpage.ts';
import { daemonPage } from './daemonpage.ts';
import { fishCompletion } from './fish.ts';
import { pluginPage } from './pluginpage.ts';
import { pluginTypes } from './plugintypes.ts';
import { protocolPage } from './protocolpage.ts';
import { configSchemaText } from './schema.ts';
import { zshCompletion } from './zsh.ts';

export function generated(): Readonly<Record<string, string>> {
  const version = packageVersion();
  return {
    'contrib/config.schema.json': configSchemaText(),
    'contrib/completions/baton.bash': bashCompletion(),
    'contrib/completions/_baton': zshCompletion(),
    'contrib/completions/baton.fish': fishCompletion(),
    'contrib/man/baton.1': clientPage(version),
    'contrib/man/batond.8': daemonPage(version),
    'contrib/man/baton.json.5': configPage(version),
    'contrib/man/baton-plugin.7': pluginPage(version),
    'contrib/plugin.d.ts': pluginTypes(),
    'contrib/man/baton-protocol.7': protocolPage(version),
  };
}

/** Relative to dist/contrib/generate. */
function packageVersion(): string {
  const path = join(import.meta.dirname, '../../../package.json');
  const { version } = JSON.parse(readFileSync(path, 'utf8')) as { readonly version: string };
  return version;
}
