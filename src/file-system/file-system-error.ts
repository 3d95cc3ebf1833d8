/**
 * What the file system would not do.
 *
 * @module
 */
import { NarkitError } from '../errors.ts';

/** What can go wrong between a NAR and the file system. */
export type FileSystemErrorCode =
  | 'file-unreadable'
  | 'file-unwritable'
  | 'file-changed'
  | 'file-exists'
  | 'file-type'
  | 'file-name-collision'
  | 'file-too-deep';

/** A file that cannot be dumped or restored. */
export class FileSystemError extends NarkitError {
  declare readonly code: FileSystemErrorCode;
  /** The path in the file system, as text (`decodeFileName`). */
  readonly path: string;
  /** The system's name for what happened, such as `EACCES`, where the system said no. */
  readonly systemCode: string | undefined;

  constructor(code: FileSystemErrorCode, message: string, path: string, options?: ErrorOptions) {
    super(code, message, options);
    this.path = path;
    this.systemCode = systemCodeOf(options?.cause);
  }
}

/** What the system said of an error, without the path that it was asked with: `EACCES: permission denied`. */
export function systemReason(error: unknown): string {
  return error instanceof Error ? error.message.split(',')[0]! : 'unknown error';
}

/** The system's name of an error, such as `ENOENT`. */
export function systemCodeOf(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return typeof code === 'string' ? code : undefined;
}
