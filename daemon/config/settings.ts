/**
 * What the files of a configuration say together, or everything that is wrong with it. Main file
 * and included files are checked by the same schema, target by target, in steps: thousands of
 * targets must not keep clients waiting.
 */
import { dirname } from 'node:path';
import * as v from 'valibot';
import type { CooperativeSteps } from '../shared/cooperative.ts';
import * as say from './config-messages.ts';
import { type Bag, complete, isBag } from './defaults.ts';
import { check, type Diagnostic, isWithin } from './diagnostics.ts';
import { Name } from './field-types.ts';
import type { Keys } from './json.ts';
import { type Fault, faultsIn, Locators, type Place, type Source } from './mistakes.ts';
import type { FoundPlugins } from './plugin-files.ts';
import { fromPy9tor } from './py9tor.ts';
import {
  IncludedSettings,
  MAIN_KEYS,
  type Schemas,
  type Settings,
  schemasWith,
  type TargetSettings,
} from './schema.ts';

/** A target as a file defines it. */
interface Definition {
  readonly name: string;
  readonly value: unknown;
  /** Where a place inside the target stands. */
  origin(at: Keys): Place;
}

export interface AllSettings extends Omit<Settings, 'targets'> {
  readonly targets: Readonly<Record<string, TargetSettings>>;
  readonly warnings: readonly string[];
  /** Where a place of `targets` stands. */
  origin(at: Keys): Place;
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
  const top = gathered.addMain(main);
  for (const source of included) {
    yield;
    gathered.addIncluded(source, main);
  }
  const targets: Record<string, TargetSettings> = Object.create(null);
  const faults: Fault[] = [...faultsIn(main, plugins.mistakes), ...gathered.faults];
  const { definitions } = gathered;
  const origins = new Map<string, Definition['origin']>();
  for (const { name, value, origin: own } of definitions.values()) {
    yield;
    const completed = isBag(value) ? complete(name, value, gathered.defaults) : undefined;
    const origin = (at: Keys): Place => {
      const isDefault = completed?.from.has(String(at[0])) === true;
      return isDefault ? { source: main, at: ['defaults', ...at] } : own(at);
    };
    origins.set(name, origin);
    const checked = check(OneTarget, { [name]: completed?.value ?? value });
    if (checked.ok) Object.assign(targets, checked.value);
    else faults.push(...checked.diagnostics.flatMap((it) => gathered.place(it, origin)));
  }
  if (top === undefined || faults.length > 0) {
    return { ok: false, faults: plugins.mistakes.length === 0 ? faults : faults.filter(isSure) };
  }
  const origin = ([, name = '', ...rest]: Keys): Place =>
    origins.get(String(name))?.(rest) ?? { source: main, at: ['targets', name, ...rest] };
  return { ok: true, value: { ...top, targets, warnings: gathered.warnings, origin } };
}

/** A type that is not known may be one of a plugin that could not be loaded. */
function isSure({ at }: Fault): boolean {
  return at.length < 3 || at.at(-1) !== 'type';
}

/** What the files define, and what is wrong with all but the targets. */
class Definitions {
  readonly definitions = new Map<string, Definition>();
  readonly warnings: string[] = [];
  readonly faults: Fault[] = [];
  /** As the main file says, if nothing is wrong with it. */
  defaults: Bag = {};
  /** Of the conversion from py9tor: what the schema says of the same places says nothing new. */
  readonly #known: Fault[] = [];
  readonly #locators = new Locators();
  readonly #schemas: Schemas;

  constructor(schemas: Schemas) {
    this.#schemas = schemas;
  }

  /** The settings beside the targets, or undefined where something is wrong with them. */
  addMain(source: Source): Omit<Settings, 'targets'> | undefined {
    const head = this.#takeTargets(source);
    const checked = check(this.#schemas.settings, head);
    if (!checked.ok) this.faults.push(...faultsIn(source, checked.diagnostics));
    else if (!('targets' in checked.value || 'include' in checked.value)) {
      this.faults.push({ source, at: ['targets'], text: say.missingKey('an object: {…}') });
    }
    if (!checked.ok) return undefined;
    if (isBag(head) && isBag(head['defaults'])) this.defaults = head['defaults'];
    return checked.value;
  }

  addIncluded(source: Source, main: Source): void {
    const head = this.#takeTargets(source);
    const moved = isBag(head) ? Object.keys(head).filter((key) => MAIN_KEYS.includes(key)) : [];
    this.faults.push(
      ...moved.map((key) => ({ source, at: [key], text: say.mainOnly(key, main.path) })),
    );
    const checked = check(IncludedSettings, without(head, moved));
    if (!checked.ok) this.faults.push(...faultsIn(source, checked.diagnostics));
  }

  /** A mistake at its place in a file, unless the conversion has said it. */
  place({ at: [, ...at], text }: Diagnostic, origin: Definition['origin']): readonly Fault[] {
    const place = origin(at);
    const isKnown = this.#known.some(
      (known) => known.source === place.source && isWithin(place.at, known.at),
    );
    return isKnown ? [] : [{ ...place, text }];
  }

  /** Takes up what a file defines; what is left has no targets, if they are an object. */
  #takeTargets(source: Source): unknown {
    const converted = fromPy9tor(source.value, dirname(source.path));
    this.warnings.push(...converted.warnings);
    const known = faultsIn(source, converted.diagnostics);
    this.faults.push(...known);
    this.#known.push(...known);
    const { value } = converted;
    if (!isBag(value) || !isBag(value['targets'])) return value;
    for (const [name, target] of Object.entries(value['targets'])) {
      const first = this.definitions.get(name);
      if (first === undefined) {
        const origin = (at: Keys): Place => {
          return { source, at: converted.origin(['targets', name, ...at]) };
        };
        this.definitions.set(name, { name, value: target, origin });
      } else {
        const text = say.definedTwice(name, this.#locators.show(first.origin([])));
        this.faults.push({ source, at: ['targets', name], text });
      }
    }
    return { ...value, targets: {} };
  }
}

function without(value: unknown, keys: readonly string[]): unknown {
  if (!isBag(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([key]) => !keys.includes(key)));
}
