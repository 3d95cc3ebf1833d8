import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeUtf8 } from '../../src/bytes/index.ts';
import { decodeBase16, encodeBase64 } from '../../src/hash/index.ts';
import {
  formatPublicKey,
  formatSecretKey,
  generateSecretKey,
  KeyError,
  parsePublicKey,
  parseSecretKey,
} from '../../src/signing/index.ts';

// The first key of RFC 8032, section 7.1.
const seed = decodeBase16('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60');
const publicBytes = decodeBase16('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a');
const secretText = `test-1:${encodeBase64(new Uint8Array([...seed, ...publicBytes]))}`;
const publicText = `test-1:${encodeBase64(publicBytes)}`;

describe('keys as texts', () => {
  test('a secret key comes back, and has its public key', () => {
    const key = parseSecretKey(secretText);
    expect(key.name).toBe('test-1');
    expect(formatSecretKey(key)).toBe(secretText);
    expect(formatPublicKey(key.publicKey)).toBe(publicText);
  });

  test('a public key comes back', () => {
    const key = parsePublicKey(publicText);
    expect(key).toMatchObject({ name: 'test-1', bytes: publicBytes });
    expect(formatPublicKey(key)).toBe(publicText);
  });

  test('what follows the base64 is ignored, as in Nix', () => {
    for (const tail of ['\n', '\r\n', '\n# a comment\n']) {
      expect(formatSecretKey(parseSecretKey(secretText + tail))).toBe(secretText);
      expect(formatPublicKey(parsePublicKey(publicText + tail))).toBe(publicText);
    }
  });

  test('what one key signs, its public key verifies, and no other', () => {
    const message = encodeUtf8('message');
    const key = generateSecretKey('test-1');
    const signature = key.sign(message);
    expect(parsePublicKey(formatPublicKey(key.publicKey)).verify(message, signature)).toBe(true);
    expect(parseSecretKey(formatSecretKey(key)).sign(message)).toEqual(signature);
    expect(generateSecretKey('test-1').publicKey.verify(message, signature)).toBe(false);
    expect(key.publicKey.verify(message, signature.subarray(1))).toBe(false);
  });

  test.each(['', 'a:b', 'a b', 'a\n', '\t'])('no key can be named %j', (name) => {
    expect(() => generateSecretKey(name)).toThrow(RangeError);
  });
});

describe('what is no key', () => {
  const base64 = secretText.slice('test-1:'.length);
  test.each([
    ['nothing', ''],
    ['no name', `:${base64}`],
    ['no colon', base64],
    ['nothing after the colon', 'test-1:'],
    ['no base64', 'test-1:***'],
    ['too short', `test-1:${base64.slice(0, 40)}=`],
    ['too long', `test-1:${base64.replaceAll('=', '')}AAAA`],
    ['a seed alone', `test-1:${encodeBase64(seed)}`],
    ['a public key', publicText],
    ['halves of different keys', `test-1:${encodeBase64(new Uint8Array([...seed, ...seed]))}`],
    ['a name with a space', `test 1:${base64}`],
    ['an empty line before', `\n${secretText}`],
    ['a PEM', '-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v\n'],
  ])('a secret key that is %s', (_, text) => {
    expect(() => parseSecretKey(text)).toThrow(KeyError);
  });

  test.each([
    ['nothing', ''],
    ['no name', publicText.slice('test-1'.length)],
    ['too short', publicText.slice(0, 40)],
    ['a secret key', secretText],
  ])('a public key that is %s', (_, text) => {
    expect(() => parsePublicKey(text)).toThrow(KeyError);
  });
});

describe('the secret stays where it is', () => {
  /** Everything in which a person might see an error or a key. */
  const shown = (value: unknown): string =>
    [
      inspect(value, { depth: null, showHidden: true, getters: true }),
      JSON.stringify(value),
      String(value),
      value instanceof Error ? `${value.stack}${JSON.stringify(Object.values(value))}${shown(value.cause)}` : '',
    ].join('\n');

  test('a key does not show it', () => {
    const secrets = [secretText.slice(7), encodeBase64(seed).slice(0, 20), Buffer.from(seed).toString('hex')];
    const bytes = [...seed.subarray(0, 4)].join(', ');
    for (const secret of [...secrets, bytes]) expect(shown(parseSecretKey(secretText))).not.toContain(secret);
  });

  test('an error does not show it, whatever was broken', () => {
    const base64 = secretText.slice('test-1:'.length);
    fc.assert(
      fc.property(fc.nat(base64.length), fc.nat(3), fc.constantFrom('', '*', 'A', ' ', ':', '='), (at, count, text) => {
        const broken = `test-1:${base64.slice(0, at)}${text}${base64.slice(at + count)}`;
        for (const parse of [parseSecretKey, parsePublicKey]) {
          try {
            parse(broken);
          } catch (error) {
            expect(error).toBeInstanceOf(KeyError);
            const seen = shown(error);
            for (let start = 0; start + 12 <= base64.length; start++)
              expect(seen).not.toContain(base64.slice(start, start + 12));
          }
        }
      }),
    );
  });

  test('nor what another secret has before its colon', () => {
    for (const text of ['hunter2:swordfish', 'hunter2:swordfish!', 'hunter2:', 'hunter2:='])
      expect(() => parseSecretKey(text)).toThrow(/^(?!.*(hunter2|swordfish))/);
  });

  test('only what this module made is a secret key', () => {
    const key = parseSecretKey(secretText);
    expect(() => formatSecretKey({ ...key })).toThrow(TypeError);
  });
});
