/**
 * `probe`: connects to the machine of a target, or of every host of a fleet, as a run would, but
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

/** Checks the machine of a target without running anything; undefined if there is none. */
export type Prober = (target: Target) => Promise<Probed | undefined>;

/** Most hosts of fleets that are probed at the same time. */
export const HOSTS_AT_ONCE = 50;
/** Limits for each host of a fleet; the reply would be too large with 1,000 banners. */
const LINES_PER_HOST_MAX = 10;
const LINE_CHARS_MAX = 500;

/** What was found on one machine. */
interface Sight {
  readonly name: string;
  readonly exit: number;
  readonly lines: readonly string[];
}

/** The runner of the target connects to no machine. */
const NO_MACHINE = undefined;

interface Options {
  readonly catalog: () => Catalog;
  readonly prober: Prober;
  readonly refusals: Refusals;
}

export class Probing {
  readonly #options: Options;
  /** Ends with the last requested fleet: fleets are probed one after the other. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: Options) {
    this.#options = options;
  }

  probe({ target: name }: Of<'probe'>, responder: Responder): Promise<void> {
    const { targets, fleets } = this.#options.catalog();
    const members = fleets.get(name);
    if (members === undefined) return this.#probeTarget(name, targets.get(name), responder);
    const hosts = members.flatMap((member) => targets.get(member) ?? []);
    const probed = this.#last.then(() => this.#probeFleet(name, hosts, responder));
    this.#last = probed;
    return probed;
  }

  async #probeTarget(
    name: string,
    target: Target | undefined,
    responder: Responder,
  ): Promise<void> {
    if (target === undefined) return this.#options.refusals.unknownTarget(responder, name);
    const { broken, runner } = target;
    if (broken !== undefined) {
      return failWith(responder, 'broken-target', EXIT.config, say.broken(broken));
    }
    try {
      const sight = await this.#look(target);
      if (sight === NO_MACHINE) {
        return failWith(responder, 'no-probe', EXIT.usage, say.notProbed(runner.type));
      }
      finishWith(responder, { type: 'probed', target: name, exit: sight.exit, lines: sight.lines });
    } catch (error) {
      failWith(responder, 'no-probe', EXIT.noVerdict, String(error));
    }
  }

  async #probeFleet(name: string, hosts: readonly Target[], responder: Responder): Promise<void> {
    let isGone = false;
    responder.onClose(() => {
      isGone = true;
    });
    const seen = new Map(hosts.map((host): [Target, Sight | undefined] => [host, NO_MACHINE]));
    const rest = hosts.values();
    const lookOn = async (): Promise<void> => {
      for (const host of rest) {
        // Nobody would see it.
        if (isGone) return;
        seen.set(host, await this.#lookAtHost(host));
      }
    };
    await Promise.all(Array.from({ length: HOSTS_AT_ONCE }, lookOn));
    const sights = [...seen.values()].filter((sight) => sight !== NO_MACHINE);
    // All have the same runner.
    if (sights.length < hosts.length) {
      const type = hosts[0]?.runner.type ?? '';
      return failWith(responder, 'no-probe', EXIT.usage, say.notProbed(type));
    }
    const exit = Math.max(...sights.map((sight) => sight.exit));
    finishWith(responder, { type: 'probed', target: name, exit, lines: linesOf(sights) });
  }

  async #lookAtHost(host: Target): Promise<Sight | undefined> {
    const { broken, name } = host;
    if (broken !== undefined) return { name, exit: EXIT.config, lines: [say.broken(broken)] };
    try {
      return await this.#look(host);
    } catch (error) {
      return { name, exit: EXIT.noVerdict, lines: [String(error)] };
    }
  }

  async #look(target: Target): Promise<Sight | undefined> {
    const { name } = target;
    const probed = await this.#options.prober(target);
    if (probed === undefined) return NO_MACHINE;
    const { lines, failure } = probed;
    if (failure === undefined) return { name, exit: 0, lines };
    const outcome = outcomeOfFailure(failure);
    return { name, exit: exitStatus(outcome), lines: [...lines, tellOutcome(outcome, 0, name)] };
  }
}

/** Each line begins with its target; the last one lists those where no run could start. */
function linesOf(sights: readonly Sight[]): readonly string[] {
  const lines = sights.flatMap(({ name, lines }) =>
    // Errors are at the end.
    lines.slice(-LINES_PER_HOST_MAX).map((line) => `${name}: ${line.slice(0, LINE_CHARS_MAX)}`),
  );
  const failed = sights.flatMap(({ name, exit }) => (exit === 0 ? [] : [name]));
  return [...lines, say.probedFleet(sights.length, failed)];
}
