/**
 * A plugin for batond (baton-plugin(7)): no run starts during quiet hours. They stand in a file
 * that others may edit without touching config.json, a span a line: "22:00-06:00", local time;
 * "#" begins a comment. In config.json:
 *
 *   "plugins": ["/etc/baton/quiet-hours.mjs"],
 *   … "policies": [{ "type": "quiet-hours", "file": "/etc/baton/quiet-hours" }]
 *
 * A run that is asked for meanwhile waits. The file is read again after a change.
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
    const reason = `waits for the quiet hours of ${file} to end, in ${left} min`;
    return { type: 'wait', reason, behind: [], untilMs };
  },
};

function prepared(file, found) {
  const nothing = { options: { file, spans: [] }, warnings: [], files: [file] };
  if (!found.ok) {
    const problem = `${file} cannot be read (${found.error}); write it, or correct "file"`;
    return { ...nothing, problems: [problem] };
  }
  const lines = found.text.split('\n').map((line) => line.replace(/#.*/, '').trim());
  const wrong = lines.find((line) => line !== '' && !SPAN.test(line));
  if (wrong !== undefined) {
    return { ...nothing, problems: [`${file}: "${wrong}" is no span such as "22:00-06:00"`] };
  }
  const spans = lines.flatMap((line) => (line === '' ? [] : [spanOf(line)]));
  return { ...nothing, options: { file, spans }, problems: [] };
}

/** From and to, in minutes of the day. */
function spanOf(line) {
  const [, fromHour, fromMinute, toHour, toMinute] = SPAN.exec(line).map(Number);
  return [fromHour * 60 + fromMinute, toHour * 60 + toMinute];
}

/** How long the span goes on; 0 outside of it. */
function minutesLeft([from, to], minute) {
  const length = (to - from + DAY) % DAY;
  const since = (minute - from + DAY) % DAY;
  return since < length ? length - since : 0;
}
