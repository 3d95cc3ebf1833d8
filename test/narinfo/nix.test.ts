/** narinfos against real Nix: what it writes, what it reads over, what it refuses. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseHash } from '../../src/hash/index.ts';
import {
  formatNarInfo,
  formatNixCacheInfo,
  NarInfoError,
  narInfoKey,
  narKey,
  parseNarInfo,
  parseNixCacheInfo,
} from '../../src/narinfo/index.ts';
import { parsePathInfosJson } from '../../src/path-info-json.ts';
import { createStorePathsPlace, type StorePathsPlace } from '../nix-store-paths.ts';
import { describeNix } from '../peers/peers.ts';
import { sampleFields, sampleNarInfo, sampleText } from './sample.ts';

describeNix('narinfos', (nix) => {
  let place: StorePathsPlace;
  beforeAll(async () => {
    place = await createStorePathsPlace(nix);
  });
  afterAll(() => place?.remove());

  const compressions = ['none', 'br', 'bzip2', 'gzip', 'xz', 'zstd', 'lz4', 'lzip'];
  test.each(compressions)('parsed and written again, those of %s are the same', async (compression) => {
    const { storeDir } = place;
    const folder = join(place.directory, `cache-${compression}`);
    await place.run('nix', ['copy', '--to', `file://${folder}?compression=${compression}`, '--all']);
    const files = (await readdir(folder)).filter((file) => file.endsWith('.narinfo'));
    expect(files).toHaveLength(place.paths.length);
    for (const file of files) {
      const text = await readFile(join(folder, file), 'utf8');
      const info = parseNarInfo(text, { storeDir, onQuirk: (quirk) => expect.unreachable(JSON.stringify(quirk)) });
      expect(formatNarInfo(info, { storeDir })).toBe(text);
      expect(narInfoKey(info.path)).toBe(file);
      expect(narKey(info.fileHash!, compression)).toBe(info.url);
    }
    const cacheInfo = await readFile(join(folder, 'nix-cache-info'), 'utf8');
    expect(formatNixCacheInfo(parseNixCacheInfo(cacheInfo))).toBe(cacheInfo);
  });

  describe('what Nix makes of a narinfo of ours', () => {
    /** What Nix says of the path of the sample in a cache with this narinfo; `undefined` when it refuses. */
    async function readByNix(text: string | Uint8Array) {
      const folder = join(place.directory, `cache-${Math.random().toString(36).slice(2)}`);
      await mkdir(folder);
      await writeFile(join(folder, 'nix-cache-info'), 'StoreDir: /nix/store\n');
      await writeFile(join(folder, narInfoKey(sampleNarInfo.path)), text);
      const format = nix.version === '2.34' ? ['--json-format', '1'] : [];
      const args = ['path-info', '--json', ...format, '--store', `file://${folder}`, sampleFields.StorePath];
      const { exitCode, stdout } = await place.run('nix', args, {
        mayFail: true,
        env: { NIX_STORE_DIR: '/nix/store' },
      });
      if (exitCode !== 0) return undefined;
      const [info] = parsePathInfosJson(stdout.toString()).values();
      // The JSON of 2.8 has no compression.
      return nix.version === '2.8' && info ? { ...info, compression: parseNarInfo(text).compression } : info;
    }

    const without = (field: keyof typeof sampleFields) => sampleText.replace(new RegExp(`^${field}: .*\n`, 'mg'), '');
    const withValue = (field: keyof typeof sampleFields, value: string) =>
      sampleText.replace(new RegExp(`^${field}: .*$`, 'm'), () => `${field}: ${value}`);

    test.each<[string, string]>([
      ['every field', sampleText],
      ['no Compression', without('Compression')],
      ['an empty Compression', withValue('Compression', '')],
      ['no FileHash', without('FileHash')],
      ['no FileSize', without('FileSize')],
      ['no signature', without('Sig')],
      ['no CA', without('CA')],
      ['an empty CA', withValue('CA', '')],
      ['no References', without('References')],
      ['no references', withValue('References', '')],
      ['references not sorted', withValue('References', sampleFields.References.split(' ').reverse().join('  '))],
      ['an unknown deriver', withValue('Deriver', 'unknown-deriver')],
      ['an absolute URL', withValue('URL', 'https://example.org/a b?c')],
      ['a size with a plus and zeros', withValue('NarSize', '+007')],
      ['a URL twice', `${sampleText}URL: other\n`],
      ['unknown fields', `System: x\n${sampleText}\nwhat\n::\nFuture: x\n`],
      ['a StorePath that is not canonical', withValue('StorePath', `//nix/./store/${sampleNarInfo.path}/`)],
      ['a line without a colon', sampleText.replace('Deriver', 'what\nDeriver')],
      ['a field that swallows the next', sampleText.replace(/^Deriver: .*$/m, 'Unknown:')],
      ['base16', withValue('NarHash', 'sha256:15e3c560894cbb27085cf65b5a2ecb18488c999497f4531b6907a7581ce6d527')],
      ['SRI', withValue('NarHash', 'sha256-FePFYIlMuycIXPZbWi7LGEiMmZSX9FMbaQenWBzm1Sc=')],
    ])('reads %s as we do', async (_, text) => {
      expect(await readByNix(text)).toEqual(parseNarInfo(text));
    });

    test.each<[string, string]>([
      ['no StorePath', without('StorePath')],
      ['no URL', without('URL')],
      ['an empty URL', withValue('URL', '')],
      ['no NarHash', without('NarHash')],
      ['no NarSize', without('NarSize')],
      ['a NarSize of 0', withValue('NarSize', '0')],
      ['a NarSize below 0', withValue('NarSize', '-1')],
      ['a NarSize with a unit', withValue('NarSize', '1k')],
      ['a NarSize beyond 64 bits', withValue('NarSize', '18446744073709551616')],
      ['a hash without an algorithm', withValue('NarHash', sampleFields.NarHash.slice('sha256:'.length))],
      ['overflow bits', withValue('NarHash', `sha256:2${'0'.repeat(51)}`)],
      ['an empty FileHash', withValue('FileHash', '')],
      ['a full path for a reference', withValue('References', sampleFields.StorePath)],
      ['references twice', `${sampleText}References: \n`],
      ['a CA twice', `${sampleText}CA: ${sampleFields.CA}\n`],
      ['a CA that is none', withValue('CA', 'path:x')],
      ['an empty deriver', withValue('Deriver', '')],
      ['a StorePath elsewhere', withValue('StorePath', `/gnu/store/${sampleNarInfo.path}`)],
      ['no newline at the end', sampleText.slice(0, -1)],
      ['no colon in the last line', `${sampleText}what\n`],
      ['CRLF', sampleText.replaceAll('\n', '\r\n')],
      ['References without the space', without('CA').replace(/^References: .*$/m, 'References:')],
    ])('refuses %s as we do', async (_, text) => {
      expect(await readByNix(text)).toBeUndefined();
      expect(() => parseNarInfo(text)).toThrow(NarInfoError);
    });

    // Older ones keep what follows Sig as it is, and never look into it unless they verify.
    if (nix.version === '2.34')
      test('signatures as we do', async () => {
        const zero = `${'A'.repeat(86)}==`;
        const lax = sampleText.replace(`asdf:${zero}`, `b:${zero}junk\nSig: a-1:${zero}\nSig: a:${zero.slice(0, -2)}`);
        expect((await readByNix(lax))?.signatures).toEqual(parseNarInfo(lax).signatures);
        for (const signature of ['', 'a', 'a:', ':AAAA', 'a:*', 'a:b:AAAA']) {
          const text = withValue('Sig', signature);
          expect(await readByNix(text), signature).toBeUndefined();
          expect(() => parseNarInfo(text), signature).toThrow(NarInfoError);
        }
      });

    test('a narinfo with another algorithm for its hashes is read as we do', async () => {
      const sha1 = 'sha1:kpcd173cq987hw957sx6m0868wv3x6d9';
      const text = withValue('NarHash', sha1);
      expect((await readByNix(text))?.narHash).toEqual(parseHash(sha1));
      expect(parseNarInfo(text).narHash).toEqual(parseHash(sha1));
    });
  });
});
