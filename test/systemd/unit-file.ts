/**
 * Reading a unit file of systemd.
 *
 * @module
 */

/** Settings of a section, in order; a setting may stand there more than once. */
export type UnitSection = ReadonlyMap<string, readonly string[]>;

/** The sections of a unit file, or of one with its drop-ins behind it. */
export function parseUnitFile(text: string): ReadonlyMap<string, UnitSection> {
  const sections = new Map<string, Map<string, string[]>>();
  let section = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [, name] = /^\[(.*)\]$/.exec(line) ?? [];
    if (name !== undefined) {
      section = sections.get(name) ?? new Map();
      sections.set(name, section);
    }
    const [, key, value = ''] = /^([A-Za-z]+)=(.*)$/.exec(line) ?? [];
    if (key !== undefined) section.set(key, [...(section.get(key) ?? []), value]);
  }
  return sections;
}
