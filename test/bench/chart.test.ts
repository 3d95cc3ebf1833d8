import { describe, expect, test } from 'vitest';
import { type Axis, chooseTicks, drawChart, spread } from '../../bench/growth/chart.ts';

describe('chooseTicks', () => {
  test.each([
    { scale: 'linear' as const, minimum: 3, maximum: 161, ticks: [0, 50, 100, 150, 200] },
    { scale: 'linear' as const, minimum: 1, maximum: 4, ticks: [0, 1, 2, 3, 4] },
    { scale: 'linear' as const, minimum: 0.1, maximum: 0.9, ticks: [0, 0.2, 0.4, 0.6, 0.8, 1] },
    { scale: 'log' as const, minimum: 0.2, maximum: 3, ticks: [0.2, 0.5, 1, 2, 5] },
    { scale: 'log' as const, minimum: 0.03, maximum: 28, ticks: [0.01, 0.1, 1, 10, 100] },
  ])('$scale from $minimum to $maximum', ({ scale, minimum, maximum, ticks }) => {
    const chosen = chooseTicks(scale, minimum, maximum);
    expect(chosen.map((tick) => Number(tick.toPrecision(6)))).toEqual(ticks);
  });
});

test('spread moves apart what lies too close, and nothing else', () => {
  expect(spread([10, 12, 40], 13)).toEqual([10, 23, 40]);
  expect(spread([], 13)).toEqual([]);
});

describe('drawChart', () => {
  const axis = (title: string): Axis => ({ title, scale: 'log', format: String });
  const panel = {
    title: 'Time',
    x: axis('paths'),
    y: axis('seconds'),
    lines: [
      {
        name: 'narkit <none> & more',
        of: 'narkit' as const,
        dashed: true,
        points: [[1, 1] as const, [100, 50] as const],
      },
      { name: 'Nix', of: 'peer' as const, points: [[1, 2] as const, [100, 100] as const] },
    ],
  };
  const svg = drawChart('Time by paths', [panel, panel]);

  test('is well-formed, and names its axes and lines', () => {
    // Every tag that opens closes; of text, nothing is markup.
    const open: string[] = [];
    for (const [, closes, name, closed] of svg.matchAll(/<(\/?)([a-z]+)[^>]*?(\/?)>/g)) {
      if (closes) expect(open.pop()).toBe(name);
      else if (!closed) open.push(name!);
    }
    expect(open).toEqual([]);
    for (const words of ['paths', 'seconds', 'Nix', 'narkit &lt;none&gt; &amp; more', 'Time by paths'])
      expect(svg).toContain(`>${words}<`);
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
  });

  test('has colours for a dark page', () => {
    expect(svg).toContain('prefers-color-scheme: dark');
    expect(svg.length).toBeLessThan(30_000);
  });

  test('draws the first value at the left and the last at the right', () => {
    expect(svg).toContain('d="M64 246L294 ');
  });
});
