/** The committed generated files are up to date. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import * as v from 'valibot';
import { EXAMPLE as CONFIG_EXAMPLE } from '../../../contrib/generate/configpage.ts';
import { generated } from '../../../contrib/generate/files.ts';
import { EXAMPLES as PROTOCOL_EXAMPLES } from '../../../contrib/generate/protocolpage.ts';
import { Request } from '../../../daemon/protocol/request-schema.ts';
import { accepted, load, ROOT } from '../../support/config.ts';

for (const [path, text] of Object.entries(generated())) {
  test(`${path} is what "npm run generate" writes`, () => {
    assert.equal(readFileSync(join(ROOT, path), 'utf8'), text);
  });
}

test('the example of baton.json(5) is a configuration', () => {
  const conf = { '/etc/rsnapshot.conf': 'retain\tdaily\t7\nretain\tweekly\t4\n' };
  const { catalog } = accepted(load(CONFIG_EXAMPLE, conf));
  assert.ok([...catalog.targets.values()].every(({ broken }) => broken === undefined));
});

test('the example of baton-protocol(7) is a request', () => {
  const [[, line]] = PROTOCOL_EXAMPLES;
  const [, request = ''] = /echo '(.*)'/.exec(line) ?? [];
  assert.equal(v.safeParse(Request, JSON.parse(request)).success, true);
});
