/** `baton plan --diff` for a terminal: the effects of a changed configuration on a plan. Pure. */
import { countChanges, tellChanges } from '../report/change-story.ts';
import type { PlanChanges } from '../report/plan-changes.ts';
import { type ReadLines, remarks } from '../report/plan-story.ts';
import { showMoment } from './calendar.ts';
import { type Screen, Style } from './style.ts';

/** Most changes that are shown individually. */
const TOLD_MAX = 30;

/** `config` is the changed configuration. */
export function showChanges(
  changes: PlanChanges,
  config: string,
  read: ReadLines,
  screen: Screen,
): string {
  const style = new Style(screen);
  const told = tellChanges(changes);
  const more = told.length - TOLD_MAX;
  const lines = told.slice(0, TOLD_MAX).map(({ atMs, target, text, isBad }) => {
    const said = `${showMoment(atMs)} ${target}: ${text}`;
    return style.paragraph(said, isBad ? '!' : screen.isUnicode ? '·' : '.');
  });
  if (more > 0) lines.push(style.paragraph(`${more} more changes: see --json`));
  const { fromMs, untilMs } = changes.after;
  const span = `${showMoment(fromMs)} to ${showMoment(untilMs)}`;
  const parts = [
    style.paragraph(`${span} with ${config}: ${countChanges(changes)}`),
    lines.join(''),
    remarks(changes.after, read)
      .map((text) => style.paragraph(text))
      .join(''),
  ];
  return parts.filter((part) => part !== '').join('\n');
}
