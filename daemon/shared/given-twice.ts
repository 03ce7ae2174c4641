/**
 * Which option of a command line is given twice. meow throws for that, and names the option in its
 * English alone; so it is asked again, with all others allowed to be given several times.
 */

/** `cut` throws where the option `single` is given twice, of all options only this. */
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
