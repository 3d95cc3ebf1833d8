import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createNarParser, NarFormatError, type NarHandler, writeNar } from '../../src/nar/index.ts';
import {
  arbitraryTree,
  collect,
  directory as directoryTree,
  type FixtureTree,
  file,
  inChunks,
  patternBytes,
  symlink as symlinkTree,
  toNarNode,
  treeOfNar,
} from '../fixture-trees/fixture-tree.ts';
import { directory, entry, executable, nar, regular, str, symlink, type Token, uint64 } from './nar-bytes.ts';

/** All that a parser tells, pieces of contents joined. */
function eventsOf(bytes: Uint8Array, sizes: readonly number[] = [bytes.length || 1]): unknown[] {
  const events: unknown[] = [];
  let contents = '';
  const parser = createNarParser({
    onEntry: (told) => events.push(told),
    onContents: (piece) => {
      contents += Buffer.from(piece).toString('latin1');
    },
    onEntryEnd: () => {
      events.push(`end ${contents}`);
      contents = '';
    },
  });
  let turn = 0;
  for (let from = 0; from < bytes.length; turn++) {
    const size = sizes[turn % sizes.length]!;
    const chunk = bytes.slice(from, from + size);
    // Without `expect`, which costs more than parsing does.
    if (parser.push(chunk) !== chunk.length) throw new Error('the NAR ended early');
    from += size;
  }
  parser.finish();
  expect(parser.done).toBe(true);
  expect(parser.offset).toBe(bytes.length);
  return events;
}

function failureOf(bytes: Uint8Array, sizes?: readonly number[]): NarFormatError {
  try {
    eventsOf(bytes, sizes);
  } catch (error) {
    expect(error).toBeInstanceOf(NarFormatError);
    return error as NarFormatError;
  }
  throw new Error('parsed');
}

test('entries, contents and ends come in the order of the NAR', () => {
  const bytes = nar(
    ...directory(
      entry('a', directory(entry('x', executable('run')), entry('y', regular('')))),
      entry('b', symlink('a/x')),
      entry('c', directory()),
    ),
  );
  expect(eventsOf(bytes)).toEqual([
    { type: 'directory', path: '' },
    { type: 'directory', path: 'a' },
    { type: 'regular', path: 'a/x', size: 3, executable: true, narOffset: bytes.indexOf('run') },
    'end run',
    { type: 'regular', path: 'a/y', size: 0, executable: false, narOffset: expect.any(Number) },
    'end ',
    'end ',
    { type: 'symlink', path: 'b', target: 'a/x' },
    'end ',
    { type: 'directory', path: 'c' },
    'end ',
    'end ',
  ]);
});

describe('a NAR ends where it ends', () => {
  test.each<[string, Token[]]>([
    ['a file', regular('12345678')],
    ['a file with padding', regular('1')],
    ['a symlink', symlink('x')],
    ['a directory', directory(entry('a', regular('x')))],
  ])('%s', (_, tokens) => {
    const bytes = nar(...tokens);
    const followed = Buffer.concat([bytes, Buffer.from('other data')]);
    const parser = createNarParser();
    expect(parser.push(followed)).toBe(bytes.length);
    expect(parser.done).toBe(true);
    expect(parser.push(followed)).toBe(0);
    parser.finish();
    for (let cut = 0; cut <= bytes.length; cut++) {
      const inTwo = createNarParser();
      expect(inTwo.push(followed.subarray(0, cut))).toBe(cut);
      expect(inTwo.done).toBe(cut === bytes.length);
      expect(inTwo.push(followed.subarray(cut))).toBe(bytes.length - cut);
      expect(inTwo.offset).toBe(bytes.length);
    }
  });
});

const rich: FixtureTree = directoryTree([
  ['bin', directoryTree({ run: file('#!/bin/sh\n', true), empty: file('') })],
  [Uint8Array.of(0xc3, 0xa4, 0xff), symlinkTree('bin/run')],
  ['z', file(patternBytes(21))],
]);

