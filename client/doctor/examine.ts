/**
 * All checks of `baton doctor`, each with a time limit. First those that need no other facts; then
 * the configuration and the state, once the daemon or the units have said where they are.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { RUN_SOCKET, type StatusReply, SUBMIT_SOCKET } from '../../daemon/protocol/request.ts';
import { findConfig, findState, type Places, placesOfConfig } from '../../daemon/startup/paths.ts';
import type { Place } from '../connection/conversation.ts';
import { judgeClock, lookAtClock } from './clock.ts';
import { CONFIG_MS, checkConfig, judgeConfig, modeInConfig } from './config.ts';
import { CRONTABS_MS, judgeCrontabs, lookAtCrontabs } from './crontabs.ts';
import { askDaemon, daemonLimitMs, findStateOf, judgeDaemon } from './daemon.ts';
import { asNote, type Finding, ok } from './finding.ts';
import { bounded, COMMAND_MS, isAnswering, reached } from './limits.ts';
import { describeMachine, judgePrograms, lookAtPrograms } from './programs.ts';
import { judgeSocket, lookAtSocket, type SocketFacts } from './socket.ts';
import { judgeRefusedStart, judgeState, lookAtState, STATE_MS, type StateFacts } from './state.ts';
import {
  judgeCrashes,
  judgeUnits,
  lookAtUnits,
  type Manager,
  placesOfUnits,
  type UnitsFacts,
} from './units.ts';

/** A check that runs a command or two. */
const LOOK_MS = 3 * COMMAND_MS;
const SYSTEMD = '/run/systemd/system';
const SYSTEM_CONFIG = '/etc/baton/config.json';
const SYSTEM_STATE = '/var/lib/baton';
const NO_SOCKET = '/dev/null';

export interface Scene {
  readonly place: Place;
  readonly version: string;
  /** Named on the command line. */
  readonly crontabs: readonly string[];
  readonly uid: number;
}

export async function examine(scene: Scene): Promise<readonly Finding[]> {
  const hasSystemd = existsSync(SYSTEMD);
  const apart = [
    bounded('programs', LOOK_MS, async () => judgePrograms(await lookAtPrograms(scene.version))),
    bounded('crontabs', CRONTABS_MS, async () => {
      const { socket } = scene.place;
      // It would wait for a hanging socket, which has its own finding.
      const asked = (await isAnswering(socket)) ? socket : NO_SOCKET;
      return judgeCrontabs(await lookAtCrontabs(scene.crontabs, asked));
    }),
  ];
  const service = await examineService(scene, hasSystemd);
  const others = await Promise.all(apart);
  return [...service, ...others.flat(), ok('machine', describeMachine())];
}

/** Facts that the checks share. */
interface Known {
  socket?: SocketFacts;
  units?: UnitsFacts | undefined;
  status?: StatusReply;
  mode?: number | undefined;
  state?: StateFacts;
}

async function examineService(
  { place, version, uid }: Scene,
  hasSystemd: boolean,
): Promise<readonly Finding[]> {
  const known: Known = {};
  const { socket } = place;
  const [units, daemon] = await Promise.all([
    bounded('units', LOOK_MS, async () => {
      known.units = hasSystemd ? await findUnits(managersOf(socket, uid)) : undefined;
      return known.units === undefined
        ? [ok('units', hasSystemd ? 'none is installed for this socket' : 'no systemd runs here')]
        : [...judgeUnits(known.units), ...judgeCrashes(known.units)];
    }),
    bounded('daemon', daemonLimitMs(place), () =>
      reached('socket', socket, async () => {
        known.socket = await lookAtSocket(socket);
        if (known.socket.kind !== 'socket' || known.socket.refused !== undefined) return [];
        const answer = await askDaemon(place);
        if (answer.ok) known.status = answer.value;
        return judgeDaemon(answer, version);
      }),
    ),
  ]);
  const where = await findPlaces(known, socket, uid);
  const isAnswered = known.status !== undefined;
  const isAccepted = known.socket?.kind === 'socket' && known.socket.refused === undefined;
  const config = bounded('config', CONFIG_MS, () =>
    reached('config', where.config ?? '/', async () => {
      const checked = await checkConfig(where.config);
      known.mode = modeInConfig(checked, socket);
      const judged = judgeConfig(checked, where.config, uid === 0);
      // A silent listener may have its files anywhere.
      const isGuess = isAccepted && !isAnswered && where.config === undefined;
      return isGuess ? judged.map(asNote) : judged;
    }),
  );
  const state = bounded('state', STATE_MS, async () => {
    const { state: path, config } = where;
    if (path === undefined) return [ok('state', 'its location is unknown')];
    return await reached('state', path, async () => {
      known.state = await lookAtState(path, uid, { isAnswered, config });
      return [
        ...judgeState(known.state, { isAccepted, socket }),
        ...judgeRefusedStart(known.state, isAnswered),
      ];
    });
  });
  const found = [...(await config), ...(await state)];
  const clock = await bounded('clock', LOOK_MS, async () => {
    const ms = known.state?.journalMs;
    const journal = ms === undefined ? undefined : { path: `${where.state}/journal.ndjson`, ms };
    return judgeClock(await lookAtClock(hasSystemd, journal));
  });
  const mode = where.socketMode ?? known.mode;
  const access = known.socket === undefined ? [] : judgeSocket(known.socket, mode, where.start);
  return distinct([...access, ...daemon, ...units, ...found, ...clock]);
}

