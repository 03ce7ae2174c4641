/**
 * Measures New Year's stampede with and without baton, ten times each: node dist/test/stampede.js
 */
import { CRON_NEEDS } from './support/cron.ts';
import { type Stampede, stampede } from './support/stampede.ts';
import { whyWithout } from './support/tools.ts';

const TIMES = 10;
const BUSY_S = 1;
const APART_S = 2;

const reason = whyWithout(...CRON_NEEDS, 'rsnapshot', 'rsync');
if (reason === false) await measure();
else process.stderr.write(`stampede: ${reason}\n`);

async function measure(): Promise<void> {
  for (const isDirect of [true, false]) {
    const runs = await Promise.all(
      Array.from({ length: TIMES }, (_, n) =>
        stampede({ isDirect, secondsBefore: 3 + n * APART_S, busySeconds: BUSY_S }),
      ),
    );
    process.stdout.write(`${isDirect ? 'rsnapshot directly' : 'by baton'}\n`);
    for (const [at, run] of runs.entries()) process.stdout.write(`  ${at + 1}: ${show(run)}\n`);
    const lost = runs.reduce((sum, { completed }) => sum + 4 - completed.length, 0);
    process.stdout.write(`  lost: ${lost} of ${TIMES * 4}\n`);
    if (!isDirect) process.stdout.write(`${latencies(runs)}\n`);
  }
}

function show({ completed, mails }: Stampede): string {
  return `completed ${completed.join(', ') || 'none'}; ${mails.length} mails`;
}

function latencies(runs: readonly Stampede[]): string {
  const row = (name: string, values: readonly number[]): string => {
    const [least, most] = [Math.min(...values), Math.max(...values)];
    const middle = values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
    return `  ${name}: ${[least, middle, most].map((ms) => `${Math.round(ms)} ms`).join(' / ')}`;
  };
  return [
    '  least / median / most',
    row(
      'minute to first request',
      runs.map((run) => run.firstAskedMs),
    ),
    row(
      'first to last request',
      runs.map((run) => run.lastAskedMs - run.firstAskedMs),
    ),
    row(
      'minute to first start',
      runs.map((run) => run.firstStartMs),
    ),
    row(
      'end of a run to the next start',
      runs.flatMap((run) => run.gapsMs),
    ),
  ].join('\n');
}
