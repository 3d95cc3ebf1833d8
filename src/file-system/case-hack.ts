/**
 * How Nix keeps names that differ in case alone apart where the file system merges them (its setting `use-case-hack`, on for
 * macOS): the second and later of them get a suffix when they are restored, which is cut off when they are dumped.
 *
 * @module
 */

/** What Nix appends, with a number after it (`caseHackSuffix`). */
export const caseHackSuffix = '~nix~case~hack~';

/** Does Nix use the case hack here unless it is told otherwise? */
export const usesCaseHackByDefault: boolean = process.platform === 'darwin';

/** The name without the suffix and what follows it. */
export function withoutCaseHack(name: string): string {
  const at = name.indexOf(caseHackSuffix);
  return at === -1 ? name : name.slice(0, at);
}

/** Gives the names of one directory, in their order, the suffix where they need it. */
export interface CaseHack {
  /**
   * @param name a byte string
   * @returns the name to create, or `undefined` when the hacked name is that of another entry.
   */
  rename(name: string): string | undefined;
}

/** The case hack for one directory: `strcasecmp` in the C locale, so ASCII letters alone fold. */
export function createCaseHack(): CaseHack {
  const copies = new Map<string, number>();
  return {
    rename(name) {
      const folded = foldAsciiCase(name);
      const copy = copies.get(folded);
      if (copy === undefined) {
        copies.set(folded, 0);
        return name;
      }
      copies.set(folded, copy + 1);
      const hacked = `${name}${caseHackSuffix}${copy + 1}`;
      return copies.has(foldAsciiCase(hacked)) ? undefined : hacked;
    },
  };
}

function foldAsciiCase(name: string): string {
  return name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
