import fc from 'fast-check';
import { expect, test } from 'vitest';
import { concatBytes } from '../../src/bytes/bytes.ts';
import { GatheredBytes } from '../../src/bytes/gathered.ts';

test('gives chunks of any size back in their order, and keeps none', () => {
  const chunk = fc.oneof(fc.uint8Array({ maxLength: 3 }), fc.uint8Array({ minLength: 4000, maxLength: 4200 }));
  fc.assert(
    fc.property(fc.array(chunk, { maxLength: 600, size: 'max' }), (chunks) => {
      const gathered = new GatheredBytes();
      for (let turn = 0; turn < 2; turn++) {
        for (const bytes of chunks) gathered.push(bytes);
        const all = concatBytes(chunks);
        expect(gathered.size).toBe(all.length);
        expect(Buffer.compare(gathered.take(), all)).toBe(0);
        expect(gathered.size).toBe(0);
      }
    }),
    { numRuns: 30 },
  );
});

test('keeps millions of single bytes in little memory', () => {
  const gathered = new GatheredBytes();
  const before = process.memoryUsage.rss();
  for (let count = 0; count < 4_000_000; count++) gathered.push(Uint8Array.of(count));
  expect(process.memoryUsage.rss() - before).toBeLessThan(150_000_000);
  expect(gathered.take()).toHaveLength(4_000_000);
});
