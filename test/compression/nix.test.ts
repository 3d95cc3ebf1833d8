/** What real Nix reads of what narkit compressed, and narkit of what Nix compressed. */
import { createReadStream } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Codec } from '../../src/compression/codec.ts';
import { codecs as nodeCodecs } from '../../src/compression/codecs-node.ts';
import { codecs as portableCodecs } from '../../src/compression/codecs-portable.ts';
import { createZstd } from '../../src/compression/zstd/zstd.ts';
import { createWorkerZstdEngine } from '../../src/compression/zstd/zstd-workers.ts';
import { createNixPlace, type NixPlace } from '../peers/nix-place.ts';
import { describeNix } from '../peers/peers.ts';
import { chunksOf, collect, sampleBytes } from './streams.ts';

interface Sample {
  readonly path: string;
  readonly nar: Uint8Array;
  /** As Nix writes it, with `Compression: none`. */
  readonly narinfo: string;
}

describeNix('compression', (nix) => {
  let place: NixPlace;
  /** For Brotli at its slowest, the only one that Nix has. */
  let small: Sample;
  /** More than a zstd frame, and some xz blocks of level 0. */
  let large: Sample;

  beforeAll(async () => {
    place = await createNixPlace(nix);
    small = await addSample('small', 100_000);
    large = await addSample('large', 4_500_000);
  });
  afterAll(() => place.remove());

  async function addSample(name: string, size: number): Promise<Sample> {
    const file = join(place.directory, name);
    await writeFile(file, sampleBytes(size));
    const path = (await place.run('nix-store', ['--add', file])).stdout.toString().trim();
    const nar = new Uint8Array((await place.run('nix-store', ['--dump', path])).stdout);
    const cache = join(place.directory, `${name}-plain`);
    await place.run('nix', ['copy', '--to', `file://${cache}?compression=none`, path]);
    return { path, nar, narinfo: await readFile(join(cache, narinfoName(path)), 'utf8') };
  }

  test.each(['none', 'br', 'bzip2', 'gzip', 'xz', 'zstd'] as const)('%s of Nix is read', async (compression) => {
    const { path, nar } = compression === 'br' ? small : large;
    const cache = join(place.directory, `by-nix-${compression}`);
    await place.run('nix', ['copy', '--to', `file://${cache}?compression=${compression}`, path]);
    const [file = ''] = await readdir(join(cache, 'nar'));
    const codec = nodeCodecs[compression];
    expect(file).toMatch(new RegExp(`^[0-9a-z]{52}\\.nar${codec.extension.replace('.', '\\.')}$`));
    for (const { decompress } of [codec, ...(compression === 'br' ? [] : [portableCodecs[compression]])])
      expect(Buffer.compare(nar, await collect(decompress(readFileChunks(join(cache, 'nar', file)))))).toBe(0);
  });

  test.each<[string, Codec, number?]>([
    ['none', nodeCodecs.none],
    ['br', nodeCodecs.br, 4],
    ['gzip', nodeCodecs.gzip],
    ['gzip stored', nodeCodecs.gzip, 0],
    ['portable gzip', portableCodecs.gzip],
    ['xz', nodeCodecs.xz],
    ['xz of many blocks', nodeCodecs.xz, 0],
    ['zstd', nodeCodecs.zstd],
    ['zstd 1', nodeCodecs.zstd, 1],
    ['zstd 19', nodeCodecs.zstd, 19],
    ['zstd in workers', createZstd(createWorkerZstdEngine())],
    ['portable zstd', portableCodecs.zstd],
  ])('%s is read by Nix', async (title, codec, level) => {
    const { path, nar, narinfo } = large;
    const cache = join(place.directory, title.replaceAll(' ', '-'));
    await mkdir(join(cache, 'nar'), { recursive: true });
    await writeFile(join(cache, 'nar/sample'), await collect(codec.compress(chunksOf(nar, 100_000), { level })));
    await writeFile(join(cache, 'nix-cache-info'), `StoreDir: ${place.storeDir}\n`);
    const edited = narinfo
      .replace(/^URL: .*$/m, 'URL: nar/sample')
      .replace(/^Compression: .*$/m, `Compression: ${codec.name}`)
      .replace(/^File(Hash|Size): .*\n/gm, '');
    await writeFile(join(cache, narinfoName(path)), edited);

    await place.run('nix-store', ['--delete', path]);
    await place.run('nix', ['copy', '--no-check-sigs', '--from', `file://${cache}`, path]);
    expect(Buffer.compare((await place.run('nix-store', ['--dump', path])).stdout, nar)).toBe(0);
  });
});

function narinfoName(path: string): string {
  return `${basename(path).slice(0, 32)}.narinfo`;
}

async function* readFileChunks(file: string): AsyncGenerator<Uint8Array> {
  for await (const chunk of createReadStream(file)) yield new Uint8Array(chunk);
}
