import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  formatPathInfosJson,
  PathInfoJsonError,
  parsePathInfosJson,
  pathInfoFromJson,
  pathInfoToJson,
} from '../src/path-info-json.ts';
import { parseStorePathBaseName } from '../src/store-path.ts';
import { createStorePathsPlace, type StorePathsPlace } from './nix-store-paths.ts';
import { describeNix, describePeer, needPeer } from './peers/peers.ts';

const path = parseStorePathBaseName('n5wkd9frr45pa74if5gpz9j7mifg27fh-foo');
const minimal = { narHash: 'sha256-FePFYIlMuycIXPZbWi7LGEiMmZSX9FMbaQenWBzm1Sc=', narSize: 1, references: [] };

describePeer('vectors', 'vectors of Nix', () => {
  const vectors = needPeer('vectors');
  const read = (kind: string, format: number, name: string) =>
    JSON.parse(readFileSync(join(vectors, 'nix', kind, `json-${format}`, `${name}.json`), 'utf8'));

  const kinds = { 'path-info': ['empty_impure', 'empty_pure', 'impure', 'pure'], 'nar-info': ['impure', 'pure'] };
  for (const [kind, names] of Object.entries(kinds)) {
    for (const name of names) {
      const impure = name.endsWith('impure');
      test.each([1, 2] as const)(`${kind} ${name}: format %i comes back`, (format) => {
        const json = read(kind, format, name);
        const printed = pathInfoToJson(pathInfoFromJson(path, json), { format, impure });
        expect(JSON.stringify(printed)).toBe(JSON.stringify(json));
      });

      test(`${kind} ${name}: the formats mean the same`, () => {
        const [one, two, three] = [1, 2, 3].map((format) => pathInfoFromJson(path, read(kind, format, name)));
        expect(two).toEqual(one);
        expect(three).toEqual(one);
      });
    }
    test(`${kind}: without a version it is format 1`, () => {
      expect(pathInfoFromJson(path, read(kind, 1, 'pure_noversion'))).toEqual(
        pathInfoFromJson(path, read(kind, 1, 'pure')),
      );
    });
  }
});

describeNix('nix path-info --json', (nix) => {
  let place: StorePathsPlace;
  let cache: string;
  beforeAll(async () => {
    place = await createStorePathsPlace(nix);
    cache = `file://${place.directory}/cache?compression=gzip`;
    await place.run('nix', ['copy', '--to', cache, '--all']);
  });
  afterAll(() => place?.remove());

  const pathInfo = async (...args: string[]) => {
    const { stdout } = await place.run('nix', ['path-info', '--json', '--all', ...args]);
    return stdout.toString().trim();
  };

  for (const from of ['the store', 'a cache']) {
    const store = () => (from === 'a cache' ? ['--store', cache] : []);

    test(`from ${from}: parsed and printed it is the same`, async () => {
      const { storeDir } = place;
      const infos = parsePathInfosJson(await pathInfo(...store()), { storeDir });
      expect(infos.size).toBe(place.paths.length);
      for (const format of [1, 2] as const) {
        const text = formatPathInfosJson(infos, { storeDir, format });
        expect(parsePathInfosJson(text, { storeDir })).toEqual(infos);
        if (nix.version === '2.34') expect(text).toBe(await pathInfo(...store(), '--json-format', String(format)));
      }
    });

    if (nix.version === '2.26')
      test(`from ${from}: format 1 without the fields that came later`, async () => {
        const { storeDir } = place;
        const text = await pathInfo(...store());
        const ours = formatPathInfosJson(parsePathInfosJson(text, { storeDir }), { storeDir });
        const fields = `"storeDir":${JSON.stringify(storeDir)},`;
        expect(ours.replaceAll(fields, '').replaceAll(',"version":1', '')).toBe(text);
      });
  }
});

test('a path that is not valid', () => {
  const infos = new Map([[path, undefined]]);
  expect(formatPathInfosJson(infos)).toBe(`{"/nix/store/${path}":null}`);
  expect(formatPathInfosJson(infos, { format: 2 })).toBe(
    `{"info":{"${path}":null},"storeDir":"/nix/store","version":2}`,
  );
  for (const format of [1, 2] as const)
    expect(parsePathInfosJson(formatPathInfosJson(infos, { format }))).toEqual(infos);
  expect(parsePathInfosJson(`[{"path":"/nix/store/${path}","valid":false}]`)).toEqual(infos);
});

test('closure sizes stand where Nix puts them', () => {
  const info = { ...pathInfoFromJson(path, minimal), closureSize: 2, closureDownloadSize: 3 };
  expect(Object.keys(pathInfoToJson(info)).slice(0, 3)).toEqual(['ca', 'closureDownloadSize', 'closureSize']);
});

describe('refusals', () => {
  test.each([
    ['not JSON', '{'],
    ['a text', '"text"'],
    ['null', 'null'],
    ['a path of another store', JSON.stringify({ '/gnu/store/n5wkd9frr45pa74if5gpz9j7mifg27fh-foo': minimal })],
    ['a text for an info', JSON.stringify({ [`/nix/store/${path}`]: 'info' })],
    ['a list without paths', '[{}]'],
    ['format 2 without info', '{"version":2}'],
  ])('%s', (_, text) => {
    expect(() => parsePathInfosJson(text)).toThrow(PathInfoJsonError);
  });

  test.each([
    ['no narHash', { narHash: undefined }],
    ['a narHash that is none', { narHash: 'sha256-' }],
    ['no narSize', { narSize: undefined }],
    ['a narSize below 0', { narSize: -1 }],
    ['a narSize beyond 2^53', { narSize: 2 ** 53 }],
    ['a fraction', { narSize: 1.5 }],
    ['no references', { references: undefined }],
    ['a reference that is no path', { references: ['foo'] }],
    ['a full path in format 2', { version: 2, references: [`/nix/store/${path}`] }],
    ['a signature that is none', { signatures: ['abc'] }],
    ['a ca that is none', { ca: 'abc' }],
    ['a ca with an unknown method', { ca: { method: 'r', hash: minimal.narHash } }],
    ['an unknown version', { version: 4 }],
    ['a version that is a text', { version: '1' }],
    ['an ultimate that is a text', { ultimate: 'true' }],
  ])('%s', (_, fields) => {
    expect(() => pathInfoFromJson(path, { ...minimal, ...fields })).toThrow(PathInfoJsonError);
  });

  test('any JSON is path infos or a PathInfoJsonError', () => {
    const object = fc.oneof(fc.jsonValue(), fc.record(minimalWith(fc.jsonValue()), { requiredKeys: [] }));
    fc.assert(
      fc.property(object, (json) => {
        for (const text of [JSON.stringify(json), JSON.stringify({ [`/nix/store/${path}`]: json })]) {
          try {
            parsePathInfosJson(text);
          } catch (error) {
            expect(error).toBeInstanceOf(PathInfoJsonError);
          }
        }
      }),
    );
  });
});

function minimalWith(value: fc.Arbitrary<unknown>) {
  const names = [
    'ca',
    'compression',
    'deriver',
    'downloadHash',
    'registrationTime',
    'signatures',
    'ultimate',
    'version',
  ];
  return {
    ...Object.fromEntries(Object.entries(minimal).map(([name, good]) => [name, fc.oneof(fc.constant(good), value)])),
    ...Object.fromEntries(names.map((name) => [name, value])),
  };
}
