/**
 * Reading rsnapshot.conf as rsnapshot reads it: generated files, each compared with the verdict of
 * `rsnapshot configtest` of the installed version, and its first complaint. `npm run bench --
 * --only confs` does that with 10,000 of them.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { amount } from '../support/amount.ts';
import { directory } from '../support/config.ts';
import { compareConfs, furnish } from '../support/confs.ts';
import { makeRandom } from '../support/random.ts';
import { whyWithout } from '../support/tools.ts';

const FILES = amount(500);
const SEED = Number(process.env['CONF_SEED'] ?? 1);

test('the verdict on a configuration, and its sentence, are those of rsnapshot configtest', {
  skip: whyWithout('root', 'rsnapshot', 'rsync'),
}, async (t) => {
  const place = directory(t);
  furnish(place);
  const compared = await compareConfs(place, FILES, makeRandom(SEED));
  for (const [at, { text, ours, theirs }] of compared.entries()) {
    assert.deepEqual(ours, theirs, `CONF_SEED=${SEED}, file ${at}:\n${text}`);
  }
  const accepted = compared.filter(({ ours }) => ours === 'ok').length;
  t.diagnostic(`${accepted} of ${FILES} accepted`);
  assert.ok(accepted > 0 && accepted < FILES);
});
