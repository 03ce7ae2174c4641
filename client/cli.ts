/**
 * baton: the whole command line. meow cuts it into words and flags, client/grammar.ts judges them,
 * and each command is one conversation with the daemon. Loaded by client/main.ts for whatever is
 * not the fast path.
 *
 * meow's own checks print in its own style and exit with 2, so unknown flags are let through and
 * judged by `wishOf`, and help and version are flags like others; what it throws (a flag given
 * twice) is caught. Bad usage is always one line and status 64.
 */
import { existsSync, readFileSync } from 'node:fs';
import meow from 'meow';
import {
  defaultSocket,
  EXIT,
  PROTOCOL_VERSION,
  type Reply,
  type RequestInput,
  RUN_SOCKET,
  SOCKET_PATH_BYTES_MAX,
} from '../daemon/protocol.ts';
import { converse, type Place } from './call.ts';
import { checkCrontab } from './checkcrontab.ts';
import { BOOLEANS, type Command, optionOf, type Parsed, type Wish, wishOf } from './grammar.ts';
import { Held } from './held.ts';
import { importPy9tor, importRsnapshot } from './import.ts';
import { complain, plain, print } from './output.ts';
import { type Ending, finish, Relay, type RunRequest, runRequest } from './relay.ts';
import { showHistory, showJson, showStatus, showWhy } from './show.ts';

const HELP = `
Usage
  baton run TARGET [--wait] [-- ARG…]  ask for a run; --wait: relay, exit as it
  baton wait RUN [-E N]             relay a run from its start, exit as it did
  baton status [--json]             what runs, what waits and why, the last end
  baton why RUN|TARGET              who waits for whom
  baton history [TARGET] [--limit N] [--json]
  baton logs RUN|TARGET [-f]        its output; -f: follow it to the end
  baton cancel RUN|TARGET           end a run, or all runs of a target
  baton pause|resume TARGET         let no more runs start; let them start again
  baton probe TARGET                connect as a run would, and run nothing
  baton check-crontab [FILE…]       say what crontabs would better say
  baton import rsnapshot [CONF] | py9tor FILE   print targets for config.json
  baton reload                      read the configuration again
  baton -t TARGET | -s              as py9tor: run TARGET | status --json
Options
  --quiet-success        print nothing of a run that ends in okExit or warnExit
  -E, --error-code N     exit with N (1 to 255) for every status of baton's own
  --connect-timeout DUR  how long the daemon may be away (10s; 60s once it runs)
  --socket PATH          else $BATON_SOCKET, ${RUN_SOCKET}
  --help, --version
Exit status
  the command's own; 128+S: killed by signal S; 124: timeout; 125: no verdict;
  126, 127: not executable, not found; 64: usage; 69: no daemon; 75: not now;
  76: other version; 77: not permitted; 78: unknown target or bad configuration
`;

/** Does what a command line asks for. */
export function main(argv: readonly string[]): void {
  const parsed = parse(argv);
  if (!parsed.ok) return finish(usage(parsed.mistake));
  const { wish } = parsed;
  const { verb } = wish.command;
  if (verb === 'help') return print(`${help().trim()}\n`);
  if (verb === 'version') return print(`${version()}\n`);
  const socket =
    wish.socket ?? defaultSocket(process.env, process.getuid?.() ?? 0, existsSync(RUN_SOCKET));
  const bytes = Buffer.byteLength(socket);
  if (bytes > SOCKET_PATH_BYTES_MAX) {
    const most = `at most ${SOCKET_PATH_BYTES_MAX} are possible`;
    return finish(usage(`socket path ${socket}: has ${bytes} bytes, ${most}; name a shorter one`));
  }
  settle(perform(wish, { socket, connectTimeoutMs: wish.connectTimeoutMs }), wish.errorCode);
}

/** Goes on where the fast path came into trouble. */
export function resume(relay: Relay, socket: string): void {
  settle(follow(relay, { socket, connectTimeoutMs: undefined }));
}

export function parse(argv: readonly string[]): Parsed {
  try {
    const end = argv.indexOf('--');
    const head = end < 0 ? undefined : cut(argv.slice(0, end));
    // What follows TARGET and "--" is for the command; it may look like anything.
    const isRun = head?.input[0] === 'run' && head.input.length === 2;
    if (head && isRun) return wishOf(head.input, head.flags, argv.slice(end + 1));
    const { input, flags } = cut(argv);
    return wishOf(input, flags);
  } catch (error) {
    const mistake = error instanceof Error ? error.message : String(error);
    return { ok: false, mistake: mistake.replace(/\.$/, '') };
  }
}

