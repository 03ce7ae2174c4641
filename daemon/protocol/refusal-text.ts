/**
 * Why a request cannot be fulfilled. The client prefixes the target or the run, so a text may be
 * just the rest of a sentence ("takes no arguments"). See daemon/messages.ts for the style.
 */
import { describeErrno } from '../shared/errno.ts';
import { didYouMean } from '../shared/suggest.ts';

// The subject of the request

export const unknownTarget = (config: string, target: string, known: Iterable<string>): string => {
  const hint = didYouMean(target, known);
  const advice = '; list targets with "baton status", or add it and run "baton reload"';
  return `there is no target of this name in ${config}${hint || advice}`;
};

export const unknownGroup = (config: string, group: string, known: Iterable<string>): string => {
  const hint = didYouMean(group, known);
  const advice = '; list groups with "baton status"';
  return `no target in ${config} is in a group ${JSON.stringify(group)}${hint || advice}`;
};

/** For pause and resume; `found` is how many of the three keys the request has. */
export const wrongScope = (found: number): string =>
  `expected one of "target", "group" and "all", found ${found} of them`;

/** `commands` end the pauses that remain. */
export const staysPaused = (what: string, commands: readonly string[]): string =>
  `${what} stays paused by another pause; run ${commands.map((it) => `"${it}"`).join(' and ')}`;

export const stayPaused = (names: readonly string[]): string =>
  `other pauses still apply: ${names.join(', ')}; see "baton status"`;

export const unknownRun = (run: number): string =>
  `there is no run ${run}; list remembered runs with "baton history"`;

export const forgottenRun = (run: number): string =>
  `run ${run} and its outcome are no longer kept; increase "keep" of its target`;

/** The journal was restored from a copy or started afresh while a client was waiting. */
export const otherRun = (run: number): string =>
  `run ${run} of this daemon is a different run: its journal was restored from a backup or ` +
  'started from scratch, and does not contain the outcome of the requested run; see its log, ' +
  'and the directory "aside" in its state directory';

export const hasNoRun = (target: string): string =>
  `target ${target} has no run yet; queue one: baton run ${target}`;

/** `reason` says what to fix; the daemon notices the fix only on reload. */
export const broken = (reason: string): string => `${reason}; then run "baton reload"`;

export const isConfigured = (): string =>
  'it is still configured; remove it from the configuration first';

export const isInUse = (run: number): string =>
  `its run ${run} has not ended, or processes of the run are still alive; wait for it, or run ` +
  `"baton cancel ${run}"`;

export const notProbed = (runner: string): string =>
  `nothing to probe: its runner (${runner}) makes no connection; probe a target with the ` +
  'runner ssh';

export const wrongCount = (expected: number, found: number): string => {
  const noun = expected === 1 ? 'argument' : 'arguments';
  const advice =
    expected === 0
      ? 'to allow arguments, set "acceptArgs" of the target'
      : `give ${expected} after "--"`;
  return `takes ${expected || 'no'} ${noun}, found ${found}; ${advice}`;
};

export const wrongArgument = (place: number, pattern: string, found: string): string =>
  `does not accept argument ${place}: expected ${pattern}, found ${JSON.stringify(found)}`;

export const longArgument = (place: number, pattern: string, chars: number): string =>
  `does not accept argument ${place}: ${chars} characters are too many to match against ` +
  `${pattern}; give a shorter argument, or simplify the pattern in "acceptArgs"`;

export const staysInForce = (config: string, mistakes: readonly string[]): string =>
  `keeping the previous configuration; fix ${config}: ${numbered(mistakes)}`;

/** There is no previous configuration: the daemon has just started. */
export const noConfiguration = (config: string, mistakes: readonly string[]): string =>
  `no run can be accepted or started; fix ${config}: ${numbered(mistakes)}`;

/** For clients that may not see the configuration. */
export const noConfigurationNow = (config: string): string =>
  `no run can be accepted or started: ${config} has errors; ask the administrator to run ` +
  '"batond --check"';

export const cannotStart = (why: string): string => `the daemon cannot start: ${why}`;

export const cannotStartNow = (): string =>
  'the daemon cannot start; ask the administrator to check its log';

/** All on one line; numbers show where each one begins. */
const numbered = (mistakes: readonly string[]): string =>
  mistakes.map((text, at) => (mistakes.length > 1 ? `(${at + 1}) ${text}` : text)).join('; ');

// Fleets

export const noFleet = (target: string): string =>
  `${target} is a single target, not a fleet; omit --only and --failed`;

export const unknownHost = (host: string, fleet: string, known: readonly string[]): string => {
  const hint = didYouMean(host, known) || `; name one of them: ${shortList(known)}`;
  return `fleet ${fleet} has no host "${host}"${hint}`;
};

/** `reason` is why one of its targets accepts no request. */
export const fleetRefused = (target: string, fleet: string, reason: string): string =>
  `no run of the fleet was accepted, because of ${target}: ${reason}; exclude its host with ` +
  `--only, or queue each host separately, such as "baton run ${fleet}@HOST"`;

