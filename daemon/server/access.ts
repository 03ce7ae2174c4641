/**
 * Checks which client may request what. By owner, group and mode, the kernel decides who may open a
 * socket; a socket may also permit only some verbs and targets, and this file enforces that in
 * front of the service. A socket without rights in the configuration permits everything.
 *
 * A request that is not permitted is answered with 77 and never reaches the service. A socket with
 * `targets` is shown only those targets. The names of other targets are not secret: the reason why
 * a run waits may contain one. How a run of another target ended is secret, even from clients that
 * may see the run of its hook.
 */

import { permits, type Rights } from '../config/rights.ts';
import type { Catalog } from '../core/catalog.ts';
import { pickHosts } from '../core/fleet.ts';
import type { ReadonlyState } from '../core/state.ts';
import * as say from '../protocol/refusal-text.ts';
import {
  EXIT,
  HISTORY_RUNS_MAX,
  type PauseView,
  type Reply,
  type RunView,
  type StatusReply,
} from '../protocol/request.ts';
import type { Request } from '../protocol/request-schema.ts';
import { meantRun } from './meant-run.ts';
import { failWith, type Responder } from './responder.ts';

type Handle = (request: Request, responder: Responder) => void;

/** The current runs and targets. */
export interface Seen {
  readonly state: ReadonlyState;
  readonly catalog: Catalog;
}

/**
 * Puts the rights in front of a service. They are read for each request, because a reload may
 * change them.
 */
export function authorize(handle: Handle, rights: () => Rights, seen: () => Seen): Handle {
  return (request, responder) => {
    const now = rights();
    const refusal = refuse(request, now, seen());
    if (refusal !== undefined) {
      failWith(responder, 'not-permitted', EXIT.notPermitted, refusal);
      return;
    }
    const held = revocable(responder, () => refuse(request, rights(), seen()));
    if (now.targets === undefined) handle(request, held);
    else
      handle(
        widen(request),
        narrow(request, held, (name) => mayUse(rights(), name, seen())),
      );
  };
}

/** A responder that stops once a reload has removed the right to what was requested. */
function revocable(responder: Responder, refusal: () => string | undefined): Responder {
  const closed: (() => void)[] = [];
  let isOver = false;
  return {
    ...responder,
    send: (reply) => {
      if (isOver) return;
      const message = refusal();
      if (message === undefined) return responder.send(reply);
      isOver = true;
      for (const callback of closed) callback();
      failWith(responder, 'not-permitted', EXIT.notPermitted, message);
    },
    onClose: (callback) => {
      closed.push(callback);
      responder.onClose(callback);
    },
    finish: () => {
      if (!isOver) responder.finish();
    },
  };
}

/** Why it is not permitted, or undefined if it is. */
function refuse(request: Request, rights: Rights, seen: Seen): string | undefined {
  const { state, catalog } = seen;
  const { socket, allow, targets, closed } = rights;
  if (closed !== undefined) return say.closed(socket, closed);
  if (allow !== undefined && !allow.includes(request.type)) {
    return say.forbiddenVerb(socket, request.type, allow);
  }
  if (targets === undefined) return undefined;
  if (request.type === 'pause' || request.type === 'resume') {
    // The targets of a group may be different after the next reload.
    if (request.all) return say.forbiddenTarget(socket, 'all targets', targets);
    const { group } = request;
    if (group !== undefined) return say.forbiddenTarget(socket, `group ${group}`, targets);
  }
  const of = subjectOf(request, state);
  if (of === undefined) return undefined;
  const members = typeof of === 'string' ? catalog.fleets.get(of) : undefined;
  if (members !== undefined) return refuseFleet(request, members, rights, seen);
  const target = typeof of === 'string' ? of : state.runs.get(of)?.target;
  if (target !== undefined && mayUse(rights, target, seen)) return undefined;
  // The service reports unknown runs. Only `cancel` takes effect later than now, when the next run
  // number could belong to somebody else.
  if (target === undefined && request.type !== 'cancel') return undefined;
  const what = typeof of === 'string' ? `target "${of}"` : `run ${of}`;
  return say.forbiddenTarget(socket, what, targets);
}

