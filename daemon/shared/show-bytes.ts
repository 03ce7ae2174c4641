/** Sizes for people. Pure. */

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB'] as const;

/** "12 B", "1.5 GB": rounded down. */
export function showBytes(bytes: number): string {
  let size = bytes;
  let unit = 0;
  while (size >= 1_000 && unit < UNITS.length - 1) {
    size /= 1_000;
    unit++;
  }
  const shown = unit === 0 || size >= 100 ? Math.floor(size) : Math.floor(size * 10) / 10;
  return `${shown} ${UNITS[unit]}`;
}
