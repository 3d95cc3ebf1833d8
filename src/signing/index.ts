/**
 * Keys, fingerprint, sign, verify.
 *
 * @module
 */
export {
  formatSignature,
  mergeSignatures,
  parseSignature,
  type Signature,
  SignatureError,
} from '../signature.ts';
export type { Ed25519Signer, Ed25519Verifier } from './ed25519.ts';
export {
  formatPublicKey,
  formatSecretKey,
  generateSecretKey,
  KeyError,
  type PublicKey,
  parsePublicKey,
  parseSecretKey,
  type SecretKey,
  type Signer,
} from './keys.ts';
export { fingerprint, type SignedPathInfo, signPathInfo, verifySignature } from './sign.ts';
export { isTrusted } from './trust.ts';
