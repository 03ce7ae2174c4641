/**
 * The crash soak: real clients request real runs while the daemon is killed at random times, at
 * every step between two effects and at every step of a compaction, and restarted; while its fork
 * server is killed; and while reloads rename a group. Every client must exit with the right status
 * and get every byte once; every command must have run exactly once, and never more of the group at
 * once than it admits, whatever its name was when they started.
 *
 * Now and then a dead daemon's journal is removed, or replaced by an older copy. Earlier clients
 * may then be told that their run is unknown (125), and what they requested may run again, as
 * another run; everything else holds, and no run is executed twice.
 *
 *   npm run crash -- [RUNS] [DEATHS] [SEED]      default 1000 300 and a seed that is printed
 */
import { type ChildProcess, spawn } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { COMPACTION_POINTS } from './support/crashpoints.ts';
import './support/scratch.ts';

const DIST = join(import.meta.dirname, '..');
const CLIENTS_AT_ONCE = 12;
/** Daemons here live briefly and come back slowly; no client may give up. */
const PATIENT = ['--connect-timeout', '2min'];
/** Probability of a death at each of the armed steps of a daemon. */
const STEP_CHANCE = 0.01;
/** The same if only one step of the compaction is armed. */
const COMPACTION_CHANCE = 0.2;
/** Longest life of a daemon that is killed by time. */
const LIFE_MS_MAX = 500;
/** How often a daemon loses its fork server, at most. */
const FORK_SERVER_MS_MAX = 200;
/** How often the group is renamed, at most. */
const RENAME_MS_MAX = 300;
/** Probability that a dead daemon's journal is removed or restored, and that it is copied. */
const UPSET_CHANCE = 0.1;
const COPY_CHANCE = 0.2;
const NO_VERDICT = 125;
const UNKNOWN = /is a different run|are no longer kept|no longer knows run/;
/** How many runs of the group may run at once. */
const INSTANCES = 2;

export interface SoakResult {
  readonly runs: number;
  readonly deaths: number;
  /** Fork servers that were killed while their daemon was alive. */
  readonly orphanings: number;
  /** Reloads that renamed the group. */
  readonly renamings: number;
  /** Journals that were removed or restored. */
  readonly upsets: number;
  readonly seconds: number;
  /** How many daemons died at which step; the others were killed by time. */
  readonly points: ReadonlyMap<string, number>;
  readonly faults: readonly string[];
}

interface Kind {
  readonly name: string;
  readonly code: number;
  readonly lines: number;
}

/** Soaks until both numbers are reached; `faults` is empty if all is well. */
export async function soak(runs: number, deaths: number, seed: number): Promise<SoakResult> {
  const rig = new SoakRig(seed);
  const startedAtMs = performance.now();
  rig.startDaemon();
  const faults: string[] = [];
  let asked = 0;
  const worker = async (): Promise<void> => {
    while (asked < runs || rig.deaths < deaths) {
      asked++;
      const fault = await rig.runOne();
      if (fault !== undefined) faults.push(fault);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS_AT_ONCE }, worker));
  await rig.close();
  const points = rig.points();
  faults.push(...rig.checkCounts(asked), ...rig.checkPoints(points));
  rmSync(rig.directory, { recursive: true, force: true });
  const seconds = (performance.now() - startedAtMs) / 1_000;
  const { deaths: died, orphanings, renamings, upsets } = rig;
  return { runs: asked, deaths: died, orphanings, renamings, upsets, seconds, points, faults };
}

class SoakRig {
  readonly directory = mkdtempSync(join(tmpdir(), 'baton-soak-'));
  readonly #socket = join(this.directory, 's');
  readonly #counter = join(this.directory, 'counter');
  readonly #log = join(this.directory, 'points');
  readonly #random: () => number;
  readonly #kinds: readonly Kind[];
  #daemon: ChildProcess | undefined;
  #isClosing = false;
  deaths = 0;
  orphanings = 0;
  renamings = 0;
  upsets = 0;
  /** Clients that were told that their run is unknown. */
  #forsaken = 0;
  /** Daemons that were to die in a compaction; they take turns at its steps. */
  #compacting = 0;

