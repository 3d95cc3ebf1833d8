/**
 * Secret keys in files.
 *
 * @module
 */
import { type FileHandle, open } from 'node:fs/promises';
import type { AbortOptions } from '../abort.ts';
import { messageOf, NarkitError } from '../errors.ts';
import { parseSecretKey, type SecretKey } from '../signing/keys.ts';

/** A key file that is missing, cannot be read, or holds no key. */
export class KeyFileError extends NarkitError {
  /** The file as it was given. */
  readonly path: string;

  constructor(path: string, reason: string, options?: ErrorOptions) {
    super('key-file', `secret key file '${path}' ${reason}`, options);
    this.path = path;
  }
}

/** How {@link readSecretKeyFile} reads. */
export interface ReadSecretKeyFileOptions extends AbortOptions {
  /** Takes one line about a key file that others can read. @default nothing */
  readonly onWarning?: (message: string) => void;
}

// A key has 88 characters and a name.
const maximumBytes = 16 * 1024;

/**
 * Read a secret key from a file, as `nix key generate-secret` makes them.
 *
 * @throws {@link KeyFileError} when the file is missing, unreadable, or holds no secret key; the key is never in it.
 */
export async function readSecretKeyFile(path: string, options: ReadSecretKeyFileOptions = {}): Promise<SecretKey> {
  options.signal?.throwIfAborted();
  const text = await readText(path, options);
  try {
    return parseSecretKey(text);
  } catch (error) {
    throw new KeyFileError(path, `holds no secret key: ${messageOf(error)}`, { cause: error });
  }
}

async function readText(path: string, options: ReadSecretKeyFileOptions): Promise<string> {
  let file: FileHandle | undefined;
  try {
    file = await open(path);
    const { mode } = await file.stat();
    // On Windows the mode says nothing about who can read.
    if ((mode & 0o044) !== 0 && process.platform !== 'win32')
      options.onWarning?.(
        `secret key file '${path}' can be read by others (mode ${(mode & 0o777).toString(8).padStart(4, '0')}): chmod 600 it`,
      );
    return await readBounded(path, file);
  } catch (error) {
    if (error instanceof NarkitError) throw error;
    throw new KeyFileError(path, describe(error), { cause: error });
  } finally {
    await file?.close();
  }
}

async function readBounded(path: string, file: FileHandle): Promise<string> {
  const buffer = Buffer.alloc(maximumBytes + 1);
  let length = 0;
  // A pipe, as of a shell's `<(…)`, gives what it has bit by bit.
  for (;;) {
    const { bytesRead } = await file.read(buffer, length, buffer.length - length);
    if (bytesRead === 0) return buffer.toString('utf8', 0, length);
    length += bytesRead;
    if (length > maximumBytes) throw new KeyFileError(path, `is no key file: it is longer than ${maximumBytes} bytes`);
  }
}

function describe(error: unknown): string {
  switch ((error as { code?: unknown }).code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return 'does not exist';
    case 'EACCES':
    case 'EPERM':
      return 'cannot be read: permission denied';
    case 'EISDIR':
      return 'is a directory';
    default:
      return `cannot be read: ${messageOf(error)}`;
  }
}
