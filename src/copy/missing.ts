/**
 * What of a closure a destination lacks.
 *
 * @module
 */
import pMap from 'p-map';
import type { AbortOptions } from '../abort.ts';
import { asError } from '../errors.ts';
import { equalHashes } from '../hash/index.ts';
import type { PathInfo } from '../path-info.ts';
import { mergeSignatures, parseSignature, type SecretKey, signPathInfo } from '../signing/index.ts';
import type { WritableStore } from '../store/store.ts';
import type { StorePath } from '../store-path.ts';
import { describePathInfo, type Report } from './outcome.ts';
import { createTurns } from './turns.ts';

const signatureConcurrency = 25;

/** Paths without those that one of the keys signed; these are reported as skipped. */
export function leaveOutSigned(
  infos: ReadonlyMap<StorePath, PathInfo>,
  keyNames: ReadonlySet<string>,
  report: Report,
): ReadonlyMap<StorePath, PathInfo> {
  if (keyNames.size === 0) return infos;
  const wanted = new Map<StorePath, PathInfo>();
  for (const [path, info] of infos) {
    if (info.signatures.some((signature) => keyNames.has(parseSignature(signature).keyName)))
      report.finish({ ...describePathInfo(info), outcome: 'skipped' });
    else wanted.set(path, info);
  }
  return wanted;
}

/** The same path infos, each signed by each key. */
export function signAll(
  infos: ReadonlyMap<StorePath, PathInfo>,
  secretKeys: readonly SecretKey[],
  storeDir: string,
): ReadonlyMap<StorePath, PathInfo> {
  if (secretKeys.length === 0) return infos;
  const sign = (info: PathInfo): PathInfo => ({
    ...info,
    signatures: mergeSignatures(
      info.signatures,
      secretKeys.map((key) => signPathInfo(info, key, storeDir)),
    ),
  });
  return new Map([...infos].map(([path, info]) => [path, sign(info)]));
}

/** What the destination lacks, and what it has in a form that cannot be used. */
export interface Missing {
  readonly infos: Map<StorePath, PathInfo>;
  readonly failed: readonly StorePath[];
}

/** Ask the destination for all paths; those that are there get the signatures that they lack. */
export async function findMissing(
  to: WritableStore,
  infos: ReadonlyMap<StorePath, PathInfo>,
  options: AbortOptions,
  report: Report,
): Promise<Missing> {
  const failed: StorePath[] = [];
  const fail = (path: StorePath, error: unknown): void => {
    failed.push(path);
    report.finish({ ...describePathInfo(infos.get(path)!), outcome: 'failed', error: asError(error) });
  };
  const there = await to.queryPathInfos(infos.keys(), { ...options, onError: fail });
  const finish = (info: PathInfo): void => report.finish({ ...describePathInfo(info), outcome: 'present' });
  const turns = createTurns();
  const toSign: { info: PathInfo; lacking: readonly string[] }[] = [];
  for (const [path, present] of there) {
    const info = infos.get(path)!;
    const lacking = findLackingSignatures(to, present, info, report);
    if (lacking.length > 0) toSign.push({ info, lacking });
    else finish(info);
    await turns.afterPath();
  }
  await pMap(
    toSign,
    async ({ info, lacking }) => {
      try {
        await to.addSignatures(info.path, lacking, options);
        finish(info);
      } catch (error) {
        options.signal?.throwIfAborted();
        fail(info.path, error);
      }
    },
    { concurrency: signatureConcurrency },
  );
  const unusable = new Set(failed);
  return { infos: new Map([...infos].filter(([path]) => !there.has(path) && !unusable.has(path))), failed };
}

/** A signature says that these bytes are right: it goes only onto a path of the same bytes and references. */
function findLackingSignatures(
  to: WritableStore,
  present: PathInfo,
  info: PathInfo,
  report: Report,
): readonly string[] {
  if (!haveSameContents(present, info)) {
    const message = `'${to.uri}' has the path with other contents than the source: it stays as it is, and gets no new signature`;
    report.event({ type: 'warning', path: info.path, message });
    return [];
  }
  const there = new Set(present.signatures);
  return info.signatures.filter((signature) => !there.has(signature));
}

function haveSameContents(left: PathInfo, right: PathInfo): boolean {
  return (
    left.narSize === right.narSize &&
    equalHashes(left.narHash, right.narHash) &&
    left.references.join(' ') === right.references.join(' ')
  );
}
