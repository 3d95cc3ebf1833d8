/**
 * What is fuzzed, and what must hold of it.
 *
 * A target's `run` returns for input that it takes, throws one of narkit's errors for input that it refuses, and anything else for
 * what should not be.
 */
import { strict as assert } from 'node:assert';
import { readdirSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import * as zlib from 'node:zlib';
import { collect, textValues } from './corpus.mjs';
import { mutateBytes, mutateLines } from './mutate.mjs';
import { makeNar } from './nar-grammar.mjs';
import { Random } from './random.mjs';
import { makeZstd } from './zstd-grammar.mjs';

/** More out of an archive is a bomb. */
const maximumSize = 4 * 1024 * 1024;

/** All targets, for a library and a folder that they may fill. */
export function createTargets(narkit, sandbox) {
  const { nar, narinfo, fileSystem, derivation, compression, internal, isNarkitError } = narkit;

  /** Bytes in chunks of random sizes: the result must not depend on them. */
  async function* cut(random, bytes) {
    const largest = random.pick([1, 3, 100, 5000, 1_000_000]);
    for (let from = 0; from < bytes.length; ) {
      const size = bytes.length > 20_000 ? 5000 + random.below(60_000) : 1 + random.below(largest);
      yield bytes.slice(from, from + size);
      from += size;
    }
  }

  /** The outcome as a value: what came out, or the error. */
  async function outcomeOf(work) {
    try {
      return { value: await work() };
    } catch (error) {
      if (!isNarkitError(error)) throw error;
      return { error };
    }
  }

  async function readTree(source) {
    const nodes = new Map();
    for await (const entry of nar.readNar(source)) {
      const slash = entry.path.lastIndexOf('/');
      const node =
        entry.type === 'directory'
          ? { type: 'directory', entries: [] }
          : entry.type === 'symlink'
            ? { type: 'symlink', target: nar.encodeFileName(entry.target) }
            : { type: 'regular', executable: entry.executable, contents: await collect(entry.contents) };
      if (entry.path !== '')
        nodes
          .get(entry.path.slice(0, Math.max(0, slash)))
          .entries.push([nar.encodeFileName(entry.path.slice(slash + 1)), node]);
      nodes.set(entry.path, node);
    }
    return nodes.get('');
  }

  async function fuzzNar(random, bytes) {
    const tree = await outcomeOf(() => readTree(cut(random, bytes)));
    const listing = nar.createNarListingBuilder();
    const passed = await outcomeOf(() => collect(nar.observeNar(cut(random, bytes), listing)));
    assert.equal(passed.error?.message, tree.error?.message, 'two readings differ');
    if (tree.error) throw tree.error;
    assert.deepEqual(await collect(nar.writeNar(tree.value)), bytes, 'another NAR has the same tree');
    listing.finish();
  }

  async function fuzzRestore(random, bytes) {
    const folder = join(sandbox, 'folder');
    await mkdir(folder);
    const target = join(folder, 'target');
    const useCaseHack = random.oneIn(3);
    try {
      const { error } = await outcomeOf(() =>
        fileSystem.restorePath(cut(random, bytes), target, { canonical: random.oneIn(2), useCaseHack }),
      );
      assert.deepEqual(readdirSync(sandbox), ['folder'], 'something lies outside');
      assert.deepEqual(readdirSync(folder), error ? [] : ['target'], 'what lies in the folder');
      if (error) throw error;
      // As with Nix, a name that has the suffix of itself loses it.
      if (!useCaseHack || !Buffer.from(bytes).includes(fileSystem.caseHackSuffix))
        assert.deepEqual(
          await collect(fileSystem.dumpPath(target, { useCaseHack })),
          bytes,
          'another NAR was restored',
        );
    } finally {
      for (const name of readdirSync(sandbox)) internal.removeTree(join(sandbox, name));
    }
  }

  function fuzzText(parse, format) {
    return (_random, bytes) => {
      const value = parse(bytes);
      const text = format(value);
      assert.deepEqual(parse(new TextEncoder().encode(text)), value, 'what is printed is read as something else');
      assert.equal(format(parse(text)), text, 'what is printed is printed otherwise');
    };
  }

  /** `reference`: another decoder, `undefined` where it refuses. A `stricter` one may refuse what narkit takes. */
  function fuzzCodec(decompress, reference, { stricter = false } = {}) {
    return async (random, bytes) => {
      const once = () => outcomeOf(() => collect(decompress(cut(random, bytes), { maximumSize })));
      const first = await once();
      const second = await once();
      assert.equal(second.error?.code, first.error?.code, 'it depends on the chunks');
      if (!first.error) assert.deepEqual(second.value, first.value, 'the content depends on the chunks');
      const expected = await reference?.(bytes);
      // What narkit refuses, the reference may take: bytes after the end, above all.
      if (reference !== undefined && !first.error && !(stricter && expected === undefined)) {
        assert.notEqual(expected, undefined, 'the reference refuses it');
        assert.deepEqual(Buffer.from(first.value), expected, 'the reference has other content');
      }
      if (first.error) throw first.error;
    };
  }

  const byZlib = (work) => async (bytes) => {
    const result = await new Promise((resolve) =>
      work(bytes, { maxOutputLength: maximumSize }, (error, value) => resolve(error ? undefined : value)),
    );
    return result === undefined ? undefined : Buffer.from(result);
  };
  const hasZlibZstd = zlib.zstdDecompress !== undefined;
  const own = (archive, options) =>
    internal.guarded('zstd', internal.decodeZstd(new internal.ArchiveReader('zstd', archive)), options);
  const portableGzip = (archive, options) => internal.portableGzip.decompress(archive, options);
  const codec = (name) => (archive, options) => compression.findCodec(name).decompress(archive, options);

  const byCodec = (name) => async (bytes) => {
    const { value } = await outcomeOf(() => collect(codec(name)(cut(new Random(1), bytes), { maximumSize })));
    return value && Buffer.from(value);
  };

  async function fuzzWire(random, bytes) {
    const chunks = cut(random, bytes);
    const reader = new internal.WireReader({ read: async () => (await chunks.next()).value });
    const reads = [
      () => reader.readUint64(),
      () => reader.readBoolean(),
      () => reader.readString(),
      () => reader.readText(),
      () => reader.readList(() => reader.readString()),
      () => reader.readMap(() => reader.readUint64()),
      () => internal.readPathInfo(reader, '/nix/store'),
      () => internal.readDaemonInfo(reader, random.pick([21, 33, 35, 38])),
      () => internal.readMessages(reader, { protocolMinor: random.pick([21, 26, 38]) }),
    ];
    for (let count = 0; count < 20; count++) await random.pick(reads)();
  }

  const bytesOf = (random, seeds) => mutateBytes(random, random.pick(seeds), seeds);
  const linesOf = (random, seeds) =>
    random.oneIn(3) ? bytesOf(random, seeds) : mutateLines(random, random.pick(seeds), textValues);
  const narOf = (random, seeds) => {
    if (random.oneIn(3)) return bytesOf(random, seeds);
    const made = makeNar(random, random.pick([20, 100, 1e9]));
    return random.oneIn(3) ? mutateBytes(random, made, seeds) : made;
  };
  const zstdOf = (random, seeds) => (random.oneIn(2) ? bytesOf(random, seeds) : makeZstd(random));
  const { parseNarInfo, formatNarInfo, parseNixCacheInfo, formatNixCacheInfo } = narinfo;

  return [
    { name: 'nar', make: narOf, run: fuzzNar },
    { name: 'restore', make: narOf, run: fuzzRestore },
    { name: 'narinfo', make: linesOf, run: fuzzText(parseNarInfo, formatNarInfo) },
    { name: 'nix-cache-info', make: linesOf, run: fuzzText(parseNixCacheInfo, formatNixCacheInfo) },
    { name: 'listing', make: bytesOf, run: fuzzText(nar.parseNarListing, nar.formatNarListing) },
    { name: 'derivation', make: bytesOf, run: (_random, bytes) => derivation.parseDerivation(bytes) },
    { name: 'wire', make: bytesOf, run: fuzzWire },
    { name: 'none', make: bytesOf, run: fuzzCodec(codec('none')) },
    { name: 'gzip', make: bytesOf, run: fuzzCodec(codec('gzip'), byZlib(zlib.gunzip)) },
    // On older Nodes, where it is not used, it depends on the chunks what may follow an archive.
    ...(hasZlibZstd ? [{ name: 'gzip-portable', of: 'gzip', make: bytesOf, run: fuzzCodec(portableGzip) }] : []),
    { name: 'br', make: bytesOf, run: fuzzCodec(codec('br'), byZlib(zlib.brotliDecompress)) },
    { name: 'zstd', make: zstdOf, run: fuzzCodec(codec('zstd')) },
    { name: 'zstd-own', of: 'zstd', make: zstdOf, run: fuzzCodec(own, hasZlibZstd ? byCodec('zstd') : undefined) },
    // The first byte of LZMA's range coder means nothing, and liblzma alone looks at it.
    { name: 'xz', make: bytesOf, run: fuzzCodec(codec('xz'), internal.xzReference, { stricter: true }) },
    { name: 'bzip2', make: bytesOf, run: fuzzCodec(codec('bzip2')) },
  ];
}
