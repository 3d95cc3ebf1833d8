/**
 * A place for the bytes of an upload until its key is known.
 *
 * @module
 */
import type { Content } from '../backend/backend.ts';

/** Takes bytes once, then gives them as often as an upload must be tried. */
export interface Spool {
  write(chunk: Uint8Array): Promise<void>;
  /** What was written; nothing can be written any more. */
  content(): Content;
  /** Let go of the bytes. */
  close(): Promise<void>;
}
