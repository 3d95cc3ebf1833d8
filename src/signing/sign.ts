/**
 * The fingerprint of a path info, and its signatures.
 *
 * Rules: Nix `src/libstore/path-info.cc` and the manual's page "Store object signatures".
 *
 * @module
 */
import { encodeUtf8 } from '../bytes/bytes.ts';
import { formatHash } from '../hash/hash.ts';
import type { PathInfo } from '../path-info.ts';
import { formatSignature, parseSignature } from '../signature.ts';
import { defaultStoreDir, formatStorePath } from '../store-path.ts';
import type { PublicKey, Signer } from './keys.ts';

/** What a signature of a path covers. */
export type SignedPathInfo = Pick<PathInfo, 'path' | 'narHash' | 'narSize' | 'references'>;

/**
 * The text that is signed: `1;<path>;<NAR hash>;<NAR size>;<references>`.
 *
 * @throws RangeError when the NAR size is not known.
 */
export function fingerprint(info: SignedPathInfo, storeDir: string = defaultStoreDir): string {
  const path = formatStorePath(info.path, storeDir);
  if (!(info.narSize > 0))
    throw new RangeError(`cannot calculate fingerprint of path '${path}' because its size is not known`);
  const references = [...new Set(info.references)].sort().map((reference) => formatStorePath(reference, storeDir));
  return `1;${path};${formatHash(info.narHash, 'nix32')};${info.narSize};${references.join(',')}`;
}

/**
 * Sign a path info: `<key name>:<base64>`, to the byte what `nix store sign` adds.
 *
 * @example
 * ```ts
 * const signed = { ...info, signatures: mergeSignatures(info.signatures, [signPathInfo(info, secretKey)]) };
 * ```
 */
export function signPathInfo(info: SignedPathInfo, signer: Signer, storeDir: string = defaultStoreDir): string {
  const bytes = signer.sign(encodeUtf8(fingerprint(info, storeDir)));
  return formatSignature({ keyName: signer.publicKey.name, bytes });
}

/**
 * Is this signature of the path info by one of these keys? The key is found by its name, the first of a name counts;
 * a signature by another key, or of other than 64 bytes, is not.
 *
 * @throws {@link SignatureError} when the text is no signature at all.
 */
export function verifySignature(
  info: SignedPathInfo,
  signature: string,
  publicKeys: readonly PublicKey[],
  storeDir: string = defaultStoreDir,
): boolean {
  const { keyName, bytes } = parseSignature(signature);
  const key = publicKeys.find(({ name }) => name === keyName);
  return key?.verify(encodeUtf8(fingerprint(info, storeDir)), bytes) ?? false;
}
