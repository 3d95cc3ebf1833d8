/**
 * Ed25519 by Node's OpenSSL, ten times as fast as JavaScript.
 *
 * @module
 */
import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import { concatBytes } from '../bytes/bytes.ts';
import { decodeBase16 } from '../hash/base16.ts';
import type { Ed25519Signer, Ed25519Verifier } from './ed25519.ts';

// What stands before the 32 bytes of a key in DER (RFC 8410, sections 4 and 7).
const pkcs8Prefix = decodeBase16('302e020100300506032b657004220420');
const spkiPrefix = decodeBase16('302a300506032b6570032100');

/** Make signatures with the secret seed of 32 bytes. The key is read once: that costs as much as a signature. */
export function createEd25519Signer(seed: Uint8Array): Ed25519Signer {
  const der = Buffer.from(concatBytes([pkcs8Prefix, seed]));
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
  return {
    publicKey: new Uint8Array(spki.subarray(spkiPrefix.length)),
    sign: (message) => new Uint8Array(sign(null, message, key)),
  };
}

/** Check signatures with the public key of 32 bytes. */
export function createEd25519Verifier(publicKey: Uint8Array): Ed25519Verifier {
  const der = Buffer.from(concatBytes([spkiPrefix, publicKey]));
  const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
  return (message, signature) => verify(null, message, key, signature);
}
