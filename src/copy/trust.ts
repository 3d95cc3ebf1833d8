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

/** Says of a path info, as its store gave it, whether it may be believed. */
export type Trust = (info: PathInfo) => boolean;

/** Believe what {@link isTrusted} does. Each path is judged once: a signature takes longer to check than a path to find. */
export function createTrust(publicKeys: readonly PublicKey[], storeDir: string): Trust {
  const judged = new Map<StorePath, boolean>();
  return (info) => {
    const known = judged.get(info.path);
    if (known !== undefined) return known;
    const trusted = isTrusted(info, publicKeys, storeDir);
    judged.set(info.path, trusted);
    return trusted;
  };
}

/**
 * Fail what nobody vouches for.
 *
 * @param infos as the source gave them: a signature that is added on the way says nothing of where a path comes from.
 * @returns the paths that failed.
 */
export function failUntrusted(
  from: Store,
  paths: Iterable<StorePath>,
  infos: ReadonlyMap<StorePath, PathInfo>,
  trusts: Trust,
  report: Report,
): StorePath[] {
  const untrusted: StorePath[] = [];
  for (const path of paths) {
    const info = infos.get(path)!;
    if (trusts(info)) continue;
    untrusted.push(path);
    const full = formatStorePath(path, from.storeDir);
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
