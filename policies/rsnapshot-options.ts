/**
 * The rsnapshot policy's levels and its rsnapshot.conf: options, their completion from files on
 * this machine, and the rank of a level. Pure.
 *
 * The order of the levels is `order`, else that of the conf's retain lines, else that of the
 * classic names. A conf with classic names only is ranked among all of them, so that two confs in
 * one group agree on the order even if each has only some of the levels.
 */
import * as v from 'valibot';
import type { Level, PolicyTarget, Prepared, Preparer, ReadFile } from '../daemon/core/policy.ts';
import { DURATION, DURATION_EXPECTED, parseDuration } from '../daemon/shared/duration.ts';
import * as say from './policy-messages.ts';
import {
  CLASSIC,
  type ConfRead,
  callsRsnapshot,
  confOfCommand,
  type RsnapshotConf,
  readRsnapshotConf,
  SYNC,
  verbOfCommand,
} from './rsnapshot-conf.ts';

/** How long a group waits for higher intervals of the same minute: 20 times the measured spread. */
export const SETTLE_MS_DEFAULT = 2_000;
export const SETTLE_MS_MAX = 60_000;

/** Where rsnapshot reads its configuration by default. */
const CONF_DEFAULT = '/etc/rsnapshot.conf';

const PATH_EXPECTED = 'the absolute path of an rsnapshot.conf';
const ALARM_EXPECTED = 'how many requests in a row may be ignored, from 1 on';
const LEVEL_EXPECTED = 'an interval as in rsnapshot.conf: letters, digits and _';
const LevelName = v.pipe(v.string(), v.regex(/^\w+$/, LEVEL_EXPECTED));

const Settle = v.pipe(
  v.string(),
  v.check(
    (text) => (parseDuration(text) ?? Number.POSITIVE_INFINITY) <= SETTLE_MS_MAX,
    `${DURATION_EXPECTED}, at most "60s"`,
  ),
  v.metadata({ title: 'duration', pattern: DURATION.source }),
  v.transform((text) => parseDuration(text) ?? SETTLE_MS_DEFAULT),
);

export const Options = v.pipe(
  v.strictObject({
    type: v.literal('rsnapshot'),
    interval: LevelName,
    conf: v.optional(v.pipe(v.string(), v.startsWith('/', PATH_EXPECTED))),
    group: v.optional(v.pipe(v.string(), v.minLength(1))),
    order: v.optional(v.pipe(v.array(LevelName), v.minLength(1))),
    settle: v.optional(Settle),
    onDuplicate: v.optional(v.picklist(['refuse', 'ignore', 'join']), 'refuse'),
    skipAlarm: v.exactOptional(
      v.pipe(v.number(ALARM_EXPECTED), v.integer(ALARM_EXPECTED), v.minValue(1, ALARM_EXPECTED)),
    ),
    respectLock: v.optional(v.boolean()),
    afterFailedSync: v.optional(v.picklist(['hold', 'run'])),
  }),
  v.metadata({
    keys: {
      type: 'Run one interval of an rsnapshot.conf at a time, the highest first.',
      interval: 'Interval that the target runs, or `sync`.',
      conf:
        'Path of the rsnapshot.conf. Targets with the same file form a group; its `retain` ' +
        'lines give their order. Default: the file after `-c` in `args`, else ' +
        '`/etc/rsnapshot.conf`.',
      group: 'Name of the group, instead of the path of the rsnapshot.conf.',
      order: 'Intervals, lowest first, if no rsnapshot.conf gives the order.',
      settle:
        'Time to wait after the first request before anything starts, so that the crontab ' +
        'lines of the same minute can be put in order. Default: `"2s"`; maximum: `"60s"`.',
      onDuplicate:
        'What to do with a request for an interval that is already queued or running: refuse ' +
        'it with status 75 (`refuse`), ignore it with status 0 (`ignore`), or let it share ' +
        'the queued run (`join`).',
      skipAlarm:
        'With `ignore`: number of requests to ignore in a row before the next one is refused, ' +
        'so that a run that hangs forever is noticed.',
      afterFailedSync:
        'With `sync_first`: what this interval does after the newest `sync` has failed. ' +
        '`hold` (default): the lowest interval is skipped with status 75, and higher ones ' +
        'wait for a sync that succeeds, because each rotation without new data discards a ' +
        'snapshot. `run`: it runs anyway.',
      respectLock: 'Wait while an rsnapshot outside the group holds the lock. Default: `true`.',
    },
  }),
  v.forward(
    v.check(
      ({ skipAlarm, onDuplicate }) => skipAlarm === undefined || onDuplicate === 'ignore',
      'nothing, or "onDuplicate": "ignore" beside it: only what is ignored is counted',
    ),
    ['skipAlarm'],
  ),
  v.forward(
    v.check(
      ({ order, interval }) => order === undefined || interval === SYNC || order.includes(interval),
      'one of "order" (lowest first), or "sync"',
    ),
    ['interval'],
  ),
);
/** `found` is the content of the conf when the configuration was read. */
export type RsnapshotOptions = v.InferOutput<typeof Options> & {
  readonly found?: RsnapshotConf;
  /** Cached, because it is used often; see `rankOf`. */
  readonly height?: number;
};

