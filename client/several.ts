/**
 * Several runs by one command line: all are asked for at once, so that the daemon puts them in
 * order, and then relayed one after the other in the order of the command line. The status is that
 * of the first one which is not 0; every trouble has its line, as it becomes known.
 *
 * The first INT or TERM cancels all runs that this client has asked for and waits for their ends,
 * the second one leaves at once, as for a single run.
 */
import { EXIT, PROTOCOL_VERSION, type Reply } from '../daemon/protocol.ts';
import { converse, type Place } from './call.ts';
import type { Command } from './command.ts';
import { askFor, inquire } from './inquiry.ts';
import { areOneFile, complain, print } from './output.ts';
import { type Ending, Relay, runRequest } from './relay.ts';

type Several = Extract<Command, { readonly verb: 'several' }>;
/** Relays a run that is known by its number. */
export type Attend = (run: number, quiet: boolean) => Promise<Ending>;

const SIGNALS = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const;
const DONE: Ending = { status: 0, isOwn: false };

export async function runSeveral(
  { targets, wait, quiet, printId, maxWaitMs }: Several,
  place: Place,
  attend: Attend,
): Promise<Ending> {
  const own = new Set<number>();
  const runs: number[] = [];
  let worst = DONE;
  if (wait) heedSignals(own, place);
  for (const target of targets) {
    const request = runRequest(target, false, { merged: areOneFile(), maxWaitMs });
    const relay = new Relay(request);
    const answer = await converse(place, relay);
    const ending = answer.ok ? answer.value : answer.ending;
    worst = worseOf(worst, ending);
    if (ending.status !== 0 || relay.run === undefined) continue;
    runs.push(relay.run);
    if (!relay.isForeign) own.add(relay.run);
    if (printId) print(`${relay.run}\n`);
  }
  for (const run of wait ? runs : []) {
    worst = worseOf(worst, await attend(run, quiet));
    own.delete(run);
  }
  return worst;
}

/** Relays runs that others have asked for. */
export async function waitSeveral(runs: readonly number[], attend: Attend): Promise<Ending> {
  let worst = DONE;
  for (const run of runs) worst = worseOf(worst, await attend(run, false));
  return worst;
}

/** Until nothing runs or waits any more; prints nothing but what failed. */
export async function waitAll(place: Place): Promise<Ending> {
  let worst = DONE;
  for (;;) {
    const status = await askFor(place, { type: 'status', v: PROTOCOL_VERSION });
    if (!status.ok) return status.ending;
    const views = status.value.targets.flatMap(({ active, queued }) => [...active, ...queued]);
    // A lost run may hold its place for long, by processes that nobody can wait for.
    const open = views.filter(({ state }) => state !== 'ended');
    if (open.length === 0) return worst;
    for (const { run } of open) worst = worseOf(worst, await endOf(run, place));
  }
}

async function endOf(run: number, place: Place): Promise<Ending> {
  let ended: Extract<Reply, { readonly type: 'ended' }> | undefined;
  const take = (reply: Reply): boolean => {
    if (reply.type === 'ended') ended = reply;
    return reply.type === 'ended' || reply.type === 'error';
  };
  const request = { type: 'wait', v: PROTOCOL_VERSION, run, output: false } as const;
  // Optional: what has ended meanwhile may be forgotten already.
  const trouble = await inquire(place, [{ request, take, isOptional: true }]);
  if (trouble !== undefined) return trouble;
  if (ended === undefined || ended.verdict !== 'failed') return DONE;
  const { target, exit, text } = ended;
  const line = `${target}: run ${run} ${text}`;
  return { status: exit || EXIT.noVerdict, isOwn: false, line };
}

/** Says what there is to say; the first that is not 0 stays. */
function worseOf(worst: Ending, { status, isOwn, line, isMidLine }: Ending): Ending {
  if (line !== undefined) complain(line, isMidLine);
  return worst.status === 0 ? { status, isOwn } : worst;
}

function heedSignals(own: ReadonlySet<number>, place: Place): void {
  let isSecond = false;
  for (const [name, number] of Object.entries(SIGNALS)) {
    process.on(name, () => {
      if (isSecond || name === 'SIGHUP') process.exit(EXIT.signalBase + number);
      isSecond = true;
      const take = (): boolean => true;
      // The youngest first: what waits must not start because of what is ended.
      const questions = [...own].reverse().map((of) => ({
        request: { type: 'cancel', v: PROTOCOL_VERSION, of } as const,
        take,
        isOptional: true,
      }));
      inquire(place, questions).then(
        (trouble) => trouble?.line !== undefined && complain(trouble.line),
        (error: unknown) => complain(`internal error: ${String(error)}`),
      );
    });
  }
}
