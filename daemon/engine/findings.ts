/**
 * Answers the questions of policies: immediately if possible, the others in the background. Nothing
 * is checked unless somebody asks, so a daemon without queued runs is never woken.
 *
 * A check that has not answered within its limit counts as failed and is killed. It may survive
 * that (a process stuck in the kernel, on a file system whose server is gone): then no second one
 * is started beside it. So there is at most one check for each condition, and at most
 * CHECKS_AT_ONCE_MAX of them are within their limits.
 */
import type { Catalog } from '../core/catalog.ts';
import type { Ask } from '../core/command.ts';
import { subjectOf } from '../core/describe-condition.ts';
import {
  type Finding,
  isCondition,
  isSlow,
  keyOf,
  NO_WORLD,
  type Question,
  type SlowCondition,
  type World,
} from '../core/world.ts';
import { elapsedMs } from '../shared/elapsed.ts';
import type { Stamp, TargetName } from '../shared/run.ts';
import type { Clock } from '../system/clock.ts';
import { noAnswer } from '../system/condition-text.ts';
import type { RunsByKeeper } from '../system/lockfiles.ts';
import type { Answer, WorldPort } from '../system/machine.ts';

/** Spawning more would hold up the daemon. */
export const CHECKS_AT_ONCE_MAX = 8;

interface Check {
  readonly key: string;
  readonly condition: SlowCondition;
  /** Targets to look at again when the answer is known. */
  readonly targets: Set<TargetName>;
  begun?: Stamp;
  /** It was given up, but is still running. */
  isOverdue: boolean;
  stop: () => void;
}

interface Known {
  readonly answer: Answer;
  readonly at: Stamp;
}

interface Parts {
  readonly clock: Clock;
  /** Absent if only runs are simulated: then all conditions count as met. */
  readonly port: WorldPort | undefined;
  /** Requests a look around these targets. */
  readonly again: (targets: readonly TargetName[]) => void;
}

export class Findings {
  readonly #parts: Parts;
  readonly #known = new Map<string, Known>();
  readonly #checks = new Map<string, Check>();
  #queue: Check[] = [];
  /** Checks that have been started and are within their limits. */
  #atOnce = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** The answers that are known now. */
  answer(questions: readonly Question[], runs: () => RunsByKeeper): World {
    const { clock, port } = this.#parts;
    if (questions.length === 0 || port === undefined) return NO_WORLD;
    const lockfiles = questions.filter((question) => question.kind === 'lockfile');
    const conditions = questions.filter(isCondition);
    const now = clock.now();
    const instant = conditions.filter((condition) => !isSlow(condition));
    const found = new Map<string, Finding>();
    if (instant.length > 0) {
      const answers = port.look(instant);
      for (const [key, answer] of answers)
        found.set(key, findingOf({ answer, at: now }, now, port));
    }
    for (const condition of conditions.filter(isSlow)) {
      const known = this.#known.get(keyOf(condition));
      if (known !== undefined) found.set(keyOf(condition), findingOf(known, now, port));
    }
    return { holders: port.holders(lockfiles, runs), findings: found };
  }

  /** Checks the conditions, and calls `again` when the answers are known. */
  find(asks: readonly Ask[]): void {
    for (const { target, condition } of asks) {
      const key = keyOf(condition);
      const known = this.#checks.get(key);
      const check = known ?? {
        ...{ key, condition, isOverdue: false, targets: new Set<TargetName>() },
        stop: () => {},
      };
      check.targets.add(target);
      if (known === undefined) {
        this.#checks.set(key, check);
        this.#queue.push(check);
      } else if (known.isOverdue && known.targets.size === 1) {
        this.#parts.clock.soon(() => this.#settle(known, this.#unanswered(known)));
      }
    }
    this.#begin();
  }

  /** Forgets answers that no target of the configuration asks for any more. */
  retain({ targets }: Catalog): void {
    const used = new Set<string>();
    for (const { bindings } of targets.values()) {
      for (const question of bindings.flatMap(({ asks }) => asks)) {
        if (isCondition(question)) used.add(keyOf(question));
      }
    }
    for (const key of this.#known.keys()) if (!used.has(key)) this.#known.delete(key);
  }

  stop(): void {
    for (const { stop } of this.#checks.values()) stop();
    this.#checks.clear();
    this.#queue = [];
  }

  #begin(): void {
    const { clock, port } = this.#parts;
    while (port !== undefined && this.#atOnce < CHECKS_AT_ONCE_MAX) {
      const check = this.#queue.shift();
      if (check === undefined) return;
      this.#atOnce++;
      check.begun = clock.now();
      const cancel = clock.after(check.condition.timeoutMs, () => this.#giveUp(check));
      const end = port.check(check.condition, (answer) => {
        cancel();
        this.#done(check, answer);
      });
      check.stop = () => {
        cancel();
        end();
      };
    }
  }

  #done(check: Check, answer: Answer): void {
    if (this.#checks.get(check.key) !== check) return;
    this.#checks.delete(check.key);
    // Too late, and perhaps it ended only because it was killed.
    if (check.isOverdue) return;
    this.#atOnce--;
    this.#settle(check, answer);
    this.#begin();
  }

  #giveUp(check: Check): void {
    check.isOverdue = true;
    this.#atOnce--;
    this.#settle(check, this.#unanswered(check));
    check.stop();
    this.#begin();
  }

  #unanswered({ condition, begun }: Check): Answer {
    const now = this.#parts.clock.now();
    const tookMs = begun === undefined ? 0 : elapsedMs(now) - elapsedMs(begun);
    return { holds: false, text: noAnswer(subjectOf(condition), tookMs) };
  }

  /** A good answer is dated to the start of the check, when it may already have been seen. */
  #settle(check: Check, answer: Answer): void {
    const now = this.#parts.clock.now();
    this.#known.set(check.key, { answer, at: answer.holds ? (check.begun ?? now) : now });
    const targets = [...check.targets];
    check.targets.clear();
    this.#parts.again(targets);
  }
}

function findingOf({ answer, at }: Known, now: Stamp, port: WorldPort): Finding {
  const agoMs = elapsedMs(now) - elapsedMs(at);
  return { ...answer, agoMs, seen: port.showTime(at.wallMs) };
}
