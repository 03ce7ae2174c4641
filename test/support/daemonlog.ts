/**
 * After the error of a failed test, shows what the daemons have logged since the previous test
 * ended; also if a file comes near the runner's time limit, which would end it silently.
 */
import { afterEach } from 'node:test';

export interface Speaker {
  readonly directory: string;
  /** The lines of its daemons' logs, parsed. */
  readonly log: readonly unknown[];
  readonly stderr: string;
}

/** Only the last ones of each daemon are shown. */
export const LINES_SHOWN_MAX = 60;
/** Before the runner's limit (test/run.sh), with some time to be read. */
const LONG_MS = 230_000;

/** How much of each there was at the end of the last test. */
const seen = new Map<Speaker, { log: number; stderr: number }>();

/** Shows this log whenever a test fails that it may have been part of. */
export function showOnFailure(speaker: Speaker): void {
  seen.set(speaker, { log: 0, stderr: 0 });
}

// Benches and soaks have daemons as well, but no tests.
if (process.argv[1]?.includes('.test.')) {
  afterEach((t) => {
    const lines = fresh();
    // Neither is in the types of all versions of Node that run this.
    if (!('passed' in t) || t.passed !== false || !('diagnostic' in t)) return;
    for (const line of lines) t.diagnostic(line);
  });
  showWhenLong(LONG_MS);
}

/** Shows on stderr what there is when the file has run for this long. */
export function showWhenLong(afterMs: number): void {
  setTimeout(() => {
    process.stderr.write(`this file has run for ${afterMs} ms\n${fresh().join('\n')}\n`);
  }, afterMs).unref();
}

function fresh(): readonly string[] {
  return [...seen].flatMap(([speaker, at]) => {
    const said = speaker.stderr.slice(at.stderr).split('\n').filter(Boolean);
    const logged = speaker.log.slice(at.log).map((line) => JSON.stringify(line));
    seen.set(speaker, { log: speaker.log.length, stderr: speaker.stderr.length });
    const lines = [...logged, ...said];
    if (lines.length === 0) return [];
    const left = Math.max(0, lines.length - LINES_SHOWN_MAX);
    const title = `the daemon of ${speaker.directory}${left > 0 ? `, without its first ${left} lines` : ''}:`;
    return [title, ...lines.slice(left)];
  });
}
