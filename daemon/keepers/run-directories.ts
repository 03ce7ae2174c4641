/**
 * Which run owns which directory under STATE/runs. A run's number alone does not decide: numbers
 * are reused after a journal was restored from a copy, or removed. So the daemon that first starts
 * a run marks the run's directory with its nonce, which is also in the journal.
 *
 * Invariants: a run is started only in a directory with its own mark, created for it or found
 * empty; after `sweep`, no directory with the number of a run in the journal belongs to another
 * run. A directory in the way is moved to STATE/aside, and this is logged; it is deleted only if
 * nothing ever ran in it. It is moved back if its keeper is alive, or if the journal has its run
 * again.
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
/** Most that are listed in the log; all are counted. */
const NAMED_MAX = 20;

/** A run, as far as its directory is concerned. */
interface Owner {
  readonly run: RunId;
  /** Absent: it was started by an older version, which made no marks. */
  readonly startNonce?: Nonce;
}

export class RunDirectories {
  /** This daemon's nonce. */
  readonly nonce: Nonce;
  /** The state directory, with symbolic links resolved. */
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

  /** Creates the directory of a run, or checks that it is its own. Throws system errors. */
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

  /** Gives a run a directory that was moved aside, unless the run has one. */
  takeIn(run: RunId, directory: string): void {
    const isAside = dirname(directory) === join(this.place, 'aside');
    if (isAside && !existsSync(this.of(run))) renameSync(directory, this.of(run));
  }

  /** Where the directory of a run was moved to; undefined if it was not moved. */
  asideOf({ run, startNonce }: Owner): string | undefined {
    const path = join(this.place, 'aside', `${run}.${startNonce}`);
    return existsSync(path) ? path : undefined;
  }

  /**
   * Moves aside what belongs to no run of this journal, before a run is started in it, and back
   * what does belong to one, which is so if a copy of the journal was restored.
   */
  sweep(state: ReadonlyState): void {
    this.#moveAside(state);
    this.#moveBack(state);
  }

  #moveAside(state: ReadonlyState): void {
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
        // Starting a run there tries this again, and never uses the old directory.
        this.#log.error({ path, err: error }, 'run directory cannot be moved aside');
      }
    }
    if (moved.length === 0) return;
    this.#log.error(
      { aside: this.#aside, ...summaryOf(moved) },
      'moved aside run directories that belong to no run of the journal',
    );
  }

  #moveBack(state: ReadonlyState): void {
    if (!existsSync(this.#aside)) return;
    const moved: RunId[] = [];
    for (const name of readdirSync(this.#aside)) {
      const path = join(this.#aside, name);
      try {
        const run = ownerOf(path, state);
        if (run === undefined || existsSync(this.of(run))) continue;
        renameSync(path, this.of(run));
        moved.push(run);
      } catch (error) {
        this.#log.error({ path, err: error }, 'run directory cannot be moved back');
      }
    }
    if (moved.length === 0) return;
    this.#log.warn(
      { aside: this.#aside, ...summaryOf(moved) },
      'moved back run directories that belong to runs of the journal',
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
 * A power cut came after the directory was created and before the start was in the journal: nothing
 * was released there, and there is no output.
 */
function wasUnused(directory: string): boolean {
  return readdirSync(directory).every((name) => {
    if (name.startsWith(MARK) || /^(?:out|err)\.pipe$/.test(name)) return true;
    return /^(?:out|err)$/.test(name) && lstatSync(join(directory, name)).size === 0;
  });
}

function summaryOf(moved: readonly RunId[]) {
  const runs = moved.toSorted((a, b) => a - b).slice(0, NAMED_MAX);
  return { directories: moved.length, runs };
}

/**
 * The run of this journal that ran in a directory, by its records. The directory may have another
 * run's name: without its journal, a run that is alive gets a new number.
 */
function ownerOf(directory: string, state: ReadonlyState): RunId | undefined {
  const records = recordsIn(directory);
  return records.find(({ run, nonce }) => {
    return nonce !== undefined && state.runs.get(run)?.nonce === nonce;
  })?.run;
}

/** A run that was never started has no directory, unless the journal is an older copy. */
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

/** Undefined if it has no mark, or is not a directory. */
function markOf(directory: string): Nonce | undefined {
  try {
    const names = readdirSync(directory);
    return names.find((name) => name.startsWith(MARK))?.slice(MARK.length);
  } catch {
    return undefined;
  }
}
