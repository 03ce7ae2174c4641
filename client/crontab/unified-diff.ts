/**
 * A unified diff for patch(1) of a text whose lines were changed one for one: no insertions and
 * deletions, so no search is needed. Pure.
 */

/** Lines of context around a change. */
const CONTEXT = 3;
const NO_NEWLINE = '\\ No newline at end of file';

/** Empty if nothing was changed. */
export function diffLines(name: string, before: string, after: string): string {
  const [old, fresh] = [linesOf(before), linesOf(after)];
  const changed = old.flatMap((line, at) => (line === fresh[at] ? [] : [at]));
  const hunks: { from: number; to: number }[] = [];
  for (const at of changed) {
    const last = hunks.at(-1);
    const from = Math.max(0, at - CONTEXT);
    const to = Math.min(old.length, at + CONTEXT + 1);
    if (last !== undefined && from <= last.to) last.to = to;
    else hunks.push({ from, to });
  }
  if (hunks.length === 0) return '';
  const shown = hunks.map(({ from, to }) => {
    const length = to - from;
    return `@@ -${from + 1},${length} +${from + 1},${length} @@\n${hunkOf(old, fresh, from, to)}`;
  });
  return `--- ${name}\n+++ ${name}\n${shown.join('')}`;
}

/** For a file that does not exist yet. */
export function diffNew(name: string, text: string): string {
  const lines = linesOf(text);
  const added = lines.map((line) => mark('+', line)).join('');
  return `--- /dev/null\n+++ ${name}\n@@ -0,0 +1,${lines.length} @@\n${added}`;
}

/** For each sequence of changed lines, first the removed, then the added ones. */
function hunkOf(
  old: readonly string[],
  fresh: readonly string[],
  from: number,
  to: number,
): string {
  let text = '';
  let added = '';
  for (let at = from; at < to; at++) {
    const [before = '', after = ''] = [old[at], fresh[at]];
    if (before === after) {
      text += added + mark(' ', before);
      added = '';
    } else {
      text += mark('-', before);
      added += mark('+', after);
    }
  }
  return text + added;
}

/** Each with its newline, if it has one. */
function linesOf(text: string): readonly string[] {
  const lines = text.split('\n').map((line) => `${line}\n`);
  const last = lines.pop()?.slice(0, -1) ?? '';
  return last === '' ? lines : [...lines, last];
}

function mark(sign: string, line: string): string {
  return line.endsWith('\n') ? sign + line : `${sign}${line}\n${NO_NEWLINE}\n`;
}