/** A request for a fleet counts as one for each of its targets, or for the selected ones. */
function refuseFleet(
  request: Request,
  members: readonly string[],
  rights: Rights,
  seen: Seen,
): string | undefined {
  const { socket, targets = [] } = rights;
  const only = request.type === 'run' ? request.only : undefined;
  const picked = request.type === 'run' ? pickHosts(request.target, members, only) : members;
  // The service reports unknown hosts.
  if ('type' in picked) return undefined;
  const foreign = picked.find((target) => !mayUse(rights, target, seen));
  return foreign === undefined
    ? undefined
    : say.forbiddenTarget(socket, `target "${foreign}"`, targets);
}

/** The right to use a fleet includes its targets. */
function mayUse({ targets }: Rights, target: string, { catalog }: Seen): boolean {
  const fleet = catalog.targets.get(target)?.fleet;
  return permits(targets, target) || (fleet !== undefined && permits(targets, fleet));
}

/** The target or the run that a request is about. */
function subjectOf(request: Request, state: ReadonlyState): string | number | undefined {
  switch (request.type) {
    case 'run':
    case 'pause':
    case 'resume':
    case 'probe':
    case 'forget':
    case 'history':
      return request.target;
    case 'wait':
      return meantRun(request, state);
    case 'output':
    case 'cancel':
    case 'why':
      return request.of;
    case 'status':
    case 'reload':
      return undefined;
    default:
      return request satisfies never;
  }
}

/** Most runs of a history that are searched for those that the client may see. */
function widen(request: Request): Request {
  return request.type === 'history' ? { ...request, limit: HISTORY_RUNS_MAX } : request;
}

/** A responder that shows only the permitted targets. */
function narrow(
  request: Request,
  responder: Responder,
  mayUse: (target: string) => boolean,
): Responder {
  const isSeen = ({ target }: { readonly target: string }): boolean => mayUse(target);
  const veil = (view: RunView): RunView => {
    if (view.cause === undefined || isSeen(view.cause)) return view;
    const { cause: _, ...rest } = view;
    return rest;
  };
  const show = (reply: Reply): Reply => {
    switch (reply.type) {
      case 'status':
        return narrowStatus(reply, isSeen, veil);
      case 'why':
        return { ...reply, chain: reply.chain.filter(isSeen).map(veil) };
      case 'history': {
        const limit = request.type === 'history' ? request.limit : HISTORY_RUNS_MAX;
        return { ...reply, runs: reply.runs.filter(isSeen).slice(0, limit).map(veil) };
      }
      default:
        return reply;
    }
  };
  return { ...responder, send: (reply) => responder.send(show(reply)) };
}

function narrowStatus(
  reply: StatusReply,
  isSeen: (view: { readonly target: string }) => boolean,
  veil: (view: RunView) => RunView,
): StatusReply {
  const targets = reply.targets.filter(isSeen).map((target) => ({
    ...target,
    active: target.active.map(veil),
    queued: target.queued.map(veil),
    ...(target.last === undefined ? {} : { last: veil(target.last) }),
  }));
  const executing = reply.executing.filter((target) => isSeen({ target }));
  const queued = targets.reduce((sum, { waiting }) => sum + waiting, 0);
  const isNear = (pause: PauseView): boolean =>
    'all' in pause || targets.some((target) => target.pauses?.some((it) => isSame(it, pause)));
  const pauses = reply.pauses?.filter(isNear) ?? [];
  const { pauses: _, ...rest } = reply;
  return {
    ...rest,
    ...(pauses.length === 0 ? {} : { pauses }),
    ...{ targets, executing, running: executing.length, queued },
  };
}

function isSame(one: PauseView, other: PauseView): boolean {
  return 'group' in one && 'group' in other && one.group === other.group;
}
