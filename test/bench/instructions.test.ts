import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { countedWorks, readCount } from '../../bench/instructions/count-instructions.ts';
import { formatCounts } from '../../bench/instructions/saved-counts.ts';

describe('readCount', () => {
  test("takes the sum out of valgrind's words", () => {
    const said = '==18192== Command: node\n==18192== \n==18192== I   refs:      733,854,460\n';
    expect(readCount(said)).toBe(733_854_460);
  });

  test('refuses what has none', () => {
    expect(() => readCount('valgrind: node: not found')).toThrow('node: not found');
  });
});

describe.each(countedWorks)('$name', ({ program }) => {
  test('does its work as often as it is told', () => {
    const path = fileURLToPath(new URL(`../../bench/instructions/${program}`, import.meta.url));
    const run = (times: number): number =>
      Number(execFileSync(process.execPath, [path, String(times)], { encoding: 'utf8' }));
    expect(run(1)).toBeGreaterThan(0);
    expect(run(4)).toBeGreaterThan(run(1));
  });
});

describe('formatCounts', () => {
  const works = [{ name: 'nix32', unit: 'hash' }];
  const saved = {
    'Node 24': { version: 'v24.1.0', counts: {} },
    'Node 20': { version: 'v20.1.0', counts: { nix32: 15_708 } },
  };

  test('has a column for each Node, and three digits of each count', () => {
    expect(formatCounts(works, saved)).toBe(
      '| work | a | Node 20 (20.1.0) | Node 24 (24.1.0) |\n| --- | --- | --: | --: |\n| nix32 | hash | 15,700 |  |',
    );
  });
});
