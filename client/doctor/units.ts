/**
 * The systemd units, as shown by `systemctl show`, and how the daemon last ended according to
 * systemd and its journal.
 */
import { type Finding, note, ok, wrong } from './finding.ts';
import { COMMAND_MS, run } from './limits.ts';
import * as say from './unit-messages.ts';

const SOCKET = 'baton.socket';
const SERVICE = 'baton.service';
const NAMES = [SOCKET, SERVICE, 'baton-submit.socket'];
const PROPERTIES = [
  ...['Id', 'LoadState', 'ActiveState', 'SubState', 'UnitFileState', 'NeedDaemonReload', 'Result'],
  ...['ExecMainCode', 'ExecMainStatus', 'ExecMainExitTimestamp', 'NRestarts', 'Listen'],
  ...['SocketMode', 'ExecStart', 'StateDirectory', 'Environment'],
];
/** EX_CONFIG: batond exits with it because of a mistake in its configuration. */
const EXIT_CONFIG = '78';
/** Statuses of batond itself: wrong usage, another daemon, a bad configuration. */
const NO_CRASHES = ['64', '69', EXIT_CONFIG];
/** CLD_EXITED of waitid(2). */
const CODE_EXITED = '1';
const CRASHES = ['signal', 'core-dump', 'oom-kill', 'watchdog'];
const LINE_CHARS_MAX = 200;

type Properties = Readonly<Record<string, string>>;

/** Which systemd: that of the machine, or that of a user. */
export type Manager = 'system' | 'user';

export interface UnitsFacts {
  readonly manager: Manager;
  /** By name; units that systemd does not know have the LoadState "not-found". */
  readonly units: ReadonlyMap<string, Properties>;
  /** Why systemd gave no answer. */
  readonly silent?: string;
  /** The last line of a daemon that could not continue. */
  readonly lastWords?: string;
}

export async function lookAtUnits(manager: Manager): Promise<UnitsFacts> {
  const flags = manager === 'user' ? ['--user'] : [];
  const properties = `--property=${PROPERTIES.join(',')}`;
  const shown = await run(['systemctl', ...flags, '--no-pager', 'show', properties, ...NAMES]);
  if (shown.code !== 0) return { manager, units: new Map(), silent: shown.how };
  const units = parseUnits(shown.stdout);
  if (!isInstalled(units.get(SERVICE))) return { manager, units };
  const last = ['--quiet', '--no-pager', '--priority=crit', '--lines=1', '--output=short-iso'];
  const log = await run(['journalctl', ...flags, ...last, `--unit=${SERVICE}`], COMMAND_MS);
  const [line = ''] = log.code === 0 ? log.stdout.split('\n') : [];
  return { manager, units, ...(line === '' ? {} : { lastWords: line.slice(0, LINE_CHARS_MAX) }) };
}

export function parseUnits(text: string): ReadonlyMap<string, Properties> {
  const blocks = text.split(/\n\n+/).map((block) =>
    Object.fromEntries(
      block.split('\n').flatMap((line) => {
        const at = line.indexOf('=');
        return at < 1 ? [] : [[line.slice(0, at), line.slice(at + 1)] as const];
      }),
    ),
  );
  return new Map(blocks.flatMap((unit) => (unit['Id'] ? [[unit['Id'], unit] as const] : [])));
}

export function judgeUnits({ manager, units, silent }: UnitsFacts): readonly Finding[] {
  const by = manager === 'user' ? 'systemctl --user' : 'systemctl';
  if (silent !== undefined) return [note('units', say.silentSystemd(by, silent))];
  const socket = units.get(SOCKET);
  const service = units.get(SERVICE);
  const known = [...units].filter(([, unit]) => isKnown(unit));
  if (known.length === 0) return [];
  const missing = [
    ...(isKnown(socket) ? [] : [wrong('units', say.missingUnit(SOCKET, SERVICE))]),
    ...(isKnown(service) ? [] : [wrong('units', say.missingUnit(SERVICE, SOCKET))]),
  ];
  const findings = [...missing, ...known.flatMap(([name, unit]) => judgeUnit(name, unit, by))];
  if (findings.length > 0) return findings;
  const states = known.map(([name, unit]) => `${name} ${unit['ActiveState']}`);
  return [ok('units', states.join(', '))];
}

