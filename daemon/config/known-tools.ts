/**
 * The known tools by name: which tool a command is, and which defaults it gives a target. No
 * program is ever run to find out. Pure.
 */
import type { StopSignal, StopTo } from '../shared/stop.ts';
import { BACKUPS } from './tool-backups.ts';
import type { KnownTool } from './tool-shape.ts';
import { SYSTEMS } from './tool-systems.ts';

const ROWS: readonly (readonly [string, KnownTool])[] = Object.entries({ ...BACKUPS, ...SYSTEMS });

export const KNOWN_TOOLS: ReadonlyMap<string, KnownTool> = new Map(ROWS);
export const TOOL_NAMES: readonly string[] = [...KNOWN_TOOLS.keys()];

/** By the keys of a target; only differences from the general defaults. */
export interface ToolDefaults {
  readonly warnExit?: readonly number[];
  readonly stopSignal?: StopSignal;
  readonly stopTo?: StopTo;
  /** For a target with `retry`: which failures to retry. */
  readonly on?: readonly (number | string)[];
  readonly progress?: true;
}

/** `args` is the command: its options determine what it prints. */
export function defaultsOfTool(name: string, args: readonly string[] = []): ToolDefaults {
  const { warn, stop, stopTo, again, percent = [] } = KNOWN_TOOLS.get(name) ?? {};
  return {
    ...(warn === undefined ? {} : { warnExit: warn }),
    ...(stop === undefined || stop === 'TERM' ? {} : { stopSignal: stop }),
    // If a script runs the tool, the main process is the shell, so only that would be stopped.
    ...(stopTo === undefined || toolOf(args, EXECS) !== name ? {} : { stopTo }),
    ...(again === undefined ? {} : { on: [...again, ...OTHER_ENDS] }),
    ...(percent.some((flag) => args.includes(flag)) ? { progress: true } : {}),
  };
}

/** The defaults of `retry` besides exit codes. */
const OTHER_ENDS = ['signalled', 'timed-out', 'unreachable'] as const;

/** The warning for a command whose exit status 0 may not mean success; see tool-shape.ts. */
export function cautionOf(name: string, args: readonly string[] = []): string | undefined {
  const { caution, cautionIf } = KNOWN_TOOLS.get(name) ?? {};
  if (cautionIf === undefined) return caution;
  const { options, least, unless } = cautionIf;
  const found = args.filter((arg) => options.some((option) => isOption(arg, option)));
  return found.length >= least && !args.includes(unless) ? caution : undefined;
}

/** `-t x`, `-tx`, `--table x` or `--table=x`. */
function isOption(arg: string, option: string): boolean {
  return arg === option || arg.startsWith(option.startsWith('--') ? `${option}=` : option);
}

/** The name of the tool that a command runs, if it is known. */
export function toolOf(
  args: readonly string[],
  wrappers: readonly string[] = WRAPPERS,
): string | undefined {
  const [program = '', ...rest] = unwrapped(args, wrappers);
  const name = baseName(program);
  return ROWS.find(
    ([, { programs, word }]) =>
      programs.includes(name) && (word === undefined || rest.includes(word)),
  )?.[0];
}

/** Programs that exec another one. */
const EXECS = ['env', 'ionice', 'nice', 'nohup', 'stdbuf'];
/** These too, or they run one and pass on its exit status. */
const WRAPPERS = [...EXECS, 'setsid', 'time', 'timeout'];
/** Their own arguments: options, NAME=VALUE, and numbers such as a duration. */
const OWN_WORD = /^-|^\w+=|^\d/;

function unwrapped(args: readonly string[], wrappers: readonly string[]): readonly string[] {
  const [program = '', ...rest] = args;
  if (!wrappers.includes(baseName(program))) return args;
  const at = rest.findIndex((word) => !OWN_WORD.test(word));
  return at < 0 ? [] : unwrapped(rest.slice(at), wrappers);
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
