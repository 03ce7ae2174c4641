/**
 * Has the questions of policies answered: at once what can be, and the rest in the background,
 * where it may take its time. Nothing is looked at unless it is asked for, so nothing wakes a
 * daemon in which nothing waits.
 *
 * A check that has given no answer within its limit counts as failed, and is ended. It may not end
 * all the same (a process that the kernel holds, on a file system whose server is gone): then no
 * second one is begun beside it. So there is at most one check for each condition, and of those
 * that have time left at most CHECKS_AT_ONCE_MAX.
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

/** More would hold up the daemon while they are spawned. */
export const CHECKS_AT_ONCE_MAX = 8;

interface Check {
  readonly key: string;
  readonly condition: SlowCondition;
  /** Around which it has to be looked again. */
  readonly targets: Set<TargetName>;
  begun?: Stamp;
  /** It was given up, and goes on. */
  isOverdue: boolean;
  stop: () => void;
}

interface Known {
  readonly answer: Answer;
  readonly at: Stamp;
}

interface Parts {
  readonly clock: Clock;
  /** Absent where there is nothing but runs: what policies ask for is taken to be so. */
  readonly port: WorldPort | undefined;
  /** Asks for a look around these targets. */
  readonly again: (targets: readonly TargetName[]) => void;
}

export class Findings {
  readonly #parts: Parts;
  readonly #known = new Map<string, Known>();
  readonly #checks = new Map<string, Check>();
  #queue: Check[] = [];
  /** Those that have been begun and have time left. */
  #atOnce = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** What is known now. */
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

  /** Finds this out, and calls `again` when it is known. */
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

  /** What no target of the configuration asks any more is forgotten. */
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
    // Too late, and perhaps only because it was ended.
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

  /** Good news is as old as the beginning of the check: it may have been seen at once. */
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
