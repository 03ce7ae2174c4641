/**
 * The differences between two plans of the same requests, such as those of the current and a
 * changed configuration. Pure.
 *
 * A run is matched by its target and the time of its request, the run of a hook by the target that
 * calls it and its position among these.
 */
import type { Planned, PlannedRun } from '../../daemon/protocol/planned.ts';

/** What happens to a request. */
type Fate =
  | { readonly kind: 'runs' | 'fails'; readonly startsAtMs: number; readonly text?: string }
  | {
      readonly kind: 'refused' | 'ignored' | 'given-up' | 'never-starts';
      readonly text?: string;
    };

/** `new`, `gone`: there is a run only after the change, or only before it. */
export type What = 'earlier' | 'later' | 'new' | 'gone' | Fate['kind'];

export interface PlanChange {
  readonly target: string;
  /** When it is requested. */
  readonly askedAtMs: number;
  readonly what: What;
  readonly before?: Fate;
  readonly after?: Fate;
}

/** A target that becomes late, or no longer does. */
export interface LateChange {
  readonly target: string;
  readonly what: 'late' | 'not-late';
  readonly atMs: number;
}

export interface PlanChanges {
  readonly before: Planned;
  readonly after: Planned;
  /** In the order of the requests. */
  readonly changes: readonly PlanChange[];
  readonly late: readonly LateChange[];
}

/** People do not care about smaller shifts. */
const MOVED_MS_MIN = 1_000;

export function changesOf(before: Planned, after: Planned): PlanChanges {
  const [old, fresh] = [fatesIn(before), fatesIn(after)];
  const keys = new Set([...old.keys(), ...fresh.keys()]);
  const changes = [...keys].flatMap((key) => changesIn(old.get(key) ?? [], fresh.get(key) ?? []));
  changes.sort((a, b) => a.askedAtMs - b.askedAtMs);
  return { before, after, changes, late: lateChanges(before, after) };
}

interface Asked {
  readonly target: string;
  readonly askedAtMs: number;
  readonly fate: Fate;
}

function fatesIn({ runs, refused }: Planned): ReadonlyMap<string, readonly Asked[]> {
  const found = new Map<string, Asked[]>();
  const put = (key: readonly unknown[], asked: Asked): void => {
    const text = JSON.stringify(key);
    const its = found.get(text);
    if (its === undefined) found.set(text, [asked]);
    else its.push(asked);
  };
  for (const run of runs) {
    const { target, askedAtMs, hookOf } = run;
    const key = hookOf === undefined ? [target, askedAtMs] : [target, hookOf.target, hookOf.why];
    put(key, { target, askedAtMs, fate: fateOf(run) });
  }
  for (const { target, atMs, isIgnored, reason } of refused) {
    const kind = isIgnored === true ? 'ignored' : 'refused';
    put([target, atMs], { target, askedAtMs: atMs, fate: { kind, text: reason } });
  }
  return found;
}

function fateOf({ startedAtMs, outcome, verdict, text, waits = [] }: PlannedRun): Fate {
  const told = text === undefined ? {} : { text };
  if (outcome === 'expired') return { kind: 'given-up', ...told };
  if (startedAtMs !== undefined) {
    return verdict === 'failed'
      ? { kind: 'fails', startsAtMs: startedAtMs, ...told }
      : { kind: 'runs', startsAtMs: startedAtMs };
  }
  const reason = waits.at(-1)?.reason;
  return { kind: 'never-starts', ...(reason === undefined ? {} : { text: reason }) };
}

function changesIn(old: readonly Asked[], fresh: readonly Asked[]): readonly PlanChange[] {
  const changes: PlanChange[] = [];
  for (let at = 0; at < Math.max(old.length, fresh.length); at++) {
    const [before, after] = [old[at], fresh[at]];
    const asked = after ?? before;
    const what = whatOf(before?.fate, after?.fate);
    if (asked === undefined || what === undefined) continue;
    changes.push({
      ...{ target: asked.target, askedAtMs: asked.askedAtMs, what },
      ...(before === undefined ? {} : { before: before.fate }),
      ...(after === undefined ? {} : { after: after.fate }),
    });
  }
  return changes;
}

function whatOf(before: Fate | undefined, after: Fate | undefined): What | undefined {
  if (after === undefined) return 'gone';
  if (before === undefined) return after.kind === 'runs' ? 'new' : after.kind;
  if (before.kind !== after.kind) return after.kind;
  if (!('startsAtMs' in before && 'startsAtMs' in after)) return undefined;
  const movedMs = after.startsAtMs - before.startsAtMs;
  if (Math.abs(movedMs) < MOVED_MS_MIN) return undefined;
  return movedMs < 0 ? 'earlier' : 'later';
}

function lateChanges(before: Planned, after: Planned): readonly LateChange[] {
  const names = ({ late }: Planned) => new Set(late.map(({ target }) => target));
  const [old, fresh] = [names(before), names(after)];
  const pick = (late: Planned['late'], other: ReadonlySet<string>, what: LateChange['what']) =>
    late.flatMap(({ target, atMs }) => (other.has(target) ? [] : [{ target, what, atMs }]));
  return [...pick(after.late, old, 'late'), ...pick(before.late, fresh, 'not-late')];
}