test('any chunking tells the same', async () => {
  await fc.assert(
    fc.asyncProperty(
      arbitraryTree,
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
      async (tree, sizes) => {
        const bytes = await collect(writeNar(toNarNode(tree)));
        expect(eventsOf(bytes, sizes)).toEqual(eventsOf(bytes));
      },
    ),
    { numRuns: 200 },
  );
});

test('cut short at any byte, it is refused', async () => {
  const bytes = await collect(writeNar(toNarNode(rich)));
  for (let length = 0; length < bytes.length; length++) {
    for (const size of [1, 7, 10_000]) {
      const failure = failureOf(bytes.subarray(0, length), [size]);
      expect(failure.message).toContain('unexpected end-of-file');
      expect(failure.offset).toBe(length);
    }
  }
});

test('with any byte changed, it is refused or is the NAR of another tree', async () => {
  const bytes = await collect(writeNar(toNarNode(rich)));
  let refused = 0;
  for (let index = 0; index < bytes.length; index++) {
    for (const change of [1, 0x20, 0x80, 0xff]) {
      const changed = Buffer.from(bytes);
      changed[index]! ^= change;
      const other = await treeOfNar(inChunks(changed, 64)).catch((error: unknown) => {
        expect(error).toBeInstanceOf(NarFormatError);
        return undefined;
      });
      if (other === undefined) refused++;
      // What parses is what a writer would write: no two spellings of one tree.
      else expect((await collect(writeNar(toNarNode(other)))).equals(changed)).toBe(true);
    }
  }
  expect(refused).toBeGreaterThan(bytes.length * 2);
});

