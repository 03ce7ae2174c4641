/**
 * Finds the option that is given twice on a command line. meow throws an error for that, but names
 * the option only in its message; so each option is tried in turn, with all others repeatable.
 */

/** `cut` must throw if the option `single` is given twice, and permit all other repetitions. */
export function findTwice(
  names: readonly string[],
  cut: (single: string) => unknown,
): string | undefined {
  return names.find((single) => {
    try {
      cut(single);
      return false;
    } catch {
      return true;
    }
  });
}
