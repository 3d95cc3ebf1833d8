/**
 * What the zstd codec needs of the machine it runs on.
 *
 * @module
 */
import type { ArchiveReader } from '../archive-reader.ts';

/** A zstd implementation. */
export interface ZstdEngine {
  /** How many frames may be under way in all streams together, beyond the first of each. */
  readonly framesAhead: number;
  /** Is the memory of `content` given away to another thread? */
  readonly takesMemory: boolean;
  /**
   * One whole frame, with its content size and checksum. The engine owns `content`.
   *
   * @throws the signal's reason when it is aborted before the work began.
   */
  encodeFrame(content: Uint8Array<ArrayBuffer>, level: number, signal: AbortSignal): Promise<Uint8Array>;
  /** The content of an archive. */
  decode(archive: ArchiveReader): AsyncIterable<Uint8Array>;
}
