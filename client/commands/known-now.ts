/** Converts what a daemon knows about the past and the present for a plan. Pure. */
import type { KnownRun, PlanInput } from '../../daemon/protocol/planned.ts';
import type { RunView, StatusReply } from '../../daemon/protocol/request.ts';

/** Running and queued runs are part of a plan only if it begins now. */
export function knownOf(
  status: StatusReply | undefined,
  isNow: boolean,
): Pick<PlanInput, 'past' | 'runs' | 'pauses' | 'freshAtMs'> {
  const targets = status?.targets ?? [];
  const past = Object.fromEntries(
    targets.flatMap(({ target, usual, tookMs }) => {
      if (usual === undefined) return [];
      const { medianMs, highMs, slowMs = highMs } = usual;
      const all = tookMs === undefined ? {} : { tookMs };
      return [[target, { medianMs, slowMs, ...all }] as const];
    }),
  );
  if (status === undefined || !isNow) return { past };
  const fresh = targets.flatMap(({ target, freshAtMs }) =>
    freshAtMs === undefined ? [] : [[target, freshAtMs] as const],
  );
  const runs = targets.flatMap(({ last, active, queued }) => [
    ...(last === undefined ? [] : [last]),
    ...active,
    ...queued,
  ]);
  const pauses = targets.flatMap((view) => view.pauses ?? []);
  const byText = new Map(
    [...pauses, ...(status.pauses ?? [])].map((it) => [JSON.stringify(it), it]),
  );
  return {
    past,
    runs: runs.map((run) => knownRun(run, status.nowMs)),
    pauses: [...byText.values()],
    freshAtMs: Object.fromEntries(fresh),
  };
}

function knownRun(view: RunView, nowMs: number): KnownRun {
  const { run, target, state, acceptedAtMs, startedAtMs, endedAtMs, verdict } = view;
  const { attempt, attempts, nextAttemptAtMs, expiresAtMs } = view;
  const endsAtMs = state === 'stopping' ? nowMs : view.expectedEndAtMs;
  const firstMs = attempts?.[0]?.startedAtMs;
  return {
    ...{ run, target, askedAtMs: acceptedAtMs },
    ...(startedAtMs === undefined || state === 'queued' ? {} : { startedAtMs }),
    ...(endedAtMs === undefined || verdict === undefined
      ? {}
      : { ended: { atMs: endedAtMs, verdict } }),
    ...(state === 'ended' || endsAtMs === undefined ? {} : { endsAtMs }),
    ...(attempt === undefined || state === 'ended' ? {} : { attempt }),
    ...(firstMs === undefined || state === 'ended' ? {} : { firstStartedAtMs: firstMs }),
    ...(nextAttemptAtMs === undefined ? {} : { notBeforeMs: nextAttemptAtMs }),
    ...(expiresAtMs === undefined ? {} : { expiresAtMs }),
  };
}
