/**
 * The crontab form of the command line, the only one that the fast path (client/main.ts) knows. It
 * stands alone, because every minute pays for what is loaded with it. A property in
 * test/core/grammar.test.ts holds that the full grammar means the same.
 */

export interface FastCommand {
  readonly verb: 'run';
  readonly target: string;
  readonly wait: boolean;
}

/** `run TARGET [--wait]` in either order; undefined for everything else. */
export function parseFast(argv: readonly string[]): FastCommand | undefined {
  const [verb, ...rest] = argv;
  const words = rest.filter((word) => word !== '--wait');
  const [target] = words;
  const flags = rest.length - words.length;
  if (verb !== 'run' || words.length !== 1 || flags > 1) return undefined;
  return target && !target.startsWith('-') ? { verb, target, wait: flags === 1 } : undefined;
}
