/** How a fleet has ended: its worst status, and a table, failures first. Pure. */
import { EXIT, type Verdict } from '../../daemon/protocol/request.ts';
import type { Outcome } from '../../daemon/shared/run.ts';
import type { Screen } from './style.ts';
import type { Tone } from './styled-line.ts';
import { type Row, table } from './table.ts';

/** How the run of one host ended. */
export interface HostEnd {
  readonly host: string;
  readonly run?: number;
  readonly status: number;
  /** The status is from baton, not from the command. */
  readonly isOwn: boolean;
  readonly verdict: Verdict;
  /** Absent: unknown. */
  readonly outcome?: Outcome;
  readonly text: string;
}

/** Most successes that are shown individually. */
const GOOD_SHOWN_MAX = 20;

/**
 * The overall status: of the worst kind of outcome, the highest. An unknown outcome is worse than a
 * run that never started, that is worse than one that baton ended, and that than a failure.
 */
export function worstOf(ends: readonly HostEnd[]): {
  readonly status: number;
  readonly isOwn: boolean;
} {
  const [worst] = inOrder(ends);
  if (worst === undefined) return { status: 0, isOwn: false };
  const { status, isOwn, verdict } = worst;
  return { status: verdict === 'failed' ? status || EXIT.noVerdict : status, isOwn };
}

/** Worst first; equal ones stay in the order of the hosts. */
function inOrder(ends: readonly HostEnd[]): readonly HostEnd[] {
  return ends.toSorted((a, b) => rankOf(b) - rankOf(a) || b.status - a.status);
}

/** How important it is for an administrator. */
function rankOf({ verdict, outcome }: HostEnd): number {
  if (verdict === 'ok') return 0;
  if (verdict === 'warning') return 1;
  switch (outcome?.kind) {
    case 'cancelled':
      return 2;
    case 'expired':
    case 'skipped':
      return 3;
    case 'exited':
      return 4;
    case 'signalled':
      return 5;
    case 'timed-out':
      return 6;
    case 'not-started':
    case 'unreachable':
      return 7;
    case 'lost':
    case 'interrupted':
    case undefined:
      return 8;
    default:
      return outcome satisfies never;
  }
}

/** "3 of 50 failed, 1 with a warning"; undefined if all succeeded. */
export function summaryOf(ends: readonly HostEnd[]): string | undefined {
  const count = (verdict: Verdict): number => ends.filter((it) => it.verdict === verdict).length;
  const [failed, warned] = [count('failed'), count('warning')];
  const warning = warned === 0 ? '' : `${warned} of ${ends.length} ended with a warning`;
  if (failed === 0) return warning === '' ? undefined : warning;
  return `${failed} of ${ends.length} failed${warning === '' ? '' : `, ${warning}`}`;
}

/** `isWhole` includes successes, as far as there is room. */
export function fleetTable(ends: readonly HostEnd[], screen: Screen, isWhole: boolean): string {
  const sorted = inOrder(ends);
  const bad = sorted.filter(({ verdict }) => verdict !== 'ok');
  const good = isWhole ? sorted.filter(({ verdict }) => verdict === 'ok') : [];
  const more = good.length - GOOD_SHOWN_MAX;
  const rows: Row[] = [...bad, ...good.slice(0, GOOD_SHOWN_MAX)].map(rowOf);
  if (rows.length === 0) return '';
  if (more > 0) rows.push({ across: [{ text: `and ${more} more that ended well`, tone: 'dim' }] });
  const title = ['HOST', 'RUN', 'STATUS', 'OUTCOME'].map((text) => ({
    text,
    tone: 'dim' as const,
  }));
  return table([title, ...rows], screen);
}

const TONES: Readonly<Record<Verdict, Tone>> = { ok: 'good', warning: 'odd', failed: 'bad' };

function rowOf({ host, run, status, verdict, text }: HostEnd): Row {
  const tone = TONES[verdict];
  return [
    { text: host, tone: verdict === 'ok' ? 'plain' : tone },
    run === undefined ? '-' : String(run),
    String(status),
    { text, tone },
  ];
}
