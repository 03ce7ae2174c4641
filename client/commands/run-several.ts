/**
 * Several runs on one command line: all are requested at once, so that the daemon orders them, and
 * then relayed one after the other in the order of the command line. The exit status is the first
 * nonzero one; every failure gets its line as soon as it is known.
 *
 * The first INT or TERM cancels all runs that this client has requested and waits for their ends,
 * the second one exits immediately, as for a single run.
 */
import {
  EXIT,
  HISTORY_RUNS_MAX,
  PROTOCOL_VERSION,
  type Reply,
  type RunView,
  tellOutcome,
} from '../../daemon/protocol/request.ts';
import { internal } from '../client-errors.ts';
import type { Command } from '../command-line/invocation.ts';
import type { Place } from '../connection/conversation.ts';
import { hear } from '../connection/fleet-answer.ts';
import { query, queryOne } from '../connection/queries.ts';
import { Relay } from '../connection/relay.ts';
import type { ReplyOf } from '../connection/replies.ts';
import {
  type NamedRun,
  runRequest,
  type WaitedRun,
  waitRequest,
} from '../connection/run-requests.ts';
import { onSignals } from '../connection/signals.ts';
import { type Ending, printed, withVerdict } from '../ending.ts';
import { areOneFile, complain } from '../terminal/output.ts';

type Several = Extract<Command, { readonly verb: 'several' }>;
/** Relays a run that was requested before. */
export type Attend = (run: WaitedRun, quiet: boolean) => Promise<Ending>;

const SIGHUP = 1;
const DONE: Ending = { status: 0, isOwn: false };

export function runSeveral(several: Several, place: Place, attend: Attend): Promise<Ending> {
  const wanted = several.targets.map((target) => ({ target }));
  return requestSeveral(wanted, several, place, attend);
}

/** A requested run; `like`: with the arguments of this failed run. */
interface Wanted {
  readonly target: string;
  readonly like?: number;
}

type How = Omit<Several, 'verb' | 'targets'>;

export async function requestSeveral(
  wanted: readonly Wanted[],
  { wait, quiet, verdict, printId, maxWaitMs }: How,
  place: Place,
  attend: Attend,
): Promise<Ending> {
  const own = new Set<NamedRun>();
  const runs: NamedRun[] = [];
  let worst = DONE;
  let taken = 0;
  let asking: Relay | undefined;
  const wasAsked = (): boolean => runs.length > 0 || asking?.wasAsked === true;
  const signals = wait ? takeSignals(own, wasAsked, place) : undefined;
  for (const { target, ...like } of wanted) {
    // Requests that have not been sent are dropped.
    if (signals?.first !== undefined) break;
    const request = runRequest(target, false, { merged: areOneFile(), maxWaitMs, ...like });
    const relay = new Relay(request);
    asking = relay;
    const { ending, fleet } = await hear(relay, place);
    worst = worseOf(worst, ending);
    if (ending.status !== 0) continue;
    const asked = runsOf(relay, fleet);
    if (asked.length > 0) taken++;
    for (const { named, isOwn } of asked) {
      runs.push(named);
      if (isOwn) own.add(named);
      if (printId) worst = worseOf(worst, printed(`${named.run}\n`));
    }
    if (signals?.first !== undefined) cancelAll(own, place);
  }
  for (const run of wait ? runs : []) {
    const ending = await attend(run, quiet);
    worst = worseOf(worst, verdict ? withVerdict(ending) : ending);
    own.delete(run);
  }
  if (signals?.first === undefined || worst.status !== 0) return worst;
  // Not everything was requested, so this is a failure, however the rest ended.
  return taken === wanted.length ? worst : { status: signals.first, isOwn: true };
}

/** The run of a target, or those of a fleet; none if another run already serves the request. */
function runsOf(
  relay: Relay,
  fleet: ReplyOf<'fleet'> | undefined,
): readonly { readonly named: NamedRun; readonly isOwn: boolean }[] {
  if (fleet !== undefined) {
    return fleet.runs.flatMap((one) => {
      if (one.type === 'ignored') return [];
      const { type, run, nonce } = one;
      const named = nonce === undefined ? { run } : { run, nonce };
      return [{ named, isOwn: type === 'accepted' }];
    });
  }
  if (relay.run === undefined) return [];
  return [{ named: { run: relay.run, ...relay.nonce }, isOwn: !relay.isForeign }];
}

/** Relays runs that others have requested. */
export async function waitSeveral(
  runs: readonly (number | string)[],
  attend: Attend,
): Promise<Ending> {
  let worst = DONE;
  for (const run of runs) worst = worseOf(worst, await attend({ run }, false));
  return worst;
}

/**
 * Waits until nothing is running or queued; prints only failures. A status lists only the first few
 * queued runs, and misses short runs between two of them, so the history is read as well.
 */
