/** Carries out a command line: each command is one conversation with the daemon. */
import { readFileSync } from 'node:fs';
import {
  type FleetRun,
  HISTORY_RUNS_MAX,
  PROTOCOL_VERSION,
} from '../../daemon/protocol/request.ts';
import type { RequestInput } from '../../daemon/protocol/request-schema.ts';
import { outputNotWritten } from '../client-errors.ts';
import { overview, page } from '../command-line/help.ts';
import type { Command } from '../command-line/invocation.ts';
import { findVerb } from '../command-line/manual.ts';
import { ask } from '../connection/ask.ts';
import type { Conversation, Place } from '../connection/conversation.ts';
import { hear } from '../connection/fleet-answer.ts';
import { Relay } from '../connection/relay.ts';
import {
  type NamedRun,
  type RunRequest,
  runRequest,
  type WaitedRun,
  waitRequest,
} from '../connection/run-requests.ts';
import { type Ending, printed, statusOf, withVerdict } from '../ending.ts';
import { hasViewer, Live } from '../terminal/live-line.ts';
import { complain, writeAll } from '../terminal/output.ts';
import { Spool } from '../terminal/spool.ts';
import { attendFleet } from './fleet.ts';
import { names } from './names.ts';
import { writeOutcome } from './outcome-file.ts';
import { retry } from './retry.ts';
import { runSeveral, waitAll, waitSeveral } from './run-several.ts';
import { metrics, report, timeline } from './survey.ts';
import { watch } from './watch.ts';

const STDOUT = 1;

/** `errorCode` replaces every exit status that is not that of the command. */
export async function perform(command: Command, place: Place, errorCode?: number): Promise<Ending> {
  const v = PROTOCOL_VERSION;
  switch (command.verb) {
    case 'run':
      return run(command, place, errorCode);
    case 'several':
      return runSeveral(command, place, (of, quiet) => pick(of, quiet, place));
    case 'wait':
      return waitFor(command, place, errorCode);
    case 'wait-all':
      return waitAll(place);
    case 'logs': {
      const { of, follow: isFollowed } = command;
      return follow(new Relay({ type: 'output', v, of, follow: isFollowed }), place);
    }
    case 'retry':
      return retry(command, place, {
        ask: async (target, like) => {
          const request = runRequest(target, true, { like });
          return (await attend(request, place, { quiet: false, takesSignals: true })).ending;
        },
        attend: (of, quiet) => pick(of, quiet, place),
      });
    case 'why':
    case 'cancel':
      return ask({ type: command.verb, v, of: command.of }, command, place);
    case 'pause':
    case 'resume': {
      const { verb: type, ...scope } = command;
      return ask({ type, v, ...scope }, command, place);
    }
    case 'probe':
    case 'forget':
      return ask({ type: command.verb, v, target: command.target }, command, place);
    case 'history':
      return ask(historyRequest(command), command, place);
    case 'timeline':
      return timeline(command, place);
    case 'report':
      return report(command, place);
    case 'metrics':
      return metrics(command, place);
    case 'plan':
      return (await import('./plan.ts')).plan(command, place, version());
    case 'doctor':
      return (await import('./doctor.ts')).doctor(command, place, version());
    case 'check-crontab':
    case 'import':
      // With the shell parser: as much code as everything else, and seldom needed.
      return (await import('./migrate.ts')).migrate(command, place);
    case 'status':
      if (command.watch) return watch(place);
      return ask({ type: 'status', v }, command, place);
    case 'reload':
      return ask({ type: 'reload', v }, command, place);
    case 'names':
      return names(command.what, place);
    case 'help':
      return printed(helpOn(command.about));
    case 'version':
      return printed(`${version()}\n`);
    default:
      return command satisfies never;
  }
}

function historyRequest(command: Extract<Command, { readonly verb: 'history' }>): RequestInput {
  const { sinceMs, limit = sinceMs === undefined ? undefined : HISTORY_RUNS_MAX } = command;
  return {
    ...{ type: 'history', v: PROTOCOL_VERSION },
    ...(command.target === undefined ? {} : { target: command.target }),
    ...(limit === undefined ? {} : { limit }),
    ...(sinceMs === undefined ? {} : { sinceMs }),
    ...(command.outcome === undefined ? {} : { outcome: command.outcome }),
  };
}

