/**
 * The walk over a tree on disk that a dump is made of: synchronous, straight into chunks.
 *
 * @module
 */
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  type Stats,
} from 'node:fs';
import { isSymlinkTarget, maximumDepth, narTokens } from '../nar/grammar.ts';
import type { NarEntry } from '../nar/index.ts';
import type { NarOutput } from '../nar/output.ts';
import { type ByteString, toSystemPath, toText } from './byte-path.ts';
import { withoutCaseHack } from './case-hack.ts';
import { FileSystemError, systemCodeOf, systemReason } from './file-system-error.ts';
import { openDirectory } from './open-directory.ts';

/** Files from this size on are left to who drives the walk, who can read them ahead. */
export const largeFileSize: number = 1024 * 1024;

/** A file whose contents the driver puts out, at the place where the walk stands. */
export interface LargeFile {
  readonly descriptor: number;
  readonly size: number;
  readonly path: ByteString;
}

/** How to walk. */
export interface WalkOptions {
  readonly onEntry?: ((entry: NarEntry) => void) | undefined;
  readonly useCaseHack: boolean;
}

type FileType = 'regular' | 'directory' | 'symlink' | 'other';

interface WalkedEntry {
  /** The name in the NAR. */
  readonly name: ByteString;
  /** The name on disk. */
  readonly diskName: ByteString;
  readonly type: FileType;
}

/** A place on disk: how the system is asked for it, what people are told, and what the NAR has. */
interface Place {
  readonly systemPath: ByteString;
  readonly path: ByteString;
  readonly narPath: ByteString;
}

const openFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Write the NAR of `root` into `output`, and stop where chunks are full or a large file is to be read.
 *
 * @throws {@link FileSystemError}
 */
export function* walk(
  output: NarOutput,
  root: ByteString,
  options: WalkOptions,
): Generator<LargeFile | undefined, void, undefined> {
  const place: Place = { systemPath: root, path: root, narPath: '' };
  output.write(narTokens.start);
  yield* walkNode(output, place, lstatType(place), 0, options);
}

function* walkNode(
  output: NarOutput,
  place: Place,
  type: FileType,
  depth: number,
  options: WalkOptions,
): Generator<LargeFile | undefined, void, undefined> {
  if (depth >= maximumDepth)
    throw new FileSystemError(
      'file-too-deep',
      `path '${toText(place.path)}' exceeds maximum NAR directory depth of ${maximumDepth}`,
      toText(place.path),
    );
  if (type === 'regular') yield* walkRegular(output, place, options);
  else if (type === 'directory') yield* walkDirectory(output, place, depth, options);
  else if (type === 'symlink') walkSymlink(output, place, options);
  else throw unsupportedType(place);
  output.write(narTokens.close);
}

function* walkRegular(
  output: NarOutput,
  place: Place,
  options: WalkOptions,
): Generator<LargeFile | undefined, void, undefined> {
  const descriptor = ask(place, 'opening file', () => openSync(toSystemPath(place.systemPath), openFlags));
  try {
    const { size, mode } = statOpen(place, descriptor);
    const executable = (mode & constants.S_IXUSR) !== 0;
    output.write(executable ? narTokens.executable : narTokens.regular);
    output.writeSize(size);
    options.onEntry?.({ type: 'regular', path: toText(place.narPath), size, executable, narOffset: output.offset });
    if (size >= largeFileSize) yield { descriptor, size, path: place.path };
    else yield* readInto(output, place, descriptor, size);
    output.writePadding(size);
  } finally {
    closeSync(descriptor);
  }
  if (output.filled.length > 0) yield;
}

/** The last read asks for a byte more than should come: a file that grew is seen. */
function* readInto(
  output: NarOutput,
  place: Place,
  descriptor: number,
  size: number,
): Generator<undefined, void, undefined> {
  let left = size;
  for (let atEnd = false; !atEnd; ) {
    const asked = Math.min(left + 1, output.chunkSize - output.used);
    const length = ask(place, 'reading', () => readSync(descriptor, output.chunk, output.used, asked, null));
    checkRead(place.path, length, left, size);
    left -= length;
    atEnd = left === 0 && asked > length;
    output.advance(length);
    if (output.filled.length > 0) yield;
  }
}

/**
 * @param length bytes that a read gave, which asked for more than `left` or as many as there was room for.
 * @throws {@link FileSystemError} `file-changed` when the file has not the size that it had when it was opened.
 */
export function checkRead(path: ByteString, length: number, left: number, size: number): void {
  if (length <= left && (length > 0 || left === 0)) return;
  const text = toText(path);
  const change = length > left ? 'grew beyond' : 'shrank from';
  throw new FileSystemError('file-changed', `file '${text}' ${change} ${size} bytes while it was read`, text);
}

