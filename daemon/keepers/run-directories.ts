/**
 * Which directory under STATE/runs is whose. A run's number alone does not tell: numbers are given
 * out again after a journal was restored from a copy, or removed. So the daemon that first starts a
 * run marks the run's directory with its nonce, which the journal has, too.
 *
 * Invariants: a run is started only in a directory with its own mark, made for it or found empty;
 * after `sweep`, no directory with the number of a run in the journal is another one's. What is in
 * the way is never deleted, but moved to STATE/aside, and said. It comes back where its keeper
 * lives.
 */
import {
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { ReadonlyState, Run } from '../core/state.ts';
import type { Nonce, RunId } from '../shared/run.ts';
import type { Log } from '../system/log.ts';
import { recordsIn } from './keeper-record.ts';

const MARK = 'nonce.';
/** How many are named in the log; all are counted. */
const NAMED_MAX = 20;

/** A run, as far as its directory is concerned. */
interface Owner {
  readonly run: RunId;
  /** Absent: it was started by an older version, which made no marks. */
  readonly startNonce?: Nonce;
}

export class RunDirectories {
  /** Of this daemon. */
  readonly nonce: Nonce;
  /** The state directory, without links. */
  readonly place: string;
  readonly #runs: string;
  readonly #aside: string;
  readonly #log: Log;

  constructor(options: {
    /** The state directory. */
    readonly directory: string;
    readonly nonce: Nonce;
    readonly log: Log;
  }) {
    this.#runs = join(options.directory, 'runs');
    this.#aside = join(options.directory, 'aside');
    this.nonce = options.nonce;
    this.place = realpathSync(options.directory);
    this.#log = options.log;
  }

  of(run: RunId): string {
    return join(this.#runs, String(run));
  }

  /** Makes the directory of a run, or finds it its own. Throws what the system says. */
  claim(owner: Owner): void {
    const directory = this.of(owner.run);
    const isNew = mkdirSync(directory, { recursive: true, mode: 0o700 }) !== undefined;
    if (!isNew) {
      if (isOf(directory, owner)) return;
      if (readdirSync(directory).length > 0) {
        const aside = this.#putAside(owner.run);
        this.#log.error({ run: owner.run, aside }, 'moved the directory of another run aside');
        mkdirSync(directory, { recursive: true, mode: 0o700 });
      }
    }
    if (owner.startNonce === undefined) return;
    closeSync(openSync(join(directory, MARK + owner.startNonce), 'w', 0o600));
  }

  /** Makes a directory that was moved aside that of a run, unless that has one. */
  takeIn(run: RunId, directory: string): void {
    const isAside = dirname(directory) === join(this.place, 'aside');
    if (isAside && !existsSync(this.of(run))) renameSync(directory, this.of(run));
  }

  /** Where the directory of a run was moved to; undefined: it was not. */
  asideOf({ run, startNonce }: Owner): string | undefined {
    const path = join(this.place, 'aside', `${run}.${startNonce}`);
    return existsSync(path) ? path : undefined;
  }

  /** Moves aside what belongs to no run of this journal, before anybody takes it for one's own. */
  sweep(state: ReadonlyState): void {
    const moved: RunId[] = [];
    for (const name of readdirSync(this.#runs)) {
      if (!/^[1-9]\d*$/.test(name)) continue;
      const run = state.runs.get(Number(name));
      const path = join(this.#runs, name);
      if (run !== undefined && mayBeOf(path, run)) continue;
      try {
        if (run === undefined && wasUnused(path)) {
          rmSync(path, { recursive: true });
          continue;
        }
        this.#putAside(Number(name));
        moved.push(Number(name));
      } catch (error) {
        // Whoever starts a run there tries again, and does not start it in what is there.
        this.#log.error({ path, err: error }, 'run directory cannot be moved aside');
      }
    }
    if (moved.length === 0) return;
    const runs = moved.sort((a, b) => a - b).slice(0, NAMED_MAX);
    this.#log.error(
      { aside: this.#aside, directories: moved.length, runs },
      'moved aside run directories that belong to no run of the journal',
    );
  }

  #putAside(run: RunId): string {
    const from = this.of(run);
    const mark = markOf(from);
    mkdirSync(this.#aside, { recursive: true, mode: 0o700 });
    const wanted = join(this.#aside, mark === undefined ? String(run) : `${run}.${mark}`);
    let to = wanted;
    for (let count = 2; existsSync(to); count++) to = `${wanted}.${count}`;
    renameSync(from, to);
    return to;
  }
}

/**
 * A power cut came between the directory and the start in the journal: nothing was let go there,
 * and nothing is in it.
 */
function wasUnused(directory: string): boolean {
  return readdirSync(directory).every((name) => {
    if (name.startsWith(MARK) || /^(?:out|err)\.pipe$/.test(name)) return true;
    return /^(?:out|err)$/.test(name) && lstatSync(join(directory, name)).size === 0;
  });
}

/** A run that never was started has none, but in a journal that is an older copy. */
function mayBeOf(directory: string, run: Run): boolean {
  if (run.state === 'queued' && run.startNonce === undefined) {
    const { nonce } = run;
    return nonce !== undefined && recordsIn(directory).some((record) => record.nonce === nonce);
  }
  return (run.nonce === undefined || run.startNonce !== undefined) && isOf(directory, run);
}

function isOf(directory: string, { startNonce }: Owner): boolean {
  return startNonce === undefined
    ? markOf(directory) === undefined
    : existsSync(join(directory, MARK + startNonce));
}

/** Undefined where it has none, or is no directory at all. */
function markOf(directory: string): Nonce | undefined {
  try {
    const names = readdirSync(directory);
    return names.find((name) => name.startsWith(MARK))?.slice(MARK.length);
  } catch {
    return undefined;
  }
}
