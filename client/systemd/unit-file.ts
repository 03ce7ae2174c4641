/**
 * The text of a unit of systemd, as systemd.syntax(7) has it: sections, settings that may come
 * several times, lines that go on in the next one. What `systemctl cat` prints, a unit with its
 * drop-ins behind it, reads the same. Pure.
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

/** A backslash at the end stands for a blank; comments on the way are left out. */
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

/** All values of a setting; an empty one takes back those before it. */
export function allOf(unit: UnitFile, section: string, key: string): readonly string[] {
  const values = (unit.get(section) ?? []).filter((it) => it.key === key).map((it) => it.value);
  return values.slice(values.lastIndexOf('') + 1);
}

/** The value that counts of settings of which the last one does; an empty one is none. */
export function lastOf(
  unit: UnitFile,
  section: string,
  ...keys: readonly string[]
): string | undefined {
  const value = (unit.get(section) ?? []).findLast(({ key }) => keys.includes(key))?.value;
  return value === '' ? undefined : value;
}
