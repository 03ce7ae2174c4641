/** A fleet in `baton status`: one line that counts its targets. Pure. */
import type { TargetView } from '../../daemon/protocol/request.ts';
import type { Screen } from './style.ts';
import type { Tone } from './styled-line.ts';
import type { Row } from './table.ts';
import { hasFailed } from './words.ts';

/** Most targets of a fleet that are shown individually. */
const SHOWN_MAX = 10;

type Group = readonly [fleet: string | undefined, members: readonly TargetView[]];

/** Adjacent targets of one fleet together; targets without a fleet are alone. */
export function inFleets(targets: readonly TargetView[]): readonly Group[] {
  const groups: [string | undefined, TargetView[]][] = [];
  for (const target of targets) {
    const last = groups.at(-1);
    if (last !== undefined && last[0] === target.fleet) last[1].push(target);
    else groups.push([target.fleet, [target]]);
  }
  return groups;
}

/** The targets of a fleet that need attention. */
export function troubledOf(members: readonly TargetView[]): readonly TargetView[] {
  return members.filter(isTroubled).slice(0, SHOWN_MAX);
}

export function fleetRows(
  fleet: string,
  members: readonly TargetView[],
  { isUnicode }: Screen,
): readonly Row[] {
  const [first] = KINDS.filter(({ is }) => members.some(is));
  const { word, tone, marks } = first ?? IDLE;
  const counts = KINDS.flatMap(({ word: kind, is }) => {
    const count = members.filter(is).length;
    return count === 0 ? [] : [`${count} ${kind}`];
  });
  const hidden = members.filter(isTroubled).length - SHOWN_MAX;
  const more = hidden > 0 ? `; ${hidden} of the failed ones are not shown` : '';
  const mark = marks[isUnicode ? 0 : 1];
  const note = `${members.length} hosts: ${counts.join(', ') || 'none has run yet'}${more}`;
  const name = [
    { text: `${mark.padEnd(1)} `, tone },
    { text: fleet, tone: 'bold' as const },
  ];
  return [[name, { text: word, tone }, '', '', { text: note }]];
}

interface Kind {
  readonly word: string;
  readonly tone: Tone;
  /** In Unicode and in ASCII. */
  readonly marks: readonly [string, string];
  readonly is: (target: TargetView) => boolean;
}

const IDLE: Kind = { word: '-', tone: 'dim', marks: ['', ''], is: () => true };

/** The states of a target, which may have several. The fleet shows the first that occurs. */
const KINDS: readonly Kind[] = [
  {
    ...{ word: 'running', tone: 'busy', marks: ['▶', '>'] },
    is: ({ active }) => active.some(({ state }) => state !== 'ended'),
  },
  { word: 'waiting', tone: 'odd', marks: ['·', '.'], is: ({ waiting }) => waiting > 0 },
  { word: 'broken', tone: 'bad', marks: ['!', '!'], is: ({ broken }) => broken !== undefined },
  { word: 'failed', tone: 'bad', marks: ['✗', '!'], is: ({ last }) => hasFailed(last) },
  { word: 'late', tone: 'bad', marks: ['!', '!'], is: ({ late }) => late === true },
  { word: 'paused', tone: 'odd', marks: ['=', '='], is: ({ paused }) => paused },
  {
    ...{ word: 'cancelled', tone: 'odd', marks: ['✗', '-'] },
    is: ({ last }) => last?.verdict === 'failed' && !hasFailed(last),
  },
  {
    ...{ word: 'warning', tone: 'odd', marks: ['▲', '?'] },
    is: ({ last }) => last?.verdict === 'warning',
  },
  { word: 'ok', tone: 'good', marks: ['✓', '+'], is: ({ last }) => last?.verdict === 'ok' },
];

function isTroubled({ broken, late, last }: TargetView): boolean {
  return broken !== undefined || late === true || hasFailed(last);
}
