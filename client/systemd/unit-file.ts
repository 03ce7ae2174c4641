/**
 * The text of a systemd unit, according to systemd.syntax(7): sections, settings that may occur
 * several times, continued lines. The output of `systemctl cat`, a unit followed by its drop-ins,
 * has the same format. Pure.
 */

interface Setting {
  readonly key: string;
  readonly value: string;
}

/** The settings of each section, in their order. */
export type UnitFile = ReadonlyMap<string, readonly Setting[]>;

export function parseUnitFile(text: string): UnitFile {
  const sections = new Map<string, Setting[]>();
  let section: Setting[] = [];
  for (const line of wholeLines(text)) {
    const [, name] = /^\[(.*)\]$/.exec(line) ?? [];
    if (name !== undefined) {
      section = sections.get(name) ?? [];
      sections.set(name, section);
      continue;
    }
    const at = line.indexOf('=');
    if (at > 0) section.push({ key: line.slice(0, at).trim(), value: line.slice(at + 1).trim() });
  }
  return sections;
}

/** A backslash at the end is replaced by a blank; comments in between are skipped. */
function* wholeLines(text: string): Generator<string> {
  let begun = '';
  for (const raw of text.split('\n')) {
    const line = raw.trim();
    if (/^[#;]/.test(line)) continue;
    if (raw.endsWith('\\')) {
      begun += `${raw.slice(0, -1)} `;
      continue;
    }
    yield `${begun}${raw}`.trim();
    begun = '';
  }
  yield begun.trim();
}

/** All values of a setting; an empty one resets the list. */
export function allOf(unit: UnitFile, section: string, key: string): readonly string[] {
  const values = (unit.get(section) ?? []).filter((it) => it.key === key).map((it) => it.value);
  return values.slice(values.lastIndexOf('') + 1);
}

/** The effective value of settings of which the last one applies; an empty one means none. */
export function lastOf(
  unit: UnitFile,
  section: string,
  ...keys: readonly string[]
): string | undefined {
  const value = (unit.get(section) ?? []).findLast(({ key }) => keys.includes(key))?.value;
  return value === '' ? undefined : value;
}
