/** What is generated and committed is current. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { generated } from '../../contrib/generate/files.ts';
import { ROOT } from '../support/config.ts';

for (const [path, text] of Object.entries(generated())) {
  test(`${path} is what "npm run generate" writes`, () => {
    assert.equal(readFileSync(join(ROOT, path), 'utf8'), text);
  });
}
