/**
 * What a command line means: pure functions from words to a `Wish`. The crontab form is understood
 * here alone (`parseFast`, for client/main.ts); everything else is cut into flags by meow first
 * (client/cli.ts) and judged by `wishOf`. A property in test/core/grammar.test.ts holds the two
 * together. Nothing is guessed: what is not understood is a mistake, in one sentence.
 */
import { DURATION_EXPECTED, HISTORY_RUNS_MAX, parseDuration, suggest } from '../daemon/protocol.ts';

/** A run by its number, or the runs of a target by its name. */
type Whose = number | string;

export type Command =
  | {
      readonly verb: 'run';
      readonly target: string;
      readonly wait: boolean;
      /** For a target that accepts some. */
      readonly args?: readonly string[];
      /** Print nothing of a run that succeeds. */
      readonly quiet?: boolean;
    }
  | { readonly verb: 'wait'; readonly run: number }
  | { readonly verb: 'status'; readonly json: boolean }
  | { readonly verb: 'why'; readonly of: Whose }
  | {
      readonly verb: 'history';
      readonly target: string | undefined;
      readonly json: boolean;
      readonly limit: number | undefined;
    }
  | { readonly verb: 'logs'; readonly of: Whose; readonly follow: boolean }
  | { readonly verb: 'cancel'; readonly of: Whose }
  | { readonly verb: 'pause' | 'resume' | 'probe'; readonly target: string }
  | { readonly verb: 'check-crontab'; readonly files: readonly string[] }
  | { readonly verb: 'import'; readonly from: 'rsnapshot' | 'py9tor'; readonly file?: string }
  | { readonly verb: 'reload' | 'help' | 'version' };

export interface Wish {
  readonly command: Command;
  readonly socket: string | undefined;
  readonly connectTimeoutMs: number | undefined;
  /** Takes the place of every status of baton's own. */
  readonly errorCode: number | undefined;
}

export type Parsed =
  | { readonly ok: true; readonly wish: Wish }
  | { readonly ok: false; readonly mistake: string };

/** Flags as meow hands them over, by their long names in camelCase. */
export type Flags = Readonly<Record<string, unknown>>;

/** The crontab form, `run TARGET [--wait]` in either order; undefined for everything else. */
export function parseFast(argv: readonly string[]): Command | undefined {
  const [verb, ...rest] = argv;
  const words = rest.filter((word) => word !== '--wait');
  const [target] = words;
  const flags = rest.length - words.length;
  if (verb !== 'run' || words.length !== 1 || flags > 1) return undefined;
  return target && !target.startsWith('-') ? { verb, target, wait: flags === 1 } : undefined;
}

export const BOOLEANS = [
  'wait',
  'quietSuccess',
  'json',
  'follow',
  'status',
  'help',
  'version',
] as const;
const STRINGS = ['target', 'errorCode', 'connectTimeout', 'socket', 'limit'] as const;

const ALWAYS: readonly string[] = ['connectTimeout', 'socket', 'help', 'version'];
const ERROR_CODE_MAX = 255;

interface Shape {
  readonly args: string;
  readonly optional?: boolean;
  /** How many there may be, where it is not one. */
  readonly most?: number;
  readonly flags: readonly string[];
}

const SHAPES: Readonly<Record<string, Shape>> = {
  run: { args: 'TARGET', flags: ['wait', 'quietSuccess', 'errorCode'] },
  wait: { args: 'RUN', flags: ['errorCode'] },
  status: { args: '', flags: ['json'] },
  why: { args: 'RUN|TARGET', flags: [] },
  history: { args: 'TARGET', optional: true, flags: ['json', 'limit'] },
  logs: { args: 'RUN|TARGET', flags: ['follow'] },
  cancel: { args: 'RUN|TARGET', flags: [] },
  pause: { args: 'TARGET', flags: [] },
  resume: { args: 'TARGET', flags: [] },
  probe: { args: 'TARGET', flags: [] },
  reload: { args: '', flags: [] },
  'check-crontab': { args: 'FILE…', optional: true, most: Number.POSITIVE_INFINITY, flags: [] },
  import: { args: 'rsnapshot [CONF] or py9tor FILE', most: 2, flags: [] },
};

/** Judges the words and flags of a command line; `args` are for the command of a run. */
export function wishOf(
  input: readonly string[],
  flags: Flags,
  args: readonly string[] = [],
): Parsed {
  try {
    const wish = judge(input, flags);
    const { command } = wish;
    if (command.verb !== 'run' || args.length === 0) return { ok: true, wish };
    return { ok: true, wish: { ...wish, command: { ...command, args } } };
  } catch (error) {
    if (error instanceof Mistake) return { ok: false, mistake: error.message };
    throw error;
  }
}

/** Never leaves this file. */
class Mistake extends Error {}

function judge(input: readonly string[], flags: Flags): Wish {
  checkFlags(flags);
  const connectTimeout = textOf(flags, 'connectTimeout');
  const errorCode = textOf(flags, 'errorCode');
  return {
    command: commandOf(input, flags),
    socket: textOf(flags, 'socket'),
    connectTimeoutMs: connectTimeout === undefined ? undefined : durationOf(connectTimeout),
    errorCode: errorCode === undefined ? undefined : countOf('-E', errorCode, ERROR_CODE_MAX),
  };
}

