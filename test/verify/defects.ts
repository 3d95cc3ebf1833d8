/**
 * A cache of many small paths, and everything that can be wrong in one.
 *
 * @module
 */
import { cp, mkdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createFilesystemBackend } from '../../src/backend/filesystem/index.ts';
import { openBinaryCacheStore } from '../../src/binary-cache/index.ts';
import { concatBytes, encodeUtf8 } from '../../src/bytes/index.ts';
import { findCodec } from '../../src/compression/index.ts';
import { copy } from '../../src/copy/index.ts';
import { formatHash, hashBytes } from '../../src/hash/index.ts';
import { parseSecretKey, type SecretKey, signPathInfo } from '../../src/signing/index.ts';
import { type StorePath, storePathHashPart } from '../../src/store-path.ts';
import type { VerifyFindingKind } from '../../src/verify/index.ts';
import { createSampleStore, narOf, samplePath } from '../copy/sample-store.ts';

/** Keys of these tests: bytes that follow from the name, then the public half. */
export async function testKey(name: string): Promise<SecretKey> {
  const { getPublicKeyAsync } = await import('@noble/ed25519');
  const seed = hashBytes('sha256', encodeUtf8(name)).digest;
  const bytes = concatBytes([seed, await getPublicKeyAsync(seed)]);
  return parseSecretKey(`${name}:${Buffer.from(bytes).toString('base64')}`);
}

/** Paths `path-0000` …, each referring to the one before (but for every tenth) and every seventh to itself; all signed. */
export async function makeCache(directory: string, count: number, key: SecretKey): Promise<StorePath[]> {
  const source = createSampleStore();
  const paths: StorePath[] = [];
  for (let index = 0; index < count; index++) {
    const name = `path-${String(index).padStart(4, '0')}`;
    const references = [
      ...(index % 10 === 0 ? [] : [paths[index - 1]!]),
      ...(index % 7 === 0 ? [samplePath(name)] : []),
    ];
    paths.push(await source.add(name, references, `contents of ${name}, ${'again and '.repeat(20)}again`));
  }
  const settings = { compression: 'zstd', writeNarListing: true } as const;
  const cache = await openBinaryCacheStore(createFilesystemBackend(directory), { secretKeys: [key], settings });
  const { failed } = await copy(source, cache, paths);
  if (failed > 0) throw new Error(`${failed} paths could not be copied`);
  return paths;
}

/** What a plant works on: one path of a cache on disk. */
export interface Plot {
  readonly directory: string;
  readonly path: StorePath;
  /** Another path of the cache, which is as it should be. */
  readonly other: StorePath;
}

export interface Defect {
  readonly name: string;
  /** What must be found, and nothing else. */
  readonly kinds: readonly VerifyFindingKind[];
  /** Can it be mended out of another cache? */
  readonly mendable: boolean;
  /** Of findings that name a file and no path. */
  readonly key?: (path: StorePath) => string;
  plant(plot: Plot): Promise<void>;
}

export const narInfoFile = ({ directory, path }: Pick<Plot, 'directory' | 'path'>): string =>
  join(directory, `${storePathHashPart(path)}.narinfo`);

export async function narFile(plot: Pick<Plot, 'directory' | 'path'>): Promise<string> {
  const url = /^URL: (.*)$/m.exec(await readFile(narInfoFile(plot), 'utf8'))![1]!;
  return join(plot.directory, url);
}

/** Change the text of the narinfo. */
function narInfo(change: (text: string, plot: Plot) => string): Defect['plant'] {
  return async (plot) => {
    const file = narInfoFile(plot);
    await writeFile(file, change(await readFile(file, 'utf8'), plot));
  };
}

function field(name: string, value: (old: string, plot: Plot) => string): Defect['plant'] {
  const pattern = new RegExp(`^${name}: (.*)$`, 'm');
  return narInfo((text, plot) => {
    if (!pattern.test(text)) throw new Error(`there is no ${name}`);
    return text.replace(pattern, (_, old: string) => `${name}: ${value(old, plot)}`);
  });
}

const withoutSignatures = (text: string): string => text.replaceAll(/^Sig: .*\n/gm, '');
const otherHash = formatHash(hashBytes('sha256', encodeUtf8('another')), 'nix32');

