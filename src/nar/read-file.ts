/**
 * What is in a NAR, and one file out of it, from the NAR as it streams by.
 *
 * @module
 */
import type { AbortOptions } from '../abort.ts';
import { createNarListingBuilder, type NarListing } from './listing.ts';
import { canonicalNarPath, NarPathError, refuseOtherThanRegular } from './nar-path.ts';
import { observeNar, readNar } from './read.ts';

/**
 * The listing of a NAR, which is read to its end.
 *
 * @throws {@link NarFormatError}
 * @example
 * ```ts
 * const listing = await listNar(createReadStream('hello.nar'));
 * console.log(formatNarListing(listing));
 * ```
 */
export async function listNar(source: AsyncIterable<Uint8Array>, { signal }: AbortOptions = {}): Promise<NarListing> {
  const builder = createNarListingBuilder();
  for await (const _ of observeNar(source, builder)) signal?.throwIfAborted();
  return builder.finish();
}

/** How to read a file out of a NAR. */
export interface ReadNarFileOptions extends AbortOptions {
  /**
   * End with the file, and leave the rest of the NAR unread: what is wrong with that is not found then. @default false
   */
  readonly stopEarly?: boolean | undefined;
}

/**
 * The contents of a regular file in a NAR.
 *
 * Who reaches the end without an error has seen a well-formed NAR, unless `stopEarly` left the rest unread.
 *
 * @param path as {@link canonicalNarPath} takes it; symlinks are not followed.
 * @throws {@link NarPathError} `nar-path-absent`, `nar-path-type`; {@link NarFormatError}.
 * @example
 * ```ts
 * for await (const chunk of readNarFile(createReadStream('hello.nar'), 'share/hello.txt')) process.stdout.write(chunk);
 * ```
 */
export async function* readNarFile(
  source: AsyncIterable<Uint8Array>,
  path: string,
  { signal, stopEarly = false }: ReadNarFileOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const wanted = canonicalNarPath(path);
  let found = false;
  for await (const entry of readNar(source, { signal })) {
    if (entry.path !== wanted) continue;
    refuseOtherThanRegular(entry, wanted);
    found = true;
    yield* entry.contents;
    if (stopEarly) return;
  }
  if (!found) throw new NarPathError('nar-path-absent', wanted, 'does not exist');
}
