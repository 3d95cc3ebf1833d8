/**
 * Nix's values as the worker protocol carries them.
 *
 * Source: Nix `src/libstore/worker-protocol.cc` and `common-protocol.cc`.
 *
 * @module
 */
import { type ContentAddress, formatContentAddress, parseContentAddress } from '../../content-address.ts';
import { formatHash, parseHashAny } from '../../hash/index.ts';
import type { PathInfo } from '../../path-info.ts';
import { mergeSignatures } from '../../signature.ts';
import { formatStorePath, parseStorePath, type StorePath } from '../../store-path.ts';
import { since } from './protocol.ts';
import { WireError } from './wire-error.ts';
import type { WireReader } from './wire-reader.ts';
import type { WireWriter } from './wire-writer.ts';

/** A path info without its path: what the protocol has where both sides know the path. */
export type UnkeyedPathInfo = Omit<PathInfo, 'path'>;

/** What a daemon tells of itself when a client arrives. */
export interface DaemonInfo {
  /** Since 1.33. */
  readonly nixVersion?: string;
  /** Is this client among the `trusted-users`? Since 1.35, where the daemon knows. */
  readonly trusted?: boolean;
}

export async function readStorePath(reader: WireReader, storeDir: string): Promise<StorePath> {
  return parseStorePath(await reader.readString(), storeDir);
}

export function writeStorePath(writer: WireWriter, path: StorePath, storeDir: string): void {
  writer.writeString(formatStorePath(path, storeDir));
}

export async function readOptionalStorePath(reader: WireReader, storeDir: string): Promise<StorePath | undefined> {
  return parseOptionalStorePath(await reader.readString(), storeDir);
}

export function writeOptionalStorePath(writer: WireWriter, path: StorePath | undefined, storeDir: string): void {
  writer.writeString(path === undefined ? '' : formatStorePath(path, storeDir));
}

export function writeStorePaths(writer: WireWriter, paths: readonly StorePath[], storeDir: string): void {
  writer.writeList(paths, (_, path) => writeStorePath(writer, path, storeDir));
}

export async function readOptionalContentAddress(reader: WireReader): Promise<ContentAddress | undefined> {
  return parseOptionalContentAddress(await reader.readString());
}

export function writeOptionalContentAddress(writer: WireWriter, contentAddress: ContentAddress | undefined): void {
  writer.writeString(contentAddress === undefined ? '' : formatContentAddress(contentAddress));
}

/**
 * Read a path info.
 *
 * @returns what makes sense of the texts that were read, and throws where they make none: the reader stands behind the path info in
 *   any case, so that one that is broken does not keep those behind it from being read.
 */
export async function readUnkeyedPathInfo(reader: WireReader, storeDir: string): Promise<() => UnkeyedPathInfo> {
  const deriver = await reader.readString();
  const narHash = await reader.readString();
  const references = await reader.readList(() => reader.readString());
  const registrationTime = await reader.readUint64();
  const narSize = await reader.readUint64();
  const ultimate = await reader.readBoolean();
  const signatures = await reader.readList(() => reader.readString());
  const contentAddressText = await reader.readString();
  return () => {
    const deriverPath = parseOptionalStorePath(deriver, storeDir);
    const contentAddress = parseOptionalContentAddress(contentAddressText);
    return {
      ...(deriverPath !== undefined && { deriver: deriverPath }),
      narHash: parseHashAny(narHash, 'sha256'),
      references: [...new Set(references.map((path) => parseStorePath(path, storeDir)))].sort(),
      registrationTime,
      narSize,
      ultimate,
      signatures: mergeSignatures(signatures),
      ...(contentAddress !== undefined && { contentAddress }),
    };
  };
}

export function writeUnkeyedPathInfo(writer: WireWriter, info: UnkeyedPathInfo, storeDir: string): void {
  writeOptionalStorePath(writer, info.deriver, storeDir);
  writer.writeString(formatHash(info.narHash, 'base16', { prefix: false }));
  writeStorePaths(writer, info.references, storeDir);
  writer.writeUint64(info.registrationTime ?? 0).writeUint64(info.narSize);
  writer.writeBoolean(info.ultimate ?? false);
  writer.writeList(info.signatures, (_, signature) => writer.writeString(signature));
  writeOptionalContentAddress(writer, info.contentAddress);
}

export async function readPathInfo(reader: WireReader, storeDir: string): Promise<PathInfo> {
  const path = await readStorePath(reader, storeDir);
  const parse = await readUnkeyedPathInfo(reader, storeDir);
  return { path, ...parse() };
}

export function writePathInfo(writer: WireWriter, info: PathInfo, storeDir: string): void {
  writeStorePath(writer, info.path, storeDir);
  writeUnkeyedPathInfo(writer, info, storeDir);
}

export async function readOptionalTrusted(reader: WireReader): Promise<boolean | undefined> {
  const { offset } = reader;
  const value = await reader.readUint64();
  if (value > 2) throw new WireError(`expected 0, 1 or 2 for trust, got ${value}`, offset);
  return value === 0 ? undefined : value === 1;
}

export async function readDaemonInfo(reader: WireReader, protocolMinor: number): Promise<DaemonInfo> {
  const nixVersion = protocolMinor >= since.daemonVersion ? await reader.readString() : undefined;
  const trusted = protocolMinor >= since.trustedFlag ? await readOptionalTrusted(reader) : undefined;
  return { ...(nixVersion !== undefined && { nixVersion }), ...(trusted !== undefined && { trusted }) };
}

function parseOptionalStorePath(text: string, storeDir: string): StorePath | undefined {
  return text === '' ? undefined : parseStorePath(text, storeDir);
}

function parseOptionalContentAddress(text: string): ContentAddress | undefined {
  return text === '' ? undefined : parseContentAddress(text);
}
