import { describe, expect, it } from 'vitest';
import { sortByUrgency } from '../../src/copy/urgency.ts';
import type { PathInfo } from '../../src/path-info.ts';

const info = (path: string, narSize: number, ...references: string[]) =>
  ({ path, narSize, references }) as unknown as PathInfo;
const sorted = (...order: PathInfo[]) => sortByUrgency(order).map(({ path }) => path);

describe('the NARs that go first', () => {
  it('are the largest, where nothing refers to anything', () => {
    expect(sorted(info('a', 1), info('b', 3), info('c', 2))).toEqual(['b', 'c', 'a']);
  });

  it('are those with the longest chain of referrers, where all are small', () => {
    const chain = [info('a', 1), info('b', 9, 'a'), info('c', 9, 'b'), info('x', 20), info('y', 1, 'x', 'a')];
    expect(sorted(...chain)).toEqual(['a', 'x', 'b', 'c', 'y']);
  });

  it('are large ones, though many small ones wait for others', () => {
    expect(sorted(info('a', 1), info('b', 1, 'a'), info('large', 100_000_000, 'b'))).toEqual(['large', 'a', 'b']);
  });

  it('are not those that refer to themselves', () => {
    expect(sorted(info('a', 1, 'a'), info('b', 2))).toEqual(['b', 'a']);
  });
});
