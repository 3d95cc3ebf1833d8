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
import { isEntryName, isSymlinkTarget, maximumDepth, narTokens } from '../nar/grammar.ts';
import type { NarEntry } from '../nar/index.ts';
import type { NarOutput } from '../nar/output.ts';
import { type ByteString, toSystemPath, toText } from './byte-path.ts';
import { withoutCaseHack } from './case-hack.ts';
import { FileSystemError, systemCodeOf, systemReason } from './file-system-error.ts';
import { openDirectory } from './open-directory.ts';

/** How to walk. */
export interface WalkOptions {
  readonly onEntry?: ((entry: NarEntry) => void) | undefined;
  readonly useCaseHack: boolean;
}

/** Between two stops of the walk, files below this many bytes are read whole. */
export const largeFileSize: number = 256 * 1024;

type FileType = 'regular' | 'directory' | 'symlink' | 'other';

/** An object in the tree: where it is, and how the system is asked for it. */
export interface Place {
  /** The directory that it is in; `undefined` for the root. */
  readonly parent: Place | undefined;
  /** The name in the NAR. */
  readonly name: ByteString;
  /** The name on disk, of the root the whole path. */
  readonly diskName: ByteString;
  readonly systemPath: ByteString;
}

/** A regular file that is open. */
export interface OpenFile {
  readonly descriptor: number;
  readonly size: number;
  readonly place: Place;
}

/** Where the walk stops. */
export interface Stop {
  /** How many regular files it has met. */
  readonly fileCount: number;
  /** A large file, of which only what goes before its contents is written. */
  readonly large?: LargeFile;
}

/** A large file whose turn it is: the walk reads it, unless somebody else takes that upon himself. */
export interface LargeFile extends OpenFile {
  /** Put the contents in their place of the NAR, and close the descriptor. */
  take(): void;
}

interface DirectoryEntry {
  readonly name: ByteString;
  readonly diskName: ByteString;
  readonly type: FileType;
}

const openFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** What the steps of one walk share. */
interface Walk extends WalkOptions {
  readonly output: NarOutput<ArrayBufferLike>;
  fileCount: number;
}

/**
 * Write the NAR of `root` into `output`. The walk stops where chunks are full, for them to be taken: no more waits than a chunk and
 * a file that is not large. It stops before the contents of each large file, too.
 *
 * @throws {@link FileSystemError}
 */
export function* walk(
  output: NarOutput<ArrayBufferLike>,
  root: ByteString,
  options: WalkOptions,
): Generator<Stop, void, undefined> {
  const place: Place = { parent: undefined, name: '', diskName: root, systemPath: root };
  const type = typeOf(ask(place, 'getting status of', () => lstatSync(toSystemPath(root))));
  output.write(narTokens.start);
  yield* walkNode({ ...options, output, fileCount: 0 }, place, type, 0);
}

function walkNode(walk: Walk, place: Place, type: FileType, depth: number): Iterable<Stop> {
  if (type === 'directory') return walkDirectory(walk, place, depth);
  if (type === 'regular') return walkRegular(walk, place);
  if (type === 'symlink') writeSymlink(walk, place);
  else throw unsupportedType(place);
  return [];
}

function* walkDirectory(walk: Walk, place: Place, depth: number): Generator<Stop, void, undefined> {
  const { output } = walk;
  const directory = ask(place, 'opening directory', () => openDirectory(place.systemPath));
  try {
    const entries = readEntries(place, directory.path, walk.useCaseHack);
    if (entries.length > 0 && depth + 1 >= maximumDepth) throw tooDeep(place, entries[0]!);
    output.write(narTokens.directory);
    walk.onEntry?.({ type: 'directory', path: narPathOf(place) });
    for (const { name, diskName, type } of entries) {
      output.write(narTokens.entry);
      output.writeByteString(name);
      output.write(narTokens.node);
      const child: Place = { parent: place, name, diskName, systemPath: `${directory.path}/${diskName}` };
      yield* walkNode(walk, child, type, depth + 1);
      output.write(narTokens.close);
      if (output.filled.length > 0) yield { fileCount: walk.fileCount };
    }
    output.write(narTokens.close);
  } finally {
    directory.close();
  }
}

