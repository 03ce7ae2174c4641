/**
 * The target that does what a systemd service did, and the drop-in with which the service requests
 * it: `ExecStart=baton run NAME --wait`. Its timer, its conditions and what follows its end stay
 * with systemd. What baton cannot do in the same way is refused, or reported. Pure.
 */
import { commandsOf, type Environment, environmentOf } from './service.ts';
import { allOf, lastOf, type UnitFile } from './unit-file.ts';
import * as say from './unit-messages.ts';
import { expandSpecifiers, type Read, secondsOf, splitWords, type UnitName } from './unit-words.ts';

export interface ServiceImport {
  /** An entry of `targets`. */
  readonly target: Readonly<Record<string, unknown>>;
  /** The text of a drop-in of the service. */
  readonly dropIn: string;
  /** Notes, as clauses. */
  readonly notes: readonly string[];
}

const SERVICE = 'Service';
const TYPES = ['simple', 'exec', 'oneshot'];
/** Programs that report their progress to systemd, but end; others with Type=notify stay. */
const ENDS = /(?:^|\/)resticprofile$/;
/** Run by systemd around the command. */
const AROUND = ['ExecCondition', 'ExecStartPre', 'ExecStartPost', 'ExecStop', 'ExecStopPost'];
/** Without these the command would be different, or have other rights. */
const NEEDED = new RegExp(
  `^(?:${[
    ...['EnvironmentFile', 'PassEnvironment', 'UnsetEnvironment', 'DynamicUser', 'PAMName'],
    ...['Root.*', '(?:Set|Load|Import)Credential.*', 'Bind(?:ReadOnly)?Paths', 'OpenFile'],
    ...['(?:State|Cache|Logs|Runtime|Configuration)Directory', 'TemporaryFileSystem', 'TTYPath'],
    ...['NetworkNamespacePath', 'StandardInput.*', 'ExtensionImages', 'SELinuxContext'],
  ].join('|')})$`,
);
/** Settings with an equivalent key, or without an effect on the command. */
const KNOWN = [
  ...['Type', 'ExecStart', 'User', 'Group', 'WorkingDirectory', 'Environment', 'UMask', 'Nice'],
  ...['IOSchedulingClass', 'IOSchedulingPriority', 'TimeoutSec', 'TimeoutStartSec', 'ExecReload'],
  ...['TimeoutStopSec', 'RuntimeMaxSec', 'KillSignal', 'KillMode', 'SendSIGKILL', 'Restart'],
  ...['RemainAfterExit', 'SuccessExitStatus', 'StandardOutput', 'StandardError', 'LogLevelMax'],
  ...['SyslogIdentifier', 'SyslogFacility', 'SyslogLevel', 'SyslogLevelPrefix', 'GuessMainPID'],
  ...['LogRateLimitIntervalSec', 'LogRateLimitBurst', 'RestartSec', 'RestartSteps'],
  ...['RestartPreventExitStatus', 'RestartForceExitStatus', 'RestartMaxDelaySec', ...AROUND],
];
/** The client needs sockets and a just-in-time compiler. */
const CLIENT_NEEDS: Readonly<Record<string, string>> = {
  RestrictAddressFamilies: '',
  SystemCallFilter: '',
  MemoryDenyWriteExecute: 'no',
};
const IO_CLASSES: Readonly<Record<string, string>> = {
  ...{ 1: 'realtime', 2: 'best-effort', 3: 'idle' },
  ...{ realtime: 'realtime', 'best-effort': 'best-effort', idle: 'idle' },
};
const IO_LEVEL_DEFAULT = '4';
/** Possible values of `stopSignal`. */
const SIGNALS = ['TERM', 'INT', 'HUP', 'QUIT', 'USR1', 'USR2'];
/** DefaultTimeoutStopSec in Debian. */
const STOP_S_DEFAULT = 90;
/** How much longer systemd lets the client wait for the end of a run. */
const STOP_S_MORE = 30;
const YEAR_S = 366 * 86_400;
const UNITS_S = [
  ['d', 86_400],
  ['h', 3_600],
  ['m', 60],
  ['s', 1],
] as const;

/** Ends an import with a reason. */
class Refusal extends Error {}

