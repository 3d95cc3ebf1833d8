/**
 * Paths inside of a NAR, as a person writes them.
 *
 * @module
 */
import { NarkitError } from '../errors.ts';
import { locateInListing, type NarListing } from './listing.ts';

/** What a NAR, or a store path, does not have under this path. */
export class NarPathError extends NarkitError {
  /** The path inside, with `/` in front. */
  readonly path: string;

  /** @param code `nar-path-absent`, or `nar-path-type` for what is there and is something else. */
  constructor(code: 'nar-path-absent' | 'nar-path-type', path: string, problem: string) {
    super(code, `path '/${path}' ${problem}`);
    this.path = `/${path}`;
  }
}

/**
 * A path inside of a NAR in its one form: names joined by `/`, without one in front; empty for the root. `.`, `..` and doubled slashes
 * go by their looks alone, and `..` at the root stays there (Nix: `CanonPath`).
 *
 * @example
 * ```ts
 * canonicalNarPath('/share/../bin//hello/'); // 'bin/hello'
 * ```
 */
export function canonicalNarPath(path: string): string {
  const names: string[] = [];
  for (const name of path.split('/')) {
    if (name === '..') names.pop();
    else if (name !== '' && name !== '.') names.push(name);
  }
  return names.join('/');
}

/**
 * The object at a path. As in Nix, symlinks are not followed; the error says where one is in the way.
 *
 * @param path as {@link canonicalNarPath} takes it.
 * @throws {@link NarPathError} `nar-path-absent`
 */
export function findInListing(listing: NarListing, path: string): NarListing {
  const canonical = canonicalNarPath(path);
  const found = locateInListing(listing, canonical);
  if (found !== undefined) return found;
  throw new NarPathError('nar-path-absent', canonical, `does not exist${describeObstacle(listing, canonical)}`);
}

function describeObstacle(listing: NarListing, path: string): string {
  const names = path.split('/');
  for (let length = 0; length < names.length; length++) {
    const parent = names.slice(0, length).join('/');
    const found = locateInListing(listing, parent);
    if (found?.type === 'symlink') return `: '/${parent}' is a symlink to '${found.target}', and is not followed`;
    if (found?.type === 'regular') return `: '/${parent}' is a regular file`;
  }
  return '';
}

/**
 * Refuse what has no contents.
 *
 * @throws {@link NarPathError} `nar-path-type`
 */
export function refuseOtherThanRegular(
  found: { readonly type: string; readonly target?: string },
  path: string,
): asserts found is { readonly type: 'regular' } {
  if (found.type === 'regular') return;
  const what = found.type === 'symlink' ? `it is a symlink to '${found.target}'` : 'it is a directory';
  throw new NarPathError('nar-path-type', canonicalNarPath(path), `is not a regular file: ${what}`);
}
