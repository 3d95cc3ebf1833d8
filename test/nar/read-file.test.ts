import { describe, expect, test } from 'vitest';
import { formatNarListing, listNar, NarFormatError, readNarFile, writeNar } from '../../src/nar/index.ts';
import { collect, directory, file, inChunks, patternBytes, symlink, toNarNode } from '../fixture-trees/fixture-tree.ts';

const large = Buffer.from(patternBytes(300_000));
const tree = directory({
  a: directory({ b: file('small', true), empty: file('') }),
  large: file(large),
  link: symlink('a'),
  z: file('last'),
});
const nar = await collect(writeNar(toNarNode(tree)));

/** A source that counts what was taken of it, and says when it was let go. */
function watched(bytes: Uint8Array, size: number) {
  const state = { taken: 0, ended: false };
  async function* source() {
    try {
      for await (const chunk of inChunks(bytes, size)) {
        state.taken += chunk.length;
        yield chunk;
      }
    } finally {
      state.ended = true;
    }
  }
  return { state, source: source() };
}

describe('listNar', () => {
  test('lists all of a NAR', async () => {
    const text = formatNarListing(await listNar(inChunks(nar, 1000)));
    expect(text).toContain('"link":{"target":"a","type":"symlink"}');
    expect(text).toContain('"b":{"executable":true,');
  });

  test('refuses what is cut short, and what goes on', async () => {
    await expect(listNar(inChunks(nar.subarray(0, -8), 1000))).rejects.toThrow(NarFormatError);
    await expect(listNar(inChunks(Uint8Array.from([...nar, 0]), 1000))).rejects.toThrow(NarFormatError);
  });

  test('stops when asked to', async () => {
    const { state, source } = watched(nar, 1000);
    await expect(listNar(source, { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough');
    expect(state.ended).toBe(true);
  });
});

describe('readNarFile', () => {
  test.each([
    ['a/b', Buffer.from('small')],
    ['/a/./empty', Buffer.alloc(0)],
    ['large', large],
    ['a/../z', Buffer.from('last')],
  ])('%s', async (path, contents) => {
    for (const stopEarly of [false, true])
      expect(await collect(readNarFile(inChunks(nar, 7000), path, { stopEarly }))).toEqual(contents);
  });

  test('reads the root', async () => {
    const bytes = await collect(writeNar(toNarNode(file('hi'))));
    expect(await collect(readNarFile(inChunks(bytes, 7), '/'))).toEqual(Buffer.from('hi'));
  });

  test('leaves off early when it may, and reads to the end when not', async () => {
    const early = watched(nar, 1000);
    await collect(readNarFile(early.source, 'a/b', { stopEarly: true }));
    expect(early.state).toMatchObject({ ended: true });
    expect(early.state.taken).toBeLessThan(3000);
    const whole = watched(nar, 1000);
    await collect(readNarFile(whole.source, 'a/b'));
    expect(whole.state).toEqual({ ended: true, taken: nar.length });
  });

  test('finds what is broken behind the file, unless it leaves off there', async () => {
    const cut = nar.subarray(0, -8);
    await expect(collect(readNarFile(inChunks(cut, 1000), 'a/b'))).rejects.toThrow(NarFormatError);
    expect(await collect(readNarFile(inChunks(cut, 1000), 'a/b', { stopEarly: true }))).toHaveLength(5);
  });

  test.each([
    ['nope', 'nar-path-absent', "path '/nope' does not exist"],
    ['link/b', 'nar-path-absent', "path '/link/b' does not exist"],
    ['link', 'nar-path-type', "path '/link' is not a regular file: it is a symlink to 'a'"],
    ['a', 'nar-path-type', "path '/a' is not a regular file: it is a directory"],
    ['/', 'nar-path-type', "path '/' is not a regular file: it is a directory"],
  ])('%s is refused', async (path, code, message) => {
    await expect(collect(readNarFile(inChunks(nar, 1000), path))).rejects.toMatchObject({ code, message });
  });

  test('lets go of the source when its reader stops', async () => {
    const { state, source } = watched(nar, 1000);
    for await (const _ of readNarFile(source, 'large')) break;
    expect(state.ended).toBe(true);
  });
});
