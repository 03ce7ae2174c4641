/**
 * Gives a test file a temporary directory of its own, in which all of its temporary directories are
 * made ($TMPDIR), and makes sure that no process and no file of it outlives the test file, even if
 * that is killed by the time limit: see undertaker.pl. For that, everything in test/support that
 * makes directories or starts processes imports this.
 *
 * It ends a file that takes too long. The runner does that up to Node 22; that of Node 24 ends the
 * test, and then waits for ever for what the test left open.
 *
 * The runner waits for the undertaker, which has its stderr, and so ends after it.
 */
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { amount } from './amount.ts';

const SCRIPT = join(import.meta.dirname, '../../../test/support/undertaker.pl');

/** A little longer than the runner's limit (test/run.sh). */
const FILE_MS_USUAL = 370_000;
/** More repetitions take longer. */
export const FILE_MS_MAX = Math.max(FILE_MS_USUAL, amount(FILE_MS_USUAL));

// Benches and soaks have no limit.
if (process.argv[1]?.includes('.test.')) setTimeout(giveUp, FILE_MS_MAX).unref();

const directory = mkdtempSync(join(tmpdir(), 'baton-test-'));
// Some tests use other users.
chmodSync(directory, 0o711);
process.env['TMPDIR'] = directory;
const undertaker = spawn('/usr/bin/perl', [SCRIPT, String(process.pid), directory], {
  detached: true,
  stdio: ['pipe', 'ignore', 'inherit'],
});
undertaker.unref();
if (undertaker.stdin instanceof Socket) undertaker.stdin.unref();

function giveUp(): void {
  process.stderr.write(`this file has run for ${FILE_MS_MAX} ms, and is ended\n`);
  process.exit(1);
}