function flipCharacter(text: string, index: number): string {
  return text.slice(0, index) + (text[index] === 'A' ? 'B' : 'A') + text.slice(index + 1);
}

async function compress(name: string, bytes: Uint8Array): Promise<Uint8Array> {
  async function* source(): AsyncGenerator<Uint8Array> {
    yield bytes;
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of findCodec(name).compress(source())) chunks.push(chunk);
  return concatBytes(chunks);
}

/** Put another file in the place of the NAR, and let FileHash and FileSize fit it. */
async function putFile(plot: Plot, bytes: Uint8Array): Promise<void> {
  await writeFile(await narFile(plot), bytes);
  const hash = formatHash(hashBytes('sha256', bytes), 'nix32');
  await field('FileHash', () => hash)(plot);
  await field('FileSize', () => String(bytes.length))(plot);
}

export const defects: readonly Defect[] = [
  {
    name: 'a bit of the NAR file flipped',
    kinds: ['nar-damaged'],
    mendable: true,
    async plant(plot) {
      const file = await narFile(plot);
      const bytes = await readFile(file);
      bytes[bytes.length >> 1]! ^= 1;
      await writeFile(file, bytes);
    },
  },
  {
    name: 'a NAR file cut short',
    kinds: ['nar-damaged'],
    mendable: true,
    plant: async (plot) => truncate(await narFile(plot), 50),
  },
  {
    name: 'an empty NAR file',
    kinds: ['nar-damaged'],
    mendable: true,
    plant: async (plot) => truncate(await narFile(plot), 0),
  },
  {
    name: 'bytes behind the archive',
    kinds: ['nar-damaged'],
    mendable: true,
    plant: async (plot) => writeFile(await narFile(plot), 'behind', { flag: 'a' }),
  },
  {
    name: 'the NAR of another path',
    kinds: ['nar-hash'],
    mendable: true,
    plant: async (plot) => cp(await narFile({ ...plot, path: plot.other }), await narFile(plot)),
  },
  {
    name: 'a changed NAR with the FileHash of the change',
    kinds: ['nar-hash'],
    mendable: true,
    async plant(plot) {
      const name = plot.path.slice(33);
      await putFile(plot, await compress('zstd', await narOf(`CONTENTS of ${name}, ${'again and '.repeat(20)}again`)));
    },
  },
  {
    name: 'no NAR',
    kinds: ['nar-missing'],
    mendable: true,
    plant: async (plot) => rm(await narFile(plot)),
  },
  {
    name: 'a directory in place of the NAR',
    kinds: ['nar-missing'],
    mendable: false,
    async plant(plot) {
      const file = await narFile(plot);
      await rm(file);
      await mkdir(file);
    },
  },
  {
    name: 'a decompression bomb',
    kinds: ['nar-size'],
    mendable: true,
    plant: async (plot) => putFile(plot, await compress('zstd', new Uint8Array(64 * 1024 * 1024))),
  },
  { name: 'a wrong FileSize', kinds: ['file-size'], mendable: true, plant: field('FileSize', (old) => `${old}0`) },
  { name: 'a wrong FileHash', kinds: ['file-hash'], mendable: true, plant: field('FileHash', () => otherHash) },
  {
    name: 'a wrong NarHash',
    kinds: ['bad-signature', 'nar-hash'],
    mendable: true,
    plant: field('NarHash', () => otherHash),
  },
  {
    name: 'a NarSize that is too small',
    kinds: ['bad-signature', 'nar-size'],
    mendable: true,
    plant: field('NarSize', (old) => String(Number(old) - 8)),
  },
  {
    name: 'a NarSize that is too large',
    kinds: ['bad-signature', 'nar-size'],
    mendable: true,
    plant: field('NarSize', (old) => String(Number(old) + 8)),
  },
  { name: 'no signature', kinds: ['unsigned'], mendable: true, plant: narInfo(withoutSignatures) },
  {
    name: 'a forged signature',
    kinds: ['bad-signature'],
    mendable: true,
    plant: field('Sig', (old) => flipCharacter(old, old.length - 20)),
  },
  {
    name: 'a signature by a key that nobody trusts',
    kinds: ['unknown-key'],
    mendable: true,
    async plant(plot) {
      const text = await readFile(narInfoFile(plot), 'utf8');
      const { parseNarInfo } = await import('../../src/narinfo/index.ts');
      const signature = signPathInfo(parseNarInfo(text), await testKey('stranger-1'));
      await writeFile(narInfoFile(plot), `${withoutSignatures(text)}Sig: ${signature}\n`);
    },
  },
  {
    name: 'the signature of another path',
    kinds: ['bad-signature'],
    mendable: true,
    async plant(plot) {
      const other = await readFile(narInfoFile({ ...plot, path: plot.other }), 'utf8');
      await field('Sig', () => /^Sig: (.*)$/m.exec(other)![1]!)(plot);
    },
  },
  {
    name: 'a signature that is none',
    kinds: ['narinfo-corrupt'],
    mendable: true,
    plant: field('Sig', () => 'cache-1:%%%'),
  },
  {
    name: 'the narinfo of another path',
    kinds: ['narinfo-foreign'],
    mendable: true,
    plant: (plot) => cp(narInfoFile({ ...plot, path: plot.other }), narInfoFile(plot)),
  },
  {
    name: 'a narinfo cut short',
    kinds: ['narinfo-corrupt'],
    mendable: true,
    plant: narInfo((text) => text.slice(0, text.indexOf('NarHash') + 20)),
  },
  {
    name: 'garbage as narinfo',
    kinds: ['narinfo-corrupt'],
    mendable: true,
    plant: narInfo(() => '<html>\0\u001b[31m not found</html>'),
  },
  { name: 'an empty narinfo', kinds: ['narinfo-corrupt'], mendable: true, plant: narInfo(() => '') },
  {
    name: 'a narinfo with carriage returns',
    kinds: ['narinfo-corrupt'],
    mendable: true,
    plant: narInfo((text) => text.replaceAll('\n', '\r\n')),
  },
  {
    name: 'a narinfo of 2 MB of nothing',
    kinds: ['narinfo-corrupt'],
    mendable: true,
    plant: narInfo(() => 'x'.repeat(2_000_000)),
  },
  {
    name: 'a narinfo of 20 MB',
    kinds: ['narinfo-corrupt'],
    mendable: true,
    plant: narInfo((text) => `${text}Other: ${'x'.repeat(20_000_000)}\n`),
  },
  {
    name: 'a field twice',
    kinds: ['narinfo-quirk'],
    mendable: false,
    plant: narInfo((text) => `${text}NarSize: ${/^NarSize: (.*)$/m.exec(text)![1]}\n`),
  },
  {
    name: 'References twice',
    kinds: ['narinfo-corrupt'],
    mendable: true,
    plant: narInfo((text, { other }) => `${text}References: ${other}\nReferences: ${other}\n`),
  },
  {
    name: 'a field missing',
    kinds: ['narinfo-corrupt'],
    mendable: true,
    plant: narInfo((text) => text.replace(/^NarHash: .*\n/m, '')),
  },
  {
    name: 'a path of another store directory',
    kinds: ['narinfo-corrupt'],
    mendable: true,
    plant: field('StorePath', (old) => old.replace('/nix/store', '/gnu/store')),
  },
  {
    name: 'a reference that is not there',
    kinds: ['reference-missing'],
    mendable: true,
    // The path before is referred to by this one alone.
    async plant({ directory, path }) {
      const text = await readFile(narInfoFile({ directory, path }), 'utf8');
      const references = /^References: (.*)/m.exec(text)![1]!.split(' ') as StorePath[];
      const reference = references.find((name) => name !== path)!;
      await rm(narInfoFile({ directory, path: reference }));
      await rm(join(directory, `${storePathHashPart(reference)}.ls`));
    },
  },
  {
    name: 'a reference taken away',
    kinds: ['bad-signature'],
    mendable: true,
    plant: field('References', () => ''),
  },
  {
    name: 'a reference that is no path',
    kinds: ['narinfo-corrupt'],
    mendable: true,
    plant: field('References', () => '../../etc/passwd'),
  },
  {
    name: 'a URL that leads out',
    kinds: ['nar-url'],
    mendable: true,
    plant: field('URL', () => '../../../etc/passwd'),
  },
  {
    name: 'a URL of another host',
    kinds: ['nar-elsewhere', 'nar-url'],
    mendable: true,
    plant: field('URL', (old) => `https://evil.example.org/${old}`),
  },
  {
    name: 'an unknown compression',
    kinds: ['compression-unknown'],
    mendable: true,
    plant: field('Compression', () => 'magic'),
  },
  {
    name: 'a compression that narkit has not',
    kinds: ['compression-unsupported'],
    mendable: false,
    plant: field('Compression', () => 'lzma'),
  },
  {
    name: 'another compression than it says',
    kinds: ['nar-damaged'],
    mendable: true,
    plant: field('Compression', () => 'xz'),
  },
  {
    name: 'no compression, it says',
    kinds: ['nar-hash'],
    mendable: true,
    plant: field('Compression', () => 'none'),
  },
  {
    name: 'a deriver that is no path',
    kinds: ['narinfo-corrupt'],
    mendable: true,
    plant: narInfo((text) => `${text}Deriver: nobody.drv\n`),
  },
  {
    name: 'a content address that is none',
    kinds: ['narinfo-corrupt'],
    mendable: true,
    plant: narInfo((text) => `${text}CA: fixed:md5:x\n`),
  },
  {
    name: 'the listing of another NAR',
    kinds: ['listing-wrong'],
    mendable: false,
    plant: ({ directory, path }) =>
      writeFile(join(directory, `${storePathHashPart(path)}.ls`), '{"root":{"size":1,"type":"regular"},"version":1}'),
  },
  {
    name: 'garbage as listing',
    kinds: ['listing-wrong'],
    mendable: false,
    plant: ({ directory, path }) => writeFile(join(directory, `${storePathHashPart(path)}.ls`), 'garbage'),
  },
  {
    name: 'a narinfo by a name in upper case',
    kinds: ['narinfo-misnamed'],
    mendable: false,
    key: (path) => `${storePathHashPart(path).toUpperCase()}.narinfo`,
    plant: ({ directory, path }) =>
      cp(narInfoFile({ directory, path }), join(directory, `${storePathHashPart(path).toUpperCase()}.narinfo`)),
  },
  {
    name: 'a narinfo in a folder',
    kinds: ['narinfo-misnamed'],
    mendable: false,
    key: (path) => `old/${storePathHashPart(path)}.narinfo`,
    async plant({ directory, path }) {
      await mkdir(join(directory, 'old'), { recursive: true });
      await cp(narInfoFile({ directory, path }), join(directory, `old/${storePathHashPart(path)}.narinfo`));
    },
  },
  {
    name: 'a NAR that no narinfo names',
    kinds: ['orphan-nar'],
    mendable: false,
    key: (path) => `nar/${path}.nar`,
    plant: ({ directory, path }) => writeFile(join(directory, `nar/${path}.nar`), 'left over'),
  },
  {
    name: 'a listing without a path',
    kinds: ['orphan-listing'],
    mendable: false,
    key: (path) => `${'0'.repeat(31)}${path[0]}.ls`,
    plant: ({ directory, path }) => writeFile(join(directory, `${'0'.repeat(31)}${path[0]}.ls`), '{}'),
  },
  {
    name: 'a file of nobody',
    kinds: ['stray-file'],
    mendable: false,
    key: (path) => `${path}.txt`,
    plant: ({ directory, path }) => writeFile(join(directory, `${path}.txt`), 'notes'),
  },
];

/** One defect at every twentieth path; the path after each is as it was. */
export async function plantDefects(
  directory: string,
  paths: readonly StorePath[],
): Promise<ReadonlyMap<Defect, StorePath>> {
  const planted = new Map<Defect, StorePath>();
  const step = Math.floor(paths.length / defects.length / 10) * 10;
  for (const [index, defect] of defects.entries()) {
    // A path at the end of its chain of ten: nothing refers to it.
    const at = index * step + 9;
    const path = paths[at]!;
    await defect.plant({ directory, path, other: paths[at + 1]! });
    planted.set(defect, path);
  }
  return planted;
}

/** `kind name`, for what is to be found. */
export function expectedFindings(planted: ReadonlyMap<Defect, StorePath>): string[] {
  return [...planted].flatMap(([{ kinds, key }, path]) => kinds.map((kind) => `${kind} ${key?.(path) ?? path}`)).sort();
}
