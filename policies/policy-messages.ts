/**
 * What keeps a policy from working as configured. Why a run waits or was refused is not a mistake,
 * and its text is in the policy; see daemon/messages.ts for the style.
 */

// Targets of one group that contradict each other; the daemon adds "make them equal"

export const differs = (what: string, here: string, there: string, target: string): string =>
  `${what} is ${here} here and ${there} in target "${target}" of the same group`;

// rsnapshot.conf

export const unreadConf = (path: string, error: string): string =>
  `${path} cannot be read (${error})`;

export const noRetain = (path: string): string => `${path} has no retain lines`;

/** `text` is rsnapshot's own. */
export const refusedLine = (path: string, line: number, text: string): string =>
  `rsnapshot refuses ${path} for line ${line}: ${text}; correct it, and try "rsnapshot configtest"`;

export const refusedConf = (path: string, text: string): string =>
  `rsnapshot refuses ${path}: ${text}; correct it, and try "rsnapshot configtest"`;

export const remoteConf = (host: string): string => `it is on ${host}`;

export const noRsnapshot = (): string =>
  'the command is not rsnapshot; set "conf" to its rsnapshot.conf';

/** `include` is the line, `path` the file that contains it. */
export const includesCommand = (value: string, path: string): string =>
  `include_conf ${value} in ${path} is a command, which baton never executes`;

export const includesDeep = (value: string, path: string): string =>
  `include_conf ${value} in ${path} is nested too deeply`;

export const includesUnread = (value: string, path: string, error: string): string =>
  `include_conf ${value} in ${path} cannot be read (${error})`;

// Intervals

export const noSyncFirst = (path: string): string =>
  `interval "sync" needs "sync_first 1" in ${path}; add it there or remove the target`;

/** `why` it has no rank: one of the sentences above. */
export const noRank = (interval: string, why: string, known: string): string =>
  `interval "${interval}" has no known rank, because ${why}; use one of ${known}, or set ` +
  '"order" (lowest first)';

export const noLevel = (
  interval: string,
  path: string,
  levels: readonly string[],
  unread: readonly string[],
): string => {
  const has = levels.join(', ');
  const found = `interval "${interval}" is not a retain line of ${path}, which has ${has}`;
  if (unread.length === 0) return `${found}; correct one of them`;
  return `${found}; ${unread.join('; ')}; set "order" (lowest first)`;
};

export const unsureOrder = (target: string, unread: string): string =>
  `target "${target}": ${unread}; set "order" (lowest first)`;

export const otherInterval = (target: string, verb: string, interval: string): string =>
  `target "${target}" runs rsnapshot ${verb}, but its interval is "${interval}"; correct one of them`;

export const syncFailed = (run: number, interval: string): string =>
  `run ${run}, the sync that it needs, failed, and ${interval} would rotate without new data; ` +
  `see why with "baton logs ${run}"`;

/** `hope` says which sync may come. */
export const syncAwaited = (run: number, failed: string, interval: string, hope: string): string =>
  `waits for a sync that succeeds (${hope}): ${failed}, the most recent one, failed, and ` +
  `${interval} would rotate without new data; see why with "baton logs ${run}"`;

export const ignoredLong = (reason: string, times: number): string =>
  `${reason}; ${times} earlier requests were ignored for this reason; see what delays it with ` +
  '"baton status"';

/** The process with the lock's pid exists, but is something else. */
export const staleLock = (pid: number, text: string, lockfile: string): string =>
  `waits for the lock ${lockfile}, which is probably stale: its pid ${pid} is not rsnapshot ` +
  `(${text}), but rsnapshot would still refuse to start; remove the lock if no rsnapshot is ` +
  'running, and set "maxWait"';

export const rotatesAgain = (target: string, interval: string): string =>
  `target "${target}": after a failure or loss, ${interval} is repeated ("onLost" or "retry") ` +
  'and rotates twice in the same night; remove that setting, or use it only for "sync"';

// Windows

/** `zone` is its name, or the path if it has none. */
export const unreadZone = (zone: string, path: string, error: string): string =>
  `the rules of time zone ${zone} cannot be read from ${path} (${error}); ` +
  'correct "zone", or install tzdata';

export const noZone = (path: string): string =>
  `${path} holds no time zone; correct "zone", or install tzdata`;

export const neverOpens = (): string =>
  'waits for its window, which does not open within two weeks; correct "open"';
