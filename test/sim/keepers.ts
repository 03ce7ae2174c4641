/**
 * Simulated keepers: `SimProcess` is the keeper with its child, which outlives daemons, and
 * `SimKeepers` the daemon's side of them, which dies with its daemon.
 */
import assert from 'node:assert/strict';
import type { CommandInput, LetGo, Report } from '../../daemon/core/command.ts';
import type { Running } from '../../daemon/core/state.ts';
import type { KeepersPort, KeptRun, Survivors } from '../../daemon/engine/daemon.ts';
import type { KeeperId, ProcessId, RunId } from '../../daemon/shared/run.ts';
import type { StopOrder } from '../../daemon/shared/stop.ts';
import type { World } from './world.ts';

const LOOK_MS = 250;
/** Pid of what a killed keeper has left behind, relative to its own. */
const ORPHAN = 1;
/** The same for what its command has left behind. */
const LEFT = 2;
const NEVER_RAN: Report = { started: false, code: null, signal: null, core: false };

type Phase = 'waiting' | 'running' | 'ended' | 'dead';

export class SimProcess {
  readonly run: KeptRun;
  /** Its run, unique across all journals. */
  readonly name: string;
  readonly attempt: number;
  readonly id: KeeperId;
  readonly #world: World;
  phase: Phase = 'waiting';
  /** The status file. */
  report: Report | undefined;
  /** The child's exit code if nothing disturbs it. */
  readonly code: number;
  /** The child is alive although its keeper was killed. */
  orphaned = false;
  onEnd: (() => void) | undefined;
  /** In the directory of its run. */
  record: Running | undefined;
  /** A shutdown has told it to end. */
  wasTold = false;
  /** Size of its output. */
  readonly #bytes: number;
  /** What the command leaves behind. */
  readonly #leftovers: readonly ProcessId[];
  readonly #isStubborn: boolean;

  constructor(world: World, run: KeptRun, attempt: number, pid: number) {
    this.#world = world;
    this.run = run;
    this.name = world.nameOf(run.run);
    this.attempt = attempt;
    this.id = { pid, startTime: pid, bootId: `boot ${world.boot}`, nonce: world.nonce };
    this.code = world.between(0, 3);
    this.#isStubborn = world.random() < 0.3;
    this.#bytes = world.between(0, 1_000);
    this.#leftovers = world.random() < 0.1 ? [{ pid: pid + LEFT, startTime: pid }] : [];
  }

  /** What a daemon finds of it; undefined if it was never released. */
  letGo(): LetGo | undefined {
    if (this.record === undefined) return undefined;
    const { run, nonce = '', startNonce = '', target, merged, tokens, attempt } = this.record;
    const [token = ''] = tokens;
    const at = { steadyMs: this.startedAtMs, wallMs: this.startedAtMs };
    const about = { run, nonce, startNonce, target, merged, token, attempt, keeper: this.id };
    return { ...about, at, isLive: this.phase === 'running' };
  }

  /** The command runs: this must never happen twice for one run. */
  go(): void {
    if (this.phase !== 'waiting') return;
    this.phase = 'running';
    for (const other of this.#world.processes.values()) {
      if (other === this || other.name !== this.name || !other.executed) continue;
      assert.ok(this.#world.mayRetry(this.run.target), `run ${this.run.run} was executed twice`);
      assert.ok(!other.isLive(), `run ${this.run.run} was executed twice at once`);
    }
    this.executed = true;
    this.#world.later(this.#world.between(0, 3_000), () =>
      this.#end({ ...NEVER_RAN, started: true, code: this.code }),
    );
    this.startedAtMs = this.#world.nowMs;
    if (this.#world.chance(this.#world.hazards.keeperDeath)) {
      this.#world.later(this.#world.between(0, 2_000), () => this.#kill());
    }
  }
  executed = false;
  startedAtMs = 0;
  endedAtMs = 0;

  /** TERM now, KILL after the grace time. */
  stop(graceMs: number): void {
    const signal = this.#isStubborn ? 9 : 15;
    const end = (): void => {
      this.orphaned = false;
      this.#end({ started: true, code: null, signal, core: false });
    };
    this.#world.later(this.#isStubborn ? graceMs : this.#world.between(0, 50), end);
  }

  /** A shutdown signals the keeper, which continues, and the command, which may ignore it. */
  term(): void {
    if (this.phase !== 'running') return;
    this.wasTold = true;
    if (this.#isStubborn) return;
    const end = (): void => this.#end({ started: true, code: null, signal: 15, core: false });
    this.#world.later(this.#world.between(0, 50), end);
  }

  /** The control socket is closed by the daemon, or by its death. */
  hangUp(): void {
    this.onEnd = undefined;
    if (this.phase === 'waiting') {
      this.phase = 'ended';
      this.report = NEVER_RAN;
    }
  }

  cutPower(): void {
    this.onEnd = undefined;
    this.orphaned = false;
    if (this.phase === 'waiting' || this.phase === 'running') this.phase = 'dead';
  }

  isLive(): boolean {
    return this.phase === 'running' || this.orphaned;
  }

  #end(report: Report): void {
    this.orphaned = false;
    if (this.phase !== 'running') return;
    this.phase = 'ended';
    this.endedAtMs = this.#world.nowMs;
    const tookMs = this.endedAtMs - this.startedAtMs;
    this.report = {
      ...report,
      bytes: this.#bytes,
      leftovers: this.run.leftovers === 'kill' ? [] : this.#leftovers,
      ended: { tookMs, wallMs: this.#world.now().wallMs, steadyMs: this.endedAtMs },
    };
    this.onEnd?.();
  }

  #kill(): void {
    if (this.phase !== 'running') return;
    this.phase = 'dead';
    this.orphaned = this.#world.random() < 0.5;
    this.onEnd?.();
  }
}