function checkFlags(flags: Flags): void {
  const known: readonly string[] = [...BOOLEANS, ...STRINGS];
  for (const name of Object.keys(flags)) {
    if (known.includes(name)) continue;
    const near = name.length > 1 ? suggest(name, known) : undefined;
    const hint = near === undefined ? '' : `; did you mean ${optionOf(near)}?`;
    throw new Mistake(`unknown option ${optionOf(name)}${hint}`);
  }
}

function commandOf(input: readonly string[], flags: Flags): Command {
  if (flags['help'] === true) return { verb: 'help' };
  if (flags['version'] === true) return { verb: 'version' };
  const target = textOf(flags, 'target');
  if (flags['status'] === true || target !== undefined) return oldCommandOf(input, flags, target);
  const [verb, ...args] = input;
  if (verb === undefined) throw new Mistake('expected a command, found none');
  const shape = Object.hasOwn(SHAPES, verb) ? SHAPES[verb] : undefined;
  if (shape === undefined) {
    const near = suggest(verb, Object.keys(SHAPES));
    const hint = near === undefined ? '' : `; did you mean "${near}"?`;
    throw new Mistake(`unknown command "${verb}"${hint}`);
  }
  checkShape(verb, shape, args, flags);
  if (verb === 'check-crontab') return { verb, files: args };
  if (verb === 'import') return importOf(args);
  return build(verb, args[0] ?? '', flags);
}

function importOf([from = '', file]: readonly string[]): Command {
  if (from === 'py9tor' && !file) throw new Mistake('import py9tor: expected FILE, found nothing');
  if (from === 'rsnapshot' || from === 'py9tor') {
    return { verb: 'import', from, ...(file === undefined ? {} : { file }) };
  }
  throw new Mistake(`import: expected rsnapshot or py9tor, found "${from}"`);
}

/** py9tor's two: `-t TARGET` and `-s`. */
function oldCommandOf(input: readonly string[], flags: Flags, target: string | undefined): Command {
  const name = target === undefined ? '-s' : '-t TARGET';
  if (target !== undefined && flags['status'] === true)
    throw new Mistake('-t and -s exclude each other');
  const shape = { args: '', flags: target === undefined ? ['status'] : ['target', 'errorCode'] };
  checkShape(name, shape, input, flags);
  return target === undefined
    ? { verb: 'status', json: true }
    : { verb: 'run', target, wait: false };
}

function checkShape(verb: string, shape: Shape, args: readonly string[], flags: Flags): void {
  for (const [name, value] of Object.entries(flags)) {
    if (value === false || value === undefined) continue;
    if (ALWAYS.includes(name) || shape.flags.includes(name)) continue;
    throw new Mistake(`${verb}: ${optionOf(name)} is not an option of this command`);
  }
  const extra = args[shape.args === '' ? 0 : (shape.most ?? 1)];
  if (extra !== undefined) throw new Mistake(`${verb}: unexpected argument "${extra}"`);
  if (shape.args === '' || (args.length === 0 && shape.optional === true)) return;
  if (!args[0]) throw new Mistake(`${verb}: expected ${shape.args}, found nothing`);
}

function build(verb: string, arg: string, flags: Flags): Command {
  const is = (name: string): boolean => flags[name] === true;
  switch (verb) {
    case 'run':
      if (!is('quietSuccess')) return { verb, target: arg, wait: is('wait') };
      if (is('wait')) return { verb, target: arg, wait: true, quiet: true };
      throw new Mistake('run: --quiet-success needs --wait');
    case 'wait':
      return { verb, run: countOf('wait', arg, Number.MAX_SAFE_INTEGER) };
    case 'status':
      return { verb, json: is('json') };
    case 'history': {
      const text = textOf(flags, 'limit');
      const limit = text === undefined ? undefined : countOf('--limit', text, HISTORY_RUNS_MAX);
      return { verb, target: arg || undefined, json: is('json'), limit };
    }
    case 'logs':
      return { verb, of: whose(arg), follow: is('follow') };
    case 'why':
    case 'cancel':
      return { verb, of: whose(arg) };
    case 'pause':
    case 'resume':
    case 'probe':
      return { verb, target: arg };
    default:
      return { verb: 'reload' };
  }
}

function whose(arg: string): Whose {
  return /^\d+$/.test(arg) && Number.isSafeInteger(Number(arg)) ? Number(arg) : arg;
}

/** A flag's value: meow gives '' where it was left out and false for `--no-…`. */
function textOf(flags: Flags, name: string): string | undefined {
  const value = flags[name];
  if (value === undefined) return undefined;
  if (typeof value === 'string' && value !== '') return value;
  throw new Mistake(`${optionOf(name)} needs a value, found none`);
}

function countOf(where: string, text: string, max: number): number {
  const count = /^\d+$/.test(text) ? Number(text) : 0;
  if (count >= 1 && count <= max) return count;
  throw new Mistake(`${where}: expected a number from 1 to ${max}, found "${text}"`);
}

function durationOf(text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined) return ms;
  throw new Mistake(`--connect-timeout: expected ${DURATION_EXPECTED}, found "${text}"`);
}

/** An option as it is written: `errorCode` is `--error-code`. */
export function optionOf(name: string): string {
  if (name.length === 1) return `-${name}`;
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
