/**
 * window: when a run may start, in local time, and what happens to a run that is still running when
 * its window closes: it continues, or is ended.
 *
 * The time zone is that of the machine or one by name; its rules are read from the machine's own
 * zoneinfo together with the configuration (see policies/time-zone-file.ts), and again after a
 * change. policies/window-times.ts defines the window in a night with a clock change.
 */
import * as v from 'valibot';
import type { Policy, Prepared, Preparer, ReadFile, Readiness } from '../daemon/core/policy.ts';
import * as say from './policy-messages.ts';
import { type TimeZone, UTC } from './time-zone.ts';
import { parseTimeZone } from './time-zone-file.ts';
import { Calendar, parseSpan, SPAN_EXPECTED } from './window-times.ts';

/** Most spans of one window. */
export const SPANS_MAX = 100;

const ZONE_EXPECTED = 'a time zone, such as "Europe/Berlin"';

/** The machine's own time zone, and the directory of named ones. */
const LOCAL_PATH = '/etc/localtime';
const ZONES_PATH = '/usr/share/zoneinfo';

const SpanText = v.pipe(
  v.string(SPAN_EXPECTED),
  v.metadata({ title: 'span' }),
  v.rawTransform(({ dataset, addIssue, NEVER }) => {
    const span = parseSpan(dataset.value);
    if (span !== undefined) return span;
    addIssue({ message: SPAN_EXPECTED });
    return NEVER;
  }),
);

const Options = v.pipe(
  v.strictObject({
    type: v.literal('window'),
    open: v.pipe(v.array(SpanText), v.minLength(1), v.maxLength(SPANS_MAX)),
    zone: v.exactOptional(v.pipe(v.string(), v.regex(/^[\w+-]+(\/[\w+-]+)*$/, ZONE_EXPECTED))),
    atEnd: v.optional(v.picklist(['goOn', 'end']), 'goOn'),
  }),
  v.metadata({
    keys: {
      type: 'Times of day at which a run may start.',
      open:
        'When the window is open: times of day (`"22:00-06:00"`), days (`"Sat,Sun"`, ' +
        '`"Mon-Fri"`), or both (`"Mon-Fri 20:00-24:00"`). A span that passes midnight belongs to ' +
        'the day on which it begins. A change to or from daylight saving time makes a span ' +
        'longer or shorter; a span within the skipped hour does not open that night.',
      zone:
        'Time zone, such as `"Europe/Berlin"`. Default: the local time of the machine ' +
        '(`/etc/localtime`). The rules are read from `/usr/share/zoneinfo`.',
      atEnd:
        'What to do with a run that is still running when the window closes: let it go on ' +
        '(`goOn`), or end it with status 124, as `timeout` does (`end`).',
    },
  }),
);
type Given = v.InferOutput<typeof Options>;

/** With its openings, once the zone has been read. */
type WindowOptions = Given & { readonly calendar?: Calendar };

export const window: Policy<WindowOptions> = {
  type: 'window',
  options: Options,
  preparer,

  group: (_, target) => `target ${target.name}`,

  admit: () => ({ type: 'admit' }),

  ready(_run, { nowMs, wallMs, self }): Readiness {
    const calendar = calendarOf(self.options);
    const opening = calendar.openingAt(wallMs / 1_000);
    if (opening === undefined) {
      return { type: 'wait', reason: say.neverOpens(), behind: [], untilMs: nowMs + WEEK_MS };
    }
    if (opening.opens * 1_000 <= wallMs) return { type: 'start' };
    const { zone = 'local time' } = self.options;
    return {
      type: 'wait',
      reason: `waits for its window, which opens ${calendar.show(opening.opens)} (${zone})`,
      behind: [],
      untilMs: nowMs + opening.opens * 1_000 - wallMs,
    };
  },

  /** A run that started while it was closed may run until the end of the next opening. */
  deadline({ startedWallMs }, options) {
    if (options.atEnd !== 'end') return undefined;
    const calendar = calendarOf(options);
    const opening = calendar.openingAt(startedWallMs / 1_000);
    if (opening === undefined) return undefined;
    const { zone = 'local time' } = options;
    const reason = `its window closed ${calendar.show(opening.closes)} (${zone})`;
    return { wallMs: opening.closes * 1_000, reason };
  },
};

const WEEK_MS = 7 * 86_400_000;

function calendarOf(options: WindowOptions): Calendar {
  return options.calendar ?? new Calendar(options.open, UTC);
}

/** Reads each zone once for all targets. */
function preparer(read: ReadFile): Preparer<WindowOptions> {
  const known = new Map<string, ZoneRead>();
  return {
    prepare(options): Prepared<WindowOptions> {
      const { zone } = options;
      const path = zone === undefined ? LOCAL_PATH : `${ZONES_PATH}/${zone}`;
      const found = known.get(path) ?? readZone(path, zone, read);
      known.set(path, found);
      const rest = { warnings: [], files: [path] };
      if (!found.ok) return { options, problems: [found.problem], ...rest };
      const calendar = new Calendar(options.open, found.zone);
      return { options: { ...options, calendar }, problems: [], ...rest };
    },
  };
}

type ZoneRead =
  | { readonly ok: true; readonly zone: TimeZone }
  | { readonly ok: false; readonly problem: string };

function readZone(path: string, name: string | undefined, read: ReadFile): ZoneRead {
  const file = read(path, 'bytes');
  // As in the C library: without the file the machine uses UTC.
  if (!file.ok && name === undefined && file.error === 'ENOENT') return { ok: true, zone: UTC };
  if (!file.ok) return { ok: false, problem: say.unreadZone(name ?? path, path, file.error) };
  const zone = parseTimeZone(file.text);
  return zone === undefined ? { ok: false, problem: say.noZone(path) } : { ok: true, zone };
}
