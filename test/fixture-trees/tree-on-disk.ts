/**
 * Fixture trees on disk, written and read by Node's functions on bytes alone.
 *
 * @module
 */
import {
  chmodSync,
  closeSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import type { FixtureTree } from './fixture-tree.ts';

/** Write a tree; nothing may be there. */
export function writeTree(path: string | Buffer, tree: FixtureTree): void {
  if (tree.type === 'symlink') symlinkSync(Buffer.from(tree.target), path);
  else if (tree.type === 'regular')
    writeFileSync(path, tree.contents, { flag: 'wx', mode: tree.executable ? 0o755 : 0o644 });
  else {
    mkdirSync(path, 0o755);
    within(path, (folder) => {
      for (const [name, child] of tree.entries) writeTree(join(folder, name), child);
    });
  }
}

/** What is on disk, in the order of a NAR. */
export function readTree(path: string | Buffer): FixtureTree {
  const stats = lstatSync(path);
  if (stats.isSymbolicLink()) return { type: 'symlink', target: readlinkSync(path, 'buffer') };
  if (stats.isFile())
    return { type: 'regular', executable: (stats.mode & 0o100) !== 0, contents: new Uint8Array(readFileSync(path)) };
  return within(path, (folder) => {
    const names = readdirSync(folder, 'buffer').sort(Buffer.compare);
    return { type: 'directory', entries: names.map((name) => [name, readTree(join(folder, name))] as const) };
  });
}

/** The modes of all that is on disk, in the order of a NAR. */
export function modesOf(path: string | Buffer): string[] {
  const stats = lstatSync(path);
  const mode = stats.mode.toString(8);
  if (!stats.isDirectory()) return [mode];
  return within(path, (folder) => {
    const names = readdirSync(folder, 'buffer').sort(Buffer.compare);
    return [mode, ...names.flatMap((name) => modesOf(join(folder, name)))];
  });
}

/** Remove a tree, however deep, also where directories are not writable. */
export function removeTree(path: string | Buffer): void {
  if (!lstatSync(path).isDirectory()) unlinkSync(path);
  else {
    chmodSync(path, 0o755);
    within(path, (folder) => {
      for (const name of readdirSync(folder, 'buffer')) removeTree(join(folder, name));
    });
    rmdirSync(path);
  }
}

/** Paths may be longer than the system takes: go through the descriptor. */
function within<Result>(path: string | Buffer, action: (folder: string) => Result): Result {
  const descriptor = openSync(path, 'r');
  try {
    return action(`/proc/self/fd/${descriptor}`);
  } finally {
    closeSync(descriptor);
  }
}

function join(folder: string, name: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`${folder}/`), name]);
}