function judgeUnit(name: string, unit: Properties, by: string): readonly Finding[] {
  const { LoadState = '', ActiveState, UnitFileState = '', Result = '', NeedDaemonReload } = unit;
  const isRequired = name === SOCKET || name === SERVICE;
  if (LoadState === 'masked') return isRequired ? [wrong('units', say.maskedUnit(name, by))] : [];
  if (LoadState !== 'loaded') return [wrong('units', say.badUnit(name, LoadState, by))];
  const changed = NeedDaemonReload === 'yes' ? [note('units', say.changedUnit(name, by))] : [];
  if (ActiveState === 'failed') {
    const how = endOf(unit) ?? Result;
    const isConfig = unit['ExecMainStatus'] === EXIT_CONFIG;
    const trouble = isConfig ? say.badConfigUnit(name, how) : say.failedUnit(name, how, by);
    return [wrong('units', trouble), ...changed];
  }
  if (name === SOCKET && ActiveState === 'inactive') {
    return [wrong('units', say.stoppedSocket(name, by)), ...changed];
  }
  const isDisabled = isRequired && UnitFileState === 'disabled';
  const disabled = isDisabled ? [note('units', say.disabledUnit(name, UnitFileState, by))] : [];
  return [...changed, ...disabled];
}

/** How the daemon last ended, if that was a crash. */
export function judgeCrashes({ units, lastWords }: UnitsFacts): readonly Finding[] {
  const service = units.get(SERVICE);
  if (!isInstalled(service)) return [];
  const { Result = '', ExecMainExitTimestamp: when = '', ExecMainStatus = '0' } = service;
  const restarts = Number(service['NRestarts'] ?? 0);
  const isOwnEnd = NO_CRASHES.includes(ExecMainStatus) && service['ExecMainCode'] === CODE_EXITED;
  const isCrash = CRASHES.includes(Result) || (Result === 'exit-code' && !isOwnEnd);
  const how = endOf(service) ?? Result;
  const level = service['ActiveState'] === 'active' ? note : wrong;
  const findings = [
    ...(isCrash ? [level('crashes', say.crashed(SERVICE, how, when || 'at an unknown time'))] : []),
    ...(restarts > 0 ? [note('crashes', say.restarted(SERVICE, restarts))] : []),
    ...(lastWords === undefined ? [] : [note('crashes', say.lastWords(lastWords))]),
  ];
  return findings.length > 0 ? findings : [ok('crashes', 'none known to systemd')];
}

/** "exit-code, status 78". */
function endOf(unit: Properties): string | undefined {
  const { Result, ExecMainStatus = '0', ExecMainCode = '0' } = unit;
  if (Result === undefined || ExecMainStatus === '0' || ExecMainCode === '0') return undefined;
  const word = ExecMainCode === CODE_EXITED ? 'status' : 'signal';
  return `${Result}, ${word} ${ExecMainStatus}`;
}

function isKnown(unit: Properties | undefined): unit is Properties {
  return unit !== undefined && unit['LoadState'] !== 'not-found';
}

function isInstalled(unit: Properties | undefined): unit is Properties {
  return unit?.['LoadState'] === 'loaded';
}

/** Paths in the units. */
export interface UnitPlaces {
  readonly config: string | undefined;
  readonly state: string | undefined;
  /** The mode of the socket at this path. */
  socketMode(path: string): number | undefined;
}

export function placesOfUnits({ manager, units }: UnitsFacts): UnitPlaces {
  const { ExecStart = '', StateDirectory, Environment = '' } = units.get(SERVICE) ?? {};
  // { path=/usr/sbin/batond ; argv[]=/usr/sbin/batond --idle-exit 60s ; ignore_errors=no ; … }
  const words = (/ argv\[\]=(.*?) ; /.exec(ExecStart)?.[1] ?? '').split(' ');
  const flag = (name: string): string | undefined => {
    const at = words.findIndex((word) => word === name || word.startsWith(`${name}=`));
    return at < 0 ? undefined : (words[at]?.split('=')[1] ?? words[at + 1]);
  };
  const named = /(?:^| )BATON_CONFIG=(\S+)/.exec(Environment)?.[1];
  const own = StateDirectory && manager === 'system' ? `/var/lib/${StateDirectory}` : undefined;
  return {
    config: flag('--config') ?? named,
    state: flag('--state') ?? own,
    socketMode: (path) => {
      const unit = [...units.values()].find(({ Listen }) => Listen?.split(' ')[0] === path);
      const mode = unit?.['ActiveState'] === 'active' ? unit['SocketMode'] : undefined;
      return mode === undefined ? undefined : Number.parseInt(mode, 8);
    },
  };
}
