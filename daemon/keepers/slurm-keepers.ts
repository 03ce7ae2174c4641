/**
 * The daemon's side of the keepers in jobs of Slurm: has a held job submitted, releases it once the
 * start is in the journal, and stops it. A transport of supervision.ts; see slurm-files.ts for what
 * it shares with the keeper, and slurm-sight.ts for how far Slurm is believed. No run depends on
 * this daemon: the next one finds it by the journal and by its files.
 */
import type { SlurmPlan } from '../core/plan.ts';
import type { KeptRun } from '../engine/daemon.ts';
import { noRunDirectory } from '../protocol/outcome-text.ts';
import type { JobView } from '../protocol/reply.ts';
import * as say from '../protocol/slurm-text.ts';
import { errnoOf, isPassing } from '../shared/errno.ts';
import type { KeeperId, RunId, SlurmJob } from '../shared/run.ts';
import { type StopOrder, stopOrderOf } from '../shared/stop.ts';
import type { Clock } from '../system/clock.ts';
import type { Log } from '../system/log.ts';
import { failure, type Launch, prepare } from './launch.ts';
import type { Observation } from './observe.ts';
import type { KindOfKeepers } from './router.ts';
import type { RunDirectories } from './run-directories.ts';
import { type Conf, RealSlurm, type SlurmCommands } from './slurm-commands.ts';
import { endedBy, lost, neverRan } from './slurm-end.ts';
import { askToStop, jobDirectory, removeJobDirectory, sizesIn, withhold } from './slurm-files.ts';
import type { Job } from './slurm-job-list.ts';
import { SlurmLedger } from './slurm-ledger.ts';
import { hasEnded, isExpired, type KeptJob, type Seen, SlurmLooks } from './slurm-look.ts';
import { SlurmPoll } from './slurm-poll.ts';
import { conclude, NOTHING_SEEN, seeJobs } from './slurm-sight.ts';
import { stopJob } from './slurm-stop.ts';
import { keeperOf, makeJobFiles, submissionOf, submitUntilTaken, tokenOf } from './slurm-submit.ts';
import { VAIN_MAX, VainJobs } from './slurm-vain.ts';
import { viewOf } from './slurm-view.ts';
import { Supervisor, type SupervisorOptions } from './supervision.ts';

export class SlurmKeepers implements KindOfKeepers {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #directories: RunDirectories;
  readonly #commands: SlurmCommands;
  readonly #supervisor: Supervisor<KeptJob>;
  readonly #ledger: SlurmLedger;
  readonly #poll: SlurmPoll;
  readonly #looks: SlurmLooks;
  readonly #vain: VainJobs;

