/**
 * What a client is told whose wish cannot be fulfilled: what was found, and what to do. One place for
 * all requests, so that the same trouble has the same words and the same exit status.
 */
import { type Caller, failWith, finishWith } from './caller.ts';
import { describeErrno } from './errno.ts';
import type { RunId } from './event.ts';
import type { Loop, LoopAnswer } from './loop.ts';
import { EXIT, suggest } from './protocol.ts';
import type { Run } from './state.ts';
import { runOf } from './view.ts';

export class Denials {
  readonly #loop: Loop;
  readonly #configFile: () => string;

  constructor(loop: Loop, configFile: () => string) {
    this.#loop = loop;
    this.#configFile = configFile;
  }

  refuse(caller: Caller, target: string, answer: LoopAnswer): void {
    switch (answer.type) {
      case 'ignored':
        return finishWith(caller, { type: 'ignored', reason: answer.reason });
      case 'refused':
        return finishWith(caller, { type: 'refused', exit: EXIT.notNow, reason: answer.reason });
      case 'not-permitted':
        return failWith(caller, 'not-permitted', EXIT.notPermitted, answer.reason);
      case 'broken':
        return failWith(caller, 'broken-target', EXIT.config, answer.reason);
      case 'no-room': {
        const text = `cannot be accepted: the journal cannot be written ${describeErrno(answer.errno)}`;
        return failWith(caller, 'disk-full', EXIT.notNow, text);
      }
      default:
        return this.unknownTarget(caller, target);
    }
  }

  unknownTarget(caller: Caller, target: string): void {
    const near = suggest(target, this.#loop.catalog.targets.keys());
    const hint = near === undefined ? '' : `; did you mean "${near}"?`;
    const message = `there is no target of this name in ${this.#configFile()}${hint}`;
    failWith(caller, 'unknown-target', EXIT.config, message);
  }

  unknownRun(caller: Caller, run: RunId): void {
    const message = `there is no run ${run}; "baton history" lists those that are remembered`;
    failWith(caller, 'unknown-run', EXIT.usage, message);
  }

  /** The run that is meant by a number or by a target's name; else says that there is none. */
  find(of: number | string, caller: Caller): Run | undefined {
    const { state, catalog } = this.#loop;
    const run = typeof of === 'number' ? state.runs.get(of) : runOf(state, of);
    if (run !== undefined) return run;
    if (typeof of === 'number') this.unknownRun(caller, of);
    else if (catalog.targets.has(of)) {
      failWith(
        caller,
        'no-output',
        EXIT.usage,
        `target ${of} has no run yet; ask for one: baton run ${of}`,
      );
    } else this.unknownTarget(caller, of);
    return undefined;
  }
}
