/**
 * Replies to requests that cannot be fulfilled: what was found, and what to do. In one place for
 * all requests, so that the same problem has the same words and exit status.
 */

import { groupName } from '../core/pauses.ts';
import type { Run } from '../core/state.ts';
import type { Loop } from '../engine/loop.ts';
import type { LoopAnswer } from '../engine/replies.ts';
import * as say from '../protocol/refusal-text.ts';
import { EXIT } from '../protocol/request.ts';
import type { Nonce, RunId } from '../shared/run.ts';
import { meantRun } from './meant-run.ts';
import { failWith, finishWith, type Of, type Responder } from './responder.ts';
import { runOf } from './views/targets.ts';

/** The targets and runs that a refusal can name. */
type Known = Pick<Loop, 'catalog' | 'state'>;

export class Refusals {
  readonly #loop: Known;
  readonly #configFile: () => string;

  constructor(loop: Known, configFile: () => string) {
    this.#loop = loop;
    this.#configFile = configFile;
  }

  refuse(responder: Responder, target: string, answer: LoopAnswer): void {
    switch (answer.type) {
      case 'ignored':
        return finishWith(responder, { type: 'ignored', reason: answer.reason });
      case 'refused':
        return finishWith(responder, { type: 'refused', exit: EXIT.notNow, reason: answer.reason });
      case 'not-permitted':
        return failWith(responder, 'not-permitted', EXIT.notPermitted, answer.reason);
      case 'broken':
        return failWith(responder, 'broken-target', EXIT.config, say.broken(answer.reason));
      case 'unknown-host':
        return failWith(responder, 'unknown-target', EXIT.config, answer.reason);
      case 'no-room':
        return failWith(responder, 'disk-full', EXIT.notNow, say.cannotJournal(answer.errno));
      case 'no-journal':
        return this.noJournal(responder, answer.reason);
      case 'unknown-group':
        return this.#unknownGroup(responder, answer.group);
      default:
        return this.unknownTarget(responder, target);
    }
  }

  /** `reason` names the file, and says what to do. */
  noJournal(responder: Responder, reason: string): void {
    failWith(responder, 'no-journal', EXIT.notNow, reason);
  }

  unknownTarget(responder: Responder, target: string): void {
    const known = this.#loop.catalog.targets.keys();
    const message = say.unknownTarget(this.#configFile(), target, known);
    failWith(responder, 'unknown-target', EXIT.config, message);
  }

  #unknownGroup(responder: Responder, group: string): void {
    const known = new Set([...this.#loop.catalog.groups.keys()].map(groupName));
    const message = say.unknownGroup(this.#configFile(), group, known);
    failWith(responder, 'unknown-group', EXIT.config, message);
  }

  unknownRun(responder: Responder, run: RunId): void {
    failWith(responder, 'unknown-run', EXIT.usage, say.unknownRun(run));
  }

  /**
   * Whether the number belongs to a different run than `nonce` says, from another journal. If so,
   * sends an error: the status and output of one run must never be reported for another.
   */
  isOther(responder: Responder, of: RunId | string, nonce: Nonce | undefined): boolean {
    if (nonce === undefined || typeof of === 'string') return false;
    const run = this.#loop.state.runs.get(of);
    const isForgotten = run === undefined && of < this.#loop.state.nextRun;
    // For a forgotten run, nobody knows which one it was.
    if (isForgotten || run?.nonce === nonce) return false;
    failWith(responder, 'other-run', EXIT.noVerdict, say.otherRun(of));
    return true;
  }

  /**
   * The same for a client that waits for its end: a forgotten run has ended, but nobody knows how.
   */
  unknownEnd(responder: Responder, run: RunId): void {
    if (run >= this.#loop.state.nextRun) return this.unknownRun(responder, run);
    failWith(responder, 'unknown-run', EXIT.noVerdict, say.forgottenRun(run));
  }

  /** The run that a client waits for; if there is none, sends an error. */
  findWaited(request: Of<'wait'>, responder: Responder): Run | undefined {
    const { state } = this.#loop;
    const of = meantRun(request, state);
    if (typeof of === 'string') return this.find(of, responder);
    if (of === request.run && this.isOther(responder, of, request.nonce)) return undefined;
    const run = state.runs.get(of);
    if (run === undefined) this.unknownEnd(responder, of);
    return run;
  }

  /** The run for a number or a target's name; if there is none, sends an error. */
  find(of: number | string, responder: Responder): Run | undefined {
    const { state, catalog } = this.#loop;
    const members = typeof of === 'string' ? catalog.fleets.get(of) : undefined;
    if (members !== undefined) {
      const hasRun = members.some((name) => runOf(state, name) !== undefined);
      const message = hasRun ? say.isFleet(members) : say.hasNoRun(String(of));
      failWith(responder, 'no-output', EXIT.usage, message);
      return undefined;
    }
    const run = typeof of === 'number' ? state.runs.get(of) : runOf(state, of);
    if (run !== undefined) return run;
    if (typeof of === 'number') this.unknownRun(responder, of);
    else if (catalog.targets.has(of)) {
      failWith(responder, 'no-output', EXIT.usage, say.hasNoRun(of));
    } else this.unknownTarget(responder, of);
    return undefined;
  }
}
