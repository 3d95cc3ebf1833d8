/** Nix's own test data: what no other suite reads, and that none of it is new to us. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { formatContentAddress, parseContentAddress } from '../src/content-address.ts';
import { formatHash, parseHash } from '../src/hash/index.ts';
import { pathInfoFromJson, pathInfoToJson } from '../src/path-info-json.ts';
import { formatSignature, parseSignature } from '../src/signature.ts';
import { formatStorePath, parseStorePath, parseStorePathBaseName } from '../src/store-path.ts';
import { describePeer, needPeer } from './peers/peers.ts';

const impurities = ['impure.json', 'pure.json'];
const emptyToo = ['empty_impure.json', 'empty_pure.json', ...impurities];

/** Who reads each folder; the files where its suite names them one by one. Folders that are read as they are have none. */
const readBy: Readonly<Record<string, { readonly suite: string; readonly files?: readonly string[] }>> = {
  'common-protocol': { suite: 'store/daemon/wire-values.test.ts' },
  'content-address': { suite: 'vectors.test.ts', files: ['nar.json', 'text.json'] },
  'functional-nars': { suite: 'nar/vectors.test.ts' },
  'fuzz-nars': { suite: 'nar/vectors.test.ts' },
  hash: { suite: 'hash/hash.test.ts' },
  'nar-info/json-1': { suite: 'path-info-json.test.ts', files: [...impurities, 'pure_noversion.json'] },
  'nar-info/json-2': { suite: 'path-info-json.test.ts', files: impurities },
  'nar-info/json-3': { suite: 'path-info-json.test.ts', files: impurities },
  'nar-listing': { suite: 'nar/vectors.test.ts', files: ['deep.json', 'shallow.json'] },
  nars: { suite: 'nar/vectors.test.ts' },
  'path-info/json-1': { suite: 'path-info-json.test.ts', files: [...emptyToo, 'pure_noversion.json'] },
  'path-info/json-2': { suite: 'path-info-json.test.ts', files: emptyToo },
  'path-info/json-3': { suite: 'path-info-json.test.ts', files: emptyToo },
  realisation: { suite: 'vectors.test.ts' },
  'store-path': { suite: 'vectors.test.ts', files: ['simple.json'] },
  'store-reference': { suite: 'store/store-uri.test.ts' },
  'worker-protocol': { suite: 'store/daemon/wire-values.test.ts' },
};

describePeer('vectors', 'vectors of Nix', () => {
  const folder = join(needPeer('vectors'), 'nix');
  const json = (name: string): unknown => JSON.parse(readFileSync(join(folder, name), 'utf8'));

  test('each folder and file is read by a suite', () => {
    const folders = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath }) => parentPath.slice(folder.length + 1));
    expect([...new Set(folders)].sort()).toEqual(Object.keys(readBy).sort());
    for (const [name, { files }] of Object.entries(readBy))
      if (files !== undefined) expect(readdirSync(join(folder, name)).sort(), name).toEqual([...files].sort());
  });

  test('store-path', () => {
    const baseName = json('store-path/simple.json') as string;
    const path = parseStorePathBaseName(baseName);
    expect(formatStorePath(path)).toBe(`/nix/store/${baseName}`);
    expect(parseStorePath(`/nix/store/${baseName}`)).toBe(path);
  });

  test.each(['nar', 'text'])('content-address: %s', (name) => {
    const { hash, method } = json(`content-address/${name}.json`) as { hash: string; method: string };
    const path = parseStorePathBaseName('g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-foo');
    const info = pathInfoFromJson(path, {
      version: 2,
      narHash: hash,
      narSize: 1,
      references: [],
      ca: { hash, method },
    });
    expect(info.contentAddress).toEqual({ method, hash: parseHash(hash) });
    expect(pathInfoToJson(info, { format: 2 }).ca).toEqual({ hash, method });
    const text = formatContentAddress(info.contentAddress!);
    const inNix32 = formatHash(parseHash(hash), 'nix32');
    expect(text).toBe(method === 'text' ? `text:${inNix32}` : `fixed:r:${inNix32}`);
    expect(parseContentAddress(text)).toEqual(info.contentAddress);
  });

  // narkit has no realisations; what they are made of it has.
  test.each(readdirSync(join(folder, 'realisation')))('realisation: the paths and signatures in %s', (name) => {
    const text = readFileSync(join(folder, 'realisation', name), 'utf8');
    const paths = text.match(/[0-9a-z]{32}-[^"\\]+/g) ?? [];
    for (const path of paths) expect(parseStorePathBaseName(path)).toBe(path);
    const signatures = [
      ...text.matchAll(/"keyName": *"([^"]+)",\s*"sig": *"([^"]+)"/g),
      ...text.matchAll(/"([^":\s]+):([A-Za-z0-9+/]{86}==)"/g),
    ].map(([, keyName, signature]) => `${keyName}:${signature}`);
    for (const signature of signatures) expect(formatSignature(parseSignature(signature))).toBe(signature);
    expect(paths.length + signatures.length).toBeGreaterThan(0);
  });
});
