import { expect, test } from 'vitest';
import { codecs as portableCodecs } from '../../src/compression/codecs-portable.ts';
import { CompressionError, codecOfExtension, compressionNames, findCodec } from '../../src/compression/index.ts';

test('has the methods by their names in Nix', () => {
  expect([...compressionNames].sort()).toEqual(['br', 'bzip2', 'gzip', 'lz4', 'lzip', 'none', 'xz', 'zstd']);
  for (const name of compressionNames) {
    expect(findCodec(name).name).toBe(name);
    expect(portableCodecs[name]).toMatchObject({ name, extension: findCodec(name).extension });
  }
});

test('has the extensions that Nix gives NARs', () => {
  const extensions = {
    none: '',
    br: '.br',
    bzip2: '.bz2',
    gzip: '',
    lz4: '.lz4',
    lzip: '.lzip',
    xz: '.xz',
    zstd: '.zst',
  };
  for (const name of compressionNames) expect(findCodec(name).extension).toBe(extensions[name]);
  expect(codecOfExtension('.zst')?.name).toBe('zstd');
  expect(codecOfExtension('')?.name).toBe('none');
  expect(codecOfExtension('.zip')).toBeUndefined();
});

test.each(['', 'ZSTD', 'zst', 'zip', '__proto__', 'toString', 'constructor'])('knows no %j', (name) => {
  expect(() => findCodec(name)).toThrow(CompressionError);
  expect(() => findCodec(name)).toThrow(expect.objectContaining({ code: 'compression-unknown', compression: name }));
});

test.each(['lzma', 'lzop', 'lrzip', 'grzip', 'compress'])("says that it does not have Nix's %s", (name) => {
  expect(() => findCodec(name)).toThrow(
    expect.objectContaining({ code: 'compression-unsupported', compression: name }),
  );
});

test('refuses what it does not do when it is asked to', () => {
  const refused = { code: 'compression-unsupported' };
  async function* nothing(): AsyncGenerator<Uint8Array> {}
  for (const codecs of [{ lz4: findCodec('lz4'), lzip: findCodec('lzip') }, { br: portableCodecs.br }])
    for (const codec of Object.values(codecs)) {
      expect(() => codec.compress(nothing())).toThrow(expect.objectContaining(refused));
      expect(() => codec.decompress(nothing())).toThrow(expect.objectContaining(refused));
    }
  expect(() => findCodec('bzip2').compress(nothing())).toThrow(expect.objectContaining(refused));
});