  constructor(seed: number) {
    this.#random = generator(seed);
    this.#kinds = Array.from({ length: 24 }, (_, index) => ({
      name: `kind-${index}`,
      code: [0, 1, 2, 42, 75, 124, 137, 143, 255][index % 9] ?? 0,
      lines: [0, 1, 100, 20_000][index % 4] ?? 0,
    }));
    this.#configure();
    writeFileSync(this.#counter, '');
    writeFileSync(this.#log, '');
  }

  #configure(): void {
    const targets = this.#kinds.map((kind, index) => [kind.name, this.#target(kind, index)]);
    const config = { targets: Object.fromEntries(targets), keep: { runs: 100_000 } };
    const path = join(this.directory, 'config.json');
    writeFileSync(`${path}.new`, JSON.stringify(config), { mode: 0o600 });
    renameSync(`${path}.new`, path);
  }

  #target({ code, lines }: Kind, index: number): unknown {
    const isGrouped = index % 3 === 0;
    const note = (what: string): string => `echo ${what} $BATON_RUN_ID >>${this.#counter}`;
    const kind = isGrouped ? 'group' : 'free';
    const script = `${note(`begin ${kind}`)}; seq ${lines}; sleep 0.0${index % 7}; seq ${lines} >&2; ${note(`end ${kind}`)}; exit ${code}`;
    const group = `disk-${this.renamings}`;
    const policies = isGrouped ? [{ type: 'cardinality', instances: INSTANCES, group }] : [];
    return { runner: { type: 'local', args: ['/bin/sh', '-c', script] }, policies };
  }

  startDaemon(): void {
    const crash = this.#nextCrash();
    const byStep = crash !== undefined;
    const points = pathToFileURL(join(DIST, 'test/support/crashpoints.js')).href;
    // The steps are armed in modules, which the bundle does not share.
    const args = [
      ...(byStep
        ? ['--import', points, join(DIST, 'daemon/main.js')]
        : [join(DIST, 'daemon/batond.cjs')]),
      ...['--config', join(this.directory, 'config.json'), '--socket', this.#socket],
      ...['--state', join(this.directory, 'state')],
    ];
    const env = { PATH: process.env['PATH'] ?? '', CRASH_LOG: this.#log, ...crash };
    const daemon = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], env });
    this.#daemon = daemon;
    let life: NodeJS.Timeout | undefined;
    // A life starts when the daemon answers: on a busy machine a start takes some time.
    createInterface(daemon.stdout).on('line', (line) => {
      if (!line.includes('"msg":"ready"')) return;
      this.#orphan(daemon);
      this.#rename(daemon);
      if (byStep) return;
      life = setTimeout(() => daemon.kill('SIGKILL'), 100 + this.#random() * LIFE_MS_MAX);
    });
    daemon.once('exit', (_, signal) => {
      clearTimeout(life);
      if (signal === 'SIGKILL') this.deaths++;
      if (this.#isClosing) return;
      this.#upset();
      this.startDaemon();
    });
  }

  /** What an administrator, or a backup, does to a journal. */
  #upset(): void {
    const journal = join(this.directory, 'state/journal.ndjson');
    const copy = join(this.directory, 'journal.copy');
    if (!existsSync(journal)) return;
    if (this.#random() < COPY_CHANCE) copyFileSync(journal, copy);
    if (this.#random() >= UPSET_CHANCE) return;
    this.upsets++;
    if (this.#random() < 0.5 && existsSync(copy)) copyFileSync(copy, journal);
    else rmSync(journal);
  }

  /** Kills the fork server of a daemon, again and again as long as the daemon is alive. */
  #orphan(daemon: ChildProcess): void {
    if (daemon.exitCode !== null || daemon.signalCode !== null) return;
    for (const pid of daemon.pid === undefined ? [] : childrenOf(daemon.pid)) {
      if (!commandOf(pid).startsWith('baton fork server')) continue;
      if (kill(pid)) this.orphanings++;
    }
    setTimeout(() => this.#orphan(daemon), this.#random() * FORK_SERVER_MS_MAX).unref();
  }

  /** Renames the group, again and again as long as this daemon is alive. */
  #rename(daemon: ChildProcess): void {
    if (this.#isClosing || daemon.exitCode !== null || daemon.signalCode !== null) return;
    this.renamings++;
    this.#configure();
    daemon.kill('SIGHUP');
    setTimeout(() => this.#rename(daemon), this.#random() * RENAME_MS_MAX).unref();
  }

  /** For crashpoints.ts; undefined for a death by time. */
  #nextCrash(): Record<string, string> | undefined {
    const way = this.#random();
    if (way < 0.5) return undefined;
    if (way < 0.75) return { CRASH_CHANCE: String(STEP_CHANCE) };
    const point = COMPACTION_POINTS[this.#compacting++ % COMPACTION_POINTS.length] ?? '';
    return { CRASH_CHANCE: String(COMPACTION_CHANCE), CRASH_AT: point };
  }

  /** One client, to its end; returns what is wrong with it, if anything. */
  async runOne(): Promise<string | undefined> {
    const kind = this.#kinds[Math.floor(this.#random() * this.#kinds.length)];
    if (kind === undefined) return 'no kind';
    const { upsets } = this;
    const client = spawn(
      process.execPath,
      [join(DIST, 'client/main.cjs'), 'run', kind.name, '--wait', ...PATIENT],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { PATH: process.env['PATH'] ?? '', BATON_SOCKET: this.#socket },
      },
    );
    const [out, err]: [Buffer[], Buffer[]] = [[], []];
    client.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    client.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    const code = await new Promise((resolve) => client.once('close', (c, s) => resolve(c ?? s)));
    const said = Buffer.concat(err).toString();
    if (code === NO_VERDICT && this.upsets > upsets && UNKNOWN.test(said)) {
      this.#forsaken++;
      return undefined;
    }
    if (code !== kind.code) {
      return `${kind.name}: exited with ${String(code)}, not ${kind.code}: ${said}`;
    }
    const expected = sequence(kind.lines);
    if (Buffer.concat(out).toString() !== expected) return `${kind.name}: its stdout is wrong`;
    const silent = kind.lines === 0 && kind.code !== 0;
    if (silent ? !/with no output; [^\n]+\n$/.test(said) : said !== expected) {
      return `${kind.name}: its stderr is wrong: ${said.slice(0, 200)}`;
    }
    return undefined;
  }

  /** Every run was executed exactly once, and no more of the group at once than it admits. */
  checkCounts(asked: number): string[] {
    const notes = readFileSync(this.#counter, 'utf8').split('\n').filter(Boolean);
    const lines = notes.filter((note) => note.startsWith('begin '));
    const faults: string[] = [];
    let inside = 0;
    for (const note of notes.filter((it) => it.includes(' group '))) {
      inside += note.startsWith('begin ') ? 1 : -1;
      if (inside > INSTANCES) faults.push(`${inside} of the group ran at once: ${note}`);
    }
    const isOdd =
      this.upsets === 0 ? lines.length !== asked : lines.length < asked - this.#forsaken;
    if (isOdd) faults.push(`${asked} runs were asked for, ${lines.length} executed`);
    if (new Set(lines).size !== lines.length) faults.push('a run was executed twice');
    return faults;
  }

  points(): ReadonlyMap<string, number> {
    const points = new Map<string, number>(COMPACTION_POINTS.map((point) => [point, 0]));
    for (const point of readFileSync(this.#log, 'utf8').split('\n').filter(Boolean)) {
      points.set(point, (points.get(point) ?? 0) + 1);
    }
    return points;
  }

  /** Each daemon died at its assigned step; the last one may have had no time for it. */
  checkPoints(points: ReadonlyMap<string, number>): string[] {
    return COMPACTION_POINTS.filter(
      (point, at) => at < this.#compacting - 1 && points.get(point) === 0,
    ).map((point) => `${point}: no daemon died there`);
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    const daemon = this.#daemon;
    if (daemon === undefined || daemon.exitCode !== null || daemon.signalCode !== null) return;
    const gone = new Promise((resolve) => daemon.once('close', resolve));
    daemon.kill('SIGKILL');
    await gone;
  }
}

/** Empty for a process that is gone. */
function childrenOf(pid: number): readonly number[] {
  const children = readGone(`/proc/${pid}/task/${pid}/children`).trim();
  return children === '' ? [] : children.split(' ').map(Number);
}

/** False for a process that is gone. */
function kill(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL');
  } catch {
    return false;
  }
}

function commandOf(pid: number): string {
  return readGone(`/proc/${pid}/cmdline`);
}

function readGone(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

function sequence(lines: number): string {
  return Array.from({ length: lines }, (_, index) => `${index + 1}\n`).join('');
}

/** A linear congruential generator: enough to repeat a choice of kinds and lives. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 4_294_967_296;
  };
}

if (process.argv[1] === import.meta.filename) {
  const [runs = 1_000, deaths = 300, seed = Date.now() % 1_000_000] = process.argv
    .slice(2)
    .map(Number);
  process.stdout.write(`soak: ${runs} runs, ${deaths} daemon deaths at least, seed ${seed}\n`);
  const result = await soak(runs, deaths, seed);
  for (const fault of result.faults) process.stdout.write(`FAULT ${fault}\n`);
  for (const [point, deaths] of [...result.points].sort(([a], [b]) => (a < b ? -1 : 1))) {
    process.stdout.write(`${String(deaths).padStart(5)} died ${point}\n`);
  }
  const { faults, seconds } = result;
  process.stdout.write(
    `${result.runs} runs, ${result.deaths} daemon deaths, ${result.orphanings} fork server deaths, ${result.renamings} reloads, ${result.upsets} journals removed or restored, ${seconds.toFixed(0)} s, ${faults.length} faults\n`,
  );
  process.exitCode = faults.length === 0 ? 0 : 1;
}
