import { describe, expect, test } from 'vitest';
import { NixConfError, parseNixConf } from '../../src/config/index.ts';

test('settings, comments, includes', () => {
  const text = `# a comment
sandbox = true   # for a person

  substituters   =  https://a.example.org\t https://b.example.org \r
empty =
url = https://example.org/?a=b
include other.conf
!include  /maybe.conf # or not
last = line`;
  expect(parseNixConf(text)).toEqual([
    { kind: 'setting', name: 'sandbox', value: 'true', line: 2 },
    { kind: 'setting', name: 'substituters', value: 'https://a.example.org https://b.example.org', line: 4 },
    { kind: 'setting', name: 'empty', value: '', line: 5 },
    { kind: 'setting', name: 'url', value: 'https://example.org/?a=b', line: 6 },
    { kind: 'include', path: 'other.conf', optional: false, line: 7 },
    { kind: 'include', path: '/maybe.conf', optional: true, line: 8 },
    { kind: 'setting', name: 'last', value: 'line', line: 9 },
  ]);
});

test('nothing', () => {
  for (const text of ['', '\n', '#', ' \t\r\n']) expect(parseNixConf(text)).toEqual([]);
});

describe('what Nix refuses', () => {
  test.each(['name', 'name value', 'name=value', '= value', 'include', 'include a b', 'include = a', '!include #'])(
    '%j',
    (line) => {
      expect(() => parseNixConf(`a = b\n${line}\n`, '/etc/nix/nix.conf')).toThrow(
        expect.objectContaining({ code: 'nix-conf', path: '/etc/nix/nix.conf', line: 2 }),
      );
    },
  );

  test('the error does not repeat the line', () => {
    expect(() => parseNixConf('access-tokens github.com=ghp_secret')).toThrow(NixConfError);
    expect(() => parseNixConf('access-tokens github.com=ghp_secret')).toThrow(/^(?!.*ghp_secret)/);
  });
});
