/**
 * The main loop: inbox → decide → journal → apply → (durable) → effects and replies.
 *
 * Only a turn of this loop changes the state, and nobody outside learns of a change before it is
 * durable (group-commit.ts). If the disk is too full to journal a command, it is refused if it is a
 * request; if it is an observation, it is kept and retried, because it is true whether there is
 * room or not.
 */

import { affectedTargets, sizeAround } from '../core/affected.ts';
import { apply } from '../core/apply.ts';
import type { Catalog } from '../core/catalog.ts';
import type { Command, CommandInput, Decision, LetGo } from '../core/command.ts';
import { decide } from '../core/decide.ts';
import { minimalHistory } from '../core/minimal-history.ts';
import type { ReadonlyState, State } from '../core/state.ts';
import { timerKeyOf } from '../core/timer-queue.ts';
import type { World } from '../core/world.ts';
import { GroupCommit } from '../journal/group-commit.ts';
import type { RunId, TargetName } from '../shared/run.ts';
import { CallerWaits } from './caller-waits.ts';
import { Deadlines } from './deadlines.ts';
import { Evaluations } from './evaluations.ts';
import { Findings } from './findings.ts';
import type { LoopOptions } from './loop-options.ts';
import { answering, isRequest, type Reply } from './replies.ts';
import { ROOM_RETRY_MS, Unrecorded, type UnrecordedEnd } from './unrecorded.ts';
import { worldAround } from './world-around.ts';

/** Most commands in one turn, before sockets and timers get their share. */
export const TURN_COMMANDS_MAX = 256;
/** The same for their cost, which matters for large groups: group members that are looked at. */
export const TURN_WORK_MAX = 20_000;
/** The cost of an event, in the same unit. */
const EVENT_WORK = 20;

export class Loop {
  readonly callerWaits = new CallerWaits();
  readonly #options: LoopOptions;
  readonly #state: State;
  readonly #journal: GroupCommit;
  readonly #deadlines: Deadlines;
  #catalog: Catalog;
  /** Runs found by `recover` that do not have their place yet. */
  #letGo: readonly LetGo[] | undefined;
  #inbox: { readonly input: CommandInput; readonly reply?: Reply }[] = [];
  readonly #evaluations: Evaluations;
  readonly #findings: Findings;
  /** Work done in this turn. */
  #work = 0;
  #scheduled = false;
  /** Until `recover`: earlier requests wait, because they would not see who holds a place. */
  #stopped = true;
  #isClosing = false;
  #isPutOff = false;
  readonly #unrecorded: Unrecorded<Reply>;

