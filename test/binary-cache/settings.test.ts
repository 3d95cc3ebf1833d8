import { describe, expect, it } from 'vitest';
import { parseBinaryCacheSettings } from '../../src/binary-cache/index.ts';

const parse = (parameters: Record<string, string>) => parseBinaryCacheSettings(new Map(Object.entries(parameters)));

describe('parseBinaryCacheSettings', () => {
  it('takes each setting by the name that Nix has for it', () => {
    const { settings, secretKeyFiles, rest } = parse({
      store: '/other/store/',
      compression: 'xz',
      'compression-level': '-1',
      'write-nar-listing': 'true',
      'index-debug-info': '1',
      'narinfo-compression': 'br',
      'ls-compression': 'none',
      'log-compression': 'zstd',
      priority: '41',
      'want-mass-query': 'no',
      'secret-key': '/key',
      'secret-keys': '/a,/b',
      'parallel-compression': 'true',
      'path-info-cache-size': '1',
    });
    expect(settings).toEqual({
      storeDir: '/other/store',
      compression: 'xz',
      compressionLevel: -1,
      writeNarListing: true,
      indexDebugInfo: true,
      narinfoCompression: 'br',
      lsCompression: undefined,
      logCompression: 'zstd',
      priority: 41,
      wantMassQuery: false,
    });
    expect(secretKeyFiles).toEqual(['/key', '/a', '/b']);
    expect([...rest]).toEqual([]);
  });

  it('hands on what is for somebody else', () => {
    expect([...parse({ region: 'eu-west-1', comression: 'xz' }).rest]).toEqual([
      ['region', 'eu-west-1'],
      ['comression', 'xz'],
    ]);
  });

  it.each([
    ['compression', 'zip'],
    ['compression-level', 'best'],
    ['write-nar-listing', 'True'],
    ['store', 'nix/store'],
    ['priority', '1.5'],
  ])('refuses %s=%s by its name', (name, value) => {
    expect(() => parse({ [name]: value })).toThrow(expect.objectContaining({ code: 'setting' }));
    expect(() => parse({ [name]: value })).toThrow(name);
  });
});
