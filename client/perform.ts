/** Does what a command line asks for: each command is one conversation with the daemon. */
import { readFileSync } from 'node:fs';
import { PROTOCOL_VERSION } from '../daemon/protocol.ts';
import { ask } from './ask.ts';
import { converse, type Place } from './call.ts';
import { checkCrontab } from './checkcrontab.ts';
import type { Command } from './command.ts';
import { Held } from './held.ts';
import { overview, page } from './help.ts';
import { importPy9tor, importRsnapshot } from './import.ts';
import { findVerb } from './manual.ts';
import { print } from './output.ts';
import { type Ending, Relay, type RunRequest, runRequest } from './relay.ts';
import { metrics, report, timeline } from './survey.ts';

const DONE: Ending = { status: 0, isOwn: false };

export async function perform(command: Command, place: Place): Promise<Ending> {
  const v = PROTOCOL_VERSION;
  switch (command.verb) {
    case 'run':
      return run(command, place);
    case 'wait':
      return follow(begin({ type: 'wait', v, run: command.run }, true), place);
    case 'logs': {
      const { of, follow: isFollowed } = command;
      return follow(begin({ type: 'output', v, of, follow: isFollowed }, false), place);
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
      const limit = command.limit === undefined ? {} : { limit: command.limit };
      return ask({ type: 'history', v, ...target, ...limit }, command, place);
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
    case 'reload':
      return ask({ type: command.verb, v }, command, place);
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
  const held = quiet ? new Held() : undefined;
  const ending = await follow(begin(runRequest(target, wait, args), wait, held), place);
  if (ending.isSuccess !== true) held?.release();
  return ending;
}

function begin(request: RunRequest, heedsSignals: boolean, held?: Held): Relay {
  const relay = new Relay(request, held?.write);
  if (heedsSignals) relay.heedSignals();
  return relay;
}

/** Goes on with a run until its end, whatever becomes of the connection. */
export async function follow(relay: Relay, place: Place): Promise<Ending> {
  const answer = await converse(place, relay);
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
