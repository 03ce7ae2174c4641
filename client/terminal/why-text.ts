/**
 * `baton why`: the whole chain of runs that wait for each other, with expected times. Sentences, so
 * they are wrapped, not cut. Pure.
 */
import {
  adviseOutcome,
  type RunView,
  showDuration,
  type WhyReply,
} from '../../daemon/protocol/request.ts';
import { printable, type Screen, wrap } from './style.ts';
import { draw, type Line, type Tone } from './styled-line.ts';
import { attemptOf, jobOf, percentOf, remains, showTimes, showWhen, verdictOf } from './words.ts';

const STEP = 2;
/** On a narrower terminal the deepest lines are cut. */
const TEXT_COLUMNS_MIN = 30;

/** The requested run, then, indented, each run that it waits for, and those in the way of these. */
export function showWhy(reply: WhyReply, screen: Screen): string {
  const { chain, target, members, nowMs = Date.now() } = reply;
  const [first] = chain;
  if (first === undefined) {
    const text =
      members === undefined
        ? `${target ?? 'it'} has not run yet; nothing is queued`
        : `${target} has no run queued or running; "baton status" shows how the last one ended`;
    return `${draw([{ text }], screen)}\n`;
  }
  const rest = new Map(chain.map((run) => [run.run, run]));
  const lines: Line[] = [];
  const tell = (run: RunView, depth: number): void => {
    rest.delete(run.run);
    lines.push(...linesOf(run, depth, { nowMs, screen }));
    for (const number of run.behind ?? []) {
      const other = rest.get(number);
      if (other !== undefined) tell(other, depth + 1);
    }
  };
  for (const number of members ?? [first.run]) {
    const asked = rest.get(number);
    if (asked !== undefined) tell(asked, 0);
  }
  // Some daemons do not report who is behind whom, but they do report who is in the way.
  for (const run of rest.values()) tell(run, 1);
  return lines.map((line) => `${draw(line, screen)}\n`).join('');
}

interface Sight {
  readonly nowMs: number;
  readonly screen: Screen;
}

/** What is printed about a run: its state, and facts that each begin a line. */
interface Tale {
  readonly tone: Tone;
  readonly is: string;
  readonly rest: string;
  readonly facts: readonly string[];
}

function linesOf(run: RunView, depth: number, see: Sight): readonly Line[] {
  const { tone, is, rest, facts } = taleOf(run, see);
  const indent = ' '.repeat(depth * STEP);
  const head: Line = [
    { text: `${indent}run ${run.run} of ` },
    { text: run.target, tone: 'bold' },
    { text: ' ' },
    { text: is, tone },
    { text: rest },
  ];
  const left = Math.max(TEXT_COLUMNS_MIN, see.screen.columns - (depth + 2) * STEP);
  const tell = (fact: string): readonly Line[] =>
    wrap(printable(fact), left).map((text, at) => [
      { text: `${indent}${' '.repeat(at === 0 ? STEP : 2 * STEP)}${text}` },
    ]);
  return [head, ...facts.flatMap(tell)];
}

function taleOf(run: RunView, see: Sight): Tale {
  const when = (ms: number): string => showWhen(ms, see.nowMs);
  const tried = attemptOf(run)
    .map((text) => `, ${text}`)
    .join('');
  switch (run.state) {
    case 'queued': {
      const { waitedMs, acceptedAtMs, overtaken, reasons = [] } = run;
      const facts = [
        ...(reasons.length === 0 ? ['nothing prevents its start'] : reasons),
        ...startOf(run, when),
        ...(overtaken === undefined ? [] : [`was overtaken ${showTimes(overtaken)}`]),
      ];
      const rest = ` for ${showDuration(waitedMs)}, since ${when(acceptedAtMs)}`;
      return { tone: 'odd', is: 'has been waiting', rest, facts };
    }
    case 'starting':
      return { tone: 'busy', is: 'is starting', rest: tried, facts: waitsIn(run) };
    case 'running':
      return { tone: 'busy', is: 'has been running', ...progressOf(run, ' for', see) };
    case 'stopping':
      return { tone: 'odd', is: 'is being stopped', ...progressOf(run, ' after', see) };
    case 'ended': {
      const { tone } = verdictOf(run, see.screen);
      const { endedAtMs, tookMs, text = 'ended', verdict } = run;
      const warning = verdict === 'warning' ? ' (a warning)' : '';
      const at = endedAtMs === undefined ? '' : ` at ${when(endedAtMs)}`;
      const took = tookMs === undefined ? '' : `, took ${showDuration(tookMs)}`;
      const { outcome } = run;
      const advice = outcome && adviseOutcome(outcome, run.run, run.target);
      const rest = `${warning}${at}${took}${tried}${remains(run)}`;
      return { tone, is: text, rest, facts: advice === undefined ? [] : [advice] };
    }
    default:
      return run.state satisfies never;
  }
}

/** When it starts: at about that time, not before that time, or unknown. */
function startOf(run: RunView, when: (ms: number) => string): readonly string[] {
  const { expectedStartAtMs, nextAttemptAtMs, pausedUntilMs } = run;
  const paused =
    pausedUntilMs === undefined ? [] : [`is paused until ${when(pausedUntilMs)} at the latest`];
  if (expectedStartAtMs !== undefined)
    return [...paused, `starts about ${when(expectedStartAtMs)}`];
  if (nextAttemptAtMs === undefined) return paused;
  return [...paused, `starts not before ${when(nextAttemptAtMs)}`];
}

function progressOf(run: RunView, word: string, { nowMs }: Sight): Pick<Tale, 'rest' | 'facts'> {
  const { tookMs = 0, startedAtMs, expectedEndAtMs, usual, pid } = run;
  const percent = percentOf(run, nowMs);
  const since = startedAtMs === undefined ? '' : `, since ${showWhen(startedAtMs, nowMs)}`;
  const job = jobOf(run);
  const id = pid === undefined ? job && `, ${job}` : `, pid ${pid}`;
  const done = percent === undefined ? '' : `${Math.floor(percent)}% done, `;
  const usually = usual === undefined ? '' : `usually takes ${showDuration(usual.medianMs)}`;
  const end =
    expectedEndAtMs === undefined
      ? usually && `${usually}, now longer than any earlier run`
      : `${done}ends about ${showWhen(expectedEndAtMs, nowMs)}${usually && `; ${usually}`}`;
  const tried = attemptOf(run)
    .map((text) => `, ${text}`)
    .join('');
  const rest = `${word} ${showDuration(tookMs)}${since}${id}${tried}`;
  if (run.unrecorded !== undefined) return { rest, facts: [run.unrecorded] };
  return { rest, facts: [...waitsIn(run), ...(end === '' ? [] : [end])] };
}

/** Why a Slurm job waits there. */
function waitsIn({ slurm }: RunView): readonly string[] {
  return slurm?.waits === undefined ? [] : [slurm.waits];
}
