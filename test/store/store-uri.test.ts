import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatStoreUri, parseStoreUri, StoreUriError, storeUriPath } from '../../src/store/store-uri.ts';

function parsed(text: string): [string, string, Record<string, string>] {
  const { scheme, authority, parameters } = parseStoreUri(text);
  return [scheme, authority, Object.fromEntries(parameters)];
}

const ipv6 = 'fea5:23e1:3916:fc24:cb52:2837:2ecb:ea8e';
const ab = { a: 'b', c: 'd' };

/** What Nix's own unit tests expect of these texts (`src/libstore-tests/store-reference.cc`). */
const expectedOfNix: Record<string, [string, string, Record<string, string>]> = {
  auto: ['auto', '', {}],
  auto_param: ['auto', '', { root: '/foo/bar/baz' }],
  daemon_shorthand: ['unix', '', {}],
  local_1: ['local', '', { root: '/foo/bar/baz' }],
  local_2: ['local', '/foo/bar/baz', { trusted: 'true' }],
  local_3: ['local', '', { root: '/foo bar/baz' }],
  local_3_no_percent: ['local', '', { root: '/foo bar/baz' }],
  local_shorthand_1: ['local', '', { root: '/foo/bar/baz' }],
  local_shorthand_3: ['local', '', {}],
  local_shorthand_path_unix: ['local', '/foo/bar/baz', { trusted: 'true' }],
  local_shorthand_path_windows: ['local', '/C:/foo/bar/baz', { trusted: 'true' }],
  ssh: ['ssh', 'localhost', {}],
  ssh_unbracketed_ipv6_1: ['ssh', '[::1]', {}],
  ssh_unbracketed_ipv6_2: ['ssh', `userinfo@[${ipv6}]`, {}],
  ssh_unbracketed_ipv6_3: ['ssh', `userinfo@[${ipv6}]`, ab],
  ssh_unbracketed_ipv6_4: ['ssh', `userinfo@[${ipv6}%25eth0]`, ab],
  ssh_unbracketed_ipv6_5: ['ssh', `userinfo@[${ipv6}%25eth0]`, ab],
  ssh_unbracketed_ipv6_6: ['ssh', `userinfo@[${ipv6}%2525]`, ab],
  ssh_unbracketed_ipv6_7: ['ssh', `userinfo@[${ipv6}%25eth0]`, ab],
  ssh_unbracketed_ipv6_8: ['ssh', `[${ipv6}%25eth0]`, ab],
  ssh_unbracketed_ipv6_9: ['ssh', `[${ipv6}%25eth0]`, {}],
  unix: ['unix', '', { 'max-connections': '7', trusted: 'true' }],
  unix_shorthand: ['unix', '', { 'max-connections': '7', trusted: 'true' }],
};

/** Those that Nix also prints again as they were. */
const printedByNix = [
  'auto',
  'auto_param',
  'daemon_shorthand',
  'local_1',
  'local_2',
  'local_shorthand_3',
  'ssh',
  'unix',
];

const vectors = join(process.env.NARKIT_VECTORS ?? '', 'nix', 'store-reference');

describe.runIf(existsSync(vectors))("Nix's store references", () => {
  it('are all known here', () => {
    expect(
      readdirSync(vectors)
        .map((name) => name.replace('.txt', ''))
        .sort(),
    ).toEqual(Object.keys(expectedOfNix).sort());
  });

  it.each(Object.entries(expectedOfNix))('%s', (name, expected) => {
    const text = readFileSync(join(vectors, `${name}.txt`), 'utf8');
    expect(parsed(text)).toEqual(expected);
    if (printedByNix.includes(name)) expect(formatStoreUri(parseStoreUri(text))).toBe(text);
  });
});