export class SimKeepers implements KeepersPort {
  readonly #world: World;
  readonly #generation: number;
  readonly #post: (input: CommandInput) => void;
  readonly #mine = new Map<RunId, SimProcess>();
  readonly #guarded = new Map<RunId, SimProcess>();
  /** By run: the last requested attempt, and the last one that is no longer wanted. */
  readonly #asked = new Map<RunId, number>();
  readonly #dropped = new Map<RunId, number>();

  constructor(world: World, generation: number, post: (input: CommandInput) => void) {
    this.#world = world;
    this.#generation = generation;
    this.#post = post;
  }

  start(run: KeptRun, attempt: number): Promise<void> {
    if (this.#dies()) return Promise.resolve();
    this.#asked.set(run.run, attempt);
    const { cause } = this.#world.audit.state.runs.get(run.run) ?? {};
    assert.deepEqual(run.cause, cause, `run ${run.run} hears of another cause`);
    // Sometimes no process can be started; the real keepers retry, too.
    const delayMs = this.#world.chance(0.1) ? 1_000 : this.#world.between(0, 3);
    this.#later(delayMs, () => {
      if ((this.#dropped.get(run.run) ?? 0) >= attempt) return;
      if (this.#world.random() < 0.03) return this.#failToStart(run, attempt);
      const pid = 10_000 + 10 * this.#world.processes.size;
      const process = new SimProcess(this.#world, run, attempt, pid);
      this.#world.processes.set(pid, process);
      this.#mine.set(run.run, process);
      process.onEnd = () => this.#later(0, () => this.#look(run.run, process));
      this.#post({ type: 'kept', run: run.run, attempt, keeper: process.id });
    });
    return Promise.resolve();
  }

  go(run: Running): void {
    const process = this.#mine.get(run.run);
    if (process === undefined || this.#dies()) return;
    process.record = run;
    process.startedAtMs = this.#world.nowMs;
    if (!this.#dies()) process.go();
  }

  drop(run: RunId): void {
    if (this.#dies()) return;
    const process = this.#mine.get(run);
    process?.hangUp();
    this.#mine.delete(run);
    this.#dropped.set(run, this.#asked.get(run) ?? 0);
  }

  adopt(run: KeptRun, attempt: number, keeper: KeeperId): void {
    const process = this.#world.processes.get(keeper.pid);
    assert.ok(process?.attempt === attempt, 'adopted what never was');
    if (this.#world.daemon === undefined) return; // it has died on the way
    const name = this.#world.nameOf(run.run);
    if (keeper.was === undefined) assert.equal(process.name, name, 'adopted as another run');
    else this.#world.foundAs.set(name, process.name);
    this.#mine.set(run.run, process);
    const look = (): void => {
      if (!this.#look(run.run, process)) this.#later(LOOK_MS, look);
    };
    look();
  }

  stop(run: RunId, { graceMs }: StopOrder): void {
    if (this.#dies()) return;
    const mine = this.#mine.get(run) ?? this.#guarded.get(run);
    for (const process of this.#world.processes.values()) {
      if (process.name === mine?.name && process.isLive()) process.stop(graceMs);
    }
  }

  awaitSurvivors(run: RunId, { pids }: Survivors): void {
    const [pid = 0] = pids;
    const process = this.#world.processes.get(pid - ORPHAN);
    assert.ok(process !== undefined, 'guards what never was');
    this.#guarded.set(run, process);
    const look = (): void => {
      if (process.orphaned) this.#later(LOOK_MS, look);
      else this.#post({ type: 'vacated', run });
    };
    look();
  }

  remove(): void {}

  /** Posts how it ended, if it has; returns whether it has. */
  #look(run: RunId, process: SimProcess): boolean {
    const { attempt, id, phase, report, orphaned } = process;
    const rebooted = id.bootId !== `boot ${this.#world.boot}`;
    if (report !== undefined) {
      // What looks like a shutdown is held back until it is certain.
      if (process.wasTold && !rebooted && report.code !== 0) return false;
      const isDown = process.wasTold && rebooted ? ({ isDown: true } as const) : {};
      this.#post({ type: 'reported', run, attempt, report: { ...report, ...isDown } });
      return true;
    }
    if (phase !== 'dead') return false;
    const survivors = orphaned ? [id.pid + ORPHAN] : [];
    this.#post({ type: 'gone', run, attempt, rebooted, survivors });
    return true;
  }

  #failToStart(run: KeptRun, attempt: number): void {
    const detail = 'its command was not found';
    const failure = { kind: 'not-started', stage: 'command', errno: 'ENOENT', detail } as const;
    const report = { ...NEVER_RAN, started: true, failure };
    this.#post({ type: 'reported', run: run.run, attempt, report });
  }

  #later(delayMs: number, what: () => void): void {
    this.#world.later(delayMs, what, this.#generation);
  }

  #dies(): boolean {
    return this.#world.mayDie(this.#generation);
  }
}
