/**
 * Nix's own test data.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  formatNarListingNode,
  formatShallowNarListing,
  NarFormatError,
  parseNarListing,
  readNar,
  writeNar,
} from '../../src/nar/index.ts';
import { collect, inChunks, toNarNode, treeOfNar } from '../fixture-trees/fixture-tree.ts';
import { describePeer, needPeer } from '../peers/peers.ts';

/** What Nix's parser says of each file; `undefined` for those that it takes. */
const verdicts: Readonly<Record<string, string | undefined>> = {
  'invalid-tag-instead-of-contents': "expected tag 'contents', got 'AAAAAAAA'",
  'nul-character': "NAR contains invalid file name 'f",
  dot: "NAR contains invalid file name '.'",
  dotdot: "NAR contains invalid file name '..'",
  slash: "NAR contains invalid file name 'x/y'",
  empty: "NAR contains invalid file name ''",
  'executable-after-contents': "expected tag ')', got 'executable'",
  'name-after-node': "expected tag 'name'",
  'regular-one-byte-zero-padding': undefined,
  'regular-one-byte-non-zero-padding': 'non-zero padding',
  // It claims 2^64 - 1 bytes, which Nix waits for until the end.
  'regular-truncated-large-contents': 'a file of more than 2^53 - 1 bytes',
  'regular-truncated-padding': 'unexpected end-of-file',
  simple: undefined,
  'empty-dir': undefined,
  'empty-subdir': undefined,
  case: undefined,
  'case-collision': undefined,
  duplicate: 'NAR directory is not sorted',
  unnormalized: undefined,
};

describePeer('vectors', 'NARs of Nix’s own tests', () => {
  for (const folder of ['nars', 'fuzz-nars', 'functional-nars']) {
    describe(folder, () => {
      const path = join(needPeer('vectors'), 'nix', folder);
      for (const name of readdirSync(path)) {
        const verdict = verdicts[name.replace('.nar', '')];
        test(`${name} ${verdict === undefined ? 'is taken' : 'is refused'}`, async () => {
          expect(Object.keys(verdicts)).toContain(name.replace('.nar', ''));
          const bytes = readFileSync(join(path, name));
          for (const size of [1, 7, 4096]) {
            const skip = skipContents(inChunks(bytes, size));
            const drain = treeOfNar(inChunks(bytes, size));
            if (verdict === undefined) {
              await skip;
              expect((await collect(writeNar(toNarNode(await drain)))).equals(bytes)).toBe(true);
            } else {
              for (const reading of await Promise.allSettled([skip, drain])) {
                const failure = (reading as PromiseRejectedResult).reason as NarFormatError;
                expect(failure).toBeInstanceOf(NarFormatError);
                expect(failure.message).toContain(verdict);
              }
            }
          }
        });
      }
    });
  }

  describe('listings', () => {
    const read = (name: string) => readFileSync(join(needPeer('vectors'), 'nix/nar-listing', name), 'utf8');
    const compact = (json: string) => JSON.stringify(JSON.parse(json));

    test('deep.json is parsed and printed', () => {
      expect(formatNarListingNode(parseNarListing(read('deep.json')), { everyExecutable: true })).toBe(
        compact(read('deep.json')),
      );
    });

    test('shallow.json is printed', () => {
      expect(formatShallowNarListing(parseNarListing(read('deep.json')))).toBe(compact(read('shallow.json')));
    });
  });
});

async function skipContents(source: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of readNar(source));
}
