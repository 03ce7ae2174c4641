/** Schemas for the answers of plugins. Unknown keys are dropped. */
import * as v from 'valibot';
import type { Preparer } from '../core/policy.ts';
import { cleaned } from './plugin-guard.ts';

/** Most runs, files or exit codes in one answer. */
const NAMED_MAX = 10_000;
const GROUP_CHARS_MAX = 1_000;

const Sentence = v.pipe(v.string(), v.transform(cleaned), v.minLength(1));
const RunNumber = v.pipe(v.number(), v.safeInteger(), v.minValue(1));
const Time = v.pipe(v.number(), v.finite());
const Runs = v.pipe(v.array(RunNumber), v.maxLength(NAMED_MAX));
const Sentences = v.pipe(v.array(Sentence), v.maxLength(NAMED_MAX));
const Texts = v.pipe(v.array(v.string()), v.maxLength(NAMED_MAX));

export const Anything = v.unknown();
export const GroupAnswer = v.pipe(v.string(), v.minLength(1), v.maxLength(GROUP_CHARS_MAX));
export const ConflictAnswer = v.optional(Sentence);
export const ResourcesAnswer = Texts;
export const RankAnswer = Time;
export const SentenceAnswer = Sentence;

export const LevelAnswer = v.optional(v.object({ name: v.string(), order: Texts }));

/** Questions that are answered without delay. */
export const AsksAnswer = v.array(
  v.variant('kind', [
    v.object({
      kind: v.literal('lockfile'),
      path: v.string(),
      program: v.string(),
      stopsWhenStale: v.boolean(),
    }),
    v.object({
      kind: v.literal('mounted'),
      path: v.string(),
      device: v.exactOptional(v.string()),
    }),
  ]),
);

export const DeadlineAnswer = v.optional(v.object({ wallMs: Time, reason: Sentence }));

/** From a runner. */
export const CommandAnswer = v.record(v.string(), v.unknown());

/** Kept as it is: it may be an instance of a class. */
export const PreparerAnswer = v.custom<Preparer<unknown>>(
  (it) => typeof it === 'object' && it !== null && 'prepare' in it && isFunction(it.prepare),
);

function isFunction(value: unknown): boolean {
  return typeof value === 'function';
}

export const PreparedAnswer = v.object({
  options: v.unknown(),
  problems: v.optional(Sentences, []),
  warnings: v.optional(Sentences, []),
  files: v.optional(Texts, []),
});

export const AdmissionAnswer = v.variant('type', [
  v.object({ type: v.literal('admit') }),
  v.object({ type: v.literal('refuse'), reason: Sentence }),
  v.object({ type: v.literal('ignore'), reason: Sentence }),
  v.object({ type: v.literal('join'), run: RunNumber }),
  v.object({ type: v.literal('replace'), oneOf: Runs }),
]);

export const ReadinessAnswer = v.variant('type', [
  v.object({ type: v.literal('start') }),
  v.object({
    type: v.literal('wait'),
    reason: Sentence,
    behind: v.optional(Runs, []),
    untilMs: v.exactOptional(Time),
    isForAll: v.exactOptional(v.boolean()),
  }),
  v.object({ type: v.literal('skip'), reason: Sentence }),
]);

const IssuePath = v.array(v.union([v.string(), v.number(), v.object({ key: v.unknown() })]));

/** From a Standard Schema. */
export const ValidatedAnswer = v.union([
  v.object({
    issues: v.pipe(
      v.array(v.object({ message: Sentence, path: v.optional(IssuePath, []) })),
      v.minLength(1),
    ),
  }),
  v.object({ value: v.record(v.string(), v.unknown()) }),
]);