/** `base`: the environment of the manager. */
export function importService(
  unit: UnitFile,
  unitName: UnitName,
  target: string,
  base: Environment,
): Read<ServiceImport> {
  try {
    return { ok: true, value: importParts(unit, unitName, target, base) };
  } catch (error) {
    if (error instanceof Refusal) return { ok: false, why: error.message };
    throw error;
  }
}

function must<T>(read: Read<T>): T {
  if (!read.ok) throw new Refusal(read.why);
  return read.value;
}

function refuse(key: string, value: string): never {
  throw new Refusal(say.wrongValue(key, value));
}

function importParts(
  unit: UnitFile,
  unitName: UnitName,
  target: string,
  base: Environment,
): ServiceImport {
  const get = (...keys: readonly string[]): string | undefined => lastOf(unit, SERVICE, ...keys);
  const keys = [...new Set((unit.get(SERVICE) ?? []).map(({ key }) => key))];
  const set = keys.filter((key) => get(key) !== undefined);
  const type = get('Type') ?? 'simple';
  const needed = set.filter((key) => NEEDED.test(key));
  if (needed.length > 0) throw new Refusal(say.needsSystemd(needed));
  const env = { ...base, ...must(environmentOf(unit, unitName)) };
  const { commands, isForgiven } = must(commandsOf(unit, unitName, env));
  const notifies = type === 'notify' && ENDS.test(commands[0]?.[0] ?? '');
  if (!TYPES.includes(type) && !notifies) throw new Refusal(say.wrongType(type));
  if (type !== 'oneshot' && commands.length > 1) throw new Refusal(say.severalCommands());
  const { okExit, unmapped } = okExitOf(unit);
  const isSequence = commands.length > 1;
  const expanded = (key: string): string | undefined => {
    const text = get(key);
    return text === undefined ? undefined : must(expandSpecifiers(text, unitName));
  };
  const user = expanded('User');
  const around = set.filter((key) => AROUND.includes(key));
  // The client runs as root, and then these commands would, too.
  const isRoots = [user, get('Group')].every((it = 'root') => it === 'root' || it === '0');
  if (around.length > 0 && !isRoots) throw new Refusal(say.wouldBeRoot(around));
  const directory = expanded('WorkingDirectory') ?? '/';
  const umask = get('UMask');
  const nice = get('Nice');
  const runner = {
    type: 'local',
    ...(isSequence ? { cmds: commands } : { args: commands[0] }),
    ...(isSequence ? continueOn(okExit, isForgiven) : {}),
    ...(directory === '~' ? {} : { cwd: directory.replace(/^-/, '') }),
    env,
    ...entry('user', user),
    ...entry('group', expanded('Group')),
    ...(umask === undefined ? {} : { umask: umaskOf(umask) }),
    ...(nice === undefined ? {} : { nice: niceOf(nice) }),
    ...entry('ionice', ioniceOf(get('IOSchedulingClass'), get('IOSchedulingPriority'))),
  };
  const stops = stopOf(unit, isSequence);
  const limit = type === 'oneshot' ? get('TimeoutSec', 'TimeoutStartSec') : get('RuntimeMaxSec');
  const limitS = limit === undefined ? Number.POSITIVE_INFINITY : secondsOrRefuse('timeout', limit);
  const gone = set.filter((key) => !KNOWN.includes(key));
  const restart = get('Restart') ?? 'no';
  return {
    target: {
      runner,
      policies: [{ type: 'cardinality' }],
      ...(okExit.length > 1 ? { okExit } : {}),
      ...(limitS > 0 && limitS < YEAR_S ? { timeout: durationOf(limitS) } : {}),
      ...stops.keys,
    },
    dropIn: [
      `# The command is target ${target} of baton.`,
      '[Service]',
      ...(notifies ? ['Type=exec'] : []),
      'ExecStart=',
      `ExecStart=${isForgiven ? '-' : ''}baton run ${target} --wait`,
      ...['User', 'Group'].filter((key) => set.includes(key)).map((key) => `${key}=`),
      ...(type === 'oneshot' ? ['TimeoutStartSec=infinity'] : []),
      ...(set.includes('RuntimeMaxSec') ? ['RuntimeMaxSec=infinity'] : []),
      `TimeoutStopSec=${stops.graceS + STOP_S_MORE}`,
      ...(set.includes('KillSignal') ? ['KillSignal=SIGTERM'] : []),
      ...set.flatMap((key) => (key in CLIENT_NEEDS ? `${key}=${CLIENT_NEEDS[key]}` : [])),
      '',
    ].join('\n'),
    notes: [
      ...(around.length > 0 ? [say.staysAround(around)] : []),
      ...(gone.length > 0 ? [say.holdsNoMore(gone)] : []),
      ...(restart === 'no' ? [] : [say.asksAgain(restart)]),
      ...(directory.startsWith('-/') ? [say.optionalDirectory(directory.slice(1))] : []),
      ...(unmapped.length > 0 ? [say.countsAsFailure(unmapped)] : []),
      ...stops.notes,
    ],
  };
}

