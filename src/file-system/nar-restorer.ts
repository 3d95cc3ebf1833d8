/**
 * Creates the objects of a NAR on disk while a parser meets them: synchronous, each created exclusively.
 *
 * @module
 */
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  futimesSync,
  lutimesSync,
  mkdirSync,
  openSync,
  symlinkSync,
  writeSync,
} from 'node:fs';
import type { NarEntry, NarHandler } from '../nar/index.ts';
import { type ByteString, toByteString, toSystemPath } from './byte-path.ts';
import { type CaseHack, createCaseHack } from './case-hack.ts';
import { FileSystemError, systemCodeOf, systemReason } from './file-system-error.ts';
import { type OpenDirectory, openDirectory } from './open-directory.ts';

/** How to create. */
export interface NarRestorerOptions {
  readonly canonical: boolean;
  readonly useCaseHack: boolean;
}

/** What a parser tells of a NAR becomes files. */
export interface NarRestorer extends Required<NarHandler> {
  /** Let go of descriptors, after a failure. */
  close(): void;
}

/** Nix's `mtimeStore`: one second after 1970. */
const canonicalTime = 1;

const createFlags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

interface Folder extends OpenDirectory {
  readonly caseHack: CaseHack | undefined;
}

/** A restorer that makes `root`. */
export function createNarRestorer(root: ByteString, options: NarRestorerOptions): NarRestorer {
  const { canonical, useCaseHack } = options;
  const accessTime = Date.now() / 1000;
  const folders: Folder[] = [];
  /** The regular file whose contents come, if one is open. */
  let file: { readonly descriptor: number; readonly path: string; readonly executable: boolean } | undefined;
  let endsSymlink = false;

  function pathFor(entry: NarEntry): ByteString {
    const folder = folders.at(-1);
    if (folder === undefined) return root;
    const name = toByteString(entry.path.slice(entry.path.lastIndexOf('/') + 1));
    return `${folder.path}/${folder.caseHack === undefined ? name : hackedName(folder.caseHack, name, entry.path)}`;
  }

  function createDirectory(path: ByteString): void {
    mkdirSync(toSystemPath(path), 0o777);
    folders.push({ ...openDirectory(path), caseHack: useCaseHack ? createCaseHack() : undefined });
  }

  function createFile(entry: NarEntry & { readonly type: 'regular' }, path: ByteString): void {
    const { executable } = entry;
    file = { descriptor: openSync(toSystemPath(path), createFlags, 0o666), path: entry.path, executable };
  }

  function createSymlink(target: string, path: ByteString): void {
    symlinkSync(toSystemPath(toByteString(target)), toSystemPath(path));
    if (canonical) lutimesSync(toSystemPath(path), accessTime, canonicalTime);
    endsSymlink = true;
  }

  function endFile(descriptor: number, executable: boolean): void {
    if (canonical) fchmodSync(descriptor, executable ? 0o555 : 0o444);
    else if (executable) fchmodSync(descriptor, (fstatSync(descriptor).mode & 0o7777) | 0o111);
    if (canonical) futimesSync(descriptor, accessTime, canonicalTime);
    file = undefined;
    closeSync(descriptor);
  }

  function endDirectory(folder: Folder): void {
    if (canonical) {
      fchmodSync(folder.descriptor, 0o555);
      futimesSync(folder.descriptor, accessTime, canonicalTime);
    }
    folder.close();
  }

  return {
    onEntry(entry) {
      const path = pathFor(entry);
      attempt(entry.path, () => {
        if (entry.type === 'directory') createDirectory(path);
        else if (entry.type === 'regular') createFile(entry, path);
        else createSymlink(entry.target, path);
      });
    },
    onContents(bytes) {
      const { descriptor, path } = file!;
      attempt(path, () => {
        for (let written = 0; written < bytes.length; )
          written += writeSync(descriptor, bytes, written, bytes.length - written);
      });
    },
    onEntryEnd() {
      if (endsSymlink) endsSymlink = false;
      else if (file !== undefined) {
        const { descriptor, path, executable } = file;
        attempt(path, () => endFile(descriptor, executable));
      } else {
        const folder = folders.pop()!;
        attempt('', () => endDirectory(folder));
      }
    },
    close() {
      if (file !== undefined) closeSync(file.descriptor);
      file = undefined;
      while (folders.length > 0) folders.pop()!.close();
    },
  };
}

function hackedName(caseHack: CaseHack, name: ByteString, path: string): ByteString {
  const hacked = caseHack.rename(name);
  if (hacked !== undefined) return hacked;
  throw new FileSystemError(
    'file-name-collision',
    `NAR contains file name '${path}' that collides with the case-hacked name of another`,
    path,
  );
}

/** Do something for the entry of this path in the NAR, and say of which when it fails. */
function attempt(path: string, action: () => void): void {
  try {
    action();
  } catch (error) {
    const place = path === '' ? '/' : path;
    if (systemCodeOf(error) === 'EEXIST')
      throw new FileSystemError(
        'file-name-collision',
        `restoring '${place}': the file system takes its name for that of another entry of the NAR (File exists)`,
        path,
        { cause: error },
      );
    throw new FileSystemError('file-unwritable', `restoring '${place}': ${systemReason(error)}`, path, {
      cause: error,
    });
  }
}
