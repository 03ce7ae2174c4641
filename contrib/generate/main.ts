/** Writes what is derived from the sources and committed: npm run generate. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generated } from './files.ts';

/** The repository, seen from dist/contrib/generate. */
const ROOT = join(import.meta.dirname, '../../..');

for (const [path, text] of Object.entries(generated())) {
  writeFileSync(join(ROOT, path), text);
  process.stdout.write(`${path}\n`);
}
