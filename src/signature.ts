/**
 * Signatures as texts: `<key name>:<base64>`, and the set of them that a path has.
 *
 * Rules: Nix `src/libutil/signature/local-keys.cc` (since 2.34; before, a signature was a text that nobody looked into).
 *
 * @module
 */
import { compareBytes, encodeUtf8 } from './bytes/bytes.ts';
import { messageOf, NarkitError } from './errors.ts';
import { decodeBase64, encodeBase64 } from './hash/base64.ts';

/** Who signed, and the bytes; 64 of them when it is a good one. */
export interface Signature {
  readonly keyName: string;
  readonly bytes: Uint8Array;
}

/** A text that should have been a signature and is none. */
export class SignatureError extends NarkitError {
  /** The text as it was given. */
  readonly signature: string;

  constructor(signature: string, reason: string, options?: ErrorOptions) {
    super('signature', `signature '${signature}' is corrupt: ${reason}`, options);
    this.signature = signature;
  }
}

/**
 * Parse `<key name>:<base64>`; the base64 is read as laxly as Nix reads it.
 *
 * @throws {@link SignatureError} when either part is empty or the second is not base64.
 */
export function parseSignature(text: string): Signature {
  const colon = text.indexOf(':');
  const keyName = text.slice(0, Math.max(0, colon));
  // A newline would end the line of a narinfo, and begin one of the signer's choice.
  if (keyName === '' || keyName.includes('\n'))
    throw new SignatureError(text, `it is not of the form '<key name>:<base64>'`);
  let bytes: Uint8Array;
  try {
    bytes = decodeBase64(text.slice(colon + 1));
  } catch (error) {
    throw new SignatureError(text, messageOf(error), { cause: error });
  }
  if (bytes.length === 0) throw new SignatureError(text, 'there is nothing after the colon');
  return { keyName, bytes };
}

/** `<key name>:<base64>`. */
export function formatSignature(signature: Signature): string {
  return `${signature.keyName}:${encodeBase64(signature.bytes)}`;
}

/**
 * The union of sets of signatures, each once, in Nix's order: by key name, then by bytes.
 *
 * @throws {@link SignatureError} when one is corrupt.
 */
export function mergeSignatures(...sets: readonly (readonly string[])[]): string[] {
  return formatSignatures(sets.flat().map(parseSignature));
}

/** The texts of signatures, each once, in Nix's order. */
export function formatSignatures(signatures: readonly Signature[]): string[] {
  return [...new Set(signatures.toSorted(compareSignatures).map(formatSignature))];
}

function compareSignatures(left: Signature, right: Signature): number {
  if (left.keyName === right.keyName) return compareBytes(left.bytes, right.bytes);
  return compareBytes(encodeUtf8(left.keyName), encodeUtf8(right.keyName));
}
