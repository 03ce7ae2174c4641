/**
 * What `batond --check` prints about the conditions that targets `require`: their current answers.
 * It always ends, whatever a file system or a host does. It runs no commands of the administrator:
 * they may be slow or have effects, which a check of the configuration must not.
 */
import type { Catalog } from '../core/catalog.ts';
import { subjectOf } from '../core/describe-condition.ts';
import { type Condition, isCondition, isSlow, keyOf, type SlowCondition } from '../core/world.ts';
import type { TargetName } from '../shared/run.ts';
import { noAnswer } from '../system/condition-text.ts';
import type { Answer, WorldPort } from '../system/machine.ts';

/** Time limit for one condition, if its `timeout` is longer. */
const CONDITION_MS_MAX = 5_000;
/** Time limit for all of them together. */
const CONDITIONS_MS_MAX = 15_000;
/** Most checks at the same time. */
const AT_ONCE_MAX = 8;
/** Most targets in one line. */
const NAMED_MAX = 3;

type Port = Pick<WorldPort, 'look' | 'check'>;

interface Wanted {
  readonly condition: Condition;
  readonly targets: TargetName[];
}

/** A line for each condition, in the order of the targets; empty if there is none. */
export async function describeRequirements(
  catalog: Catalog,
  port: Port,
  limitMs: number = CONDITIONS_MS_MAX,
): Promise<string> {
  const wanted = wantedBy(catalog);
  const instant = wanted.flatMap(({ condition }) => (isSlow(condition) ? [] : [condition]));
  const answers = new Map(port.look(instant));
  const slow = wanted.flatMap(({ condition }) => (isAskable(condition) ? [condition] : []));
  const endMs = performance.now() + limitMs;
  await Promise.all(
    Array.from({ length: AT_ONCE_MAX }, async () => {
      for (let next = slow.shift(); next !== undefined; next = slow.shift()) {
        const leftMs = endMs - performance.now();
        if (leftMs <= 0) return;
        const ms = Math.min(next.timeoutMs, CONDITION_MS_MAX, leftMs);
        answers.set(keyOf(next), await answerOf(next, port, ms));
      }
    }),
  );
  return wanted.map((it) => `${lineOf(it, answers.get(keyOf(it.condition)))}\n`).join('');
}

function wantedBy(catalog: Catalog): readonly Wanted[] {
  const found = new Map<string, Wanted>();
  for (const { name, bindings } of catalog.targets.values()) {
    for (const condition of bindings.flatMap(({ asks }) => asks.filter(isCondition))) {
      const key = keyOf(condition);
      const known = found.get(key) ?? { condition, targets: [] };
      found.set(key, known);
      if (!known.targets.includes(name)) known.targets.push(name);
    }
  }
  return [...found.values()];
}

function isAskable(condition: Condition): condition is SlowCondition {
  return isSlow(condition) && condition.kind !== 'command';
}

function answerOf(condition: SlowCondition, port: Port, ms: number): Promise<Answer> {
  return new Promise((resolve) => {
    const late = (): void => {
      cancel();
      resolve({ holds: false, text: noAnswer(subjectOf(condition), ms) });
    };
    const timer = setTimeout(late, ms);
    const cancel = port.check(condition, (answer) => {
      clearTimeout(timer);
      resolve(answer);
    });
  });
}

function lineOf({ condition, targets }: Wanted, answer: Answer | undefined): string {
  const more = targets.length - NAMED_MAX;
  const names = targets.slice(0, NAMED_MAX).join(', ');
  const who = more > 0 ? `${names} and ${more} more` : names;
  if (answer !== undefined) {
    return `requirement of ${who}: ${answer.text}: ${answer.holds ? 'met' : 'not met'} now`;
  }
  const why = condition.kind === 'command' ? '--check does not run commands' : 'time limit reached';
  return `requirement of ${who}: ${subjectOf(condition)}: not checked, ${why}`;
}
