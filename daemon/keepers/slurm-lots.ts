/**
 * Submissions that wait for their turn go together: one shell calls sbatch for one after the other,
 * because spawning a process costs the daemon as much as sbatch itself.
 *
 * Invariants: while sbatch fails or is late, each submission is made alone; submissions that the
 * shell did not reach were not made, and wait for another turn.
 */
import { quote } from '../../runners/ssh/remote-script.ts';
import type { Ran } from '../system/bounded-command.ts';

/** Most submissions for one shell, so that none waits long for the answer to another. */
export const SUBMITS_MAX = 8;

const SHELL = '/bin/sh';
const BEGUN = 'begun';
/** Stops at the first failure. The output of sbatch may lack the final newline. */
const CALL = [
  `call() { echo ${BEGUN}; printf '\\n${BEGUN}\\n' >&2`,
  '"$@"; s=$?; echo "ended $s"; [ "$s" = 0 ] || exit 0; }',
].join('; ');

export type Words = readonly [string, ...string[]];

interface Parts {
  /** Calls `run` when a command may run; the next one may run once it is done. */
  readonly inTurn: (run: () => Promise<void>) => Promise<void>;
  /** Runs a command that is made from the path of sbatch. */
  readonly run: (wordsOf: (sbatch: string) => Words, conf: string | undefined) => Promise<Ran>;
}

interface Wanted {
  readonly args: readonly string[];
  readonly conf: string | undefined;
  /** Undefined: it was not submitted. */
  readonly ran: (ran: Ran | undefined) => void;
}

export class SubmissionLots {
  readonly #parts: Parts;
  readonly #wanted = new Set<Wanted>();
  /** Clusters that accepted all of their last lot. */
  readonly #willing = new Set<string | undefined>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Returns the answer of sbatch. */
  async submit(args: readonly string[], conf: string | undefined): Promise<Ran> {
    for (;;) {
      const ran = await new Promise<Ran | undefined>((resolve) => {
        const wanted = { args, conf, ran: resolve };
        this.#wanted.add(wanted);
        void this.#parts.inTurn(() => this.#submitWith(wanted));
      });
      if (ran !== undefined) return ran;
    }
  }

  async #submitWith(first: Wanted): Promise<void> {
    // It was submitted together with another.
    if (!this.#wanted.delete(first)) return;
    const { conf } = first;
    const same = [...this.#wanted].filter((wanted) => wanted.conf === conf);
    const others = this.#willing.has(conf) ? same.slice(0, SUBMITS_MAX - 1) : [];
    for (const other of others) this.#wanted.delete(other);
    const lot = [first, ...others];
    const calls = lot.map(({ args }) => args);
    const ran = await this.#parts.run((sbatch) => wordsOf(sbatch, calls), conf);
    const answers = others.length === 0 ? [ran] : answersIn(ran);
    if (lot.every((_, at) => answers[at]?.code === 0)) this.#willing.add(conf);
    else this.#willing.delete(conf);
    // If no shell could be started, for example with too many words, none of several was submitted.
    const isUnknown = answers.length === 0 && ran.errno === undefined;
    for (const [at, wanted] of lot.entries()) wanted.ran(isUnknown ? ran : answers[at]);
  }
}

function wordsOf(sbatch: string, calls: readonly (readonly string[])[]): Words {
  const [only] = calls;
  if (calls.length === 1 && only !== undefined) return [sbatch, ...only];
  const lines = calls.map((args) => ['call', ...[sbatch, ...args].map(quote)].join(' '));
  return [SHELL, '-c', [CALL, ...lines].join('\n')];
}

/** The answer of each call that was begun, in order; empty: it is not known which were begun. */
export function answersIn({ stdout, stderr }: Ran): readonly Ran[] {
  const [said, complained] = [stdout, stderr].map((text) =>
    `\n${text}`.split(`\n${BEGUN}\n`).slice(1),
  );
  return (said ?? []).map((text, at) => {
    const [, out = '', code] = /^((?:.*\n)*?)ended (\d+)$/m.exec(text) ?? [];
    const own = { stdout: out, stderr: complained?.[at] ?? '' };
    return code === undefined ? own : { ...own, code: Number(code) };
  });
}
