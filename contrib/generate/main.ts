/** Writes the committed files that are derived from the sources: npm run generate. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generated } from './files.ts';

/** The repository, relative to dist/contrib/generate. */
const ROOT = join(import.meta.dirname, '../../..');

for (const [path, text] of Object.entries(generated())) {
  writeFileSync(join(ROOT, path), text);
  process.stdout.write(`${path}\n`);
}
