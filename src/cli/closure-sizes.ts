/**
 * The sizes of closures.
 *
 * @module
 */
import type { PathInfo } from '../path-info.ts';
import type { ClosureSizes, PathInfoRecord } from '../path-info-json.ts';
import type { StorePath } from '../store-path.ts';

/**
 * Sums over the closure of `path`, which lies in `infos`.
 *
 * @returns `closureDownloadSize` too where the infos come from a binary cache.
 */
export function sumClosure(infos: ReadonlyMap<StorePath, PathInfo>, path: StorePath): ClosureSizes {
  const closure = new Set([path]);
  let closureSize = 0;
  let closureDownloadSize = 0;
  // The set grows while it is walked.
  for (const member of closure) {
    const info: PathInfoRecord = infos.get(member)!;
    closureSize += info.narSize;
    closureDownloadSize += info.fileSize ?? 0;
    for (const reference of info.references) closure.add(reference);
  }
  const isOfCache = (infos.get(path) as PathInfoRecord).url !== undefined;
  return { closureSize, ...(isOfCache && { closureDownloadSize }) };
}
