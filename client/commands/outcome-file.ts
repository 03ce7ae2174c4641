/**
 * `--report FILE`: how a run ended, as JSON for a program. It is always written, even if nothing
 * ran. Output and status do not change, except if the file cannot be written: that is a line on
 * stderr, and a failure.
 */
import { PROTOCOL_VERSION } from '../../daemon/protocol/request.ts';
import type { Place } from '../connection/conversation.ts';
import { queryOne } from '../connection/queries.ts';
import type { NamedRun } from '../connection/run-requests.ts';
import type { Ending } from '../ending.ts';
import { complain } from '../terminal/output.ts';
import { writeFile } from './write-file.ts';

/** What the client itself knows; `status` is its exit status. */
interface Known {
  readonly target?: string;
  readonly run: number | undefined;
  readonly status: number;
}

/** The run as in `baton why --json`, and `status`; `text` if there is no run. */
export async function writeOutcome(
  file: string,
  { known, of }: { readonly known: Known; readonly of: NamedRun | undefined },
  ending: Ending,
  place: Place,
): Promise<Ending> {
  const text = ending.line === undefined ? {} : { text: ending.line };
  const about = of === undefined ? {} : await viewOf(of, place);
  const report = { ...known, ...text, ...about };
  const written = writeFile(`${JSON.stringify(report, null, 2)}\n`, file);
  if (written.status === 0) return ending;
  if (ending.status === 0 && ending.line === undefined) return { ...ending, ...written };
  if (written.line !== undefined) complain(written.line, ending.isMidLine);
  return ending.status === 0 ? { ...ending, status: written.status, isOwn: true } : ending;
}

async function viewOf({ run: of, ...nonce }: NamedRun, place: Place): Promise<object> {
  const answer = await queryOne(place, { type: 'why', v: PROTOCOL_VERSION, of, ...nonce });
  return answer.ok ? (answer.value.chain[0] ?? {}) : {};
}
