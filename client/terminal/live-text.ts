/** The single line for a person who waits for a run. Pure. */
import { type RunView, showDuration, type WhyReply } from '../../daemon/protocol/request.ts';
import type { Screen } from './style.ts';
import type { Line } from './styled-line.ts';
import { bar, percentOf, showCoarse, showWhen } from './words.ts';

const BAR_CELLS = 20;

/** `passedMs`: the age of the reply. */
export function showLive(
  { chain, nowMs: thenMs }: WhyReply,
  passedMs: number,
  screen: Screen,
): Line {
  const [run, ...others] = chain;
  if (run === undefined) return [];
  const nowMs = (thenMs ?? Date.now()) + passedMs;
  const name = { text: `${run.target}: `, tone: 'bold' as const };
  switch (run.state) {
    case 'queued':
      return [name, ...waiting(run, others, passedMs, nowMs)];
    case 'starting':
      return [name, { text: 'starting' }];
    case 'stopping':
      return [name, { text: 'being stopped', tone: 'odd' }];
    case 'running':
      return [name, ...running(run, passedMs, nowMs, screen)];
    case 'ended':
      return [];
    default:
      return run.state satisfies never;
  }
}

function waiting(run: RunView, others: readonly RunView[], passedMs: number, nowMs: number): Line {
  const { behind = [], reasons = [], expectedStartAtMs: startMs } = run;
  const blocker = others.find((other) => behind.includes(other.run));
  const starts =
    startMs === undefined ? [] : [{ text: `; starts about ${showWhen(startMs, nowMs)}` }];
  if (blocker === undefined) {
    const why = reasons[0]?.replace(/^waits /, '') ?? '';
    return [{ text: 'waiting', tone: 'odd' }, { text: why === '' ? '' : ` ${why}` }, ...starts];
  }
  const more = behind.length > 1 ? ` and ${behind.length - 1} more` : '';
  const text = ` for ${blocker.target}${more}${progress(blocker, passedMs)}`;
  return [{ text: 'waiting', tone: 'odd' }, { text }, ...starts];
}

/** ", 1 h 12 min of about 1 h 40 min". */
function progress({ state, tookMs, usual }: RunView, passedMs: number): string {
  if (state === 'queued') return ', which is queued itself';
  if (state !== 'running' || tookMs === undefined) return '';
  const about = usual === undefined ? '' : ` of about ${showCoarse(usual.medianMs)}`;
  return `, ${showCoarse(tookMs + passedMs)}${about}`;
}

function running(then: RunView, passedMs: number, nowMs: number, screen: Screen): Line {
  const run = { ...then, tookMs: (then.tookMs ?? 0) + passedMs };
  const { expectedEndAtMs, usual, pace, tookMs } = run;
  const percent = percentOf(run, nowMs);
  if (percent !== undefined) {
    const leftMs = expectedEndAtMs === undefined ? undefined : expectedEndAtMs - nowMs;
    const left = leftMs === undefined ? '' : `, ${showCoarse(leftMs)} left`;
    const of =
      usual === undefined || expectedEndAtMs === undefined
        ? ''
        : ` of about ${showCoarse(tookMs + Math.max(0, expectedEndAtMs - nowMs))}`;
    return [
      { text: `${bar(percent, screen, BAR_CELLS)} ${Math.floor(percent)}%`, tone: 'busy' },
      { text: `${left}${of}` },
    ];
  }
  const usually = usual === undefined ? '' : ` (usually ${showDuration(usual.medianMs)})`;
  const slow =
    pace === 'slower' || usual !== undefined ? `, longer than any earlier run${usually}` : '';
  return [{ text: 'running', tone: 'busy' }, { text: ` for ${showCoarse(tookMs)}${slow}` }];
}
