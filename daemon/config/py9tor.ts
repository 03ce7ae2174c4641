/**
 * Reads py9tor's configuration, unchanged: a target with `class` becomes a target in baton's own
 * format, so that one schema checks both; a file may mix them. Deliberate differences: host keys
 * are always checked, and nothing listens on `host` and `port`.
 *
 * Invariant: `origin` maps every place of the converted file to the place in the user's file.
 */
import { resolve } from 'node:path';
import * as say from './config-messages.ts';
import type { Diagnostic } from './diagnostics.ts';
import type { Keys } from './json.ts';

export interface Converted {
  /** In baton's own format, as far as it could be understood. */
  readonly value: unknown;
  readonly diagnostics: readonly Diagnostic[];
  readonly warnings: readonly string[];
  origin(at: Keys): Keys;
}

/** All rsnapshot targets of a py9tor file share one queue, whatever their configuration file. */
const RSNAPSHOT_GROUP = 'py9tor';
/** The only intervals that py9tor knew, lowest first. */
const RSNAPSHOT_ORDER = ['hourly', 'daily', 'weekly', 'monthly', 'yearly'];
const TARGET_KEYS = ['class', 'attrs', 'handler', 'instances', 'interval', 'description'];

type Bag = Record<string, unknown>;

interface Executor {
  readonly type: string;
  readonly required: readonly string[];
  readonly optional: readonly string[];
  /** Attributes that must be changed. */
  adapt?(attrs: Bag, directory: string): Bag;
}

const EXECUTORS: Readonly<Record<string, Executor>> = {
  'py9tor.worker.DummyExecutor': { type: 'dummy', required: ['time'], optional: [] },
  'py9tor.worker.LocalExecutor': {
    type: 'local',
    required: ['args'],
    optional: ['user'],
    // Python's subprocess takes a string as the name of a program.
    adapt: ({ args }) => (typeof args === 'string' ? { args: [args] } : {}),
  },
  'py9tor.worker.SSHExecutor': {
    type: 'ssh',
    required: ['key', 'user', 'host', 'cmds'],
    optional: ['port'],
    adapt: ({ key }, directory) => ({
      ...(typeof key === 'string' && key !== '' ? { key: absolute(key, directory) } : {}),
      stopOnError: false,
    }),
  },
};

interface Handler {
  readonly key: string;
  policy(value: unknown): Bag;
}

const HANDLERS: Readonly<Record<string, Handler>> = {
  'py9tor.handlers.cardinality': {
    key: 'instances',
    policy: (instances) => ({ type: 'cardinality', instances, whenFull: 'refuse' }),
  },
  'py9tor.handlers.rsnapshot': {
    key: 'interval',
    policy: (interval) => ({
      type: 'rsnapshot',
      interval: typeof interval === 'string' ? interval.toLowerCase() : interval,
      group: RSNAPSHOT_GROUP,
      order: RSNAPSHOT_ORDER,
    }),
  },
};

/** `directory` is where the file is: py9tor ran there and resolved relative paths from there. */
export function fromPy9tor(value: unknown, directory: string): Converted {
  const plain: Converted = { value, diagnostics: [], warnings: [], origin: (at) => at };
  if (!isBag(value) || !isBag(value['targets'])) return plain;
  const foreign = new Set<string>();
  const diagnostics: Diagnostic[] = [];
  const warnings: string[] = [];
  const targets = Object.entries(value['targets']).flatMap(([name, target]) => {
    if (!isBag(target) || !Object.hasOwn(target, 'class')) return [[name, target]];
    foreign.add(name);
    const converter = new Converter(['targets', name], target);
    const converted = converter.convert(directory);
    diagnostics.push(...converter.diagnostics);
    warnings.push(...converter.warnings);
    return converted === undefined ? [] : [[name, converted]];
  });
  if (foreign.size === 0) return plain;
  const { host, port, ...rest } = value;
  const ignored = Object.entries({ host, port }).flatMap(([key, it]) =>
    it === undefined ? [] : key,
  );
  if (ignored.length > 0) {
    warnings.unshift(say.noNetwork(ignored));
  }
  return {
    value: { ...rest, targets: Object.fromEntries(targets) },
    diagnostics,
    warnings,
    origin: (at) => (at[0] === 'targets' && foreign.has(String(at[1])) ? originOf(at) : at),
  };
}

