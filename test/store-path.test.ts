import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  formatStorePath,
  isStorePathHashPart,
  parseStorePath,
  parseStorePathBaseName,
  StorePathError,
  storePathHashPart,
  storePathName,
} from '../src/store-path.ts';

const hashPart = 'g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q';

describe('base names', () => {
  test('the parts', () => {
    const path = parseStorePathBaseName(`${hashPart}-foo-1.0.drv`);
    expect(storePathHashPart(path)).toBe(hashPart);
    expect(storePathName(path)).toBe('foo-1.0.drv');
    expect(formatStorePath(path)).toBe(`/nix/store/${hashPart}-foo-1.0.drv`);
    expect(formatStorePath(path, '/my store')).toBe(`/my store/${hashPart}-foo-1.0.drv`);
  });

  test.each(['a', '-', '--a', '.a', '..a', '...', 'a.', '?', '=', '_+-.?=', 'A0z', 'a'.repeat(211)])(
    'the name %j',
    (name) => {
      expect(storePathName(parseStorePathBaseName(`${hashPart}-${name}`))).toBe(name);
    },
  );

  test.each([
    ['nothing', ''],
    ['no name', hashPart],
    ['an empty name', `${hashPart}-`],
    ['no dash', `${hashPart}_foo`],
    ['.', `${hashPart}-.`],
    ['..', `${hashPart}-..`],
    ['.-', `${hashPart}-.-foo`],
    ['..-', `${hashPart}-..-foo`],
    ['a long name', `${hashPart}-${'a'.repeat(212)}`],
    ['a slash', `${hashPart}-a/b`],
    ['a newline', `${hashPart}-a\n`],
    ['a NUL', `${hashPart}-a\0`],
    ['a space', `${hashPart}-a b`],
    ['a letter beyond ASCII', `${hashPart}-ä`],
    ['a foreign letter in the hash part', `${hashPart.replace('g', 'e')}-a`],
    ['upper case in the hash part', `${hashPart.toUpperCase()}-a`],
    ['a short hash part', `${hashPart.slice(1)}-a`],
    ['a long hash part', `${hashPart}0-a`],
  ])('refuses %s', (_, baseName) => {
    expect(() => parseStorePathBaseName(baseName)).toThrow(StorePathError);
  });

  test('anything is a base name or a StorePathError', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: 'binary' }).map((name) => `${hashPart}-${name}`),
    );
    fc.assert(
      fc.property(text, (input) => {
        try {
          expect(parseStorePathBaseName(input)).toMatch(/^[0-9a-z]{32}-[0-9A-Za-z+\-._?=]+$/);
        } catch (error) {
          expect(error).toBeInstanceOf(StorePathError);
        }
      }),
    );
  });
});

describe('full paths', () => {
  test.each([
    ['/nix/store', `/nix/store/${hashPart}-foo`],
    ['/nix/store', `/nix//store/./${hashPart}-foo/`],
    ['/nix/store', `/nix/store/../store/x/../${hashPart}-foo/.`],
    ['/tmp/my store', `/tmp/my store/${hashPart}-foo`],
  ])('in %s: %s', (storeDir, path) => {
    expect(parseStorePath(path, storeDir)).toBe(`${hashPart}-foo`);
  });

  test.each([
    '',
    '/',
    '/nix/store',
    '/nix/store/',
    `${hashPart}-foo`,
    `nix/store/${hashPart}-foo`,
    `./nix/store/${hashPart}-foo`,
    `/nix/stores/${hashPart}-foo`,
    `/nix/store${hashPart}-foo`,
    `/gnu/store/${hashPart}-foo`,
    `/nix/store/${hashPart}-foo/bin`,
    `/nix/store/${hashPart}-foo/..`,
    `/nix/store/../${hashPart}-foo`,
    `/x/nix/store/${hashPart}-foo`,
  ])('refuses %j', (path) => {
    expect(() => parseStorePath(path)).toThrow(StorePathError);
  });

  test('the error names the path', () => {
    const path = `/gnu/store/${hashPart}-foo`;
    expect(() => parseStorePath(path)).toThrow(
      `path '${path}' is not a store path: it is not directly in the store directory '/nix/store'`,
    );
  });
});

test('hash parts', () => {
  expect(isStorePathHashPart(hashPart)).toBe(true);
  for (const text of ['', hashPart.slice(1), `${hashPart}0`, hashPart.toUpperCase(), hashPart.replace('g', 'u')])
    expect(isStorePathHashPart(text)).toBe(false);
});
