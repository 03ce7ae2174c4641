/**
 * Durations and sizes as people write them ("1h30m", "2GiB") and read them ("1 h 12 min"). Pure.
 */

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** Longest duration that a configuration may name: one year. */
export const DURATION_MS_MAX = 366 * 86_400_000;

export const DURATION_EXPECTED = 'a duration with a unit, such as "90s", "30m", "8h" or "1h30m"';

export const DURATION = /^(\d+(\.\d+)?\s*(ms|s|min|m|h|d|w)\s*)+$/;

/** A duration with units in milliseconds, or undefined if the text is not a duration. */
export function parseDuration(text: string): number | undefined {
  if (!DURATION.test(text)) return undefined;
  let ms = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)\s*(ms|s|min|m|h|d|w)/g)) {
    ms += Number(amount) * (UNIT_MS[unit ?? ''] ?? Number.NaN);
  }
  return ms <= DURATION_MS_MAX ? Math.round(ms) : undefined;
}

const UNIT_BYTES: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

export const BYTES = /^(\d+(?:\.\d+)?)\s*([kMGT]?B|[KMGT]iB)?$/;

/** Bytes of a number or of a text with a unit, or undefined if it is neither. */
export function parseBytes(size: number | string): number | undefined {
  if (typeof size === 'number') return Number.isSafeInteger(size) && size >= 0 ? size : undefined;
  const [, amount, unit = 'B'] = BYTES.exec(size) ?? [];
  const bytes = Math.round(Number(amount) * (UNIT_BYTES[unit] ?? Number.NaN));
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** A duration for people, in its two largest units: "850 ms", "2.0 s", "1 h 12 min". */
export function showDuration(ms: number): string {
  if (ms < 0) return showDuration(0);
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  const [days, hours, minutes] = [
    Math.floor(seconds / 86_400),
    Math.floor(seconds / 3_600) % 24,
    Math.floor(seconds / 60) % 60,
  ];
  if (days > 0) return hours > 0 ? `${days} d ${hours} h` : `${days} d`;
  if (hours > 0) return minutes > 0 ? `${hours} h ${minutes} min` : `${hours} h`;
  return seconds % 60 > 0 ? `${minutes} min ${seconds % 60} s` : `${minutes} min`;
}
