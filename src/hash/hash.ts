/**
 * The Hash value.
 *
 * @module
 */

/** The hash algorithms that Nix knows. */
export type HashAlgorithm = 'md5' | 'sha1' | 'sha256' | 'sha512' | 'blake3';

/** A digest with the name of what made it. */
export interface Hash {
  readonly algorithm: HashAlgorithm;
  /** 16 bytes of md5, 20 of sha1, 32 of sha256 and blake3, 64 of sha512. */
  readonly digest: Uint8Array;
}
