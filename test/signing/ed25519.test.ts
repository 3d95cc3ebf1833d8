import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeBase16, encodeBase16 } from '../../src/hash/index.ts';
import * as node from '../../src/signing/ed25519-node.ts';
import * as portable from '../../src/signing/ed25519-portable.ts';

// RFC 8032, section 7.1: secret key, public key, message, signature.
const rfc8032 = [
  [
    '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    '',
    'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  ],
  [
    '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
    '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    '72',
    '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  ],
  [
    'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
    'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    'af82',
    '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
  ],
].map((row) => row.map(decodeBase16) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array]);

const sides = { node, portable };

describe.each(Object.entries(sides))('the %s side', (_, { createEd25519Signer, createEd25519Verifier }) => {
  test.each(rfc8032)('RFC 8032 %#', (seed, publicKey, message, signature) => {
    const signer = createEd25519Signer(seed);
    expect(encodeBase16(signer.publicKey)).toBe(encodeBase16(publicKey));
    expect(encodeBase16(signer.sign(message))).toBe(encodeBase16(signature));
    const verify = createEd25519Verifier(publicKey);
    expect(verify(message, signature)).toBe(true);
    for (let index = 0; index < 64; index += 7)
      expect(verify(message, signature.with(index, signature[index]! ^ 1))).toBe(false);
    expect(verify(Uint8Array.of(1), signature)).toBe(false);
  });

  test('a second signature of the same message is refused: S + L', () => {
    const [, publicKey, message, signature] = rfc8032[0]!;
    const order = 2n ** 252n + 27742317777372353535851937790883648493n;
    const scalar = BigInt(`0x${encodeBase16(signature.slice(32).reverse())}`) + order;
    const malleable = Uint8Array.from(signature);
    malleable.set(decodeBase16(scalar.toString(16).padStart(64, '0')).reverse(), 32);
    expect(createEd25519Verifier(publicKey)(message, malleable)).toBe(false);
  });

  test.each([
    ['no point at all', 'f'.repeat(62).concat('7f')],
    ['not on the curve', '02'.concat('0'.repeat(62))],
  ])('a public key that is %s verifies nothing', (__, key) => {
    const verify = createEd25519Verifier(decodeBase16(key));
    expect(verify(new Uint8Array(), rfc8032[0]![3])).toBe(false);
    expect(verify(new Uint8Array(), new Uint8Array(64))).toBe(false);
  });

  test('a signature of another length is refused', () => {
    const [, publicKey, message, signature] = rfc8032[0]!;
    const verify = createEd25519Verifier(publicKey);
    for (const bytes of [new Uint8Array(), signature.subarray(1), new Uint8Array([...signature, 0])])
      expect(verify(message, bytes)).toBe(false);
  });

  test('the key may be overwritten once the signer is made', () => {
    const [seed, publicKey, message, signature] = rfc8032[0]!;
    const copies = [Uint8Array.from(seed), Uint8Array.from(publicKey)] as const;
    const signer = createEd25519Signer(copies[0]);
    const verify = createEd25519Verifier(copies[1]);
    for (const copy of copies) copy.fill(0);
    expect(signer.sign(message)).toEqual(signature);
    expect(verify(message, signature)).toBe(true);
  });

  test('what is given out is a Uint8Array of its own', () => {
    const signer = createEd25519Signer(rfc8032[0]![0]);
    for (const bytes of [signer.publicKey, signer.sign(new Uint8Array())]) {
      expect(Object.getPrototypeOf(bytes)).toBe(Uint8Array.prototype);
      expect(bytes.buffer.byteLength).toBe(bytes.length);
    }
  });
});

test('both sides make the same keys and signatures, and accept the same', () => {
  const bytes = fc.uint8Array({ maxLength: 300 });
  const seed = fc.uint8Array({ minLength: 32, maxLength: 32 });
  fc.assert(
    fc.property(seed, bytes, fc.nat(63), fc.nat(255), (secret, message, index, mask) => {
      const signers = [node.createEd25519Signer(secret), portable.createEd25519Signer(secret)] as const;
      expect(signers[0].publicKey).toEqual(signers[1].publicKey);
      const signature = signers[0].sign(message);
      expect(signers[1].sign(message)).toEqual(signature);
      const changed = signature.with(index, signature[index]! ^ mask);
      for (const { createEd25519Verifier } of Object.values(sides))
        expect(createEd25519Verifier(signers[0].publicKey)(message, changed)).toBe(mask === 0);
    }),
    { numRuns: 40 },
  );
});