function cut(argv: readonly string[]) {
  return meow(HELP, {
    importMeta: import.meta,
    pkg: { name: 'baton' },
    argv: explicit(argv),
    description: false,
    autoHelp: false,
    autoVersion: false,
    helpIndent: 0,
    // One each, so that a flag that is left out is undefined and one that has no value is ''.
    booleanDefault: undefined,
    flags: {
      wait: { type: 'boolean' },
      quietSuccess: { type: 'boolean' },
      json: { type: 'boolean' },
      follow: { type: 'boolean', shortFlag: 'f' },
      status: { type: 'boolean', shortFlag: 's' },
      help: { type: 'boolean', shortFlag: 'h' },
      version: { type: 'boolean' },
      target: { type: 'string', shortFlag: 't' },
      errorCode: { type: 'string', shortFlag: 'E' },
      connectTimeout: { type: 'string' },
      socket: { type: 'string' },
      limit: { type: 'string' },
    },
  });
}

/**
 * The parser below meow takes a word `true` or `false` after a boolean flag for its value, which
 * would swallow a target of that name: it is told the value before it looks.
 */
function explicit(argv: readonly string[]): readonly string[] {
  const end = argv.indexOf('--');
  return argv.map((word, at) => {
    if (end >= 0 && at >= end) return word;
    const [name = ''] = word.split('=', 1);
    if (!BOOLEANS.some((flag) => name === optionOf(flag))) return word;
    if (name !== word) throw new Error(`${name} takes no value, found "${word}"`);
    return `${word}=true`;
  });
}

async function perform({ command }: Wish, place: Place): Promise<Ending> {
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
    case 'version':
      return { status: 0, isOwn: false };
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

async function follow(relay: Relay, place: Place): Promise<Ending> {
  const answer = await converse(place, relay);
  return answer.ok ? answer.value : answer.ending;
}

/** One question, one answer. */
async function ask(request: RequestInput, command: Command, place: Place): Promise<Ending> {
  const label = labelOf(command);
  const talk = { label, run: undefined, request: () => request, opened() {}, lost() {} };
  const answer = await converse(place, { ...talk, take: (reply: Reply) => reply });
  if (!answer.ok) return answer.ending;
  const reply = answer.value;
  const failed = (status: number, reason: string): Ending => {
    const line = label === undefined ? reason : `${label}: ${reason}`;
    return { status: status || EXIT.noVerdict, isOwn: true, line };
  };
  if (reply.type === 'error') return failed(reply.exit, reply.message);
  if (reply.type === 'refused') return failed(reply.exit, reply.reason);
  print(show(reply, command));
  if (reply.type === 'probed') return { status: reply.exit, isOwn: true };
  return { status: 0, isOwn: false };
}

function show(reply: Reply, command: Command): string {
  if ('json' in command && command.json) return showJson(reply);
  if (reply.type === 'status') return showStatus(reply);
  if (reply.type === 'why') return showWhy(reply);
  if (reply.type === 'history') return showHistory(reply.runs);
  if (reply.type === 'probed') return reply.lines.map((line) => `${plain(line)}\n`).join('');
  if (reply.type !== 'done') return '';
  if (reply.text !== undefined) return `${plain(reply.text)}\n`;
  if (command.verb !== 'cancel') return '';
  const runs = reply.runs ?? [];
  return runs.length === 0 ? 'nothing to cancel\n' : `cancelling run ${runs.join(', ')}\n`;
}

function labelOf(command: Command): string | undefined {
  if ('of' in command) return typeof command.of === 'number' ? `run ${command.of}` : command.of;
  return 'target' in command ? command.target : undefined;
}

function settle(ending: Promise<Ending>, errorCode?: number): void {
  ending.then(
    (value) => finish(value, errorCode),
    (error: unknown) => {
      complain(`internal error: ${error instanceof Error ? error.stack : String(error)}`);
      process.exitCode = EXIT.noVerdict;
    },
  );
}

function usage(mistake: string): Ending {
  return { status: EXIT.usage, isOwn: false, line: `${mistake}; see baton --help` };
}

function help(): string {
  return cut([]).help;
}

function version(): string {
  const path = new URL('../../package.json', import.meta.url);
  const about: unknown = JSON.parse(readFileSync(path, 'utf8'));
  const has = typeof about === 'object' && about !== null && 'version' in about;
  return has ? String(about.version) : 'unknown';
}
