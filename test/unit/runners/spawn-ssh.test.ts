/** ssh(1) that cannot be started: each way in which Node reports that becomes an errno. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { spawnSsh } from '../../../runners/ssh-keeper/spawn-ssh.ts';
import { directory } from '../../support/config.ts';
import { withFew } from '../../support/descriptors.ts';
import { whyWithout } from '../../support/tools.ts';

const PATH = process.env['PATH'];

/** An ssh that exits with 7, or none, in place of the system's. */
function stage(t: TestContext, isThere: boolean): void {
  const bin = directory(t);
  if (isThere) writeFileSync(join(bin, 'ssh'), '#!/bin/sh\nexit 7\n', { mode: 0o755 });
  t.after(() => {
    process.env['PATH'] = PATH;
  });
  process.env['PATH'] = bin;
}

async function begin(args: readonly string[]): Promise<string | number> {
  const ssh = await spawnSsh(args);
  if (typeof ssh === 'string') return ssh;
  for (const stream of [ssh.stdin, ssh.stdout, ssh.stderr]) stream.destroy();
  const [code] = await once(ssh, 'exit');
  return code as number;
}

test('an ssh that is there is started', async (t) => {
  stage(t, true);
  assert.equal(await begin([]), 7);
});

test('an ssh that is not there is ENOENT', async (t) => {
  stage(t, false);
  assert.equal(await begin([]), 'ENOENT');
});

test('arguments that are too long are E2BIG', async (t) => {
  stage(t, true);
  assert.equal(await begin(['x'.repeat(200_000)]), 'E2BIG');
});

test('without enough free descriptors it is EMFILE, however many are free', {
  skip: whyWithout('prlimit'),
}, async (t) => {
  stage(t, true);
  const results = await withFew(20, () => begin([]));
  assert.deepEqual([...new Set(results)], ['EMFILE', 7]);
});
