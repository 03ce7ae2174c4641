/**
 * Reads a keeper's record of the end of a run: `status.ATTEMPT.NONCE` in the directory of the run,
 * which gets this name once it is complete. A keeper of another life of the state directory uses
 * another name, wherever it writes. A job can put anything in its place: only a plain file is a
 * status file, and nothing here blocks on anything else. While the file cannot be written, the
 * record is in the title of its keeper (fork-server.pl).
 */
import { constants, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { getSystemErrorName } from 'node:util';
import * as v from 'valibot';
import type { Failure as SessionFailure } from '../../runners/ssh/keeper-protocol.ts';
import type { EndTime, Report } from '../core/command.ts';
import { errnoOf, isShortage } from '../shared/errno.ts';
import type { Nonce, Outcome } from '../shared/run.ts';
import type { Clock } from '../system/clock.ts';
import { parseJson } from '../system/parse-json.ts';
import { readRegular } from '../system/regular-file.ts';
import { TERM_MS_MAX } from '../system/shutdown.ts';
import { describeFailure, type Launch } from './launch.ts';

/** Longest status file that is read. */
export const STATUS_BYTES_MAX = 65_536;
/** The largest error number that the kernel returns. */
const ERRNO_MAX = 4_095;

const Whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
/** Not 0, which is no error and has no name. */
export const ErrnoNumber = v.pipe(Whole, v.minValue(1), v.maxValue(ERRNO_MAX));
const Number_ = v.nullable(v.number());
/** Keepers of older versions write fewer fields; the SSH keeper adds `phase` and `message`. */
const Record_ = v.object({
  started: v.boolean(),
  code: v.nullable(Whole),
  signal: v.nullable(Whole),
  core: v.boolean(),
  stage: v.nullable(v.picklist(['command', 'directory', 'system'])),
  errno: v.nullable(ErrnoNumber),
  /** Output that could not be written. */
  lostBytes: v.exactOptional(v.number()),
  phase: v.exactOptional(v.picklist(['connect', 'auth', 'hostkey', 'lost'])),
  message: v.exactOptional(v.string()),
  /** How long the command ran; when it ended, by CLOCK_MONOTONIC and by the wall clock. */
  tookMs: v.exactOptional(v.number()),
  steadyMs: v.exactOptional(v.number()),
  wallMs: v.exactOptional(v.number()),
  /** From the last TERM that the keeper got to the end. */
  termMs: v.exactOptional(Number_),
  /** systemd was shutting down. */
  down: v.exactOptional(v.boolean()),
  /** From the keeper in a job of Slurm: what first told it to stop its command, if anything. */
  stop: v.exactOptional(v.nullable(v.picklist(['file', 'signal', 'timeout']))),
  /** From the same: how much the command had printed. */
  outBytes: v.exactOptional(Whole),
  errBytes: v.exactOptional(Whole),
});
export type StatusRecord = v.InferOutput<typeof Record_>;

export const NEVER_RAN: Report = { started: false, code: null, signal: null, core: false };

/** `nonce`: of the daemon that started the attempt; absent: that was of an older version. */
export function statusFileOf(directory: string, attempt: number, nonce?: Nonce): string {
  return join(directory, nonce === undefined ? `status.${attempt}` : `status.${attempt}.${nonce}`);
}

/** Undefined if there is none. Throws if that cannot be determined now (EMFILE, EIO, …). */
export function readStatusFile(path: string): StatusRecord | 'unreadable' | undefined {
  try {
    return parseStatus(readRegular(path, STATUS_BYTES_MAX, constants.O_NOFOLLOW));
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT') return undefined;
    if (['EFTYPE', 'EFBIG', 'ELOOP'].includes(errno)) return 'unreadable'; // ELOOP: a link
    throw error;
  }
}

export function parseStatus(text: string): StatusRecord | 'unreadable' {
  return parseJson(Record_, text) ?? 'unreadable';
}

/** What the title of a living keeper says in place of the file: "baton ended ERRNO RECORD …". */
export function foundInTitle(
  pid: number,
  clock: Clock,
  launch: Launch | undefined,
): Found | undefined {
  let title: string;
  try {
    title = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch (error) {
    if (isShortage(errnoOf(error))) throw error;
    return undefined;
  }
  const [, number = '', text = ''] = /^baton ended (\d+) (\{[^}]*\})/.exec(title) ?? [];
  const record = parseJson(Record_, text);
  const errno = v.safeParse(ErrnoNumber, Number(number));
  if (record === undefined || !errno.success) return undefined;
  const found = foundIn(record, false, clock, launch);
  return { ...found, unwritten: getSystemErrorName(-errno.output) };
}

export interface Found {
  readonly report: Report;
  /** Why the command could not be started, if that is temporary. */
  readonly shortage?: string;
  /** Its keeper got a TERM in this boot: the machine may be shutting down. */
  readonly isDoubtful?: true;
  /** Why the keeper cannot write its status file. */
  readonly unwritten?: string;
}

/**
 * `launch` is absent if another daemon prepared the run. `rebooted`: the machine has been rebooted
 * since.
 */
export function foundIn(
  record: StatusRecord,
  rebooted: boolean,
  clock: Clock,
  launch: Launch | undefined,
): Found {
  const { started, code, signal, core, stage, errno, lostBytes = 0, phase, message = '' } = record;
  const more = {
    ...(lostBytes === 0 ? {} : { lostBytes }),
    ...(phase === undefined ? {} : { failure: outcomeOfFailure({ phase, message }) }),
  };
  const report = { started, code, signal, core, ...more, ...endTime(record, rebooted, clock) };
  if (stage !== null && errno !== null) {
    const name = getSystemErrorName(-errno);
    // The keeper could not fork, or its child could not exec: the command certainly never ran, and
    // a retry may succeed.
    if (isShortage(name)) return { report: NEVER_RAN, shortage: name };
    const known = launch ?? { args: [], env: {}, cwd: '', umask: 0 };
    return { report: { ...report, failure: describeFailure(stage, name, known) } };
  }
  const wasTold = wasToldToEnd(record);
  if (record.down === true || (wasTold && rebooted)) return { report: { ...report, isDown: true } };
  return wasTold && code !== 0 ? { report, isDoubtful: true } : { report };
}

/** The failure of a session, as the outcome of a run. */
export function outcomeOfFailure({
  phase,
  message: detail,
}: SessionFailure): Extract<Outcome, { kind: 'unreachable' | 'lost' }> {
  return phase === 'lost' ? { kind: 'lost', detail } : { kind: 'unreachable', phase, detail };
}

function endTime(
  { tookMs, steadyMs, wallMs }: StatusRecord,
  rebooted: boolean,
  clock: Clock,
): { readonly ended?: EndTime } {
  if (tookMs === undefined || wallMs === undefined) return {};
  const steady = rebooted || steadyMs === undefined ? {} : { steadyMs: clock.steadyAt(steadyMs) };
  return { ended: { tookMs, wallMs, ...steady } };
}

/** The keeper itself got a TERM, and its command ended within the time that a shutdown allows. */
function wasToldToEnd({ termMs }: StatusRecord): boolean {
  return typeof termMs === 'number' && termMs <= TERM_MS_MAX;
}

/** How much a run has printed so far; what cannot be examined counts as nothing. */
export function outputBytes(directory: string): number {
  const sizes = ['out', 'err'].map((name) => {
    try {
      return statSync(join(directory, name)).size;
    } catch {
      return 0;
    }
  });
  return sizes.reduce((sum, size) => sum + size, 0);
}
