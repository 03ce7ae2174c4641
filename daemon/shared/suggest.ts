/** Suggests the known name that is closest to a misspelt one. Pure. */

/** The closest known name, or undefined if none is close. */
export function suggest(wrong: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  let least = Math.max(2, Math.floor(wrong.length / 3)) + 1;
  for (const name of known) {
    const far = editDistance(wrong.toLowerCase(), name.toLowerCase(), least);
    // If every letter differs, it is a different name, not a misspelt one.
    const unlike = far > 0 && far >= Math.max(wrong.length, name.length);
    if (far < least && !unlike) [best, least] = [name, far];
  }
  return best;
}

/** The end of a message: `; did you mean "x"?`, or nothing if no known name is close. */
export function didYouMean(
  wrong: string,
  known: Iterable<string>,
  show: (name: string) => string = (name) => `"${name}"`,
): string {
  const near = suggest(wrong, known);
  return near === undefined ? '' : `; did you mean ${show(near)}?`;
}

/** Levenshtein distance; `limit` stands for any distance from `limit` on. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? limit;
}