function walkSymlink(output: NarOutput, place: Place, options: WalkOptions): void {
  const target = ask(place, 'reading symlink', () => readlinkSync(toSystemPath(place.systemPath), 'latin1'));
  const bytes = Buffer.from(target, 'latin1');
  if (!isSymlinkTarget(bytes))
    throw new FileSystemError(
      'file-type',
      `the target of symlink '${toText(place.path)}' is empty or longer than a NAR can have`,
      toText(place.path),
    );
  output.write(narTokens.symlink);
  output.writeString(bytes);
  options.onEntry?.({ type: 'symlink', path: toText(place.narPath), target: toText(target) });
}

function* walkDirectory(
  output: NarOutput,
  place: Place,
  depth: number,
  options: WalkOptions,
): Generator<LargeFile | undefined, void, undefined> {
  const directory = ask(place, 'opening directory', () => openDirectory(place.systemPath));
  try {
    const entries = readEntries(place, directory.path, options.useCaseHack);
    output.write(narTokens.directory);
    options.onEntry?.({ type: 'directory', path: toText(place.narPath) });
    for (const { name, diskName, type } of entries) {
      output.write(narTokens.entry);
      output.writeByteString(name);
      output.write(narTokens.node);
      const child: Place = {
        systemPath: `${directory.path}/${diskName}`,
        path: place.path === '/' ? `/${diskName}` : `${place.path}/${diskName}`,
        narPath: place.narPath === '' ? name : `${place.narPath}/${name}`,
      };
      yield* walkNode(output, child, type, depth + 1, options);
      output.write(narTokens.close);
      if (output.filled.length > 0) yield;
    }
  } finally {
    directory.close();
  }
}

/** What is in a directory, in the order of the NAR. */
function readEntries(place: Place, folder: ByteString, useCaseHack: boolean): WalkedEntry[] {
  const entries = ask(place, 'reading directory', () => listEntries(folder));
  if (useCaseHack) return unhackEntries(place, entries);
  return entries.sort((left, right) => (left.name < right.name ? -1 : 1));
}

function listEntries(folder: ByteString): WalkedEntry[] {
  const path = toSystemPath(folder);
  try {
    const entries = readdirSync(path, { encoding: 'latin1', withFileTypes: true });
    return entries.map((entry) => ({ name: entry.name, diskName: entry.name, type: typeOf(entry) }));
  } catch {
    // Where the directory does not tell types, Node looks for them under the name taken as text. Look under its bytes.
    return readdirSync(path, 'latin1').map((name) => {
      const type = typeOf(lstatSync(toSystemPath(`${folder}/${name}`)));
      return { name, diskName: name, type };
    });
  }
}

function unhackEntries(place: Place, entries: readonly WalkedEntry[]): WalkedEntry[] {
  const unhacked = entries.map((entry) => ({ ...entry, name: withoutCaseHack(entry.diskName) }));
  unhacked.sort((left, right) => (left.name < right.name ? -1 : 1));
  for (const [index, { name, diskName }] of unhacked.entries()) {
    const previous = unhacked[index - 1];
    if (previous?.name !== name) continue;
    const [first, second] = [previous.diskName, diskName]
      .sort()
      .map((colliding) => `${toText(place.path)}/${toText(colliding)}`);
    throw new FileSystemError('file-name-collision', `file name collision between '${first}' and '${second}'`, second!);
  }
  return unhacked;
}

function lstatType(place: Place): FileType {
  return typeOf(ask(place, 'getting status of', () => lstatSync(toSystemPath(place.systemPath))));
}

function typeOf(of: Pick<Stats, 'isFile' | 'isDirectory' | 'isSymbolicLink'>): FileType {
  if (of.isFile()) return 'regular';
  if (of.isDirectory()) return 'directory';
  return of.isSymbolicLink() ? 'symlink' : 'other';
}

/** @throws {@link FileSystemError} when what was opened is not the regular file that the directory spoke of. */
function statOpen(place: Place, descriptor: number): Stats {
  const stats = ask(place, 'getting status of', () => fstatSync(descriptor));
  if (stats.isFile()) return stats;
  const path = toText(place.path);
  throw new FileSystemError('file-changed', `'${path}' ceased to be a regular file while its tree was read`, path);
}

function ask<Answer>(place: Place, action: string, call: () => Answer): Answer {
  try {
    return call();
  } catch (error) {
    throw unreadable(place.path, action, error);
  }
}

/** The error for a system call that failed on `path`. */
export function unreadable(path: ByteString, action: string, error: unknown): FileSystemError {
  const text = toText(path);
  if (systemCodeOf(error) === 'ELOOP')
    return new FileSystemError('file-changed', `'${text}' became a symlink while its tree was read`, text, {
      cause: error,
    });
  return new FileSystemError('file-unreadable', `${action} '${text}': ${systemReason(error)}`, text, { cause: error });
}

function unsupportedType(place: Place): FileSystemError {
  const path = toText(place.path);
  return new FileSystemError(
    'file-type',
    `file '${path}' has an unsupported type: it is a socket, a pipe or a device`,
    path,
  );
}