/** A problem that both the daemon and the check of its configuration report is printed once. */
function distinct(findings: readonly Finding[]): readonly Finding[] {
  return findings.filter(({ found }, at) => findings.findIndex((it) => it.found === found) === at);
}

/** The managers that may have a unit for this socket; none for another path given by the user. */
function managersOf(socket: string, uid: number): readonly Manager[] {
  if (socket === RUN_SOCKET || socket === SUBMIT_SOCKET) return ['system'];
  const isOwn = uid !== 0 && socket.endsWith(`/${uid}/baton.sock`);
  return isOwn ? ['user', 'system'] : [];
}

/** From the first one that has units of baton, or that does not answer. */
async function findUnits(managers: readonly Manager[]): Promise<UnitsFacts | undefined> {
  for (const manager of managers) {
    const facts = await lookAtUnits(manager);
    const isThere = [...facts.units.values()].some(({ LoadState }) => LoadState !== 'not-found');
    if (isThere || (facts.silent !== undefined && manager === 'system')) return facts;
  }
  return undefined;
}

interface Where {
  readonly config: string | undefined;
  readonly state: string | undefined;
  readonly socketMode: number | undefined;
  /** How a daemon is started here. */
  readonly start: string;
}

/** Where this socket's daemon has its files: from itself, from its unit, or the defaults. */
async function findPlaces({ status, units }: Known, socket: string, uid: number): Promise<Where> {
  const isSystems = socket === RUN_SOCKET || socket === SUBMIT_SOCKET;
  const deaf = new Set<string>();
  for (const path of placesOfConfig({ env: process.env, uid, exists: existsSync })) {
    if (!(await isAnswering(path))) deaf.add(path);
  }
  // The daemon would wait for one that hangs.
  const exists = (path: string): boolean => deaf.has(path) || existsSync(path);
  const places: Places = { env: process.env, uid, exists };
  const own = units === undefined ? undefined : placesOfUnits(units);
  const by = units?.manager === 'user' ? 'systemctl --user' : 'systemctl';
  const open = status === undefined ? undefined : await findStateOf(status.pid);
  const usual = isSystems
    ? { config: SYSTEM_CONFIG, state: SYSTEM_STATE }
    : { config: findConfig(undefined, places), state: findState(undefined, places) };
  // A daemon of systemd does not have this program's environment.
  const { BATON_CONFIG, STATE_DIRECTORY } = units === undefined ? process.env : {};
  const config = status?.config ?? own?.config ?? (BATON_CONFIG || usual.config);
  const state = open ?? own?.state ?? (STATE_DIRECTORY?.split(':')[0] || usual.state);
  return {
    // batond runs in another directory.
    config: config && resolve(config),
    state: state && resolve(state),
    socketMode: own?.socketMode(socket),
    start:
      units === undefined
        ? 'start batond, or name its socket with --socket or $BATON_SOCKET'
        : `run "${by} enable --now baton.socket baton.service"`,
  };
}
