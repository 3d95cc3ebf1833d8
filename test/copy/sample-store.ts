/** A source store over NARs in memory, and paths made for it. */
import { concatBytes, encodeUtf8 } from '../../src/bytes/index.ts';
import { encodeNix32, hashBytes } from '../../src/hash/index.ts';
import { writeNar } from '../../src/nar/index.ts';
import type { PathInfo } from '../../src/path-info.ts';
import type { Store } from '../../src/store/store.ts';
import { parseStorePathBaseName, type StorePath } from '../../src/store-path.ts';

/** A path whose hash part follows from its name. */
export function samplePath(name: string): StorePath {
  const hashPart = encodeNix32(hashBytes('sha256', encodeUtf8(name)).digest.subarray(0, 20));
  return parseStorePathBaseName(`${hashPart}-${name}`);
}

export interface SamplePath {
  readonly info: PathInfo;
  nar: Uint8Array;
}

export interface SampleStore extends Store {
  readonly paths: Map<StorePath, SamplePath>;
  /** Add a file with these references; `text` is what is in it. */
  add(
    name: string,
    references?: readonly StorePath[],
    text?: string,
    signatures?: readonly string[],
  ): Promise<StorePath>;
}

export async function narOf(text: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  const contents = encodeUtf8(text);
  for await (const chunk of writeNar({ type: 'regular', executable: false, size: contents.length, contents }))
    chunks.push(chunk);
  return concatBytes(chunks);
}

export function createSampleStore(storeDir = '/nix/store'): SampleStore {
  const paths = new Map<StorePath, SamplePath>();
  return {
    paths,
    uri: 'sample',
    storeDir,
    async add(name, references = [], text = `contents of ${name}`, signatures = []) {
      const path = samplePath(name);
      const nar = await narOf(text);
      const info: PathInfo = {
        path,
        narHash: hashBytes('sha256', nar),
        narSize: nar.length,
        references: [...references].sort(),
        signatures,
      };
      paths.set(path, { info, nar });
      return path;
    },
    queryPathInfo: async (path) => paths.get(path)?.info,
    async queryPathInfos(wanted) {
      const found = new Map<StorePath, PathInfo>();
      for (const path of wanted) if (paths.has(path)) found.set(path, paths.get(path)!.info);
      return found;
    },
    queryPathFromHashPart: async (hashPart) => [...paths.keys()].find((path) => path.startsWith(hashPart)),
    async *queryAllValidPaths() {
      yield* paths.keys();
    },
    async *narFromPath(path) {
      const { nar } = paths.get(path)!;
      for (let offset = 0; offset < nar.length; offset += 100) yield nar.slice(offset, offset + 100);
    },
    close: async () => {},
  };
}
