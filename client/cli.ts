/**
 * baton: the whole command line. meow splits it into words and flags,
 * client/command-line/grammar.ts parses those, and client/commands/perform.ts carries them out.
 * client/main.ts loads it for everything except the fast path.
 *
 * meow's own checks print in a style of their own and exit with 2, so unknown flags are let through
 * and checked by `invocationOf`, and help and version are normal flags. Wrong usage is always one
 * line and status 64.
 */
import meow from 'meow';
import { EXIT, SOCKET_PATH_BYTES_MAX } from '../daemon/protocol/request.ts';
import { findTwice } from '../daemon/shared/given-twice.ts';
import { internal } from './client-errors.ts';
import { Mistake } from './command-line/flags.ts';
import { invocationOf, type Parsed } from './command-line/grammar.ts';
import { findVerb, OPTIONS, optionOf } from './command-line/manual.ts';
import * as say from './command-line/usage-errors.ts';
import { follow, perform } from './commands/perform.ts';
import { silent } from './connection/conversation.ts';
import type { Relay } from './connection/relay.ts';
import { type Resumed, takeResumed } from './connection/resumed.ts';
import { findSocket } from './connection/socket.ts';
import { type Ending, finish } from './ending.ts';
import { parseFast } from './fast-path.ts';
import { complain } from './terminal/output.ts';

/** Carries out a command line. */
export function main(argv: readonly string[]): void {
  const resumed = takeResumed(process.env, parseFast(argv));
  if (resumed !== undefined) return goOn(resumed);
  const parsed = parse(argv);
  if (!parsed.ok) return finish(usage(parsed.mistake, argv[0]));
  const { command, connectTimeoutMs, errorCode, ...invocation } = parsed.invocation;
  const socket = invocation.socket ?? findSocket();
  const bytes = Buffer.byteLength(socket);
  const isOffline = command.verb === 'help' || command.verb === 'version';
  if (bytes > SOCKET_PATH_BYTES_MAX && !isOffline) {
    return finish(usage(say.longSocketPath(socket, bytes, SOCKET_PATH_BYTES_MAX)));
  }
  settle(perform(command, { socket, connectTimeoutMs }, errorCode), errorCode);
}

/** Continues where the fast path failed. */
export function resume(relay: Relay, socket: string): void {
  settle(follow(relay, { socket, connectTimeoutMs: undefined }));
}

/** Continues where client/baton.pl stopped. */
function goOn({ relay, isWaiting, isSilent, awayMs }: Resumed): void {
  const socket = findSocket();
  if (isSilent) return giveUp(relay, socket);
  if (isWaiting) relay.takeSignals();
  settle(follow(relay, { socket, connectTimeoutMs: undefined, awayMs }));
}

/** The daemon holds the connection of the fast path but does not answer. */
export function giveUp(relay: Relay, socket: string): void {
  const line = `${relay.label}: ${silent({ socket, connectTimeoutMs: undefined }, relay)}`;
  finish({ status: EXIT.unavailable, isOwn: true, line });
}

export function parse(argv: readonly string[]): Parsed {
  try {
    const end = argv.indexOf('--');
    const head = end < 0 ? undefined : cut(argv.slice(0, end));
    // Words after TARGET and "--" are for the command; they may look like anything.
    const [verb = '', ...words] = head?.input ?? [];
    if (head && words.length > 0 && findVerb(verb)?.rest !== undefined) {
      return invocationOf(head.input, head.flags, argv.slice(end + 1));
    }
    const { input, flags } = cut(argv);
    return invocationOf(input, flags);
  } catch (error) {
    return { ok: false, mistake: mistakeOf(error, argv) };
  }
}

/** meow itself detects only one mistake: an option that is given twice. */
function mistakeOf(error: unknown, argv: readonly string[]): string {
  const names = error instanceof Mistake ? [] : OPTIONS.map(({ name }) => name);
  const twice = findTwice(names, (single) => cut(argv, single));
  if (twice !== undefined) return say.twice(optionOf(twice));
  return error instanceof Error ? error.message : String(error);
}

/** With `single`, all options except that one may be repeated. */
function cut(argv: readonly string[], single?: string) {
  return meow('', {
    importMeta: import.meta,
    pkg: { name: 'baton' },
    argv: explicit(argv),
    description: false,
    autoHelp: false,
    autoVersion: false,
    // One each, so that a missing flag is undefined and one without a value is ''.
    booleanDefault: undefined,
    flags: Object.fromEntries(
      OPTIONS.map(({ name, short, value }) => [
        name,
        {
          type: value === undefined ? ('boolean' as const) : ('string' as const),
          isMultiple: single !== undefined && single !== name,
          ...(short === undefined ? {} : { shortFlag: short }),
        },
      ]),
    ),
  });
}

/**
 * meow's parser takes a word `true` or `false` after a boolean flag as its value, which would
 * swallow a target of that name: so each boolean flag gets an explicit value first.
 */
function explicit(argv: readonly string[]): readonly string[] {
  const end = argv.indexOf('--');
  return argv.map((word, at) => {
    if (end >= 0 && at >= end) return word;
    const [name = ''] = word.split('=', 1);
    const isSwitch = OPTIONS.some((it) => it.value === undefined && name === optionOf(it.name));
    if (!isSwitch) return word;
    if (name !== word) throw new Mistake(say.noSwitch(name, word));
    return `${word}=true`;
  });
}

function settle(ending: Promise<Ending>, errorCode?: number): void {
  ending.then(
    (value) => finish(value, errorCode),
    (error: unknown) => {
      complain(internal(error instanceof Error ? error.stack : String(error)));
      process.exitCode = EXIT.noVerdict;
    },
  );
}

/** If there is a command, its help page is more useful than the overview. */
function usage(mistake: string, verb = ''): Ending {
  const page = findVerb(verb) === undefined ? 'baton --help' : `baton help ${verb}`;
  return { status: EXIT.usage, isOwn: false, line: say.seeHelp(mistake, page) };
}
