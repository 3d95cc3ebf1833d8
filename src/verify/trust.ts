/**
 * Does somebody trusted vouch for a path?
 *
 * Rules: Nix `src/nix/verify.cc`.
 *
 * @module
 */
import type { AbortOptions } from '../abort.ts';
import type { PathInfo } from '../path-info.ts';
import { type PublicKey, parseSignature, verifySignature } from '../signing/index.ts';
import type { Store } from '../store/store.ts';
import { formatStorePath } from '../store-path.ts';
import { isContentAddressed } from '../store-path-from-content.ts';
import { createFinding, type VerifyFinding } from './finding.ts';

/** Who is believed, and how much of it is needed. */
export interface TrustPolicy {
  /** Without them trust is no question. */
  readonly trustedPublicKeys?: readonly PublicKey[] | undefined;
  /** 0: one signature, or that the path was built here. */
  readonly signaturesNeeded?: number | undefined;
  /** Stores whose signatures of the path count, too. */
  readonly substituters?: readonly Store[] | undefined;
}

/** What speaks against a path that nobody trusted vouches for; `undefined` for one that may be believed. */
export async function findDistrust(
  info: PathInfo,
  storeDir: string,
  policy: TrustPolicy,
  options: AbortOptions,
): Promise<VerifyFinding | undefined> {
  const { trustedPublicKeys, signaturesNeeded = 0, substituters = [] } = policy;
  if (trustedPublicKeys === undefined) return undefined;
  if ((info.ultimate && signaturesNeeded === 0) || isContentAddressed(info, storeDir)) return undefined;

  const needed = Math.max(1, signaturesNeeded);
  const seen = new Set(info.signatures);
  const good = new Set(info.signatures.filter((signature) => isGood(info, signature, trustedPublicKeys, storeDir)));
  for (const substituter of substituters) {
    if (good.size >= needed) break;
    const theirs = await substituter.queryPathInfo(info.path, options);
    if (theirs === undefined) continue;
    if (isContentAddressed(theirs, storeDir)) return undefined;
    for (const signature of theirs.signatures) {
      seen.add(signature);
      if (isGood(info, signature, trustedPublicKeys, storeDir)) good.add(signature);
    }
  }
  return good.size >= needed ? undefined : describeDistrust(info, storeDir, [...seen], good, policy);
}

/** A signature whose text is corrupt is as good as none. */
function isGood(info: PathInfo, signature: string, publicKeys: readonly PublicKey[], storeDir: string): boolean {
  try {
    return verifySignature(info, signature, publicKeys, storeDir);
  } catch {
    return false;
  }
}

function describeDistrust(
  info: PathInfo,
  storeDir: string,
  signatures: readonly string[],
  good: ReadonlySet<string>,
  { trustedPublicKeys = [], signaturesNeeded = 0 }: TrustPolicy,
): VerifyFinding {
  const { path } = info;
  const untrusted = `path '${formatStorePath(path, storeDir)}' is untrusted`;
  if (signatures.length === 0) return createFinding('unsigned', `${untrusted} (nobody signed it)`, { path });

  const names = new Set(trustedPublicKeys.map(({ name }) => name));
  const isKnown = (signature: string): boolean => names.has(nameOf(signature));
  const bad = signatures.filter((signature) => isKnown(signature) && !good.has(signature));
  if (bad.length > 0) {
    const reason = `the signature by ${quoteNames(bad)} is not one of its contents and references`;
    return createFinding('bad-signature', `${untrusted} (${reason})`, { path });
  }
  const reason =
    good.size > 0
      ? `${good.size} of the ${signaturesNeeded} trusted signatures that it needs`
      : `signed by ${quoteNames(signatures)}, not by a trusted key`;
  return createFinding('unknown-key', `${untrusted} (${reason})`, { path });
}

function nameOf(signature: string): string {
  try {
    return parseSignature(signature).keyName;
  } catch {
    return signature;
  }
}

function quoteNames(signatures: readonly string[]): string {
  return [...new Set(signatures.map(nameOf))].map((name) => `'${name}'`).join(', ');
}