/** The conversion of one target. */
class Converter {
  readonly #at: Keys;
  readonly #target: Bag;
  readonly diagnostics: Diagnostic[] = [];
  readonly warnings: string[] = [];

  constructor(at: Keys, target: Bag) {
    this.#at = at;
    this.#target = target;
  }

  convert(directory: string): Bag | undefined {
    for (const key of Object.keys(this.#target)) {
      if (!TARGET_KEYS.includes(key)) this.#complain([key], say.unknown('key', key, TARGET_KEYS));
    }
    const policies = this.#policies();
    const executor = this.#find('class', EXECUTORS);
    if (executor === undefined) return undefined;
    const { description } = this.#target;
    return {
      ...(description === undefined ? {} : { description }),
      runner: this.#runner(executor, directory),
      policies,
    };
  }

  #runner({ type, required, optional, adapt }: Executor, directory: string): Bag {
    const { attrs } = this.#target;
    if (!isBag(attrs)) {
      const isMissing = !Object.hasOwn(this.#target, 'attrs');
      this.#complain(['attrs'], say.noAttrs(required, isMissing));
      return { type };
    }
    const known = [...required, ...optional];
    const entries = Object.entries(attrs).filter(([key]) => known.includes(key));
    for (const key of Object.keys(attrs)) {
      if (!known.includes(key)) this.#complain(['attrs', key], say.unknown('key', key, known));
    }
    for (const key of required) {
      if (!Object.hasOwn(attrs, key)) {
        this.#complain(['attrs', key], say.neededKey(String(this.#target['class'])));
      }
    }
    return { type, ...Object.fromEntries(entries), ...adapt?.(attrs, directory) };
  }

  #policies(): readonly Bag[] {
    const handler =
      this.#target['handler'] === undefined ? undefined : this.#find('handler', HANDLERS);
    if (handler !== undefined && !Object.hasOwn(this.#target, handler.key)) {
      this.#complain([handler.key], say.neededKey(String(this.#target['handler'])));
    }
    for (const { key } of Object.values(HANDLERS)) {
      if (key === handler?.key || !Object.hasOwn(this.#target, key)) continue;
      this.warnings.push(say.unheededKey(String(this.#at.at(-1)), key));
    }
    return handler === undefined ? [] : [handler.policy(this.#target[handler.key])];
  }

  /** Looks up a name in a table of everything that py9tor had. */
  #find<T>(key: string, table: Readonly<Record<string, T>>): T | undefined {
    const name = this.#target[key];
    if (typeof name === 'string' && Object.hasOwn(table, name)) return table[name];
    const known = Object.keys(table);
    const text =
      typeof name === 'string'
        ? say.unknown(`${key} "${name}"`, name, known)
        : say.wrongValue(`one of ${known.join(', ')}`, JSON.stringify(name));
    this.#complain([key], text);
    return undefined;
  }

  #complain(at: Keys, text: string): void {
    this.diagnostics.push({ at: [...this.#at, ...at], text });
  }
}

/** Where in a py9tor target a place of the converted one comes from. */
function originOf([targets = '', name = '', part, ...rest]: Keys): Keys {
  if (part === 'runner') return [targets, name, 'attrs', ...rest];
  if (part !== 'policies')
    return part === undefined ? [targets, name] : [targets, name, part, ...rest];
  const [, key] = rest;
  return [targets, name, key === 'instances' || key === 'interval' ? key : 'handler'];
}

/** As ssh -i would have found it from py9tor's working directory. */
function absolute(path: string, directory: string): string {
  return path.startsWith('~/') ? path : resolve(directory, path);
}

function isBag(value: unknown): value is Bag {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
