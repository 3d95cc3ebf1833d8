/**
 * Unpacking and hashing small NARs beside the calling thread: what both sides of the `#nar-digester` seam provide.
 *
 * @module
 */

/** What came out of the file of a NAR: sha256 of both, and bytes of the NAR. */
export interface NarDigests {
  readonly fileDigest: Uint8Array;
  readonly narDigest: Uint8Array;
}

/** Threads that unpack NARs. Close them, whatever happens. */
export interface NarDigester {
  /**
   * Unpack a single zstd frame, and hash it and what is in it.
   *
   * @param frame belongs to the digester from here on.
   * @param narSize bytes that must come out.
   * @returns `undefined` when that is not what came out, or when there is no thread to do it: why, a stream finds out.
   */
  digest(frame: Uint8Array<ArrayBuffer>, narSize: number): Promise<NarDigests | undefined>;
  close(): Promise<void>;
}