async function run(
  command: Extract<Command, { readonly verb: 'run' }>,
  place: Place,
  errorCode: number | undefined,
): Promise<Ending> {
  const { target, wait, quiet = false, verdict = false, report: file } = command;
  const { args, maxWaitMs, printId, only, failed } = command;
  const given = {
    ...(args === undefined ? {} : { args: [...args] }),
    ...(only === undefined ? {} : { only: [...only] }),
    ...(failed === undefined ? {} : { failed }),
    maxWaitMs,
  };
  const request = runRequest(target, wait, given);
  if (wait) {
    const ended = await attend(request, place, { quiet, takesSignals: true });
    const { of } = ended;
    const ending = verdict ? withVerdict(ended.ending) : ended.ending;
    const known = { target, run: of?.run, status: statusOf(ending, errorCode) };
    return file === undefined ? ending : await writeOutcome(file, { known, of }, ending, place);
  }
  const relay = new Relay(request);
  const { ending, fleet } = await hear(relay, place);
  if (!printId || ending.status !== 0) return ending;
  const runs = fleet === undefined ? [relay.run] : fleet.runs.map(runIn);
  const numbers = runs.filter((number) => number !== undefined);
  return numbers.length === 0 ? ending : printed(numbers.map((it) => `${it}\n`).join(''));
}

function runIn(one: FleetRun): number | undefined {
  return one.type === 'ignored' ? undefined : one.run;
}

async function waitFor(
  { runs, report: file }: Extract<Command, { readonly verb: 'wait' }>,
  place: Place,
  errorCode: number | undefined,
): Promise<Ending> {
  const [run = 0] = runs;
  if (runs.length > 1) return waitSeveral(runs, (of) => pick(of, false, place));
  const request = waitRequest({ run });
  const { ending, of } = await attend(request, place, { quiet: false, takesSignals: true });
  const known = { run: of?.run, status: statusOf(ending, errorCode) };
  return file === undefined ? ending : await writeOutcome(file, { known, of }, ending, place);
}

/** One of several runs, which are ended together by a signal. */
async function pick(of: WaitedRun, quiet: boolean, place: Place): Promise<Ending> {
  const request = waitRequest(of);
  return (await attend(request, place, { quiet, takesSignals: false })).ending;
}

interface Attended {
  readonly of: NamedRun | undefined;
  readonly ending: Ending;
}

/** Waits for the end of a run, with a live line at a terminal. */
async function attend(
  request: RunRequest,
  place: Place,
  { quiet, takesSignals }: { readonly quiet: boolean; readonly takesSignals: boolean },
): Promise<Attended> {
  let held: Spool | undefined;
  let relay: Relay | undefined;
  const make = (to: typeof writeAll): Relay => {
    if (quiet) held = new Spool(to);
    relay = new Relay(request, held?.write ?? to);
    if (takesSignals) relay.takeSignals();
    return relay;
  };
  const live = hasViewer() ? new Live(make) : undefined;
  const ending = await follow(live ?? make(writeAll), place, quiet);
  live?.close();
  const failed = ending.isSuccess === true ? undefined : held?.release();
  if (failed !== undefined) {
    const stream = failed.fd === STDOUT ? 'out' : 'err';
    complain(`${relay?.label}: ${outputNotWritten(stream, failed.code, relay?.run)}`);
  }
  const of = relay?.run === undefined ? undefined : { run: relay.run, ...relay.nonce };
  return { of, ending };
}

/** Follows a run until its end, across broken connections. */
export async function follow(
  talk: Conversation<Ending>,
  place: Place,
  quiet = false,
): Promise<Ending> {
  const asked = talk.request();
  const { ending, fleet } = await hear(talk, place);
  const isAwaited = asked.type !== 'run' || asked.wait === true;
  return fleet === undefined || !isAwaited ? ending : attendFleet(fleet, talk, quiet, place);
}

function helpOn(name: string | undefined): string {
  const verb = name === undefined ? undefined : findVerb(name);
  return verb === undefined ? overview() : page(verb);
}

function version(): string {
  const path = new URL('../../package.json', import.meta.url);
  const about: unknown = JSON.parse(readFileSync(path, 'utf8'));
  const has = typeof about === 'object' && about !== null && 'version' in about;
  return has ? String(about.version) : 'unknown';
}
