/**
 * Write a narinfo exactly as Nix does.
 *
 * Rules: Nix `src/libstore/nar-info.cc`.
 *
 * @module
 */
import { formatContentAddress } from '../content-address.ts';
import { formatHash } from '../hash/hash.ts';
import { mergeSignatures } from '../signature.ts';
import { defaultStoreDir, formatStorePath } from '../store-path.ts';
import type { NarInfo } from './narinfo.ts';

/**
 * The text of a narinfo, to the byte what Nix writes.
 *
 * @throws RangeError when a field could not be read back: an empty or broken `url` or `compression`, a size that is no
 * positive whole number, a hash that is not sha256.
 * @throws {@link SignatureError} when a signature is corrupt.
 */
export function formatNarInfo(info: NarInfo, options: { readonly storeDir?: string } = {}): string {
  checkWritable(info);
  const lines = [
    `StorePath: ${formatStorePath(info.path, options.storeDir ?? defaultStoreDir)}`,
    `URL: ${info.url}`,
    `Compression: ${info.compression}`,
  ];
  if (info.fileHash) lines.push(`FileHash: ${formatHash(info.fileHash, 'nix32')}`);
  if (info.fileSize) lines.push(`FileSize: ${info.fileSize}`);
  lines.push(`NarHash: ${formatHash(info.narHash, 'nix32')}`, `NarSize: ${info.narSize}`);
  // The space stays when there are none: Nix would take the next line for the references.
  lines.push(`References: ${[...new Set(info.references)].sort().join(' ')}`);
  if (info.deriver) lines.push(`Deriver: ${info.deriver}`);
  for (const signature of mergeSignatures(info.signatures)) lines.push(`Sig: ${signature}`);
  if (info.contentAddress) lines.push(`CA: ${formatContentAddress(info.contentAddress)}`);
  return `${lines.join('\n')}\n`;
}

function checkWritable({ path, url, compression, fileHash, fileSize, narHash, narSize }: NarInfo): void {
  for (const [name, value] of Object.entries({ url, compression }))
    if (value === '' || value.includes('\n'))
      throw new RangeError(`the ${name} of '${path}' must be one line: ${JSON.stringify(value)}`);
  if (!Number.isSafeInteger(narSize) || narSize < 1)
    throw new RangeError(`the narSize of '${path}' is no positive whole number: ${narSize}`);
  if (fileSize !== undefined && (!Number.isSafeInteger(fileSize) || fileSize < 0))
    throw new RangeError(`the fileSize of '${path}' is no whole number: ${fileSize}`);
  for (const [name, hash] of Object.entries({ narHash, fileHash }))
    if (hash !== undefined && hash.algorithm !== 'sha256')
      throw new RangeError(`the ${name} of '${path}' is ${hash.algorithm}, but must be sha256`);
}
