import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { digestSizes, encodeBase64, type HashAlgorithm, hashAlgorithms } from '../../src/hash/index.ts';
import { formatNarInfo, type NarInfo, parseNarInfo } from '../../src/narinfo/index.ts';
import { SignatureError } from '../../src/signing/index.ts';
import { parseStorePathBaseName } from '../../src/store-path.ts';
import { sampleNarInfo, sampleText } from './sample.ts';

test('all fields', () => {
  expect(formatNarInfo(sampleNarInfo)).toBe(sampleText);
});

test('the fewest fields: the space after References stays', () => {
  const { path, url, compression, narHash, narSize } = sampleNarInfo;
  expect(formatNarInfo({ path, url, compression, narHash, narSize, references: [], signatures: [] })).toBe(
    `StorePath: /nix/store/n5wkd9frr45pa74if5gpz9j7mifg27fh-foo
URL: nar/1w1fff338fvdw53sqgamddn1b2xgds473pv6y13gizdbqjv4i5p3.nar.xz
Compression: xz
NarHash: sha256:09ymwqf5i9q7d4dm7x4pjjcqqj0qrcp5lnznbh42gfsci5hcbqqm
NarSize: 34878
References: 
`,
  );
});

test('references and signatures are sets', () => {
  const { references, signatures } = sampleNarInfo;
  const info = {
    ...sampleNarInfo,
    references: [...references, ...references].reverse(),
    signatures: [...signatures, ...signatures].reverse(),
  };
  expect(formatNarInfo(info)).toBe(sampleText);
});

test('another store directory', () => {
  expect(formatNarInfo(sampleNarInfo, { storeDir: '/gnu/store' })).toBe(sampleText.replace('/nix/store', '/gnu/store'));
});

test('any narinfo comes back', () => {
  const name = fc.stringMatching(/^[0-9A-Za-z+\-_?=][0-9A-Za-z+\-._?=]{0,30}$/);
  const path = fc
    .tuple(fc.stringMatching(/^[0-9abcdfghijklmnpqrsvwxyz]{32}$/), name)
    .map(([hashPart, rest]) => parseStorePathBaseName(`${hashPart}-${rest}`));
  const hash = (algorithm: HashAlgorithm) =>
    fc
      .uint8Array({ minLength: digestSizes[algorithm], maxLength: digestSizes[algorithm] })
      .map((digest) => ({ algorithm, digest }));
  const line = fc.string({ minLength: 1 }).filter((text) => !text.includes('\ufffd') && !text.includes('\n'));
  const size = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
  const signature = fc
    .tuple(name, fc.uint8Array({ minLength: 1, maxLength: 64 }))
    .map(([key, bytes]) => `${key}:${encodeBase64(bytes)}`);
  const narInfo: fc.Arbitrary<NarInfo> = fc.record(
    {
      path,
      url: line,
      compression: line,
      fileHash: hash('sha256'),
      fileSize: size,
      narHash: hash('sha256'),
      narSize: size,
      references: fc.array(path),
      deriver: path,
      signatures: fc.array(signature),
      contentAddress: fc.record({
        method: fc.constantFrom('text', 'flat', 'nar', 'git'),
        hash: fc.constantFrom(...hashAlgorithms).chain(hash),
      }),
    },
    { requiredKeys: ['path', 'url', 'compression', 'narHash', 'narSize', 'references', 'signatures'] },
  );
  fc.assert(
    fc.property(narInfo, (info) => {
      const text = formatNarInfo(info);
      const parsed = parseNarInfo(text);
      expect({ ...parsed, references: [], signatures: [] }).toEqual({ ...info, references: [], signatures: [] });
      expect(new Set(parsed.references)).toEqual(new Set(info.references));
      expect(new Set(parsed.signatures)).toEqual(new Set(info.signatures));
      expect(formatNarInfo(parsed)).toBe(text);
    }),
  );
});

describe('what could not be read back', () => {
  const md5 = { algorithm: 'md5', digest: new Uint8Array(16) } as const;
  test.each<[string, Partial<NarInfo>]>([
    ['an empty url', { url: '' }],
    ['a url of two lines', { url: 'x\nSig: forged' }],
    ['an empty compression', { compression: '' }],
    ['a compression of two lines', { compression: 'xz\nDeriver: x' }],
    ['a narSize of 0', { narSize: 0 }],
    ['a narSize that is a fraction', { narSize: 1.5 }],
    ['a narSize beyond 2^53', { narSize: 2 ** 53 }],
    ['a fileSize below 0', { fileSize: -1 }],
    ['a fileSize that is no number', { fileSize: Number.NaN }],
    ['a narHash of md5', { narHash: md5 }],
    ['a fileHash of md5', { fileHash: md5 }],
  ])('%s', (_, change) => {
    expect(() => formatNarInfo({ ...sampleNarInfo, ...change })).toThrow(RangeError);
  });

  test('a corrupt signature', () => {
    expect(() => formatNarInfo({ ...sampleNarInfo, signatures: ['a:AAAA\nCA: x'] })).toThrow(SignatureError);
    expect(() => formatNarInfo({ ...sampleNarInfo, signatures: ['a'] })).toThrow(SignatureError);
    expect(() => formatNarInfo({ ...sampleNarInfo, signatures: ['a\nURL:AAAA'] })).toThrow(SignatureError);
  });
});
