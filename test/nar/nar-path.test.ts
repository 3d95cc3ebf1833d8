import { describe, expect, test } from 'vitest';
import { canonicalNarPath, findInListing, NarPathError, parseNarListing } from '../../src/nar/index.ts';

test.each([
  ['', ''],
  ['/', ''],
  ['.', ''],
  ['..', ''],
  ['bin/hello', 'bin/hello'],
  ['/bin/hello/', 'bin/hello'],
  ['//bin/./hello', 'bin/hello'],
  ['share/../bin//hello', 'bin/hello'],
  ['../../bin', 'bin'],
  ['a/b/c/../../d', 'a/d'],
  ['.../..x', '.../..x'],
])('%j is %j', (path, canonical) => {
  expect(canonicalNarPath(path)).toBe(canonical);
});

describe('what a listing has at a path', () => {
  const file = { type: 'regular', size: 3, narOffset: 400 };
  const listing = parseNarListing(
    JSON.stringify({
      type: 'directory',
      entries: { bin: { type: 'directory', entries: { hello: file } }, link: { type: 'symlink', target: 'link' } },
    }),
  );

  test('is found', () => {
    expect(findInListing(listing, '/')).toBe(listing);
    expect(findInListing(listing, 'bin/../bin/hello')).toMatchObject(file);
    expect(findInListing(listing, 'link')).toMatchObject({ type: 'symlink', target: 'link' });
  });

  test.each([
    ['nope', "path '/nope' does not exist"],
    ['bin/nope/deeper', "path '/bin/nope/deeper' does not exist"],
    ['link/hello', "path '/link/hello' does not exist: '/link' is a symlink to 'link', and is not followed"],
    ['bin/hello/x/y', "path '/bin/hello/x/y' does not exist: '/bin/hello' is a regular file"],
  ])('%s is not', (path, message) => {
    expect(() => findInListing(listing, path)).toThrow(NarPathError);
    expect(() => findInListing(listing, path)).toThrow(expect.objectContaining({ code: 'nar-path-absent', message }));
  });
});
