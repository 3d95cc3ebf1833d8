/**
 * Paths as byte strings: one character for each byte (latin1), so that names that are not UTF-8 survive and compare as bytes.
 *
 * @module
 */
import { posix } from 'node:path';
import { decodeFileName, encodeFileName } from '../nar/file-name.ts';

/** A path or name with one character for each byte. */
export type ByteString = string;

const beyondAscii = /[^\0-\x7f]/;

/** The byte string of a text (`encodeFileName`) or of bytes. */
export function toByteString(path: string | Uint8Array): ByteString {
  if (typeof path === 'string' && !beyondAscii.test(path)) return path;
  const bytes = typeof path === 'string' ? encodeFileName(path) : path;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

/** An absolute path, without `.`, `..` and slashes at its end, as Nix makes it before it looks at it. */
export function resolvePath(path: string | Uint8Array): ByteString {
  const bytes = toByteString(path);
  if (bytes === '' || bytes.includes('\0')) throw new TypeError('a path is not empty and has no NUL');
  return posix.resolve(toByteString(process.cwd()), bytes);
}

/** What Node's file system functions take for it. */
export function toSystemPath(path: ByteString): string | Buffer {
  return beyondAscii.test(path) ? Buffer.from(path, 'latin1') : path;
}

/** What a person reads, without loss (`decodeFileName`). */
export function toText(path: ByteString): string {
  return beyondAscii.test(path) ? decodeFileName(Buffer.from(path, 'latin1')) : path;
}
