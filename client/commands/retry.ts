/**
 * `baton retry`: new runs for failed ones. Each is requested separately, oldest first, with the
 * arguments of the failed run, which the daemon knows. With `--wait` they are relayed as in `baton
 * run`, and each one that fails again gets a line.
 */
import { EXIT, HISTORY_RUNS_MAX, type RunView } from '../../daemon/protocol/request.ts';
import { notFailed } from '../client-errors.ts';
import type { Command } from '../command-line/invocation.ts';
import { type Answer, converse, type Place } from '../connection/conversation.ts';
import { queryOne } from '../connection/queries.ts';
import { Relay } from '../connection/relay.ts';
import { runRequest } from '../connection/run-requests.ts';
import { type Ending, printed } from '../ending.ts';
import { complain, plain } from '../terminal/output.ts';
import { type Attend, requestSeveral } from './run-several.ts';

type Retry = Extract<Command, { readonly verb: 'retry' }>;

const SINCE_MS_DEFAULT = 24 * 3_600_000;
const DONE: Ending = { status: 0, isOwn: true };

/** Relays a run: a new request, or an earlier one. */
interface Relays {
  readonly ask: (target: string, like: number) => Promise<Ending>;
  readonly attend: Attend;
}

export async function retry(command: Retry, place: Place, relays: Relays): Promise<Ending> {
  const { of, wait, sinceMs = SINCE_MS_DEFAULT } = command;
  const failed = of === undefined ? await failedSince(sinceMs, place) : await failedRun(of, place);
  if (!failed.ok) return failed.ending;
  if (failed.value.length === 0) return printed('nothing to retry\n');
  const [first] = failed.value;
  if (wait && of !== undefined && first !== undefined) return relays.ask(first.target, first.run);
  if (wait) {
    const wanted = failed.value.map(({ target, run: like }) => ({ target, like }));
    const how = { wait, quiet: false, verdict: true, printId: false, maxWaitMs: undefined };
    return requestSeveral(wanted, how, place, relays.attend);
  }
  let worst = DONE;
  for (const run of failed.value) {
    const ending = await askAgain(run, place);
    if (ending.line !== undefined) complain(ending.line, ending.isMidLine);
    if (worst.status === 0) worst = { status: ending.status, isOwn: ending.isOwn };
  }
  return worst;
}

/** Oldest first, so that they keep their order. */
async function failedSince(sinceMs: number, place: Place): Promise<Answer<readonly RunView[]>> {
  const limit = HISTORY_RUNS_MAX;
  const request = { type: 'history', outcome: 'failed', latest: true, sinceMs, limit } as const;
  const answer = await queryOne(place, request);
  if (!answer.ok) return answer;
  const isMeant = ({ outcome, cause }: RunView): boolean =>
    outcome?.kind !== 'cancelled' && cause === undefined;
  return { ok: true, value: answer.value.runs.filter(isMeant).reverse() };
}

async function failedRun(of: number, place: Place): Promise<Answer<readonly RunView[]>> {
  const answer = await queryOne(place, { type: 'why', of });
  if (!answer.ok) return answer;
  const [run] = answer.value.chain;
  if (run === undefined || run.verdict === 'failed') return { ok: true, value: [run ?? []].flat() };
  const line = `run ${of} ${notFailed(run.target, run.state === 'ended')}`;
  return { ok: false, ending: { status: EXIT.notNow, isOwn: true, line } };
}

async function askAgain({ run: like, target }: RunView, place: Place): Promise<Ending> {
  const relay = new Relay(runRequest(target, false, { like }));
  const answer = await converse(place, relay);
  const ending = answer.ok ? answer.value : answer.ending;
  if (ending.status !== 0 || relay.run === undefined) return ending;
  return printed(`run ${relay.run} of ${plain(target)} is queued, as a retry of run ${like}\n`);
}
