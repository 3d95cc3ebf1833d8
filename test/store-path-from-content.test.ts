import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseContentAddress } from '../src/content-address.ts';
import { hashBytes, parseHash } from '../src/hash/index.ts';
import type { PathInfo } from '../src/path-info.ts';
import { parsePathInfosJson } from '../src/path-info-json.ts';
import { parseStorePathBaseName } from '../src/store-path.ts';
import {
  ContentAddressedPathError,
  isContentAddressed,
  makeContentAddressedPath,
} from '../src/store-path-from-content.ts';
import { createStorePathsPlace, type StorePathsPlace } from './nix-store-paths.ts';
import { describeNix } from './peers/peers.ts';

const bar = parseStorePathBaseName('g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-bar');
// The sha256 of "(...)", as in Nix's own test of path infos.
const nar = parseContentAddress('fixed:r:sha256:1lr187v6dck1rjh2j6svpikcfz53wyl3qrlcbb405zlh13x0khhh');

test('a known answer with references and a self-reference', () => {
  expect(makeContentAddressedPath('foo', nar, { others: [bar], self: true })).toBe(
    'n5wkd9frr45pa74if5gpz9j7mifg27fh-foo',
  );
});

test('the references are a set', () => {
  const foo = parseStorePathBaseName('n5wkd9frr45pa74if5gpz9j7mifg27fh-foo');
  const path = makeContentAddressedPath('x', nar, { others: [bar, foo], self: false });
  expect(makeContentAddressedPath('x', nar, { others: [foo, bar, foo], self: false })).toBe(path);
});

test('another store directory makes another path', () => {
  const references = { others: [], self: false };
  expect(makeContentAddressedPath('foo', nar, references, '/gnu/store')).not.toBe(
    makeContentAddressedPath('foo', nar, references),
  );
});

describe('what does not go together', () => {
  const self = { others: [], self: true };
  const sha512 = hashBytes('sha512', new Uint8Array());
  test.each([
    ['a text by sha512', { method: 'text', hash: sha512 }, undefined],
    ['a text that refers to itself', { method: 'text', hash: nar.hash }, self],
    ['git by sha512', { method: 'git', hash: sha512 }, undefined],
    ['a flat file with references', { method: 'flat', hash: nar.hash }, { others: [bar], self: false }],
    ['a NAR by sha512 with references', { method: 'nar', hash: sha512 }, self],
  ] as const)('%s', (_, contentAddress, references) => {
    expect(() => makeContentAddressedPath('foo', contentAddress, references)).toThrow(ContentAddressedPathError);
  });
});

describe('isContentAddressed', () => {
  const info: PathInfo = {
    path: parseStorePathBaseName('n5wkd9frr45pa74if5gpz9j7mifg27fh-foo'),
    narHash: parseHash('sha256-FePFYIlMuycIXPZbWi7LGEiMmZSX9FMbaQenWBzm1Sc='),
    narSize: 34878,
    references: [bar, parseStorePathBaseName('n5wkd9frr45pa74if5gpz9j7mifg27fh-foo')],
    signatures: [],
    contentAddress: nar,
  };

  test('as claimed', () => {
    expect(isContentAddressed(info)).toBe(true);
  });

  test.each<[string, Partial<PathInfo>]>([
    ['other references', { references: [bar] }],
    ['another name', { path: parseStorePathBaseName('n5wkd9frr45pa74if5gpz9j7mifg27fh-food') }],
    ['another method', { contentAddress: { ...nar, method: 'text' } }],
    ['a method that allows no references', { contentAddress: { ...nar, method: 'flat' } }],
    ['another hash', { contentAddress: { ...nar, hash: hashBytes('sha256', new Uint8Array()) } }],
  ])('not with %s', (_, change) => {
    expect(isContentAddressed({ ...info, ...change })).toBe(false);
  });

  test('not without a content address', () => {
    const { contentAddress: _, ...without } = info;
    expect(isContentAddressed(without)).toBe(false);
  });
});

describeNix('content-addressed paths', (nix) => {
  let place: StorePathsPlace;
  beforeAll(async () => {
    place = await createStorePathsPlace(nix);
  });
  afterAll(() => place?.remove());

  test('every content address that Nix gave makes its path', async () => {
    const { storeDir } = place;
    const { stdout } = await place.run('nix', ['path-info', '--json', '--all']);
    const infos = [...parsePathInfosJson(stdout.toString(), { storeDir }).values()].filter(
      (info) => info !== undefined,
    );
    const claims = infos.filter(({ contentAddress }) => contentAddress !== undefined);
    expect(
      new Set(claims.map(({ contentAddress }) => `${contentAddress?.method} ${contentAddress?.hash.algorithm}`)),
    ).toEqual(
      new Set([
        'text sha256',
        ...['flat', 'nar'].flatMap((method) => ['md5', 'sha1', 'sha256', 'sha512'].map((a) => `${method} ${a}`)),
      ]),
    );
    expect(
      claims.some(({ contentAddress, references }) => contentAddress?.method === 'text' && references.length > 0),
    ).toBe(true);
    expect(claims.some(({ path, references }) => references.includes(path) && references.length > 1)).toBe(true);
    expect(claims.filter((info) => !isContentAddressed(info, storeDir))).toEqual([]);
    expect(claims.filter((info) => isContentAddressed(info))).toEqual([]);
    expect(infos.length).toBeGreaterThan(claims.length);
  });
});
