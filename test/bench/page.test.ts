import { expect, test } from 'vitest';
import { replacePart } from '../../bench/page.ts';

test('a part goes between its comments, once more as well', () => {
  const page = 'a\n<!-- memory: -->\nold\n<!-- end of memory -->\nb\n<!-- other: --><!-- end of other -->\n';
  const once = replacePart(page, 'memory', 'TABLE');
  expect(once).toBe(
    'a\n<!-- memory: -->\n\nTABLE\n\n<!-- end of memory -->\nb\n<!-- other: --><!-- end of other -->\n',
  );
  expect(replacePart(once, 'memory', 'TABLE')).toBe(once);
  expect(() => replacePart(page, 'growth', 'TABLE')).toThrow('growth');
});
