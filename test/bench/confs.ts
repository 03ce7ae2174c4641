/**
 * Generated rsnapshot.confs on which baton and `rsnapshot configtest` of the installed version
 * agree.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Compared, compareConfs, furnish } from '../support/confs.ts';
import { makeRandom } from '../support/random.ts';
import { whyWithout } from '../support/tools.ts';
import type { Options } from './measure.ts';
import type { Line } from './table.ts';

const FILES = 10_000;
const FILES_QUICK = 1_000;
/** Number of files at a time; each batch has a seed of its own. */
const LOT = 250;
const SEED = Number(process.env['CONF_SEED'] ?? 1);

export async function measureConfs({ isQuick, out, say }: Options): Promise<readonly Line[]> {
  const what = 'confs with the verdict of configtest';
  const missing = whyWithout('root', 'rsnapshot', 'rsync');
  if (missing !== false) return [{ what, why: missing }];
  const place = mkdtempSync(join(tmpdir(), 'baton-'));
  const odd: Compared[] = [];
  const files = isQuick ? FILES_QUICK : FILES;
  let accepted = 0;
  try {
    furnish(place);
    for (let done = 0; done < files; done += LOT) {
      const compared = await compareConfs(place, LOT, makeRandom(SEED * files + done));
      odd.push(...compared.filter(({ ours, theirs }) => ours !== theirs));
      accepted += compared.filter(({ theirs }) => theirs === 'ok').length;
      say(
        `${done + LOT} compared, ${accepted} accepted by rsnapshot, ${odd.length} told otherwise`,
      );
    }
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
  if (odd.length > 0) {
    const path = join(out, 'confs.json');
    writeFileSync(path, `${JSON.stringify(odd, undefined, 2)}\n`);
    say(`written to ${path}`);
  }
  const against = { what: 'compared', figure: files };
  const budget = { rule: 'at least', on: 'ratio', bound: 1 } as const;
  return [{ what, unit: 'files', figure: files - odd.length, against, budget }];
}
