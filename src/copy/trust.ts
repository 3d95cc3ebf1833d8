/**
 * Which paths may be believed.
 *
 * @module
 */
import type { PathInfo } from '../path-info.ts';
import { isTrusted, type PublicKey } from '../signing/index.ts';
import type { Store } from '../store/store.ts';
import { StoreError } from '../store/store-error.ts';
import { formatStorePath, type StorePath } from '../store-path.ts';
import { describePathInfo, type Report } from './outcome.ts';

/**
 * Fail what nobody vouches for: no good signature by one of the keys, and no content address that the path follows from
 * (Nix: `ValidPathInfo::checkSignatures`).
 *
 * @returns the paths that failed.
 */
export function failUntrusted(
  from: Store,
  infos: ReadonlyMap<StorePath, PathInfo>,
  publicKeys: readonly PublicKey[],
  report: Report,
): StorePath[] {
  const untrusted: StorePath[] = [];
  for (const [path, info] of infos) {
    const { storeDir } = from;
    if (isTrusted(info, publicKeys, storeDir)) continue;
    untrusted.push(path);
    const full = formatStorePath(path, storeDir);
    const error = new StoreError(
      'path-untrusted',
      `path '${full}' of '${from.uri}' lacks a signature by a trusted key (it is signed by ${nameSigners(info)})`,
      { uri: from.uri, path: full },
    );
    report.finish({ ...describePathInfo(info), outcome: 'failed', error });
  }
  return untrusted;
}

function nameSigners(info: PathInfo): string {
  return info.signatures.map((signature) => `'${signature.split(':', 1)[0]}'`).join(', ') || 'nobody';
}
