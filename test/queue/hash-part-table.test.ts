/** The table of hash parts against a Map that does the same. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeNix32 } from '../../src/hash/index.ts';
import { createHashPartTable } from '../../src/queue/hash-part-table.ts';

/** Few different ones, whose first words collide. */
const hashPart = fc.tuple(fc.constantFrom(0, 1, 255), fc.nat(60)).map(([first, last]) => {
  const bytes = new Uint8Array(20);
  bytes[0] = first;
  bytes[19] = last;
  return encodeNix32(bytes);
});

test('marks are those of a Map', () => {
  const step = fc.oneof(
    fc.record({ act: fc.constant('add' as const), hashPart }),
    fc.record({ act: fc.constant('mark' as const), hashPart, mark: fc.constantFrom(1, 2, 4) }),
    fc.record({ act: fc.constant('unless' as const) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), fc.array(hashPart), (steps, asked) => {
      const table = createHashPartTable();
      const expected = new Map<string, number>();
      for (const one of steps) {
        if (one.act === 'add') {
          table.add(one.hashPart);
          expected.set(one.hashPart, expected.get(one.hashPart) ?? 0);
        } else if (one.act === 'mark') {
          table.mark(one.hashPart, one.mark);
          if (expected.has(one.hashPart)) expected.set(one.hashPart, expected.get(one.hashPart)! | one.mark);
        } else {
          table.markUnless(1, 2);
          for (const [key, marks] of expected) expected.set(key, (marks & 1) === 0 ? marks | 2 : marks & ~1);
        }
      }
      expect(table.size).toBe(expected.size);
      for (const key of [...asked, ...expected.keys()])
        for (const mark of [1, 2, 4]) expect(table.isMarked(key, mark)).toBe(((expected.get(key) ?? 0) & mark) !== 0);
    }),
  );
});

test('it grows', () => {
  const table = createHashPartTable();
  const random = (seed: number) => {
    const bytes = new Uint8Array(20);
    new DataView(bytes.buffer).setUint32(0, Math.imul(seed, 0x9e3779b1));
    new DataView(bytes.buffer).setUint32(16, seed);
    return encodeNix32(bytes);
  };
  for (let seed = 0; seed < 20_000; seed++) {
    table.add(random(seed));
    if (seed % 3 === 0) table.mark(random(seed), 4);
  }
  expect(table.size).toBe(20_000);
  for (let seed = 0; seed < 20_000; seed++) expect(table.isMarked(random(seed), 4)).toBe(seed % 3 === 0);
  expect(table.isMarked(random(20_001), 4)).toBe(false);
});