export const nothingFailed = (): string =>
  'the most recent run failed on none of the hosts; to run on all of them, omit --failed';

/** Where a single target is expected. */
export const isFleet = (members: readonly string[]): string =>
  `it is a fleet; name one of its targets: ${shortList(members)}`;

/** `failed`: the targets of which no run could start now. */
export const probedFleet = (hosts: number, failed: readonly string[]): string =>
  failed.length === 0
    ? `a run could start on every host (${hosts})`
    : `hosts where no run could start: ${failed.length} of ${hosts} (${shortList(failed)})`;

const LISTED_MAX = 10;

const shortList = (names: readonly string[]): string => {
  const more = names.length > LISTED_MAX ? ` and ${names.length - LISTED_MAX} more` : '';
  return `${names.slice(0, LISTED_MAX).join(', ')}${more}`;
};

// Not now

export const cannotJournal = (errno: string): string =>
  `cannot be accepted: the journal cannot be written ${describeErrno(errno)}`;

export const tokenUsed = (run: number): string =>
  `the token was already used for run ${run}; choose a new token for every request`;

export const queueFull = (waiting: number, target: string): string =>
  `its queue is full (${waiting} runs); see what they wait for: baton why ${target}`;

/** `caller` is the run whose command makes the request, `behind` the run that it would wait for. */
export const waitsForItself = (caller: string, behind: string): string =>
  caller === behind
    ? `${caller} would wait for itself to end, forever; do not wait for it from there`
    : `${behind} waits for ${caller}, which would wait for ${behind}: neither would ever end; ` +
      'do not wait for it from there';

export const waitsInCircle = (caller: string, behind: string): string => {
  const chain = caller === behind ? `${caller} would wait for it` : `that waits for ${caller}`;
  return (
    `it cannot start before ${behind} has ended, and ${chain}: none of them would ever end; ` +
    `do not wait for it in ${caller}, or give the targets different groups`
  );
};

export const tooManyClients = (most: number, socket: string): string =>
  `${most} clients are connected to ${socket}, the maximum; try again later`;

export const tooManyOpen = (most: number): string =>
  `${most} requests of this connection are open, the maximum; wait for replies first`;

// Not permitted

export const forbiddenVerb = (socket: string, verb: string, permitted: readonly string[]): string =>
  `socket ${socket} does not permit "${verb}"; it permits ${permitted.join(', ') || 'nothing'}; ` +
  elsewhere('allow');

/** `what` is a target or a run, such as `run 7`. */
export const forbiddenTarget = (
  socket: string,
  what: string,
  permitted: readonly string[],
): string =>
  `socket ${socket} does not permit ${what}; it permits targets ` +
  `${permitted.join(', ') || 'none'}; ${elsewhere('targets')}`;

const elsewhere = (key: string): string =>
  `use another socket (--socket), or change "${key}" of this socket in config.json`;

/** `key` is how a configuration entry would identify this socket: by name or by path. */
export const closed = (socket: string, key: 'name' | 'path'): string =>
  `socket ${socket} permits nothing: config.json has no entry of "sockets" with this ` +
  `"${key}"; add one and run "baton reload" on another socket`;

// Lines that are not a valid request

export const otherVersion = (client: number, own: number): string =>
  `the client uses protocol ${client}, this daemon ${own}; install the same version of both, ` +
  'and restart the daemon';

/** Replies are limited in size, because a client could not tell that it got only half of one. */
export const tooLarge = (type: string, bytes: number, max: number): string =>
  `the reply (${type}) has ${bytes} bytes, expected at most ${max}; request less: name a ` +
  'target, or give a smaller --limit or --since';

export const noObject = (): string =>
  'a line is not a JSON object; send one object per line, such as {"type":"status"}';

export const noUtf8 = (): string => 'a line is not valid UTF-8; send only UTF-8';

export const longLine = (most: number): string =>
  `a line has more than ${most} bytes; send shorter lines`;

export const noRequest = (found: string): string =>
  `expected a request, a JSON object with a "type" such as {"type":"status"}; found ${found}`;

export const wrongType = (known: readonly string[], found: string, hint: string): string =>
  `type: expected one of ${known.join(', ')}; found ${found}${hint}`;

export const unknownKey = (
  key: string,
  type: string,
  known: readonly string[],
  hint: string,
): string =>
  `${key}: unknown key in a request of type ${type}${hint || `; known here: ${known.join(', ')}`}`;

export const wrongValue = (place: string, expected: string, found: string): string =>
  `${place}: expected ${expected}; found ${found}`;

// The output of a run

export const unreadOutput = (run: number, why: string): string =>
  `run ${run}: part of its output cannot be shown: ${why}`;

export const unreadFile = (path: string, errno: string): string =>
  `${path} cannot be read ${describeErrno(errno)}`;

/** The run of which a request wants the arguments is forgotten, or is from an earlier journal. */
export const noRunLike = (run: number, target: string): string =>
  `run ${run} of ${target} is no longer remembered; queue a new one with "baton run ${target}"`;
