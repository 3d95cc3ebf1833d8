import { createHash, randomBytes } from 'node:crypto';
import { expect, onTestFinished, test } from 'vitest';
import { findCodec } from '../../src/compression/index.ts';
import { createNarDigester } from '../../src/verify/nar-digester-node.ts';
import { createNarDigester as createPortableNarDigester } from '../../src/verify/nar-digester-portable.ts';

const sha256 = (bytes: Uint8Array) => new Uint8Array(createHash('sha256').update(bytes).digest());

async function compress(content: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  async function* source() {
    yield new Uint8Array(content);
  }
  for await (const chunk of findCodec('zstd').compress(source())) chunks.push(chunk);
  return new Uint8Array(Buffer.concat(chunks));
}

function openDigester() {
  // At least one thread, also on a machine of one core.
  const digester = createNarDigester(2)!;
  onTestFinished(() => digester.close());
  return digester;
}

test('hashes a frame and what is in it, many side by side', async () => {
  const digester = openDigester();
  await Promise.all(
    Array.from({ length: 50 }, async (_, index) => {
      const nar = new Uint8Array(Buffer.from(`${index} `.repeat(1 + index * 1000)));
      const frame = await compress(nar);
      const fileDigest = sha256(frame);
      const digests = await digester.digest(frame, nar.length);
      expect(digests).toEqual({ fileDigest, narDigest: sha256(nar) });
    }),
  );
});

test('says nothing of what is damaged, or of another size, and goes on', async () => {
  const digester = openDigester();
  const nar = new Uint8Array(randomBytes(100_000));
  const frame = await compress(nar);
  const damaged = frame.slice();
  damaged[frame.length >> 1]! ^= 1;
  const wrong = [
    [damaged, nar.length],
    [frame.slice(0, -1), nar.length],
    [frame.slice(), nar.length - 1],
    [frame.slice(), nar.length + 1],
  ] as const;
  for (const [bytes, narSize] of wrong) expect(await digester.digest(bytes, narSize)).toBeUndefined();
  expect(await digester.digest(frame, nar.length)).toBeDefined();
});

test('says nothing when its threads have ended', async () => {
  const digester = openDigester();
  const pending = digester.digest(await compress(randomBytes(1_000_000)), 1_000_000);
  await digester.close();
  await pending;
  expect(await digester.digest(await compress(randomBytes(10)), 10)).toBeUndefined();
});

test('there is none where one core does it all, and where there is no Node', () => {
  expect(createNarDigester(1)).toBeUndefined();
  expect(createPortableNarDigester()).toBeUndefined();
});
