/** The text forms of hashes against real Nix. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  createHasher,
  digestSizes,
  formatHash,
  type HashAlgorithm,
  HashError,
  type HashFormat,
  hashAlgorithms,
  hashFormats,
  parseHashAny,
} from '../../src/hash/index.ts';
import { createNixPlace, type NixPlace } from '../peers/nix-place.ts';
import { describeNix } from '../peers/peers.ts';

describeNix('hashes', (nix) => {
  let place: NixPlace;
  beforeAll(async () => {
    place = await createNixPlace(nix, { settings: { 'experimental-features': 'nix-command blake3-hashes' } });
  });
  afterAll(() => place.remove());

  // `nix hash convert` came with 2.19, blake3 with 2.27.
  const algorithms = hashAlgorithms.filter((algorithm) => algorithm !== 'blake3' || nix.version === '2.34');
  const convertArgs = (to: HashFormat, algorithm?: HashAlgorithm) =>
    nix.version === '2.8'
      ? ['hash', `to-${to === 'nix32' ? 'base32' : to}`, ...(algorithm ? ['--type', algorithm] : [])]
      : ['hash', 'convert', '--to', to, ...(algorithm ? ['--hash-algo', algorithm] : [])];

  test.each(algorithms)('%s from every form to every form', async (algorithm) => {
    const hashes = Array.from({ length: 20 }, (_, seed) => pseudoRandomHash(algorithm, seed));
    const texts = hashes.flatMap((hash) =>
      hashFormats.flatMap((format) => [formatHash(hash, format), formatHash(hash, format, { prefix: false })]),
    );
    for (const to of hashFormats) {
      const { stdout } = await place.run('nix', [...convertArgs(to, algorithm), ...texts]);
      const ours = texts.map((text) => formatHash(parseHashAny(text, algorithm), to, { prefix: false }));
      expect(stdout.toString().trim().split('\n')).toEqual(ours);
    }
  });

  const good = 'FePFYIlMuycIXPZbWi7LGEiMmZSX9FMbaQenWBzm1Sc=';
  test.each<[string, HashAlgorithm?]>([
    ['sha256-'],
    ['sha256:'],
    ['unknown:abc'],
    ['abc'],
    [good],
    [`sha256:${good}`, 'sha512'],
    [`sha256-${good}`, 'sha1'],
    [`SHA256-${good}`],
    [`sha256:${'0'.repeat(63)}`],
    [`sha256:${'0'.repeat(63)}g`],
    [`sha256:2${'0'.repeat(51)}`],
    [`sha256:${'0'.repeat(51)}e`],
    [`sha256:${'A'.repeat(52)}`],
    [`sha256:${'A'.repeat(44)}`],
    [`sha256-${'A'.repeat(42)}`],
    [`sha256-${'A'.repeat(44)}`],
    [`sha256-${'*'.repeat(44)}`],
    [`sha256-${'0'.repeat(64)}`],
  ])('refuses %s %s as we do', async (text, algorithm) => {
    const { exitCode } = await place.run('nix', [...convertArgs('sri', algorithm), text], { mayFail: true });
    expect(exitCode).not.toBe(0);
    expect(() => parseHashAny(text, algorithm)).toThrow(HashError);
  });

  test.each([
    `sha256-${good.replace('=', '')}`,
    `sha256-${good}junk`,
    `sha256-${good.slice(0, 10)}\n${good.slice(10)}`,
    `sha256:${good.slice(0, 42)}d=`,
    `sha256:${'Ab'.repeat(32)}`,
  ])('reads %j as laxly as we do', async (text) => {
    const { stdout } = await place.run('nix', [...convertArgs('sri'), text]);
    expect(formatHash(parseHashAny(text), 'sri')).toBe(stdout.toString().trim());
  });
});

function pseudoRandomHash(algorithm: HashAlgorithm, seed: number) {
  const hasher = createHasher('sha512');
  hasher.update(Uint8Array.of(seed));
  return { algorithm, digest: hasher.digest().digest.slice(0, digestSizes[algorithm]) };
}
