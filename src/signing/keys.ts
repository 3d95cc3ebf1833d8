/**
 * Signing keys in Nix's format: `<name>:<base64>`.
 *
 * Rules: Nix `src/libutil/signature/local-keys.cc`.
 *
 * @module
 */
import { createEd25519Signer, createEd25519Verifier } from '#ed25519';
import { concatBytes, equalBytes } from '../bytes/bytes.ts';
import { NarkitError } from '../errors.ts';
import { decodeBase64, encodeBase64 } from '../hash/base64.ts';
import type { Ed25519Verifier } from './ed25519.ts';

/** A public key, with which anyone checks. */
export interface PublicKey {
  readonly name: string;
  /** 32 bytes. */
  readonly bytes: Uint8Array;
  /** Is this a good signature of the message? */
  readonly verify: Ed25519Verifier;
}

/**
 * Whatever signs. A {@link SecretKey} is one; a signer that keeps its key elsewhere may be another.
 */
export interface Signer {
  readonly publicKey: PublicKey;
  /** The 64 bytes of an Ed25519 signature. */
  sign(message: Uint8Array): Uint8Array;
}

/** A secret key. The secret is in no property: printing or serialising the object does not show it. */
export interface SecretKey extends Signer {
  readonly name: string;
}

/** A text that should have been a key and is none. Nothing of what should have been a secret key is in it. */
export class KeyError extends NarkitError {
  constructor(reason: string) {
    super('key', reason);
  }
}

const namePattern = /^[^:\s]+$/;
const seedSize = 32;
const publicKeySize = 32;
const secretsOf = new WeakMap<SecretKey, Uint8Array>();

/**
 * Read a secret key: `<name>:<base64 of seed and public key>`. What follows the base64 is ignored, as Nix does.
 *
 * @throws {@link KeyError} when it is none, or its two halves do not belong together.
 */
export function parseSecretKey(text: string): SecretKey {
  const { name, bytes } = parseNamedBytes(text, 'secret key');
  if (bytes.length === publicKeySize) throw new KeyError('secret key is not valid: this is a public key');
  if (bytes.length !== seedSize + publicKeySize)
    throw new KeyError(`secret key is not valid: it has ${bytes.length} bytes, not 64`);
  const key = createSecretKey(name, bytes.slice(0, seedSize));
  // Nix would sign with such a key, and nobody could verify what it signed.
  if (!equalBytes(key.publicKey.bytes, bytes.subarray(seedSize)))
    throw new KeyError(`secret key '${name}' is not valid: its public half belongs to another key`);
  return key;
}

/**
 * Read a public key: `<name>:<base64>`.
 *
 * @throws {@link KeyError} when it is none.
 */
export function parsePublicKey(text: string): PublicKey {
  const { name, bytes } = parseNamedBytes(text, 'public key');
  // The message must not repeat the text: it may be a secret key in the wrong place.
  if (bytes.length !== publicKeySize)
    throw new KeyError(`public key '${name}' is not valid: it has ${bytes.length} bytes, not 32`);
  return createPublicKey(name, bytes);
}

/**
 * A new secret key.
 *
 * @throws RangeError when the name is empty, or has a colon or white space (Nix would make a key that it cannot read).
 * @example
 * ```ts
 * const key = generateSecretKey('cache.example.org-1');
 * formatPublicKey(key.publicKey); // 'cache.example.org-1:…', for trusted-public-keys
 * ```
 */
export function generateSecretKey(name: string): SecretKey {
  if (!namePattern.test(name))
    throw new RangeError(`a key's name must not be empty nor have a colon or white space: ${JSON.stringify(name)}`);
  return createSecretKey(name, crypto.getRandomValues(new Uint8Array(seedSize)));
}

/** The text of a secret key, as `nix key generate-secret` prints it: without a newline. It is the secret. */
export function formatSecretKey(key: SecretKey): string {
  const seed = secretsOf.get(key);
  if (seed === undefined) throw new TypeError('not a secret key of parseSecretKey or generateSecretKey');
  return `${key.name}:${encodeBase64(concatBytes([seed, key.publicKey.bytes]))}`;
}

/** The text of a public key, as `nix key convert-secret-to-public` prints it. */
export function formatPublicKey(key: PublicKey): string {
  return `${key.name}:${encodeBase64(key.bytes)}`;
}

function createSecretKey(name: string, seed: Uint8Array): SecretKey {
  const signer = createEd25519Signer(seed);
  const key: SecretKey = { name, publicKey: createPublicKey(name, signer.publicKey), sign: signer.sign };
  secretsOf.set(key, seed);
  return key;
}

function createPublicKey(name: string, bytes: Uint8Array): PublicKey {
  let verifier: Ed25519Verifier | undefined;
  return {
    name,
    bytes,
    // Reading the key costs as much as a check; a key that only signs or is printed need not pay for it.
    verify: (message, signature) => {
      verifier ??= createEd25519Verifier(bytes);
      return verifier(message, signature);
    },
  };
}

function parseNamedBytes(text: string, kind: 'secret key' | 'public key'): { name: string; bytes: Uint8Array } {
  const colon = text.indexOf(':');
  if (colon < 1) throw new KeyError(`${kind} is corrupt: it is not of the form '<name>:<base64>'`);
  const name = text.slice(0, colon);
  // Nix reads such a name; its signatures would break the lines of a narinfo and the lists of nix.conf.
  if (!namePattern.test(name)) throw new KeyError(`${kind} is corrupt: there is white space in its name`);
  // What is no secret key may be another secret, and what stands before its colon too.
  const label = kind === 'public key' ? `${kind} '${name}'` : kind;
  let bytes: Uint8Array;
  try {
    bytes = decodeBase64(text.slice(colon + 1));
  } catch {
    throw new KeyError(`${label} is corrupt: what follows the colon is not base64`);
  }
  if (bytes.length === 0) throw new KeyError(`${label} is corrupt: there is nothing after the colon`);
  return { name, bytes };
}
