/**
 * A plugin for batond (baton-plugin(7)): no run starts during quiet hours. The hours are in a file
 * of their own, so you can change them without editing config.json. Each line is a span in local
 * time, such as "22:00-06:00"; "#" starts a comment. Copy this file to /etc/baton. In config.json:
 *
 *   "plugins": ["/etc/baton/quiet-hours.mjs"],
 *   … "policies": [{ "type": "quiet-hours", "file": "/etc/baton/quiet-hours" }]
 *
 * A run that is requested during these hours waits. batond reads the file again when it changes.
 */

const SPAN = /^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$/;
const MINUTE_MS = 60_000;
const DAY = 24 * 60;

/** @type {import('batond/plugin').Policy<{ file: string, spans?: [number, number][] }>} */
export const quietHours = {
  type: 'quiet-hours',
  options: {
    '~standard': {
      version: 1,
      vendor: 'by hand',
      validate: (value) =>
        typeof value.file === 'string' && value.file.startsWith('/')
          ? { value: { file: value.file } }
          : { issues: [{ message: 'expected an absolute path', path: ['file'] }] },
    },
  },

  group: ({ file }) => file,

  preparer: (read) => ({ prepare: ({ file }) => prepared(file, read(file)) }),

  admit: () => ({ type: 'admit' }),

  ready: (_run, { self, nowMs, wallMs }) => {
    const { file, spans } = self.options;
    const now = new Date(wallMs);
    const minute = now.getHours() * 60 + now.getMinutes();
    const left = Math.max(0, ...spans.map((span) => minutesLeft(span, minute)));
    if (left === 0) return { type: 'start' };
    const untilMs = nowMs + left * MINUTE_MS - (wallMs % MINUTE_MS);
    const reason = `waits until the quiet hours in ${file} end, in ${left} min`;
    return { type: 'wait', reason, behind: [], untilMs };
  },
};

function prepared(file, found) {
  const nothing = { options: { file, spans: [] }, warnings: [], files: [file] };
  if (!found.ok) {
    const problem = `${file} cannot be read (${found.error}); create it, or correct "file"`;
    return { ...nothing, problems: [problem] };
  }
  const lines = found.text.split('\n').map((line) => line.replace(/#.*/, '').trim());
  const wrong = lines.find((line) => line !== '' && !SPAN.test(line));
  if (wrong !== undefined) {
    return {
      ...nothing,
      problems: [`${file}: "${wrong}" is not a span such as "22:00-06:00"; correct the line`],
    };
  }
  const spans = lines.flatMap((line) => (line === '' ? [] : [spanOf(line)]));
  return { ...nothing, options: { file, spans }, problems: [] };
}

/** Start and end of the span, in minutes since midnight. */
function spanOf(line) {
  const [, fromHour, fromMinute, toHour, toMinute] = SPAN.exec(line).map(Number);
  return [fromHour * 60 + fromMinute, toHour * 60 + toMinute];
}

/** Minutes until the end of the span; 0 outside it. */
function minutesLeft([from, to], minute) {
  const length = (to - from + DAY) % DAY;
  const since = (minute - from + DAY) % DAY;
  return since < length ? length - since : 0;
}
