/**
 * Combines the files of a configuration, or finds everything that is wrong with them. The main file
 * and included files are checked by the same schema, target by target, in steps: thousands of
 * targets must not keep clients waiting.
 */
import { dirname } from 'node:path';
import * as v from 'valibot';
import type { CooperativeSteps } from '../shared/cooperative.ts';
import * as say from './config-messages.ts';
import { type Bag, complete, isBag } from './defaults.ts';
import { check, type Diagnostic, isWithin } from './diagnostics.ts';
import { combinationsOf, EACH_TARGETS_MAX, expand, findMistakes, isShared } from './each.ts';
import { Hosts, Name } from './field-types.ts';
import { fleetOf, fleetTemplate } from './fleet.ts';
import type { Keys } from './json.ts';
import { type Fault, faultsIn, Locators, type Place, type Source } from './mistakes.ts';
import type { FoundPlugins } from './plugin-files.ts';
import { fromPy9tor } from './py9tor.ts';
import {
  Each,
  IncludedSettings,
  MAIN_KEYS,
  type Schemas,
  type Settings,
  schemasWith,
  type TargetSettings,
} from './schema.ts';

/** A target as defined by a file. */
interface Definition {
  readonly name: string;
  readonly value: unknown;
  /** The `each` definition that made it, along with other targets. */
  readonly template?: Bag;
  /** The `hosts` definition that made it. */
  readonly fleet?: string;
  /** Finds a place inside the target in its file. */
  readonly origin: (at: Keys) => Place;
}

export interface AllSettings extends Omit<Settings, 'targets'> {
  readonly targets: Readonly<Record<string, TargetSettings>>;
  /** The fleet of each target that is in one. */
  readonly fleets: ReadonlyMap<string, string>;
  readonly warnings: readonly string[];
  /** Converts a mistake in `targets` to its place in a file. */
  faultOf(diagnostic: Diagnostic): Fault;
}

type Checked =
  | { readonly ok: true; readonly value: AllSettings }
  | { readonly ok: false; readonly faults: readonly Fault[] };

export function* checkSettings(
  main: Source,
  included: readonly Source[],
  plugins: FoundPlugins,
): CooperativeSteps<Checked> {
  const schemas = schemasWith(plugins);
  const OneTarget = v.record(Name, schemas.target);
  const gathered = new Definitions(schemas);
  const top = yield* gathered.addMain(main);
  for (const source of included) {
    yield;
    yield* gathered.addIncluded(source, main);
  }
  gathered.findFleetTargets();
  const targets: Record<string, TargetSettings> = Object.create(null);
  const faults: Fault[] = [...faultsIn(main, plugins.mistakes), ...gathered.faults];
  let lastTemplate: Bag | undefined;
  const faultsOf = new Map<string, (diagnostic: Diagnostic) => Fault>();
  for (const definition of gathered.definitions.values()) {
    yield;
    const { name, value, template } = definition;
    const completed = isBag(value) ? complete(name, value, gathered.defaults) : undefined;
    const faultOf = placer(definition, main, completed?.from);
    faultsOf.set(name, faultOf);
    const isLike = template !== undefined && template === lastTemplate;
    const checked = check(OneTarget, { [name]: completed?.value ?? value }, isLike);
    lastTemplate = template;
    if (checked.ok) Object.assign(targets, checked.value);
    else faults.push(...checked.diagnostics.map(faultOf).filter((it) => !gathered.isKnown(it)));
  }
  if (top === undefined || faults.length > 0) {
    return { ok: false, faults: plugins.mistakes.length === 0 ? faults : faults.filter(isSure) };
  }
  const faultOf = ({ at: [targetsKey = '', name = '', ...rest], text }: Diagnostic): Fault =>
    faultsOf.get(String(name))?.({ at: [name, ...rest], text }) ?? {
      ...{ source: main, at: [targetsKey, name, ...rest], text },
    };
  const { fleets, warnings } = gathered;
  return { ok: true, value: { ...top, targets, fleets, warnings, faultOf } };
}

/** Finds the places of a target; their keys begin with its name. */
function placer(
  { name, value, template, origin }: Definition,
  main: Source,
  from?: ReadonlySet<string>,
): (diagnostic: Diagnostic) => Fault {
  return ({ at: [, ...at], text }) => {
    if (from?.has(String(at[0])) === true) {
      return { source: main, at: ['defaults', ...at], text };
    }
    const isOne = template !== undefined && (at.length === 0 || !isShared(template, value, at));
    return { ...origin(at), text, ...(isOne ? { target: name } : {}) };
  };
}

/** An unknown type may belong to a plugin that could not be loaded. */
function isSure({ at }: Fault): boolean {
  return at.length < 3 || at.at(-1) !== 'type';
}

/** What the files define, and all mistakes outside the targets. */
class Definitions {
  readonly definitions = new Map<string, Definition>();
  readonly warnings: string[] = [];
  /** By target name. */
  readonly fleets = new Map<string, string>();
  readonly faults: Fault[] = [];
  /** From the main file, if they are correct. */
  defaults: Bag = {};
  /** Mistakes found by the py9tor conversion: the schema's mistakes at these places add nothing. */
  readonly #known: Fault[] = [];
  readonly #locators = new Locators();
  readonly #schemas: Schemas;
  readonly #fleetOrigins = new Map<string, Definition['origin']>();
  #expanded = 0;

