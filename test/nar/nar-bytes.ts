/**
 * NARs put together token by token, so that they can be wrong.
 *
 * @module
 */
import { Buffer } from 'node:buffer';

export type Token = string | Uint8Array;

/** A string as a NAR has it: length, bytes, padding. */
export function str(token: Token, padding = 0): Buffer {
  const bytes = Buffer.from(token as string);
  return Buffer.concat([uint64(bytes.length), bytes, Buffer.alloc((8 - (bytes.length % 8)) % 8, padding)]);
}

export function uint64(value: number | bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

/** A NAR of these tokens, the magic in front. */
export function nar(...tokens: readonly Token[]): Buffer {
  return Buffer.concat([str('nix-archive-1'), ...tokens.map((token) => str(token))]);
}

export const regular = (contents: Token): Token[] => ['(', 'type', 'regular', 'contents', contents, ')'];
export const executable = (contents: Token): Token[] => [
  '(',
  'type',
  'regular',
  'executable',
  '',
  'contents',
  contents,
  ')',
];
export const symlink = (target: Token): Token[] => ['(', 'type', 'symlink', 'target', target, ')'];
export const entry = (name: Token, node: readonly Token[]): Token[] => [
  'entry',
  '(',
  'name',
  name,
  'node',
  ...node,
  ')',
];
export const directory = (...entries: readonly (readonly Token[])[]): Token[] => [
  '(',
  'type',
  'directory',
  ...entries.flat(),
  ')',
];