  constructor(
    options: SupervisorOptions & {
      /** The state directory. */
      readonly directory: string;
      readonly commands?: SlurmCommands;
    },
  ) {
    const { clock, log, directories, directory, commands = new RealSlurm(clock) } = options;
    this.#clock = clock;
    this.#log = log;
    this.#directories = directories;
    this.#commands = commands;
    this.#vain = new VainJobs(clock);
    const wanted = (conf: Conf): void => this.#poll.soon(conf);
    this.#ledger = new SlurmLedger({ directory, commands, clock, log, wanted });
    this.#poll = new SlurmPoll({
      ...{ commands, clock, log },
      isWanted: (conf) => this.#ledger.isWanted(conf) || this.#released(conf).length > 0,
      take: (conf, jobs, askedAtMs) => this.#take(conf, jobs, askedAtMs),
      failed: (conf, why) => {
        for (const kept of this.#released(conf)) kept.trouble = why;
      },
    });
    this.#supervisor = new Supervisor<KeptJob>(options, {
      seen: ({ end }) => end ?? { kind: 'running' },
      forgotten: (kept) => this.#leave(kept),
    });
    this.#looks = new SlurmLooks({
      ...{ clock, log },
      directoryOf: (run) => directories.of(run),
      runs: () => this.#supervisor.runs.values(),
      seen: (kept, slurm, seen) => this.#seen(kept, slurm, seen),
    });
  }

  /** Takes care of jobs of earlier daemons that no run needs; call it after adopting the runs. */
  async tidy(): Promise<void> {
    const needed = new Set([...this.#supervisor.runs.values()].map(({ slurm }) => slurm?.token));
    await this.#ledger.load((token) => needed.has(token));
  }

  async start(run: KeptRun, attempt: number, plan: SlurmPlan): Promise<void> {
    const { conf } = plan;
    const nonce = run.startNonce ?? this.#directories.nonce;
    const directory = jobDirectory(plan.directory, run.run, nonce, attempt);
    const life = { state: 'preparing' } as const;
    const kept: KeptJob = { ...run, attempt, life, isSure: true, sight: NOTHING_SEEN };
    this.#supervisor.add(kept);
    const launch = await prepare({ ...plan, keeper: 'process' }, { ...run, directory });
    if ('kind' in launch) return this.#supervisor.fail(kept, launch);
    kept.launch = launch;
    const token = tokenOf(run, attempt);
    const named = { token, directory, ...(conf === undefined ? {} : { conf }) };
    await this.#prepare(kept, plan, launch, named);
  }

  /** Creates everything that the keeper needs before anything is submitted. */
  async #prepare(
    kept: KeptJob,
    plan: SlurmPlan,
    launch: Launch,
    named: Omit<SlurmJob, 'from'>,
  ): Promise<void> {
    const { run, attempt } = kept;
    const { directory } = named;
    try {
      this.#directories.claim(kept);
      const slurm = { ...named, from: await sizesIn(this.#directories.of(run)) };
      if (kept.slurm === undefined) await this.#ledger.add({ run, attempt, slurm });
      kept.slurm = slurm;
      await makeJobFiles(kept, launch, slurm);
      if (hasEnded(kept)) return this.#leave(kept);
      await this.#submit(kept, plan, slurm);
    } catch (error) {
      const errno = errnoOf(error);
      if (hasEnded(kept)) return this.#leave(kept);
      // The directory belongs to the same attempt in another life of the state directory.
      if (errno === 'EEXIST') {
        if (kept.slurm !== undefined) await this.#ledger.remove(kept.slurm);
        delete kept.slurm;
        return this.#supervisor.neverRan(kept, errno);
      }
      if (!isPassing(errno) && errno !== 'ESTALE') {
        const why = noRunDirectory(directory, error);
        return this.#supervisor.fail(kept, failure('system', why, errno));
      }
      await removeJobDirectory(directory).catch(() => {});
      this.#supervisor.again(kept, errno, () => {
        void this.#prepare(kept, plan, launch, named);
      });
    }
  }

  async #submit(kept: KeptJob, plan: SlurmPlan, slurm: SlurmJob): Promise<void> {
    const { run, target, attempt } = kept;
    const avoided = this.#vain.avoided();
    const submission = submissionOf(plan, slurm, attempt, avoided);
    kept.isSubmitting = true;
    const taken = await submitUntilTaken(submission, {
      ...{ commands: this.#commands, clock: this.#clock },
      isDropped: () => hasEnded(kept),
      trouble: (why) => {
        kept.isSure = false;
        if (kept.trouble === undefined) {
          this.#log.warn({ run, target, reason: why }, 'Slurm does not accept the job now');
        }
        kept.trouble = why;
      },
    });
    kept.isSubmitting = false;
    switch (taken.kind) {
      case 'dropped':
        return this.#leave(kept);
      case 'refused':
        if (avoided.length === 0) {
          return this.#supervisor.fail(kept, failure('system', say.slurmRefused(taken.why)));
        }
        // There may be no other node for it.
        this.#vain.avoidNone();
        return await this.#submit(kept, plan, slurm);
      case 'taken':
        delete kept.trouble;
        kept.slurm = { ...slurm, job: taken.job };
        return this.#supervisor.ready(kept, keeperOf(kept.slurm, this.#directories.nonce));
      default:
        return taken satisfies never;
    }
  }

  go(run: RunId): void {
    const kept = this.#supervisor.runs.get(run);
    if (kept?.slurm === undefined) return;
    this.#supervisor.released(kept);
    void this.#release(kept, kept.slurm);
    this.#follow(kept, kept.slurm);
  }

  drop(run: RunId): void {
    const kept = this.#supervisor.runs.get(run);
    if (kept !== undefined) this.#supervisor.forget(kept);
  }

  adopt(run: KeptRun, attempt: number, keeper: KeeperId): void {
    const { slurm } = keeper;
    const life = { state: 'released', keeper } as const;
    const kept: KeptJob = { ...run, attempt, life, isSure: false, sight: NOTHING_SEEN };
    if (slurm === undefined) kept.end = lost(NOTHING_SEEN);
    else kept.slurm = slurm;
    this.#supervisor.adopt(kept);
    if (slurm !== undefined) this.#follow(kept, slurm);
  }

  stop(run: RunId, order: StopOrder): void {
    const kept = this.#supervisor.runs.get(run);
    if (kept?.slurm === undefined) return;
    const stop = { isOver: true };
    if (this.#supervisor.stop(kept, stop) === undefined) return;
    const withheld = (): void => this.#end(kept, neverRan());
    const parts = { commands: this.#commands, clock: this.#clock, log: this.#log, withheld };
    void stopJob(kept, kept.slurm, { order, stop }, parts);
  }

  /** Undefined if it is not a job. */
  view(run: RunId): JobView | undefined {
    const kept = this.#supervisor.runs.get(run);
    return kept === undefined ? undefined : viewOf(kept);
  }

  /** Watches the run until it is known how it ended. */
  #follow(kept: KeptJob, slurm: SlurmJob): void {
    kept.releasedAtMs = this.#clock.now().steadyMs;
    this.#looks.begin(slurm);
    this.#poll.soon(slurm.conf);
  }

  /** By its name; if this fails, it is repeated when Slurm shows that the job is held. */
  async #release(kept: KeptJob, { token, conf }: SlurmJob): Promise<void> {
    if (kept.isReleasing) return;
    kept.isReleasing = true;
    const released = await this.#commands.release(token, conf);
    kept.isReleasing = false;
    kept.releasedAtMs = this.#clock.now().steadyMs;
    if (!released.ok && !hasEnded(kept)) kept.trouble = released.error;
  }

  /** The runs about which Slurm is asked: released, and not known to have ended. */
  #released(conf: Conf): readonly KeptJob[] {
    return [...this.#supervisor.runs.values()].filter(({ slurm, life, end }) => {
      const isReleased = end === undefined && life.state === 'released';
      return isReleased && slurm !== undefined && slurm.conf === conf;
    });
  }

  #take(conf: Conf, jobs: ReadonlyMap<string, readonly Job[]>, askedAtMs: number): void {
    this.#ledger.take(conf, jobs, askedAtMs);
    for (const kept of this.#released(conf)) {
      const { slurm, releasedAtMs = 0 } = kept;
      if (slurm === undefined || askedAtMs < releasedAtMs) continue;
      delete kept.trouble;
      kept.sight = seeJobs(kept.sight, jobs.get(slurm.token) ?? [], askedAtMs);
      // After a crash slurmctld may not remember that a job was released.
      if (kept.sight.job?.reason === 'JobHeldUser') void this.#release(kept, slurm);
    }
  }

  async #seen(kept: KeptJob, { directory }: SlurmJob, seen: Seen): Promise<void> {
    const { attempt, leftovers, stop = stopOrderOf() } = kept;
    const files = { directory, attempt };
    switch (seen.kind) {
      case 'withheld':
        return this.#end(kept, neverRan());
      case 'ended':
        if (leftovers === 'kill') await askToStop(files, stop);
        return this.#end(kept, endedBy(seen.record, seen.lostBytes, this.#clock, kept.launch));
      case 'nothing':
        return await this.#conclude(kept, files);
      default:
        return seen satisfies never;
    }
  }

  async #conclude(kept: KeptJob, files: { directory: string; attempt: number }): Promise<void> {
    const { sight, begun } = kept;
    const now = this.#clock.now();
    const isLate = isExpired(kept, now);
    const verdict = conclude(sight, begun !== undefined, now.steadyMs);
    if (verdict === 'wait' && !isLate) return;
    const found = verdict === 'lost' ? 'missing' : await withhold(files);
    if (found === 'withheld' && isLate) this.#end(kept, neverRan());
    else if (found === 'withheld') this.#endInVain(kept);
    else if (found === 'missing') this.#end(kept, lost(sight, begun?.node));
  }

  /** Slurm has ended or forgotten its job before the command began. */
  #endInVain(kept: KeptJob): void {
    const { run, sight } = kept;
    const { state = 'FORGOTTEN', node = '' } = sight.job ?? {};
    const times = this.#vain.count(run, node);
    if (times < VAIN_MAX) return this.#end(kept, neverRan(`Slurm says ${state}`));
    kept.end = neverRan();
    this.#supervisor.fail(kept, failure('system', say.slurmNeverRan(times, state, node)));
  }

  #end(kept: KeptJob, end: Observation): void {
    kept.end ??= end;
    this.#supervisor.watch(kept);
  }

  /** Not before its submission has been answered. */
  #leave({ run, attempt, slurm, isSure, isSubmitting }: KeptJob): void {
    if (slurm !== undefined && !isSubmitting) this.#ledger.leave({ run, attempt, slurm }, isSure);
  }
}