  constructor(schemas: Schemas) {
    this.#schemas = schemas;
  }

  /** The settings besides the targets, or undefined if they are wrong. */
  *addMain(source: Source): CooperativeSteps<Omit<Settings, 'targets'> | undefined> {
    const head = yield* this.#takeTargets(source);
    const checked = check(this.#schemas.settings, head);
    if (!checked.ok) this.faults.push(...faultsIn(source, checked.diagnostics));
    else if (!('targets' in checked.value || 'include' in checked.value)) {
      this.faults.push({ source, at: ['targets'], text: say.missingKey('an object: {…}') });
    }
    if (!checked.ok) return undefined;
    if (isBag(head) && isBag(head['defaults'])) this.defaults = head['defaults'];
    return checked.value;
  }

  *addIncluded(source: Source, main: Source): CooperativeSteps<void> {
    const head = yield* this.#takeTargets(source);
    const moved = isBag(head) ? Object.keys(head).filter((key) => MAIN_KEYS.includes(key)) : [];
    this.faults.push(
      ...moved.map((key) => ({ source, at: [key], text: say.mainOnly(key, main.path) })),
    );
    const checked = check(IncludedSettings, without(head, moved));
    if (!checked.ok) this.faults.push(...faultsIn(source, checked.diagnostics));
  }

  /** Whether the conversion has already reported it. */
  isKnown({ source, at }: Place): boolean {
    return this.#known.some((known) => known.source === source && isWithin(at, known.at));
  }

  /** Collects the definitions of a file; returns the rest, without `targets` if it is an object. */
  *#takeTargets(source: Source): CooperativeSteps<unknown> {
    const converted = fromPy9tor(source.value, dirname(source.path));
    this.warnings.push(...converted.warnings);
    const known = faultsIn(source, converted.diagnostics);
    this.faults.push(...known);
    this.#known.push(...known);
    const { value } = converted;
    if (!isBag(value) || !isBag(value['targets'])) return value;
    for (const [name, target] of Object.entries(value['targets'])) {
      yield;
      const origin = (at: Keys): Place => {
        return { source, at: converted.origin(['targets', name, ...at]) };
      };
      yield* this.#define(name, target, origin);
    }
    return { ...value, targets: {} };
  }

  *#define(name: string, value: unknown, origin: Definition['origin']): CooperativeSteps<void> {
    const whole = isBag(value) ? templateOf(name, value) : undefined;
    if (whole === undefined) return this.#add({ name, value, origin });
    const { template, each, isFleet } = whole;
    const mistakes = [...whole.mistakes];
    this.#expanded += combinationsOf(each);
    if (this.#expanded > EACH_TARGETS_MAX) {
      mistakes.push({ at: ['each'], text: say.manyOfEach(this.#expanded, EACH_TARGETS_MAX) });
      this.#expanded = 0;
    }
    this.faults.push(...mistakes.map(({ at, text }) => ({ ...origin(at), text })));
    for (const expanded of expand(whole.name, template, each)) {
      yield;
      const fleet = isFleet ? { fleet: fleetOf(expanded.name) } : {};
      this.#add({ ...expanded, template, origin, ...fleet });
      // One is enough to show what is wrong with the rest of the definition.
      if (mistakes.length > 0) return;
    }
  }

  #add(definition: Definition): void {
    const { name, origin, template, fleet } = definition;
    const first = this.definitions.get(name);
    const target = template === undefined ? {} : { target: name };
    if (first !== undefined) {
      const text = say.definedTwice(name, this.#locators.show(first.origin([])));
      return void this.faults.push({ ...origin([]), text, ...target });
    }
    this.definitions.set(name, definition);
    if (fleet !== undefined) this.fleets.set(name, fleet);
    if (fleet !== undefined && !this.#fleetOrigins.has(fleet))
      this.#fleetOrigins.set(fleet, origin);
  }

  /** Names that are both fleets and targets, in any file and order. */
  findFleetTargets(): void {
    for (const [fleet, origin] of this.#fleetOrigins) {
      const target = this.definitions.get(fleet);
      if (target === undefined) continue;
      const text = say.fleetAndTarget(fleet, this.#locators.show(target.origin([])));
      this.faults.push({ ...origin([]), text });
    }
  }
}

interface Template {
  readonly name: string;
  readonly template: Bag;
  readonly each: Readonly<Record<string, readonly string[]>>;
  readonly mistakes: readonly Diagnostic[];
  readonly isFleet: boolean;
}

/** A definition for many targets; undefined if it is for one, or if the schema rejects it. */
function templateOf(name: string, value: Bag): Template | undefined {
  const { each, hosts, ...template } = value;
  if (each !== undefined && !v.is(Each, each)) return undefined;
  if (hosts !== undefined) {
    if (!v.is(Hosts, hosts)) return undefined;
    const given = each === undefined ? { hosts } : { each, hosts };
    return { ...fleetTemplate(name, template, given), template, isFleet: true };
  }
  if (each === undefined) return undefined;
  const mistakes = findMistakes(name, template, each);
  return { name, template, each, mistakes, isFleet: false };
}

function without(value: unknown, keys: readonly string[]): unknown {
  if (!isBag(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([key]) => !keys.includes(key)));
}