export async function waitAll(place: Place): Promise<Ending> {
  const [beganAtMs, beganMs] = [Date.now(), performance.now()];
  const told = new Set((await failures(EARLIER_MS, place)).map(({ run }) => run));
  let worst = DONE;
  for (;;) {
    const status = await queryOne(place, { type: 'status', v: PROTOCOL_VERSION });
    if (!status.ok) return status.ending;
    const views = status.value.targets.flatMap(({ active, queued }) => [...active, ...queued]);
    // A lost run may hold its place for long, because of processes that nobody can wait for.
    const open = views.filter(({ state }) => state !== 'ended');
    for (const { run } of open) {
      const ending = await endOf(run, place);
      worst = worseOf(worst, ending);
      // This command is part of a run that it would wait for.
      if (ending.status === EXIT.notNow && ending.isOwn) return worst;
      told.add(run);
    }
    if (open.length > 0) continue;
    // The daemon counts time asleep, which only the wall clock shows.
    const [wallMs, awakeMs] = [Date.now() - beganAtMs, performance.now() - beganMs];
    const unseen = await failures(EARLIER_MS + Math.max(wallMs, awakeMs), place);
    for (const end of unseen.reverse()) {
      // If the clock was set forward, the period reaches too far back.
      const isOlder = wallMs > awakeMs && (end.endedAtMs ?? 0) < beganAtMs - EARLIER_MS;
      if (!told.has(end.run) && !isOlder) worst = worseOf(worst, endingOf(withAdvice(end)));
    }
    return worst;
  }
}

/** Failures from this long before the start are known, and not reported. */
const EARLIER_MS = 10_000;

/** Newest first; empty if the socket does not permit the request. */
async function failures(sinceMs: number, place: Place): Promise<RunView[]> {
  const answer = await queryOne(place, {
    type: 'history',
    v: PROTOCOL_VERSION,
    outcome: 'failed',
    sinceMs: Math.ceil(sinceMs),
    limit: HISTORY_RUNS_MAX,
  });
  return answer.ok ? [...answer.value.runs] : [];
}

type FailedRun = Pick<RunView, 'run' | 'target' | 'exit' | 'text'>;

/** A history contains only the plain outcome. */
function withAdvice(view: RunView): FailedRun {
  const { outcome, run, target } = view;
  return outcome === undefined ? view : { ...view, text: tellOutcome(outcome, run, target) };
}

function endingOf({ run, target, exit, text }: FailedRun): Ending {
  return { status: exit || EXIT.noVerdict, isOwn: false, line: `${target}: run ${run} ${text}` };
}

async function endOf(run: number, place: Place): Promise<Ending> {
  let ended: Extract<Reply, { readonly type: 'ended' | 'refused' }> | undefined;
  const take = (reply: Reply): boolean => {
    if (reply.type === 'ended' || reply.type === 'refused') ended = reply;
    return ended !== undefined || reply.type === 'error';
  };
  const request = waitRequest({ run }, { output: false });
  // Optional: an ended run may already be forgotten.
  const trouble = await query(place, [{ request, take, isOptional: true }]);
  if (trouble !== undefined) return trouble;
  if (ended?.type === 'refused') {
    return { status: ended.exit, isOwn: true, line: `run ${run}: ${ended.reason}` };
  }
  return ended?.verdict === 'failed' ? endingOf(ended) : DONE;
}

/** Prints the line, if any; the first nonzero status is kept. */
function worseOf(worst: Ending, { status, isOwn, line, isMidLine }: Ending): Ending {
  if (line !== undefined) complain(line, isMidLine);
  return worst.status === 0 ? { status, isOwn } : worst;
}

interface Signals {
  /** The status for the first signal, once it has come. */
  first?: number;
}

function takeSignals(
  own: ReadonlySet<NamedRun>,
  wasAsked: () => boolean,
  place: Place,
): Readonly<Signals> {
  const signals: Signals = {};
  onSignals((signal) => {
    const status = EXIT.signalBase + signal;
    if (signals.first !== undefined || !wasAsked()) process.exit(status);
    signals.first = status;
    cancelAll(own, place);
  });
  process.on('SIGHUP', () => process.exit(EXIT.signalBase + SIGHUP));
  return signals;
}

function cancelAll(own: ReadonlySet<NamedRun>, place: Place): void {
  const take = (): boolean => true;
  // Youngest first: a queued run must not start because another one ended.
  const questions = [...own].reverse().map(({ run: of, ...nonce }) => ({
    request: { type: 'cancel', v: PROTOCOL_VERSION, of, ...nonce } as const,
    take,
    isOptional: true,
  }));
  query(place, questions).then(
    (trouble) => trouble?.line !== undefined && complain(trouble.line),
    (error: unknown) => complain(internal(String(error))),
  );
}
