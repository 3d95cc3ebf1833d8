import { describe, expect, it } from 'vitest';
import { compareRounds, judgeMove, median } from '../../bench/statistics.ts';

describe('median', () => {
  it('is the value in the middle, whatever the order', () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([7])).toBe(7);
  });

  it('is not moved by one slow round', () => {
    expect(median([10, 11, 10, 12, 900])).toBe(11);
  });

  it('of nothing is an error', () => {
    expect(() => median([])).toThrow(RangeError);
  });
});

describe('compareRounds', () => {
  it('compares each round with its own', () => {
    // A machine that became half as fast: the ratio stays.
    expect(compareRounds([50, 100, 200], [100, 200, 400])).toEqual({ ratio: 0.5, spread: 0, rounds: 3 });
  });

  it('gives half the distance between the quartiles', () => {
    expect(compareRounds([1, 2, 3, 4, 5], [1, 1, 1, 1, 1])).toEqual({ ratio: 3, spread: 1, rounds: 5 });
  });

  it('refuses rounds that have no partner', () => {
    expect(() => compareRounds([1, 2], [1])).toThrow(RangeError);
  });
});

describe('judgeMove', () => {
  const of = (ratio: number, spread: number) => ({ ratio, spread, rounds: 5 });

  it.each([
    ['nothing', of(1, 0.01), of(1, 0.01), 'same'],
    ['less than a twentieth', of(1, 0), of(1.04, 0), 'same'],
    ['more than a twentieth', of(1, 0), of(1.06, 0), 'worse'],
    ['down', of(1, 0.01), of(0.9, 0.01), 'better'],
    ['within the noise of before', of(1, 0.1), of(1.15, 0), 'same'],
    ['within the noise of now', of(1, 0), of(1.15, 0.1), 'same'],
    ['beyond the noise of both', of(1, 0.02), of(1.15, 0.02), 'worse'],
  ] as const)('moved by %s', (_title, before, now, expected) => {
    expect(judgeMove(before, now)).toBe(expected);
  });
});
