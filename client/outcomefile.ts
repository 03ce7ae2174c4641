/**
 * `--report FILE`: how a run ended, as JSON for a program. It is written whatever happened, also
 * when nothing ran, and changes neither the status nor what is printed; a file that cannot be
 * written gets a line on stderr.
 */
import { PROTOCOL_VERSION } from '../daemon/protocol.ts';
import type { Place } from './call.ts';
import { deliver } from './delivery.ts';
import type { Ending } from './ending.ts';
import { askFor } from './inquiry.ts';
import { complain } from './output.ts';

/** What the client itself knows; `status` is what it exits with. */
interface Known {
  readonly target?: string;
  readonly run: number | undefined;
  readonly status: number;
}

/** The run as `baton why --json` shows it, and `status`; `text` where there is no run. */
export async function writeOutcome(
  file: string,
  known: Known,
  ending: Ending,
  place: Place,
): Promise<void> {
  const { run } = known;
  const text = ending.line === undefined ? {} : { text: ending.line };
  const about = run === undefined ? {} : await viewOf(run, place);
  const report = { ...known, ...text, ...about };
  const { status, line } = deliver(`${JSON.stringify(report, null, 2)}\n`, file);
  if (status !== 0 && line !== undefined) complain(line, ending.isMidLine);
}

async function viewOf(run: number, place: Place): Promise<object> {
  const answer = await askFor(place, { type: 'why', v: PROTOCOL_VERSION, of: run });
  return answer.ok ? (answer.value.chain[0] ?? {}) : {};
}
