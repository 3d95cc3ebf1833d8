/**
 * Stores, in Nix's sense: what has path infos and NARs, and may take new ones.
 *
 * @module
 */
import type { AbortOptions } from '../abort.ts';
import type { Hash } from '../hash/index.ts';
import type { PathInfo } from '../path-info.ts';
import type { SecretKey } from '../signing/index.ts';
import type { StorePath } from '../store-path.ts';

/** How to ask for many path infos. */
export interface QueryPathInfosOptions extends AbortOptions {
  /**
   * Told of a path whose info lies there and cannot be used (a corrupt narinfo), so that the others can go on; without it the first
   * such path is thrown. Stores in which one broken entry means that nothing can be read throw in any case.
   */
  readonly onError?: ((path: StorePath, error: unknown) => void) | undefined;
}

/** A NAR as a cache keeps it: in a file, compressed by some method, `none` included. */
export interface CompressedNar {
  /** The URI of the store, for messages. */
  readonly uri: string;
  /** Where in the store the file lies, for messages. */
  readonly url: string;
  /** Nix's name of the method. */
  readonly compression: string;
  /** Of the file, where the store knows. */
  readonly fileHash?: Hash | undefined;
  /** Bytes of the file, where the store knows. */
  readonly fileSize?: number | undefined;
  /** Read the file from its start, as it is: who takes it checks it, and what is in it. */
  open(options?: AbortOptions): AsyncIterable<Uint8Array>;
}

/** What can be asked of every store. Absence is `undefined`; what keeps an answer from being given throws. */
export interface Store {
  /** The URI as a person would write it, without secrets; used in messages. */
  readonly uri: string;
  /** The store directory that the paths belong to, usually `/nix/store`. */
  readonly storeDir: string;
  /** What the store knows of a path, or `undefined` when it does not have it. */
  queryPathInfo(path: StorePath, options?: AbortOptions): Promise<PathInfo | undefined>;
  /** Those of `paths` that the store has, asked many at a time. */
  queryPathInfos(paths: Iterable<StorePath>, options?: QueryPathInfosOptions): Promise<Map<StorePath, PathInfo>>;
  /** The path with this hash part, if the store has one. */
  queryPathFromHashPart(hashPart: string, options?: AbortOptions): Promise<StorePath | undefined>;
  /** Each path that the store has, once, in no promised order. */
  queryAllValidPaths(options?: AbortOptions): AsyncIterable<StorePath>;
  /**
   * The NAR of a path. The consumer compares hash and size with those of the path info: a store gives what it has.
   *
   * @throws StoreError `path-absent` when the store does not have the path or its files are gone.
   */
  narFromPath(path: StorePath, options?: AbortOptions): AsyncIterable<Uint8Array>;
  /** The file of a NAR, by the path info that this store gave; a store that keeps no such files leaves it out. */
  compressedNarOf?(info: PathInfo): CompressedNar | undefined;
  /** The log of the build that made the derivation's outputs, uncompressed, where the store has one. */
  queryBuildLog?(derivation: StorePath, options?: AbortOptions): Promise<Uint8Array | undefined>;
  /** Let go of connections and handles. */
  close(): Promise<void>;
}

/** A path that lies ready in the destination and is not visible yet. */
export interface Publication {
  /** Where the NAR lies, relative to the cache; absent for stores that are not caches. */
  readonly url?: string;
  /** Of the file that the NAR lies in, compressed as it is. */
  readonly fileHash?: Hash;
  /** Bytes of that file. */
  readonly fileSize?: number;
  /** Make it visible. Called when everything that it refers to is visible. */
  publish(options?: AbortOptions): Promise<void>;
  /** Let go of what lies ready; never called after `publish`. */
  abandon(): Promise<void>;
}

/** How a path is taken. */
export interface PrepareOptions extends AbortOptions {
  /** The same NAR as a cache has it: another cache may take the file as it is, and others unpack it, checking it once. */
  readonly compressedNar?: CompressedNar | undefined;
}

/** What a store that takes paths can do besides. */
export interface WritableStore extends Store {
  /** Keys that whoever copies paths here signs them with. */
  readonly secretKeys?: readonly SecretKey[];
  /**
   * Take a path's NAR, check it against `narHash` and `narSize` of the info, and lay it ready.
   *
   * @param openNar opens the NAR from its start; called again when an attempt failed for the destination's reasons.
   * @throws NarMismatchError when the bytes are not those that the info promises: nothing is laid ready then.
   */
  prepare(info: PathInfo, openNar: () => AsyncIterable<Uint8Array>, options?: PrepareOptions): Promise<Publication>;
  /** Add signatures to a path that the store has; those it has already change nothing. `true` when something was written. */
  addSignatures(path: StorePath, signatures: readonly string[], options?: AbortOptions): Promise<boolean>;
  /** Keep the log of a build. */
  addBuildLog?(derivation: StorePath, log: Uint8Array, options?: AbortOptions): Promise<void>;
}
