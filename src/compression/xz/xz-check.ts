/**
 * The check of each block of an xz stream.
 *
 * @module
 */
import { Damage } from '../damage.ts';
import { unsupported } from '../unsupported.ts';
import { Crc64, crc32 } from './crc.ts';

/** A running check. */
export interface XzCheck {
  update(bytes: Uint8Array): void;
  /** As it stands after the block. */
  digest(): Uint8Array;
}

/** Begin the check that a stream's flags name. @throws Damage; CompressionError `compression-unsupported` */
export function createXzCheck(flags: Uint8Array): XzCheck {
  const [reserved, kind = 0] = flags;
  if (reserved !== 0 || kind > 15) throw new Damage('a stream has flags that none can have');
  if (kind === 0) return { update: () => undefined, digest: () => new Uint8Array(0) };
  if (kind === 1) return createCrc32();
  if (kind === 4) return new Crc64();
  throw unsupported(
    'xz',
    'reading',
    `the archive has the check number ${kind}, which is neither a CRC-32 nor a CRC-64`,
  );
}

function createCrc32(): XzCheck {
  let crc = 0;
  return {
    update(bytes) {
      crc = crc32(bytes, crc);
    },
    digest() {
      const bytes = new Uint8Array(4);
      new DataView(bytes.buffer).setUint32(0, crc, true);
      return bytes;
    },
  };
}
