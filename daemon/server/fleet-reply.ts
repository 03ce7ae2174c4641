/**
 * Replies about a fleet: the runs of its targets, which a client waits for one by one. A fleet has
 * no run of its own.
 */
import type { Catalog } from '../core/catalog.ts';
import type { FleetMember } from '../core/fleet.ts';
import type { ReadonlyState, Run } from '../core/state.ts';
import type { Reply } from '../protocol/request.ts';
import type { Nonce, RunId, TargetName } from '../shared/run.ts';
import type { Of, Responder } from './responder.ts';
import { runOf } from './views/targets.ts';

/** For a request that was accepted. */
export function fleetReply(
  target: TargetName,
  members: readonly FleetMember[],
  { runs }: ReadonlyState,
): Reply {
  return {
    type: 'fleet',
    target,
    runs: members.map((member) =>
      member.type === 'ignored' ? member : { ...member, ...nonceOf(runs.get(member.run)) },
    ),
  };
}

/** For each of its targets: the running run, else the next queued, else the latest. */
export function foundFleet(
  name: RunId | TargetName,
  { state, catalog }: { readonly state: ReadonlyState; readonly catalog: Catalog },
): Reply | undefined {
  const members = typeof name === 'string' ? catalog.fleets.get(name) : undefined;
  if (members === undefined) return undefined;
  const found = members.flatMap((target) => runOf(state, target) ?? []);
  if (found.length === 0) return undefined;
  const runs = found.map((run) => ({ type: 'found', ...nameOf(run) }) as const);
  return { type: 'fleet', target: String(name), runs };
}

/**
 * Lets a client that loses its connection ask for this same run again. Only for clients that send a
 * version: others may have been written when the first answer was a different one.
 */
export function tellFound({ v }: Of<'wait' | 'output'>, run: Run, responder: Responder): void {
  if (v === undefined) return;
  responder.send({ type: 'found', ...nameOf(run) });
}

/** How a client identifies it from now on. */
function nameOf(run: Run): {
  readonly run: RunId;
  readonly target: TargetName;
  readonly nonce?: Nonce;
} {
  return { run: run.run, target: run.target, ...nonceOf(run) };
}

/** Absent for a run that an older version accepted. */
export function nonceOf(run: Run | undefined): { readonly nonce?: Nonce } {
  return run?.nonce === undefined ? {} : { nonce: run.nonce };
}
