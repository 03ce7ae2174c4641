/**
 * `probe`: connects to the machine of a target, or of every host of a fleet, as a run would, and
 * runs nothing.
 */
import type { Catalog, Target } from '../core/catalog.ts';
import type { Probed } from '../keepers/ssh-probes.ts';
import { outcomeOfFailure } from '../keepers/status-file.ts';
import { tellOutcome } from '../protocol/outcome-text.ts';
import * as say from '../protocol/refusal-text.ts';
import { EXIT, exitStatus } from '../protocol/request.ts';
import type { Refusals } from './refusals.ts';
import { failWith, finishWith, type Of, type Responder } from './responder.ts';

/** Looks at the machine of a target without running anything; undefined where there is none. */
export type Prober = (target: Target) => Promise<Probed | undefined>;

/** So many hosts of a fleet are connected to at once. */
export const HOSTS_AT_ONCE = 50;

/** What was seen of one machine; undefined where the runner connects to none. */
type Sight = { readonly exit: number; readonly lines: readonly string[] } | undefined;

interface Options {
  readonly catalog: () => Catalog;
  readonly prober: Prober;
  readonly refusals: Refusals;
}

export class Probing {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  async probe({ target: name }: Of<'probe'>, responder: Responder): Promise<void> {
    const { targets, fleets } = this.#options.catalog();
    const members = fleets.get(name);
    const [first, ...others] = (members ?? [name]).flatMap((member) => targets.get(member) ?? []);
    if (first === undefined) return this.#options.refusals.unknownTarget(responder, name);
    if (members === undefined && first.broken !== undefined) {
      return failWith(responder, 'broken-target', EXIT.config, say.broken(first.broken));
    }
    const seen = await this.#lookAtAll([first, ...others]);
    if (seen === undefined) {
      return failWith(responder, 'no-probe', EXIT.usage, say.notProbed(first.runner.type));
    }
    const exit = Math.max(...Array.from(seen.values(), (sight) => sight.exit));
    const lines = members === undefined ? (seen.get(name)?.lines ?? []) : linesOf(seen);
    finishWith(responder, { type: 'probed', target: name, exit, lines });
  }

  /** In the order of the targets; undefined where their common runner connects to none. */
  async #lookAtAll(
    targets: readonly Target[],
  ): Promise<Map<string, NonNullable<Sight>> | undefined> {
    const seen = new Map(targets.map((target): [Target, Sight] => [target, undefined]));
    const rest = targets.values();
    const lookOn = async (): Promise<void> => {
      for (const target of rest) seen.set(target, await this.#look(target));
    };
    await Promise.all(Array.from({ length: HOSTS_AT_ONCE }, lookOn));
    const known = [...seen].flatMap(([{ name }, sight]): [string, NonNullable<Sight>][] =>
      sight === undefined ? [] : [[name, sight]],
    );
    return known.length === 0 ? undefined : new Map(known);
  }

  async #look(target: Target): Promise<Sight> {
    const { broken, name } = target;
    if (broken !== undefined) return { exit: EXIT.config, lines: [say.broken(broken)] };
    try {
      const probed = await this.#options.prober(target);
      if (probed === undefined) return undefined;
      const { lines, failure } = probed;
      if (failure === undefined) return { exit: 0, lines };
      const outcome = outcomeOfFailure(failure);
      return { exit: exitStatus(outcome), lines: [...lines, tellOutcome(outcome, 0, name)] };
    } catch (error) {
      return { exit: EXIT.noVerdict, lines: [String(error)] };
    }
  }
}

/** Each line says of whom it is; the last one names those of which no run could start. */
function linesOf(seen: ReadonlyMap<string, NonNullable<Sight>>): readonly string[] {
  const lines = [...seen].flatMap(([name, sight]) => sight.lines.map((line) => `${name}: ${line}`));
  const failed = [...seen].flatMap(([name, { exit }]) => (exit === 0 ? [] : [name]));
  return [...lines, say.probedFleet(seen.size, failed)];
}
