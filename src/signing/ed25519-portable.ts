/**
 * Ed25519 in plain JavaScript, for where there is no Node.
 *
 * @module
 */
import { getPublicKey, hashes, sign, verify } from '@noble/ed25519';
import { sha512 } from '@noble/hashes/sha2.js';
import type { Ed25519Signer, Ed25519Verifier } from './ed25519.ts';

// The synchronous functions of @noble/ed25519 ask for a SHA-512 of the caller's choice.
hashes.sha512 = sha512;

/** Make signatures with the secret seed of 32 bytes. */
export function createEd25519Signer(seed: Uint8Array): Ed25519Signer {
  const secret = Uint8Array.from(seed);
  return { publicKey: getPublicKey(secret), sign: (message) => sign(message, secret) };
}

/** Check signatures with the public key of 32 bytes. */
export function createEd25519Verifier(publicKey: Uint8Array): Ed25519Verifier {
  const key = Uint8Array.from(publicKey);
  return (message, signature) => signature.length === 64 && verify(signature, message, key, { zip215: false });
}
