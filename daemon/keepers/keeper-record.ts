/**
 * The record of an attempt that was released: `keeper.ATTEMPT.NONCE` in the directory of its run,
 * written once the start is in the journal and before the command runs. The keeper holds it open
 * while the command runs. So it is known what has run even if the journal was restored from an
 * older copy, or removed; and the record of a living keeper can be read through its descriptor even
 * if the directory was moved or removed.
 */
import { closeSync, constants, openSync, readdirSync, readlinkSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as v from 'valibot';
import type { LetGo } from '../core/command.ts';
import { errnoOf, isShortage } from '../shared/errno.ts';
import { parseJson } from '../system/parse-json.ts';
import { bootId, commandOf, statOf } from '../system/proc.ts';
import { readRegular } from '../system/regular-file.ts';

/** A job of Slurm, as stored in files. */
export const SlurmJobSchema = v.object({
  token: v.string(),
  directory: v.string(),
  conf: v.exactOptional(v.string()),
  from: v.object({ out: v.number(), err: v.number() }),
  job: v.exactOptional(v.string()),
});

const Record_ = v.object({
  run: v.number(),
  target: v.string(),
  merged: v.boolean(),
  token: v.string(),
  attempt: v.number(),
  nonce: v.exactOptional(v.string()),
  startNonce: v.exactOptional(v.string()),
  keeper: v.object({
    pid: v.number(),
    startTime: v.number(),
    bootId: v.string(),
    nonce: v.exactOptional(v.string()),
    kind: v.exactOptional(v.picklist(['ssh', 'slurm'])),
    slurm: v.exactOptional(SlurmJobSchema),
  }),
  /** The state directory at that time. */
  state: v.string(),
  /** When it was released. */
  monotonicMs: v.number(),
  wallMs: v.number(),
});
export type KeeperRecord = v.InferOutput<typeof Record_>;

/** A record that a living keeper holds open. */
export interface HeldRecord {
  readonly record: KeeperRecord;
  /** The directory of the run, wherever it is now; absent: it was removed. */
  readonly directory?: string;
}

const NAME = /^keeper\.\d+\.[\w-]+$/;
const DELETED = ' (deleted)';
const RECORD_BYTES_MAX = 4_096;
/** How the titles of keepers begin while commands run. */
const TITLES = ['baton run ', 'baton ssh keeper'];

/** Throws system errors. */
export function writeRecord(directory: string, record: KeeperRecord): void {
  const { O_WRONLY, O_CREAT, O_EXCL } = constants;
  const name = `keeper.${record.attempt}.${record.keeper.nonce}`;
  const file = openSync(join(directory, name), O_WRONLY | O_CREAT | O_EXCL, 0o600);
  try {
    writeSync(file, JSON.stringify(record));
  } finally {
    closeSync(file);
  }
}

/** The records in the directory of a run; none if there is no directory. */
export function recordsIn(directory: string): readonly KeeperRecord[] {
  return namesIn(directory)
    .filter((name) => NAME.test(name))
    .flatMap((name) => read(join(directory, name), constants.O_NOFOLLOW) ?? []);
}

/** The records that living keepers on this machine hold, for any state directory. */
export function heldRecords(): readonly HeldRecord[] {
  return namesIn('/proc').flatMap((name) => {
    const isKeeper =
      /^\d+$/.test(name) && TITLES.some((title) => commandOf(Number(name)).startsWith(title));
    return isKeeper ? heldBy(Number(name)) : [];
  });
}

/** The records that one process holds; none if it is gone, or if its pid was reused. */
export function heldBy(pid: number): readonly HeldRecord[] {
  const folder = `/proc/${pid}/fd`;
  const held = namesIn(folder).flatMap((fd) => {
    const link = linkOf(join(folder, fd));
    const path = link.endsWith(DELETED) ? link.slice(0, -DELETED.length) : link;
    if (!NAME.test(path.slice(path.lastIndexOf('/') + 1))) return [];
    const record = read(join(folder, fd));
    if (record?.keeper.pid !== pid || record.keeper.bootId !== bootId()) return [];
    return [path === link ? { record, directory: dirname(path) } : { record }];
  });
  if (held.length === 0) return held;
  const stat = statOf(pid);
  return held.filter(({ record }) => record.keeper.startTime === stat?.startTime);
}

/** As the scheduler sees it; `at` is when it was released, by this daemon's clocks. */
export function letGoBy(
  { state: _, monotonicMs: __, wallMs: ___, ...record }: KeeperRecord,
  at: LetGo['at'],
  isLive: boolean,
): LetGo {
  return { ...record, at, isLive };
}

/** Undefined if it is not a record, or not complete. */
function read(path: string, flags = 0): KeeperRecord | undefined {
  try {
    return parseJson(Record_, readRegular(path, RECORD_BYTES_MAX, flags));
  } catch (error) {
    if (isShortage(errnoOf(error))) throw error;
    return undefined;
  }
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (isShortage(errnoOf(error))) throw error;
    return [];
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