  constructor(options: LoopOptions) {
    const again = (): void => this.#schedule();
    this.#unrecorded = new Unrecorded({ clock: options.clock, tell: options.unrecorded, again });
    this.#options = options;
    this.#state = options.state;
    this.#catalog = options.catalog;
    this.#deadlines = new Deadlines(options.clock, (input) => this.post(input));
    const { journal, log, prepare, perform, fail } = options;
    this.#evaluations = new Evaluations({
      clock: options.clock,
      catalog: () => this.#catalog,
      decide: (target) => {
        this.#work += sizeAround(target, this.#catalog);
        const worldAround = (name: TargetName): World => this.worldAround(name);
        return this.#decide({ type: 'evaluate', target, worldAround });
      },
      affected: (decision) => this.#affectedTargets(decision),
      record: (decision) => this.#record(decision) === undefined,
      isTired: (workMax) => this.#isTired(workMax),
      again,
    });
    const look = (targets: readonly TargetName[]): void => this.#lookAgain(targets);
    this.#findings = new Findings({ clock: options.clock, port: options.world, again: look });
    const told = () => minimalHistory(options.state);
    this.#journal = new GroupCommit({ journal, log, prepare, perform, fail, history: told });
  }

  get state(): ReadonlyState {
    return this.#state;
  }

  get catalog(): Catalog {
    return this.#catalog;
  }

  /** Puts a command into the inbox; `reply` is called once all its effects are durable. */
  post(input: CommandInput, reply?: Reply): void {
    this.#inbox.push(reply === undefined ? { input } : { input, reply });
    this.#schedule();
  }

  /** Why the journal is lost, or undefined. */
  examine(): string | undefined {
    return this.#journal.examine();
  }

  /** Calls back when the current state is durable, or with the reason why it may never be. */
  whenDurable(callback: (loss?: string) => void): void {
    this.#journal.whenDurable(callback);
    this.#schedule();
  }

  /** The machine's answers to the questions around a target. */
  worldAround(target: TargetName): World {
    return worldAround(target, this.#state, this.#catalog, this.#findings);
  }

  /** Puts a new configuration into effect. */
  configure(catalog: Catalog): void {
    this.#catalog = catalog;
    this.#findings.retain(catalog);
    this.post({ type: 'configured' });
  }

  /**
   * Continues from the journal: sets deadlines again and repeats unfinished starts. Runs that were
   * told to go hold their place before anything is decided, even if the journal does not know them.
   */
  recover(letGo: readonly LetGo[] = []): void {
    this.#stopped = false;
    if (letGo.length > 0) this.#letGo = letGo;
    this.#deadlines.restore(this.#state);
    for (const run of this.#state.runs.values()) {
      if (run.state === 'starting') this.post({ type: 'recover', run: run.run });
    }
    this.post({ type: 'configured' });
  }

  /** The machine is shutting down: all running runs are told to end, and nothing starts. */
  close(reply: Reply): void {
    this.#isClosing = true;
    this.post({ type: 'shutdown' }, reply);
  }

  /** How a run ended that the journal has as running, because the disk is full. */
  unrecordedEnd(run: RunId): UnrecordedEnd | undefined {
    return this.#unrecorded.endOf(run);
  }

  get isClosing(): boolean {
    return this.#isClosing;
  }

  /** No further turn starts; what was appended stays appended. */
  stop(): void {
    this.#stopped = true;
    this.#journal.stop();
    this.#deadlines.stop();
    this.#findings.stop();
  }

  #schedule(): void {
    if (this.#scheduled || this.#stopped) return;
    this.#scheduled = true;
    this.#options.clock.soon(() => {
      this.#scheduled = false;
      if (this.#stopped) return;
      try {
        this.#turn();
      } catch (error) {
        this.#options.fail(error);
      }
    });
  }

  #turn(): void {
    this.#work = 0;
    const errno = this.#takeOver();
    if (errno !== undefined) return this.#putOff(errno);
    this.#deadlines.post();
    // Only half of it: commands must be handled however much there is to look at.
    this.#evaluate(TURN_WORK_MAX / 2);
    const isBehind = this.#evaluations.size > 0;
    // Commands that these post are for the next turn.
    const now = [...this.#unrecorded.take(), ...this.#inbox.splice(0, TURN_COMMANDS_MAX)];
    let taken = 0;
    for (const { input, reply } of now) {
      if (this.#isTired()) break;
      this.#carryOut(input, reply);
      // The backlog has had its half, or each turn would have time for only one command.
      if (!isBehind) this.#evaluate(TURN_WORK_MAX);
      taken++;
    }
    if (taken < now.length) this.#inbox = [...now.slice(taken), ...this.#inbox];
    this.#journal.commit();
    this.#deadlines.await();
    if (this.#inbox.length + this.#evaluations.size > 0) this.#schedule();
  }

  /** Gives found runs their places; returns the errno if the journal has no room for that. */
  #takeOver(): string | undefined {
    if (this.#letGo === undefined) return undefined;
    const decision = this.#decide({ type: 'found', letGo: this.#letGo });
    const touched = this.#affectedTargets(decision);
    const errno = this.#record(decision);
    if (errno !== undefined) return errno;
    this.#letGo = undefined;
    this.#evaluations.add(touched);
    return undefined;
  }

  /** Decides nothing, because a run might start beside one without its place: refuses requests. */
  #putOff(errno: string): void {
    const answer = { type: 'no-room', errno } as const;
    for (const { reply } of this.#inbox.filter(isRequest)) {
      if (reply !== undefined) this.#journal.whenDurable(answering(reply, answer));
    }
    this.#inbox = this.#inbox.filter((entry) => !isRequest(entry));
    this.#journal.commit();
    if (this.#isPutOff) return;
    this.#isPutOff = true;
    this.#options.clock.after(ROOM_RETRY_MS, () => {
      this.#isPutOff = false;
      this.#schedule();
    });
  }

  #carryOut(input: CommandInput, reply: Reply | undefined): void {
    // Its keeper is never told to go; the next daemon starts the run.
    if (this.#isClosing && input.type === 'kept') return;
    const decision = this.#decide(input);
    const touched = [...this.#affectedTargets(decision), ...decision.touched];
    const errno = this.#record(decision);
    if (errno === undefined) {
      // Goes behind everything that has arrived meanwhile, so that nobody waits for all of it.
      if (decision.rest !== undefined) this.post(decision.rest, reply);
      else if (reply !== undefined) this.#journal.whenDurable(answering(reply, decision.answer));
      this.#evaluations.add(touched);
    } else if (isRequest({ input })) {
      const answer = { type: 'no-room', errno } as const;
      if (reply !== undefined) this.#journal.whenDurable(answering(reply, answer));
    } else {
      this.#unrecorded.add(input, reply, decision, errno);
    }
  }

  /** Starts everything that can start now, as far as it fits into the turn. */
  #evaluate(workMax: number): void {
    // Nothing starts any more; queued runs are left to the next daemon.
    if (this.#isClosing) this.#evaluations.clear();
    else this.#evaluations.run(workMax);
  }

  #lookAgain(targets: readonly TargetName[]): void {
    this.#evaluations.add(targets);
    this.#schedule();
  }

  #isTired(workMax = TURN_WORK_MAX): boolean {
    return this.#work >= workMax;
  }

  #decide(input: CommandInput): Decision {
    const isCalled = input.type === 'submit' && input.caller !== undefined;
    const waits = isCalled ? { waits: this.callerWaits.pairs(this.#state) } : {};
    const given = { at: this.#options.clock.now(), nonce: this.#options.nonce };
    const command = { ...input, ...waits, ...given } as Command;
    return decide(this.#state, command, this.#catalog);
  }

  #affectedTargets({ events }: Decision): readonly TargetName[] {
    return events.flatMap((event) => affectedTargets(this.#state, event, this.#catalog));
  }

  /** Journals and applies a decision, or neither; then it returns the errno. */
  #record(decision: Decision): string | undefined {
    const { events, wakeups, asks = [] } = decision;
    this.#work += EVENT_WORK * events.length;
    const errno = this.#journal.append(events);
    if (errno !== undefined) return errno;
    for (const event of events) {
      apply(this.#state, event);
      if (event.type === 'ended' || event.type === 'requeued') {
        this.#unrecorded.recorded(event.run);
      }
    }
    for (const look of wakeups) {
      this.#deadlines.add(timerKeyOf(look), look.atMs);
    }
    this.#findings.find(asks);
    return undefined;
  }
}