/** The exit codes of a command after which the next one runs. */
function continueOn(
  okExit: readonly number[],
  isForgiven: boolean,
): { readonly continueOn?: readonly number[] } {
  if (isForgiven) return { continueOn: Array.from({ length: 256 }, (_, code) => code) };
  return okExit.length > 1 ? { continueOn: okExit } : {};
}

function entry(key: string, value: string | undefined): Readonly<Record<string, string>> {
  return value === undefined ? {} : { [key]: value };
}

/** Exit codes that are not failures, and words of the setting that are not codes. */
function okExitOf(unit: UnitFile): {
  readonly okExit: readonly number[];
  readonly unmapped: readonly string[];
} {
  const words = allOf(unit, SERVICE, 'SuccessExitStatus').flatMap((it) => must(splitWords(it)));
  const [codes, unmapped] = [words.filter(isCode), words.filter((word) => !isCode(word))];
  return { okExit: [...new Set([0, ...codes.map(Number)])], unmapped };
}

function isCode(word: string): boolean {
  return /^\d{1,3}$/.test(word) && Number(word) <= 255;
}

function umaskOf(text: string): string {
  return /^0?[0-7]{1,3}$/.test(text) ? text : refuse('UMask', text);
}

function niceOf(text: string): number {
  const nice = Number(text);
  return Number.isInteger(nice) && nice >= -20 && nice <= 19 ? nice : refuse('Nice', text);
}

function ioniceOf(text: string | undefined, level: string | undefined): string | undefined {
  if (text === undefined && level === undefined) return undefined;
  const name = IO_CLASSES[text ?? 'best-effort'] ?? refuse('IOSchedulingClass', text ?? '');
  return name === 'idle' ? name : `${name}:${level ?? IO_LEVEL_DEFAULT}`;
}

interface Stops {
  readonly keys: Readonly<Record<string, unknown>>;
  readonly graceS: number;
  readonly notes: readonly string[];
}

/** How it is stopped: by which signal, to which processes, and after which time by KILL. */
function stopOf(unit: UnitFile, isSequence: boolean): Stops {
  const get = (...keys: readonly string[]): string | undefined => lastOf(unit, SERVICE, ...keys);
  const mode = get('KillMode') ?? 'control-group';
  if (mode !== 'control-group' && mode !== 'mixed') refuse('KillMode', mode);
  const sends = get('SendSIGKILL') ?? 'yes';
  if (!['yes', 'true', '1', 'on'].includes(sends)) refuse('SendSIGKILL', sends);
  const given = get('KillSignal') ?? 'SIGTERM';
  const signal = given.replace(/^SIG/, '');
  if (!SIGNALS.includes(signal)) refuse('KillSignal', given);
  const grace = get('TimeoutSec', 'TimeoutStopSec');
  const graceS = grace === undefined ? STOP_S_DEFAULT : secondsOrRefuse('TimeoutStopSec', grace);
  const isEndless = graceS === 0 || graceS >= YEAR_S;
  const keys = {
    killAfter: durationOf(isEndless ? YEAR_S : graceS),
    ...(signal === 'TERM' ? {} : { stopSignal: signal }),
    // For several commands, the main process is baton's shell, which passes no signal on.
    ...(mode === 'mixed' && !isSequence ? { stopTo: 'main' } : {}),
  };
  return { keys, graceS: isEndless ? YEAR_S : graceS, notes: isEndless ? [say.endless()] : [] };
}

function secondsOrRefuse(key: string, text: string): number {
  return secondsOf(text) ?? refuse(key, text);
}

/** In the largest unit without a remainder, as in a configuration. */
function durationOf(seconds: number): string {
  const [unit, length] = UNITS_S.find(([, each]) => seconds % each === 0) ?? ['ms', 1e-3];
  return `${Math.round(seconds / length)}${unit}`;
}
