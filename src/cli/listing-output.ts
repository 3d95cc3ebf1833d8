/**
 * How `store ls` and `nar ls` print a listing: as Nix does (`src/nix/ls.cc`).
 *
 * @module
 */
import type { Command } from 'commander';
import { compareBytes } from '../bytes/bytes.ts';
import { encodeFileName } from '../nar/file-name.ts';
import {
  formatNarListingNode,
  formatShallowNarListing,
  type NarListing,
  type NarListingDirectory,
} from '../nar/listing.ts';
import { canonicalNarPath, findInListing } from '../nar/nar-path.ts';
import { type Context, UsageError, writeOut } from './context.ts';

/** What to print. */
export interface ListingFlags {
  readonly long?: boolean;
  readonly recursive?: boolean;
  readonly directory?: boolean;
  readonly json?: boolean;
}

/** So many characters are written at a time. */
const pieceLength = 64 * 1024;

/** Nix's flags. */
export function addListingOptions(command: Command): Command {
  return command
    .option('-l, --long', 'print type, size and target, too')
    .option('-R, --recursive', 'list what is in subdirectories, too')
    .option('-d, --directory', 'list directories themselves, and not what is in them')
    .option('--json', 'print JSON');
}

/** @throws {@link UsageError} for flags that do not go together. */
export function checkListingFlags({ directory, json }: ListingFlags): void {
  if (directory && json) throw new UsageError("'--directory' is useless with '--json'");
}

/**
 * Print what a listing has at a path.
 *
 * @throws NarPathError when there is nothing; NarListingError for a name that JSON cannot hold.
 */
export async function printListing(
  context: Context,
  listing: NarListing,
  path: string,
  flags: ListingFlags,
): Promise<void> {
  const found = findInListing(listing, path);
  if (flags.json) {
    const json = flags.recursive ? formatNarListingNode(found) : formatShallowNarListing(found);
    return writeOut(context, `${json}\n`);
  }
  const name = found.type === 'directory' ? '.' : canonicalNarPath(path).split('/').at(-1)!;
  let piece = '';
  for (const line of formatLines(found, name, flags, flags.directory ?? false)) {
    piece += `${context.stdout.isTTY ? withoutControls(line) : line}\n`;
    if (piece.length < pieceLength) continue;
    await writeOut(context, encodeFileName(piece));
    piece = '';
  }
  await writeOut(context, encodeFileName(piece));
}

function* formatLines(node: NarListing, name: string, flags: ListingFlags, itself: boolean): Generator<string> {
  if (node.type === 'directory' && !itself) {
    for (const [child, childNode] of sortEntries(node)) yield* formatLines(childNode, `${name}/${child}`, flags, true);
    return;
  }
  yield flags.long ? formatLong(node, name) : name;
  if (flags.recursive && node.type === 'directory') yield* formatLines(node, name, flags, false);
}

function formatLong(node: NarListing, name: string): string {
  if (node.type === 'directory') return `dr-xr-xr-x ${'0'.padStart(20)} ${name}`;
  if (node.type === 'symlink') return `lrwxrwxrwx ${'0'.padStart(20)} ${name} -> ${node.target}`;
  return `${node.executable ? '-r-xr-xr-x' : '-r--r--r--'} ${String(node.size).padStart(20)} ${name}`;
}

/** By the bytes of the names: what comes out of JSON has another order. */
function sortEntries({ entries }: NarListingDirectory): (readonly [string, NarListing])[] {
  return [...entries]
    .map(([name, node]) => ({ bytes: encodeFileName(name), name, node }))
    .sort((left, right) => compareBytes(left.bytes, right.bytes))
    .map(({ name, node }) => [name, node] as const);
}

/** A name may hold what commands a terminal. */
function withoutControls(line: string): string {
  return line.replace(/[\x00-\x1f\x7f-\x9f]/g, '?');
}
