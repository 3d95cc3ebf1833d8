/**
 * What went wrong with compressed data.
 *
 * @module
 */
import { NarkitError } from '../errors.ts';

/**
 * - `compression-unknown`: no compression method has this name.
 * - `compression-unsupported`: the method, or a feature that an archive uses, is not available here.
 * - `compression-corrupt`: the archive is damaged, cut short, or followed by what does not belong to it.
 * - `compression-limit`: the archive unpacks to more bytes than was allowed.
 */
export type CompressionErrorCode =
  | 'compression-unknown'
  | 'compression-unsupported'
  | 'compression-corrupt'
  | 'compression-limit';

/** What a codec could not do. */
export class CompressionError extends NarkitError {
  declare readonly code: CompressionErrorCode;
  /** The compression method by Nix's name, as it was asked for. */
  readonly compression: string;

  constructor(code: CompressionErrorCode, compression: string, message: string, options?: ErrorOptions) {
    super(code, message, options);
    this.compression = compression;
  }
}
