/**
 * Writes a journal as this version writes it, for all later versions to load, and the state that it
 * leads to: node dist/test/journal-fixture.js (docs/releasing.md). It contains the events of a long
 * random history, the same each time.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { Journal } from '../daemon/journal/journal.ts';
import { perform, steps, targets } from './support/arbitraries.ts';
import { ROOT } from './support/config.ts';
import { Core, ordered } from './support/core.ts';
import { RELEASES } from './support/journals.ts';

/** This many consecutive histories contain each type of event. */
const HISTORIES = 200;
const SEED = 11;

const about: unknown = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
const version = String(Object(about).version);
const [catalog = []] = fc.sample(targets, { numRuns: 1, seed: SEED });
const core = new Core(catalog);
for (const step of fc.sample(steps, { numRuns: HISTORIES, seed: SEED }).flat()) perform(core, step);

const directory = mkdtempSync(join(tmpdir(), 'baton-journal-'));
try {
  const opened = Journal.open(directory, () => {});
  if (!opened.ok) throw new Error(opened.error);
  const { journal } = opened.value;
  const appended = journal.append(core.events);
  if (!appended.ok) throw new Error(appended.error);
  await journal.sync();
  journal.close();
  const file = join(RELEASES, `${version}.ndjson`);
  writeFileSync(file, readFileSync(join(directory, 'journal.ndjson')));
  const state = JSON.stringify(ordered(core.state), undefined, 2);
  writeFileSync(join(RELEASES, `${version}.json`), `${state}\n`);
  process.stdout.write(`${file}: ${core.events.length} events\n`);
} finally {
  rmSync(directory, { recursive: true });
}