/** A small file is written at once, without what a generator costs: trees have many of them. */
function walkRegular(walk: Walk, place: Place): Iterable<Stop> {
  const file = openRegular(walk, place);
  if (file.size >= largeFileSize) return walkLarge(walk, file);
  try {
    for (let left: number | undefined = file.size; left !== undefined; ) left = readPiece(walk.output, file, left);
  } finally {
    closeSync(file.descriptor);
  }
  endRegular(walk, file);
  return [];
}

function* walkLarge(walk: Walk, file: OpenFile): Generator<Stop, void, undefined> {
  let isTaken = false;
  try {
    const take = (): void => {
      isTaken = true;
    };
    yield { fileCount: walk.fileCount, large: { ...file, take } };
    for (let left = isTaken ? undefined : file.size; left !== undefined; ) {
      left = readPiece(walk.output, file, left);
      if (walk.output.filled.length > 0) yield { fileCount: walk.fileCount };
    }
  } finally {
    if (!isTaken) closeSync(file.descriptor);
  }
  endRegular(walk, file);
}

function openRegular(walk: Walk, place: Place): OpenFile {
  const { output } = walk;
  const descriptor = ask(place, 'opening file', () => openSync(toSystemPath(place.systemPath), openFlags));
  try {
    const { size, mode } = statRegular(place, descriptor);
    const executable = (mode & constants.S_IXUSR) !== 0;
    output.write(executable ? narTokens.executable : narTokens.regular);
    output.writeSize(size);
    walk.fileCount++;
    walk.onEntry?.({ type: 'regular', path: narPathOf(place), size, executable, narOffset: output.offset });
    return { descriptor, size, place };
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

function endRegular({ output }: Walk, { size }: OpenFile): void {
  output.writePadding(size);
  output.write(narTokens.close);
}

/**
 * Read the next piece of a file into the output. The last read asks for a byte more than should come: a file that grew is seen.
 *
 * @returns how many bytes are left, `undefined` when the file has ended where it should.
 */
function readPiece(output: NarOutput<ArrayBufferLike>, file: OpenFile, left: number): number | undefined {
  const { descriptor, place } = file;
  const asked = Math.min(left + 1, output.chunkSize - output.used);
  const length = ask(place, 'reading', () => readSync(descriptor, output.chunk, output.used, asked, null));
  checkRead(file, length, left);
  output.advance(length);
  return left === length && asked > length ? undefined : left - length;
}

/**
 * @param length bytes that a read gave, which asked for more than `left` or for as many as there was room for.
 * @throws {@link FileSystemError} `file-changed` when the file has not the size that it had when it was opened.
 */
export function checkRead(file: OpenFile, length: number, left: number): void {
  if (length <= left && (length > 0 || left === 0)) return;
  const path = pathOf(file.place);
  const change = length > left ? 'grew beyond' : 'shrank from';
  throw new FileSystemError('file-changed', `file '${path}' ${change} ${file.size} bytes while it was read`, path);
}

function writeSymlink({ output, onEntry }: Walk, place: Place): void {
  const target = ask(place, 'reading symlink', () => readlinkSync(toSystemPath(place.systemPath), 'latin1'));
  const bytes = Buffer.from(target, 'latin1');
  if (!isSymlinkTarget(bytes)) {
    const path = pathOf(place);
    throw new FileSystemError(
      'file-type',
      `the target of symlink '${path}' is empty or longer than a NAR can have`,
      path,
    );
  }
  output.write(narTokens.symlink);
  output.writeString(bytes);
  output.write(narTokens.close);
  onEntry?.({ type: 'symlink', path: narPathOf(place), target: toText(target) });
}

/** What is in a directory, in the order of the NAR. */
function readEntries(place: Place, path: ByteString, useCaseHack: boolean): DirectoryEntry[] {
  const entries = ask(place, 'reading directory', () => listDirectory(path));
  if (useCaseHack) return unhackEntries(place, entries);
  return entries.sort((left, right) => (left.name < right.name ? -1 : 1));
}

function listDirectory(path: ByteString): DirectoryEntry[] {
  const systemPath = toSystemPath(path);
  try {
    const entries = readdirSync(systemPath, { encoding: 'latin1', withFileTypes: true });
    return entries.map((entry) => ({ name: entry.name, diskName: entry.name, type: typeOf(entry) }));
  } catch {
    // Where the directory does not tell types, Node looks for them under the name taken as text. Look under its bytes.
    return readdirSync(systemPath, 'latin1').map((name) => {
      const type = typeOf(lstatSync(toSystemPath(`${path}/${name}`)));
      return { name, diskName: name, type };
    });
  }
}

function unhackEntries(place: Place, entries: readonly DirectoryEntry[]): DirectoryEntry[] {
  const unhacked = entries.map((entry) => ({ ...entry, name: withoutCaseHack(entry.diskName) }));
  for (const { name, diskName } of unhacked)
    if (!isEntryName(Buffer.from(name, 'latin1'))) throw nameless(`${pathOf(place)}/${toText(diskName)}`);
  unhacked.sort((left, right) => (left.name < right.name ? -1 : 1));
  for (const [index, { name, diskName }] of unhacked.entries()) {
    const previous = unhacked[index - 1];
    if (previous?.name !== name) continue;
    const [first, second] = [previous.diskName, diskName]
      .sort()
      .map((colliding) => `${pathOf(place)}/${toText(colliding)}`);
    throw new FileSystemError('file-name-collision', `file name collision between '${first}' and '${second}'`, second!);
  }
  return unhacked;
}

function nameless(path: string): FileSystemError {
  return new FileSystemError('file-name-collision', `'${path}' has no name left without its case-hack suffix`, path);
}

function typeOf(of: Pick<Stats, 'isFile' | 'isDirectory' | 'isSymbolicLink'>): FileType {
  if (of.isFile()) return 'regular';
  if (of.isDirectory()) return 'directory';
  return of.isSymbolicLink() ? 'symlink' : 'other';
}

/** @throws {@link FileSystemError} when what was opened is not the regular file that the directory spoke of. */
function statRegular(place: Place, descriptor: number): Stats {
  const stats = ask(place, 'getting status of', () => fstatSync(descriptor));
  if (stats.isFile()) return stats;
  const path = pathOf(place);
  throw new FileSystemError('file-changed', `'${path}' ceased to be a regular file while its tree was read`, path);
}

function ask<Answer>(place: Place, action: string, call: () => Answer): Answer {
  try {
    return call();
  } catch (error) {
    throw unreadable(place, action, error);
  }
}

/** The error for a system call that failed. */
export function unreadable(place: Place, action: string, error: unknown): FileSystemError {
  const path = pathOf(place);
  if (systemCodeOf(error) === 'ELOOP' && place.parent !== undefined)
    return new FileSystemError('file-changed', `'${path}' became a symlink while its tree was read`, path, {
      cause: error,
    });
  return new FileSystemError('file-unreadable', `${action} '${path}': ${systemReason(error)}`, path, { cause: error });
}

function unsupportedType(place: Place): FileSystemError {
  const path = pathOf(place);
  return new FileSystemError(
    'file-type',
    `file '${path}' has an unsupported type: it is a socket, a pipe or a device`,
    path,
  );
}

function tooDeep(directory: Place, entry: DirectoryEntry): FileSystemError {
  const path = `${pathOf(directory)}/${toText(entry.diskName)}`;
  return new FileSystemError(
    'file-too-deep',
    `path '${path}' exceeds maximum NAR directory depth of ${maximumDepth}`,
    path,
  );
}

/** The path on disk, for people. */
function pathOf(place: Place): string {
  const name = toText(place.diskName);
  if (place.parent === undefined) return name;
  const parent = pathOf(place.parent);
  return parent.endsWith('/') ? parent + name : `${parent}/${name}`;
}

/** The path in the NAR. */
function narPathOf(place: Place): string {
  const name = toText(place.name);
  const parent = place.parent === undefined ? '' : narPathOf(place.parent);
  return parent === '' ? name : `${parent}/${name}`;
}