describe('parseStoreUri', () => {
  it.each<[string, [string, string, Record<string, string>]]>([
    ['', ['auto', '', {}]],
    ['./relative/dir', ['local', './relative/dir', {}]],
    ['dir/', ['local', 'dir/', {}]],
    ['/with space/100%/é', ['local', '/with%20space/100%25/%C3%A9', {}]],
    ['/literal%20percent', ['local', '/literal%2520percent', {}]],
    ['local:/foo', ['local', '/foo', {}]],
    ['unix:///run/nix.socket', ['unix', '/run/nix.socket', {}]],
    ['file:///var/cache', ['file', '/var/cache', {}]],
    ['file://', ['file', '/', {}]],
    ['https://cache.example.org/a/b', ['https', 'cache.example.org/a/b', {}]],
    ['http://localhost:8080', ['http', 'localhost:8080', {}]],
    ['http://[::1]:8080/x', ['http', '[::1]:8080/x', {}]],
    ['http://::1', ['http', '[::1]', {}]],
    ['s3://bucket', ['s3', 'bucket', {}]],
    [
      's3://bucket?endpoint=http://localhost:9000&region=eu',
      ['s3', 'bucket', { endpoint: 'http://localhost:9000', region: 'eu' }],
    ],
    ['s3://bucket?endpoint=http%3A%2F%2Fh%3Fa%3Db%26c', ['s3', 'bucket', { endpoint: 'http://h?a=b&c' }]],
    ['s3://bucket#fragment', ['s3', 'bucket', {}]],
    ['local?root=/a+b&root=/c', ['local', '', { root: '/a+b' }]],
    ['local?root=', ['local', '', { root: '' }]],
    ['tree:fixtures/store', ['tree', 'fixtures/store', {}]],
    ['tree:/a b/%20?store=/x/store', ['tree', '/a%20b/%2520', { store: '/x/store' }]],
    ['tree:///a%20b', ['tree', '/a%20b', {}]],
    ['tree:C:\\store', ['tree', 'C:%5Cstore', {}]],
    ['ssh-ng://host', ['ssh-ng', 'host', {}]],
  ])('%s', (text, expected) => expect(parsed(text)).toEqual(expected));

  it.each([
    'foo',
    'auto#x',
    'file://host/dir',
    'http://host:0',
    'http://host:65536',
    'http://[::g]/',
    'http://bad host/',
    'http://host/%zz',
    'http://host/%ff',
    'http://host%ff/',
    'local?root=%zz',
    'local?root=%ff',
    'local?root=<x>',
    '/dir?x=1#frag',
    's3://bucket?a=é',
    '\ud800',
  ])('refuses %j, as Nix does', (text) => {
    expect(() => parseStoreUri(text)).toThrow(StoreUriError);
  });

  it('warns of a parameter without a value and leaves it out', () => {
    const warnings: string[] = [];
    const uri = parseStoreUri('local?root&state=/x', { onWarning: (message) => warnings.push(message) });
    expect([...uri.parameters]).toEqual([['state', '/x']]);
    expect(warnings).toEqual([expect.stringContaining("'root'")]);
  });

  it('ends in a StoreUri or a StoreUriError, whatever the text', () => {
    const piece = fc.constantFrom(
      'auto',
      'local',
      'tree:',
      's3',
      '://',
      ':',
      '/',
      '?',
      '&',
      '=',
      '%',
      '%20',
      '%ff',
      '@',
      '[',
      ']',
      '::1',
      '#',
      '\\',
    );
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(fc.oneof(piece, fc.string())).map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(text, (uri) => {
        try {
          const parsedUri = parseStoreUri(uri);
          storeUriPath(parsedUri);
          formatStoreUri(parsedUri);
        } catch (error) {
          expect(error).toBeInstanceOf(StoreUriError);
        }
      }),
      { numRuns: 1000, examples: [['://::1%%'], ['ssh://::1%'], ['%@::1']] },
    );
  });
});

describe('formatStoreUri', () => {
  it.each([
    ['https://user:secret@cache.example.org/x', 'https://cache.example.org/x'],
    ['https://token@cache.example.org', 'https://cache.example.org'],
    ['s3://b?endpoint=https://user:secret@h', 's3://b?endpoint=https://h'],
    ['/foo/bar', 'local:///foo/bar'],
    ['unix://?trusted=true&max-connections=7', 'unix://?max-connections=7&trusted=true'],
    ['tree:./some dir', 'tree:./some dir'],
    ['tree:///a%3Fb', 'tree:///a%3Fb'],
    ["local?root=/a'b(c)", 'local://?root=/a%27b%28c%29'],
  ])('%s → %s', (text, expected) => expect(formatStoreUri(parseStoreUri(text))).toBe(expected));

  it('says the same store again', () => {
    const parameters = fc.dictionary(
      fc.string({ unit: 'grapheme', minLength: 1 }),
      fc.string({ unit: 'grapheme' }).filter((value) => !value.includes('://')),
    );
    fc.assert(
      fc.property(
        fc.constantFrom('local', 'tree'),
        fc.string({ unit: 'grapheme', minLength: 1 }),
        parameters,
        (scheme, path, settings) => {
          const uri = {
            scheme,
            authority: encodeURIComponent(`/${path}`),
            parameters: new Map(Object.entries(settings)),
          };
          const again = parseStoreUri(formatStoreUri(uri));
          expect(storeUriPath(again)).toBe(`/${path}`);
          expect(Object.fromEntries(again.parameters)).toEqual(settings);
        },
      ),
    );
  });
});

describe('StoreUriError', () => {
  it.each(['http://user:secret@ho st/', 'http://user:sec/ret@host/', 's3://b?endpoint=http://user:secret@h&x=%zz'])(
    'does not repeat the password of %s',
    (uri) => {
      try {
        parseStoreUri(uri);
      } catch (error) {
        expect(error).toBeInstanceOf(StoreUriError);
        expect(`${(error as StoreUriError).message} ${(error as StoreUriError).uri}`).not.toMatch(/sec|user/);
      }
      expect.assertions(2);
    },
  );
});