/** The path of the conf as written; its real path is in `found`. */
export function confPath(options: RsnapshotOptions, target: PolicyTarget): string {
  return namedConf(options, target) ?? CONF_DEFAULT;
}

function namedConf({ conf }: RsnapshotOptions, { args = [] }: PolicyTarget): string | undefined {
  return conf ?? confOfCommand(args);
}

/** Completes options from their confs, each of which is parsed once, however many levels it has. */
export function preparer(read: ReadFile): Preparer<RsnapshotOptions> {
  const known = new Map<string, ConfRead>();
  const confAt = (path: string): ConfRead => {
    const conf = known.get(path) ?? readRsnapshotConf(path, read);
    known.set(path, conf);
    return conf;
  };
  return { prepare: (options, target) => prepare(options, target, confAt) };
}

type ConfAt = (path: string) => ConfRead;

/** Reports what cannot work and what looks wrong. */
function prepare(
  options: RsnapshotOptions,
  target: PolicyTarget,
  confAt: ConfAt,
): Prepared<RsnapshotOptions> {
  const path = confPath(options, target);
  const conf = readConf(options, target, confAt);
  const found = conf.ok && conf.conf.levels.length > 0 ? conf.conf : undefined;
  const unread = conf.ok ? conf.conf.unread : [];
  const why = whyUnknown(path, conf);
  const known = found === undefined ? options : { ...options, found };
  const completed = { ...known, height: heightOf(known) };
  const problem = problemOf(completed, why);
  return {
    options: completed,
    problems: problem === undefined ? [] : [problem],
    warnings: [...refusals(completed, target), ...warningsOf(completed, target, unread)],
    files: conf.files,
  };
}

function whyUnknown(path: string, conf: ConfRead): string {
  if (!conf.ok) return say.unreadConf(path, conf.error);
  const { unread } = conf.conf;
  return unread.length > 0 ? unread.join('; ') : say.noRetain(path);
}

/** The default is read only for rsnapshot itself: another command may not use it. */
function readConf(options: RsnapshotOptions, target: PolicyTarget, confAt: ConfAt): ConfRead {
  const unread = { ok: false, files: [] } as const;
  if (target.host !== undefined) return { ...unread, error: say.remoteConf(target.host) };
  const isMeant = namedConf(options, target) !== undefined || callsRsnapshot(target.args ?? []);
  if (!isMeant) return { ...unread, error: say.noRsnapshot() };
  return confAt(confPath(options, target));
}

function problemOf(options: RsnapshotOptions, unfound: string): string | undefined {
  const { interval, order, found } = options;
  if (interval === SYNC) {
    if (found === undefined || found.syncFirst || found.unread.length > 0) return undefined;
    return say.noSyncFirst(found.path);
  }
  if (order !== undefined || orderOf(options) !== undefined) return undefined;
  if (found === undefined) {
    const known = CLASSIC.map((names) => names.join(', ')).join(' or ');
    return say.noRank(interval, unfound, known);
  }
  return say.noLevel(interval, found.path, found.levels, found.unread);
}

/** Every run of the target would end with 1. */
function refusals({ found }: RsnapshotOptions, { name }: PolicyTarget): readonly string[] {
  const [first] = found?.refused ?? [];
  if (first === undefined) return [];
  return [`target "${name}": ${say.refusedLine(first.path, first.line, first.text)}`];
}

function warningsOf(
  options: RsnapshotOptions,
  target: PolicyTarget,
  unread: readonly string[],
): readonly string[] {
  const { name, args, retriesLost } = target;
  const { interval, order } = options;
  const warnings: string[] = [];
  // A repeated sync fetches what is missing, and rotates nothing.
  if (retriesLost === true && interval !== SYNC) warnings.push(say.rotatesAgain(name, interval));
  if (order === undefined) {
    for (const it of unread) warnings.push(say.unsureOrder(name, it));
  }
  const verb = verbOfCommand(args ?? []);
  const isLevel = (name: string) => name === SYNC || (orderOf(options)?.includes(name) ?? false);
  if (verb !== undefined && verb !== interval && isLevel(verb)) {
    warnings.push(say.otherInterval(name, verb, interval));
  }
  return warnings;
}

/** All levels of the group, lowest first; undefined if this one's position is unknown. */
export function orderOf({
  order,
  interval,
  found,
}: RsnapshotOptions): readonly string[] | undefined {
  if (order !== undefined) return order;
  if (found === undefined) return CLASSIC.find((names) => names.includes(interval));
  if (interval !== SYNC && !found.heights.has(interval)) return undefined;
  return found.order;
}

/** The height of a level; -1 for `sync`, whose position depends on the group. */
export function rankOf(options: RsnapshotOptions): number {
  return options.height ?? heightOf(options);
}

function heightOf(options: RsnapshotOptions): number {
  const { order, interval, found } = options;
  if (order === undefined && found !== undefined) return found.heights.get(interval) ?? -1;
  return (orderOf(options) ?? []).indexOf(interval);
}

/** Whether this level uses what `sync` has fetched. */
export function usesSync({ interval, found }: RsnapshotOptions): boolean {
  return found === undefined || (found.syncFirst && found.levels[0] === interval);
}

/** The level of a target, for other parts of baton. */
export function levelOf(options: RsnapshotOptions): Level | undefined {
  const order = orderOf(options);
  return order === undefined ? undefined : { name: options.interval, order };
}
