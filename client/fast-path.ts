/**
 * The command lines of the fast path (client/main.ts): those of crontabs, and the one that fetches
 * much output. It imports nothing, because every crontab line pays for what is loaded. A property
 * in test/unit/client/grammar.test.ts checks that the full grammar agrees.
 */

export interface FastRun {
  readonly verb: 'run';
  readonly target: string;
  readonly wait: boolean;
}

interface FastWait {
  readonly verb: 'wait';
  readonly runs: readonly [number];
}

export type FastCommand = FastRun | FastWait;

/** `run TARGET [--wait]` in either order, and `wait RUN`; undefined for everything else. */
export function parseFast(argv: readonly string[]): FastCommand | undefined {
  const [verb, ...rest] = argv;
  const [word = ''] = rest;
  if (verb === 'wait') {
    return rest.length === 1 && /^[1-9]\d{0,14}$/.test(word)
      ? { verb, runs: [Number(word)] }
      : undefined;
  }
  const words = rest.filter((word) => word !== '--wait');
  const [target] = words;
  const flags = rest.length - words.length;
  if (verb !== 'run' || words.length !== 1 || flags > 1) return undefined;
  return target && !target.startsWith('-') ? { verb, target, wait: flags === 1 } : undefined;
}