describe('refused in the words of Nix', () => {
  const inDirectory = (...tokens: readonly Token[]) => nar('(', 'type', 'directory', ...tokens);

  test.each<[string, Uint8Array, string]>([
    ['another magic', Buffer.concat([str('nix-archive-2'), str('(')]), "input doesn't look like a Nix archive"],
    ['a longer magic', str('nix-archive-10'), "input doesn't look like a Nix archive"],
    ['a shorter magic', str('nix'), "input doesn't look like a Nix archive"],
    ['zip', Buffer.from('PK\x03\x04........'), "input doesn't look like a Nix archive"],
    ['no parenthesis', nar('type'), "expected tag '(', got 'type'"],
    ['no type', nar('(', 'regular'), "expected tag 'type', got 'regular'"],
    ['another type', nar('(', 'type', 'fifo'), "unknown file type 'fifo'"],
    ['an empty type', nar('(', 'type', ''), "unknown file type ''"],
    ['a file that ends before its contents', nar('(', 'type', 'regular', ')'), "expected tag 'contents', got ')'"],
    [
      'another tag in place of contents',
      nar('(', 'type', 'regular', 'AAAAAAAA'),
      "expected tag 'contents', got 'AAAAAAAA'",
    ],
    [
      'executable twice',
      nar('(', 'type', 'regular', 'executable', '', 'executable'),
      "expected tag 'contents', got 'executable'",
    ],
    ['executable with a value', nar('(', 'type', 'regular', 'executable', 'x'), 'string is too long'],
    [
      'executable after contents',
      nar('(', 'type', 'regular', 'contents', 'x', 'executable', '', ')'),
      "expected tag ')', got 'executable'",
    ],
    ['a symlink without target', nar('(', 'type', 'symlink', ')'), "expected tag 'target', got ')'"],
    ['an empty target', nar(...symlink('')), 'NAR contains invalid symlink target'],
    ['a NUL in a target', nar(...symlink('a\0b')), 'NAR contains invalid symlink target'],
    ['a target of 4096 bytes', nar(...symlink('x'.repeat(4096))), 'string is too long'],
    [
      'something after a target',
      nar('(', 'type', 'symlink', 'target', 'x', 'target'),
      "expected tag ')', got 'target'",
    ],
    ['something else in a directory', inDirectory('file'), "expected tag 'entry' or ')', got 'file'"],
    ['an entry without parenthesis', inDirectory('entry', 'name'), "expected tag '(', got 'name'"],
    ['an entry without name', inDirectory('entry', '(', 'node'), "expected tag 'name', got 'node'"],
    ['an entry without node', inDirectory('entry', '(', 'name', 'x', ')'), "expected tag 'node', got ')'"],
    [
      'an entry that goes on',
      inDirectory('entry', '(', 'name', 'x', 'node', ...regular(''), 'name'),
      "expected tag ')', got 'name'",
    ],
    ['a tag of 33 bytes', nar('('.repeat(33)), 'string is too long'],
    ['a tag of 32 bytes', nar('('.repeat(32)), `expected tag '(', got '${'('.repeat(32)}'`],
    ['a name of 256 bytes', nar(...directory(entry('x'.repeat(256), regular('')))), 'string is too long'],
    ...['', '.', '..', 'x/y', '/', 'f\0'].map((name): [string, Uint8Array, string] => [
      `the name ${JSON.stringify(name)}`,
      nar(...directory(entry(name, regular('')))),
      `NAR contains invalid file name '${name.replace('\0', '\ufffd')}'`,
    ]),
    [
      'a name twice',
      nar(...directory(entry('a', regular('')), entry('a', regular('')))),
      'NAR directory is not sorted',
    ],
    [
      'names in the order of letters',
      nar(...directory(entry('a', regular('')), entry('B', regular('')))),
      'NAR directory is not sorted',
    ],
    [
      'a longer name before a shorter',
      nar(...directory(entry('ab', regular('')), entry('a', regular('')))),
      'NAR directory is not sorted',
    ],
    [
      'names in the order of UTF-16',
      nar(...directory(entry('\u{1f600}', regular('')), entry('\uff21', regular('')))),
      'NAR directory is not sorted',
    ],
    ['padding after a tag', Buffer.concat([str('nix-archive-1'), str('(', 1)]), 'non-zero padding'],
    [
      'padding after contents',
      Buffer.concat([nar('(', 'type', 'regular', 'contents'), str('x', 1), str(')')]),
      'non-zero padding',
    ],
    ['padding after a name', Buffer.concat([inDirectory('entry', '(', 'name'), str('x', 0x80)]), 'non-zero padding'],
  ])('%s', (_, bytes, problem) => {
    for (const sizes of [undefined, [1], [3, 5]])
      expect(failureOf(bytes, sizes).message).toContain(`bad archive: ${problem}`);
  });

  test('what is longest is allowed', () => {
    eventsOf(nar(...symlink('t'.repeat(4095))));
    eventsOf(nar(...directory(entry('n'.repeat(255), regular('')))));
  });

  test('64 levels', () => {
    const nested = (levels: number): Token[] =>
      levels === 0 ? regular('') : directory(entry('d', nested(levels - 1)));
    expect(eventsOf(nar(...nested(63)))).toHaveLength(128);
    expect(failureOf(nar(...nested(64))).message).toContain('NAR directory nesting exceeds maximum depth of 64');
    const endless = Array(1000).fill(['(', 'type', 'directory', 'entry', '(', 'name', 'd', 'node']).flat();
    expect(failureOf(nar(...endless)).message).toContain('NAR directory nesting exceeds maximum depth of 64');
  });

  test('with the offset and the path', () => {
    const start = nar(
      '(',
      'type',
      'directory',
      'entry',
      '(',
      'name',
      'd',
      'node',
      '(',
      'type',
      'directory',
      'entry',
      '(',
      'name',
      'x',
      'node',
    );
    const failure = failureOf(Buffer.concat([start, str('oops')]));
    expect(failure).toMatchObject({ code: 'nar-format', offset: start.length, path: 'd/x' });
    expect(failure.message).toBe(`bad archive: expected tag '(', got 'oops' (at byte ${start.length} in 'd/x')`);
    expect(failureOf(Buffer.from('x')).path).toBeUndefined();
  });

  test('again, once it was refused', () => {
    const parser = createNarParser();
    const failures = [() => parser.push(nar('oops')), () => parser.push(str('(')), () => parser.finish()].map(
      (call) => {
        try {
          call();
          return undefined;
        } catch (error) {
          return error;
        }
      },
    );
    expect(failures[0]).toBeInstanceOf(NarFormatError);
    expect(new Set(failures).size).toBe(1);
  });
});

