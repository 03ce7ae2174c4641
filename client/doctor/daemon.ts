/** The daemon: whether it answers, its version, and what it reports about itself. */
import { readdir, readlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { EXIT, type StatusReply, showDuration } from '../../daemon/protocol/request.ts';
import type { Answer, Place } from '../connection/conversation.ts';
import { queryOne } from '../connection/queries.ts';
import * as say from './doctor-messages.ts';
import { type Finding, ok, troubleOf, wrong } from './finding.ts';

/** A daemon that is started by this request may have a long journal to read. */
const DAEMON_MS = 10_000;
const JOURNAL = /\/journal\.ndjson$/;
/** Most broken targets that are listed. */
const BROKEN_MAX = 5;

/** Called once a connection was possible. */
export function askDaemon(place: Place): Promise<Answer<StatusReply>> {
  const connectTimeoutMs = place.connectTimeoutMs ?? DAEMON_MS;
  return queryOne({ ...place, connectTimeoutMs }, { type: 'status' });
}

/** Longest time that `askDaemon` may take: first away, then silent. */
export function daemonLimitMs(place: Place): number {
  return 3 * (place.connectTimeoutMs ?? DAEMON_MS) + DAEMON_MS;
}

export function judgeDaemon(answer: Answer<StatusReply>, own: string): readonly Finding[] {
  if (!answer.ok) {
    const sentence = answer.ending.line ?? 'the daemon does not answer';
    if (answer.ending.status === EXIT.config) return [wrong('daemon', say.badConfig())];
    const todo = 'see the log of the daemon, and restart it';
    return [wrong('daemon', troubleOf(sentence, 'the status of the daemon', todo))];
  }
  const { version, trouble, targets, pid, startedAtMs, nowMs, running, queued } = answer.value;
  const broken = targets.flatMap(({ target, broken: why }) =>
    why === undefined ? [] : [`target "${target}" is broken: ${why}`],
  );
  const findings = [
    ...(version === own ? [] : [wrong('daemon', say.otherVersion(version, own))]),
    ...(trouble === undefined
      ? []
      : [wrong('daemon', troubleOf(trouble, 'a daemon that accepts runs', 'see its log'))]),
    ...broken.slice(0, BROKEN_MAX).map((sentence) => {
      const todo = 'run "batond --check", and fix it';
      return wrong('daemon', troubleOf(sentence, 'a target that can run', todo));
    }),
  ];
  if (findings.length > 0) return findings;
  const count = targets.length === 1 ? '1 target' : `${targets.length} targets`;
  const up = showDuration(Math.max(0, nowMs - startedAtMs));
  const what = `${count}, ${running} running, ${queued} queued`;
  return [ok('daemon', `batond ${version} answers, pid ${pid}, for ${up}: ${what}`)];
}

/** The directory of the journal that a process has open; undefined if that is not visible. */
export async function findStateOf(pid: number): Promise<string | undefined> {
  const place = `/proc/${pid}/fd`;
  try {
    for (const name of await readdir(place)) {
      const path = await readlink(`${place}/${name}`).catch(() => '');
      if (JOURNAL.test(path)) return dirname(path);
    }
  } catch {
    // Another user's, or in another container.
  }
  return undefined;
}
