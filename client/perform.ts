/** Does what a command line asks for: each command is one conversation with the daemon. */
import { readFileSync } from 'node:fs';
import { HISTORY_RUNS_MAX, PROTOCOL_VERSION } from '../daemon/protocol.ts';
import { ask } from './ask.ts';
import { type Conversation, converse, type Place } from './call.ts';
import { checkCrontab } from './checkcrontab.ts';
import type { Command } from './command.ts';
import { Held } from './held.ts';
import { overview, page } from './help.ts';
import { importPy9tor, importRsnapshot } from './import.ts';
import { hasViewer, Live } from './live.ts';
import { findVerb } from './manual.ts';
import { names } from './names.ts';
import { print, writeAll } from './output.ts';
import { type Ending, Relay, type RunRequest, runRequest } from './relay.ts';
import { metrics, report, timeline } from './survey.ts';
import { watch } from './watch.ts';

const DONE: Ending = { status: 0, isOwn: false };

export async function perform(command: Command, place: Place): Promise<Ending> {
  const v = PROTOCOL_VERSION;
  switch (command.verb) {
    case 'run':
      return run(command, place);
    case 'wait':
      return attend({ type: 'wait', v, run: command.run }, place);
    case 'logs': {
      const { of, follow: isFollowed } = command;
      return follow(new Relay({ type: 'output', v, of, follow: isFollowed }), place);
    }
    case 'why':
    case 'cancel':
      return ask({ type: command.verb, v, of: command.of }, command, place);
    case 'pause':
    case 'resume':
    case 'probe':
      return ask({ type: command.verb, v, target: command.target }, command, place);
    case 'history': {
      const target = command.target === undefined ? {} : { target: command.target };
      const most = command.limit ?? (command.sinceMs === undefined ? undefined : HISTORY_RUNS_MAX);
      const limit = most === undefined ? {} : { limit: most };
      const since = command.sinceMs === undefined ? {} : { sinceMs: command.sinceMs };
      const outcome = command.outcome === undefined ? {} : { outcome: command.outcome };
      const request = { type: 'history', v, ...target, ...limit, ...since, ...outcome } as const;
      return ask(request, command, place);
    }
    case 'timeline':
      return timeline(command, place);
    case 'report':
      return report(command, place);
    case 'metrics':
      return metrics(command, place);
    case 'check-crontab':
      return checkCrontab(command.files, place);
    case 'import':
      return command.from === 'py9tor'
        ? importPy9tor(command.file ?? '')
        : importRsnapshot(command.file);
    case 'status':
      if (command.watch) return watch(place);
      return ask({ type: 'status', v }, command, place);
    case 'reload':
      return ask({ type: 'reload', v }, command, place);
    case 'names':
      return names(command.what, place);
    case 'help':
      print(helpOn(command.about));
      return DONE;
    case 'version':
      print(`${version()}\n`);
      return DONE;
    default:
      return command satisfies never;
  }
}

async function run(
  command: Extract<Command, { readonly verb: 'run' }>,
  place: Place,
): Promise<Ending> {
  const { target, wait, quiet, args } = command;
  const request = runRequest(target, wait, args);
  if (!wait) return follow(new Relay(request), place);
  if (!quiet) return attend(request, place);
  let held: Held | undefined;
  const ending = await attend(request, place, (to) => {
    held = new Held(to);
    return held.write;
  });
  if (ending.isSuccess !== true) held?.release();
  return ending;
}

/** Waits for the end of a run, with a live line for a person who looks on. */
async function attend(
  request: RunRequest,
  place: Place,
  hold: (to: typeof writeAll) => typeof writeAll = (to) => to,
): Promise<Ending> {
  const make = (to: typeof writeAll): Relay => {
    const relay = new Relay(request, hold(to));
    relay.heedSignals();
    return relay;
  };
  if (!hasViewer()) return follow(make(writeAll), place);
  const live = new Live(make);
  const ending = await follow(live, place);
  live.close();
  return ending;
}

/** Goes on with a run until its end, whatever becomes of the connection. */
export async function follow(talk: Conversation<Ending>, place: Place): Promise<Ending> {
  const answer = await converse(place, talk);
  return answer.ok ? answer.value : answer.ending;
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