describe('what a peer claims takes no memory', () => {
  /** Feed until it is refused or has had enough. */
  function feed(start: Uint8Array, chunk: Uint8Array, times: number, handler: NarHandler = {}): unknown {
    const parser = createNarParser(handler);
    try {
      parser.push(start);
      for (let time = 0; time < times; time++) parser.push(chunk);
      return undefined;
    } catch (error) {
      return error;
    }
  }
  const contentsOf = (size: bigint) => Buffer.concat([nar('(', 'type', 'regular', 'contents'), uint64(size)]);

  test('a file of 2^53 bytes and more is refused', () => {
    for (const size of [2n ** 53n, 2n ** 63n, 2n ** 64n - 1n])
      expect(feed(contentsOf(size), new Uint8Array(0), 1)).toMatchObject({
        message: expect.stringContaining('more than 2^53 - 1 bytes'),
      });
  });

  test('a file of 2^40 bytes streams', () => {
    let seen = 0;
    const chunk = new Uint8Array(1024 * 1024);
    const before = process.memoryUsage().rss;
    const failure = feed(contentsOf(2n ** 40n), chunk, 4096, {
      onContents: (piece) => {
        seen += piece.length;
      },
    });
    expect(failure).toBeUndefined();
    expect(seen).toBe(4096 * chunk.length);
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024);
  });

  test.each<[string, Uint8Array]>([
    ['a tag', str('nix-archive-1')],
    ['a name', nar('(', 'type', 'directory', 'entry', '(', 'name')],
    ['a target', nar('(', 'type', 'symlink', 'target')],
    ['the magic', Buffer.alloc(0)],
  ])('%s of 2^40, 2^53 or 2^64 - 1 bytes is refused before it comes', (_, start) => {
    for (const length of [2n ** 40n, 2n ** 53n, 2n ** 64n - 1n]) {
      const failure = feed(Buffer.concat([start, uint64(length)]), new Uint8Array(0), 1) as NarFormatError;
      expect(failure.message).toMatch(/string is too long|doesn't look like a Nix archive/);
      expect(failure.offset).toBe(start.length);
    }
  });

  test('a directory that never ends streams', () => {
    const parser = createNarParser();
    parser.push(nar('(', 'type', 'directory'));
    const before = process.memoryUsage().heapUsed;
    for (let index = 0; index < 50_000; index++) {
      const name = `entry-${String(index).padStart(9, '0')}`;
      parser.push(Buffer.concat(entry(name, symlink('x')).map((token) => str(token))));
    }
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(50 * 1024 * 1024);
    expect(parser.done).toBe(false);
  });
});

test('bytes at random are refused, never taken', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.integer({ min: 1, max: 9 }), (bytes, size) => {
      failureOf(Buffer.concat([str('nix-archive-1'), str('('), bytes]), [size]);
    }),
  );
});

test('tokens at random are refused, or are the NAR of a tree', async () => {
  const tokens = [
    '(',
    ')',
    'type',
    'regular',
    'directory',
    'symlink',
    'executable',
    '',
    'contents',
    'target',
    'entry',
    'name',
    'node',
    'a',
    'b',
  ];
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom(...tokens), { maxLength: 30 }), async (words) => {
      const bytes = nar('(', 'type', ...words);
      const tree = await treeOfNar(inChunks(bytes, 50)).catch((error: unknown) => {
        expect(error).toBeInstanceOf(NarFormatError);
        return undefined;
      });
      if (tree !== undefined) expect(await collect(writeNar(toNarNode(tree)))).toEqual(bytes);
    }),
    { numRuns: 1000 },
  );
});
