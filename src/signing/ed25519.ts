/**
 * Ed25519 (RFC 8032): what both sides of the `#ed25519` seam provide.
 *
 * @module
 */

/** One secret key, ready to sign many messages. */
export interface Ed25519Signer {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** The 64 bytes of the signature, always the same for the same message. */
  sign(message: Uint8Array): Uint8Array;
}

/** Is this a good signature of the message? */
export type Ed25519Verifier = (message: Uint8Array, signature: Uint8Array) => boolean;
