import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DumpOptions, dumpPath, FileSystemError } from '../../src/file-system/index.ts';
import { type NarEntry, writeNar } from '../../src/nar/index.ts';
import {
  collect,
  directory,
  type FixtureTree,
  file,
  summaryOf,
  symlink,
  toNarNode,
  treeOfNar,
} from '../fixture-trees/fixture-tree.ts';
import { hurtfulTrees } from '../fixture-trees/hurtful-trees.ts';
import { removeTree, writeTree } from '../fixture-trees/tree-on-disk.ts';

let folder: string;
let count = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'narkit-dump-'));
});
afterAll(() => removeTree(folder));

const freshPath = () => join(folder, `path-${count++}`);

function onDisk(tree: FixtureTree): string {
  const path = freshPath();
  writeTree(path, tree);
  return path;
}

const narOf = (tree: FixtureTree) => collect(writeNar(toNarNode(tree)));

/** What is thrown in place of a chunk; fails when nothing is. */
async function failureAmong(chunks: AsyncIterable<Uint8Array>): Promise<FileSystemError> {
  const failure = await collect(chunks).then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(FileSystemError);
  return failure as FileSystemError;
}

const failureOf = (path: string, options?: DumpOptions) => failureAmong(dumpPath(path, options));

describe('the dump of a tree made to hurt is the NAR of that tree', () => {
  for (const [name, makeTree] of Object.entries(hurtfulTrees)) {
    test(name, async () => {
      const tree = makeTree();
      const path = onDisk(tree);
      const dumped = await collect(dumpPath(path));
      expect(dumped.equals(await narOf(tree))).toBe(true);
      expect(summaryOf(await treeOfNar(inOne(dumped)))).toEqual(summaryOf(tree));
      removeTree(path);
    });
  }
});

async function* inOne(bytes: Uint8Array) {
  yield bytes;
}

test('entries are told with the offsets that their contents have', async () => {
  const path = onDisk(directory({ d: directory({ x: file('12345', true) }), link: symlink('d/x'), z: file('end') }));
  const entries: NarEntry[] = [];
  const nar = await collect(dumpPath(path, { onEntry: (entry) => entries.push(entry) }));
  expect(entries).toEqual([
    { type: 'directory', path: '' },
    { type: 'directory', path: 'd' },
    { type: 'regular', path: 'd/x', size: 5, executable: true, narOffset: expect.any(Number) },
    { type: 'symlink', path: 'link', target: 'd/x' },
    { type: 'regular', path: 'z', size: 3, executable: false, narOffset: expect.any(Number) },
  ]);
  const contents = entries.flatMap((entry) =>
    entry.type === 'regular' ? [nar.subarray(entry.narOffset, entry.narOffset + entry.size).toString()] : [],
  );
  expect(contents).toEqual(['12345', 'end']);
});

describe('modes', () => {
  test.each([0o400, 0o444, 0o644, 0o666, 0o455, 0o611, 0o4644, 0o2644])('%o is no executable', async (mode) => {
    const path = onDisk(file('x'));
    chmodSync(path, mode);
    expect(await collect(dumpPath(path))).toEqual(await narOf(file('x')));
  });

  test.each([0o500, 0o544, 0o555, 0o700, 0o744, 0o777, 0o4755])('%o is one, by the owner alone', async (mode) => {
    const path = onDisk(file('x'));
    chmodSync(path, mode);
    expect(await collect(dumpPath(path))).toEqual(await narOf(file('x', true)));
  });
});

test('hard links become files of their own', async () => {
  const path = onDisk(directory({ a: file('same') }));
  linkSync(join(path, 'a'), join(path, 'b'));
  expect(await collect(dumpPath(path))).toEqual(await narOf(directory({ a: file('same'), b: file('same') })));
});

describe('the path itself', () => {
  test('is not followed when it is a symlink, with a slash after it neither', async () => {
    const path = onDisk(symlink('.'));
    expect(await collect(dumpPath(path))).toEqual(await narOf(symlink('.')));
    expect(await collect(dumpPath(`${path}/`))).toEqual(await narOf(symlink('.')));
  });

  test('may be bytes, may be relative, may lie behind a symlink', async () => {
    const path = onDisk(directory([[Uint8Array.of(0xff), file('x')]]));
    const name = Buffer.concat([Buffer.from(`${path}/`), Buffer.of(0xff)]);
    expect(await collect(dumpPath(name))).toEqual(await narOf(file('x')));
    expect(await collect(dumpPath(`${path}/\udcff`))).toEqual(await narOf(file('x')));
    expect(await collect(dumpPath(`../../../../../../../../../..${path}/\udcff`))).toEqual(await narOf(file('x')));
    const link = freshPath();
    symlinkSync(path, link);
    expect(await collect(dumpPath(`${link}/\udcff`))).toEqual(await narOf(file('x')));
  });

  test('that does not exist is an error that names it', async () => {
    const path = freshPath();
    const failure = await failureOf(path);
    expect(failure).toMatchObject({ code: 'file-unreadable', path, systemCode: 'ENOENT' });
    expect(failure.message).toBe(`getting status of '${path}': ENOENT: no such file or directory`);
  });

  test('that is empty or has a NUL is misuse', async () => {
    await expect(collect(dumpPath(''))).rejects.toThrow(TypeError);
    await expect(collect(dumpPath('a\0b'))).rejects.toThrow(TypeError);
  });
});

describe('what a NAR cannot hold is refused by its path', () => {
  test('a pipe', async () => {
    const path = onDisk(directory({ d: directory({}) }));
    execFileSync('mkfifo', [join(path, 'd/pipe')]);
    const failure = await failureOf(path);
    expect(failure).toMatchObject({ code: 'file-type', path: join(path, 'd/pipe') });
    expect(failure.message).toContain(`file '${join(path, 'd/pipe')}' has an unsupported type`);
  });

  test('a socket', async () => {
    const path = onDisk(directory({}));
    const server = createServer().listen(join(path, 'socket'));
    await new Promise((resolve) => server.once('listening', resolve));
    expect(await failureOf(path)).toMatchObject({ code: 'file-type', path: join(path, 'socket') });
    await new Promise((resolve) => server.close(resolve));
  });

  test('a device, as the path itself too', async () => {
    expect(await failureOf('/dev/null')).toMatchObject({ code: 'file-type', path: '/dev/null' });
  });

  test('a tree of more than 64 levels', async () => {
    const path = onDisk(hurtfulTrees['the deepest tree']!());
    expect((await failureOf(join(path, '..', await oneLevelMore(path)))).code).toBe('file-too-deep');
  });

  async function oneLevelMore(path: string): Promise<string> {
    const outer = freshPath();
    mkdirSync(outer);
    execFileSync('mv', [path, join(outer, 'd')]);
    return outer.slice(outer.lastIndexOf('/') + 1);
  }
});

describe('what cannot be read is an error that names it', () => {
  /** Root may read everything: be somebody else meanwhile. */
  async function failureOfNobody(path: string): Promise<FileSystemError> {
    chmodSync(folder, 0o755);
    const isRoot = process.getuid?.() === 0;
    if (isRoot) process.seteuid?.('nobody');
    try {
      return await failureOf(path);
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
  }

  test('a file without the right to read', async () => {
    const path = onDisk(directory({ secret: file('x') }));
    chmodSync(join(path, 'secret'), 0);
    const failure = await failureOfNobody(path);
    expect(failure).toMatchObject({ code: 'file-unreadable', path: join(path, 'secret'), systemCode: 'EACCES' });
    expect(failure.message).toBe(`opening file '${join(path, 'secret')}': EACCES: permission denied`);
  });

  test('a directory without the right to read', async () => {
    const path = onDisk(directory({ secret: directory({}) }));
    chmodSync(join(path, 'secret'), 0);
    const failure = await failureOfNobody(path);
    expect(failure).toMatchObject({ code: 'file-unreadable', path: join(path, 'secret'), systemCode: 'EACCES' });
  });

  test('a file whose reads fail', async () => {
    expect(await failureOf('/proc/self/mem')).toMatchObject({ path: '/proc/self/mem' });
  });
});

describe('a file that changes while its tree is read is an error, not a broken NAR', () => {
  const large = 8 * 1024 * 1024;

  /** Change something when the first chunk has come. */
  async function dumpWhile(path: string, change: () => void): Promise<FileSystemError> {
    const chunks = dumpPath(path);
    await chunks.next();
    change();
    return failureAmong(chunks);
  }

  test('it grows', async () => {
    const path = onDisk(file(new Uint8Array(large)));
    const failure = await dumpWhile(path, () => appendFileSync(path, 'more'));
    expect(failure).toMatchObject({ code: 'file-changed', path });
    expect(failure.message).toBe(`file '${path}' grew beyond ${large} bytes while it was read`);
  });

  test('it shrinks', async () => {
    const path = onDisk(file(new Uint8Array(large)));
    const failure = await dumpWhile(path, () => truncateSync(path, large - 1));
    expect(failure.message).toBe(`file '${path}' shrank from ${large} bytes while it was read`);
  });

  test('it claims no bytes but has some', async () => {
    expect(await failureOf('/proc/self/status')).toMatchObject({ code: 'file-changed' });
  });

  test('it becomes a symlink', async () => {
    const path = onDisk(directory({ a: file(new Uint8Array(large)), b: file('x') }));
    const failure = await dumpWhile(path, () => {
      unlinkSync(join(path, 'b'));
      symlinkSync('/etc/passwd', join(path, 'b'));
    });
    expect(failure).toMatchObject({ code: 'file-changed', path: join(path, 'b') });
  });

  test('it becomes a pipe that nobody writes to', async () => {
    const path = onDisk(directory({ a: file(new Uint8Array(large)), b: file('x') }));
    const failure = await dumpWhile(path, () => {
      unlinkSync(join(path, 'b'));
      execFileSync('mkfifo', [join(path, 'b')]);
    });
    expect(failure).toMatchObject({ code: 'file-changed', path: join(path, 'b') });
  });

  test('a directory becomes a symlink', async () => {
    const elsewhere = onDisk(directory({ secret: file('secret') }));
    const path = onDisk(directory({ a: file(new Uint8Array(large)), b: directory({ secret: file('x') }) }));
    const failure = await dumpWhile(path, () => {
      rmSync(join(path, 'b'), { recursive: true });
      symlinkSync(elsewhere, join(path, 'b'));
    });
    expect(failure.path).toBe(join(path, 'b'));
  });

  test('a directory is swapped for a symlink after it was opened: what was opened is read', async () => {
    const elsewhere = onDisk(directory({ a: file('secret'), b: file('secret') }));
    const tree = directory({ a: file(new Uint8Array(large)), b: file('open') });
    const path = onDisk(tree);
    const chunks = dumpPath(path);
    const first = (await chunks.next()).value as Uint8Array;
    execFileSync('mv', [path, `${path}-moved`]);
    symlinkSync(elsewhere, path);
    expect(Buffer.concat([first, await collect(chunks)]).equals(await narOf(tree))).toBe(true);
  });

  test('a file is gone', async () => {
    const path = onDisk(directory({ a: file(new Uint8Array(large)), b: file('x') }));
    const failure = await dumpWhile(path, () => unlinkSync(join(path, 'b')));
    expect(failure).toMatchObject({ code: 'file-unreadable', path: join(path, 'b'), systemCode: 'ENOENT' });
  });
});

describe('while it runs', () => {
  test('chunks belong to the consumer: none is written to again', async () => {
    const path = onDisk(
      directory({ a: file(new Uint8Array(3_000_000).fill(1)), b: file(new Uint8Array(3_000_000).fill(2)) }),
    );
    const kept: { chunk: Uint8Array; copy: Buffer }[] = [];
    for await (const chunk of dumpPath(path)) {
      for (const { chunk: earlier } of kept) expect(earlier.buffer).not.toBe(chunk.buffer);
      kept.push({ chunk, copy: Buffer.from(chunk) });
    }
    for (const { chunk, copy } of kept) expect(copy.equals(chunk)).toBe(true);
  });

  test('timers run', async () => {
    const path = onDisk(hurtfulTrees['ten thousand entries']!());
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    for await (const _ of dumpPath(path));
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(0);
  });

  test('a signal stops it, before and in the middle', async () => {
    const path = onDisk(directory({ a: file(new Uint8Array(5_000_000)) }));
    await expect(collect(dumpPath(path, { signal: AbortSignal.abort(new Error('stop')) }))).rejects.toThrow('stop');
    const controller = new AbortController();
    const chunks = dumpPath(path, { signal: controller.signal });
    await chunks.next();
    controller.abort(new Error('stop'));
    await expect(collect(chunks)).rejects.toThrow('stop');
  });

  test('who stops early leaves no descriptor open', async () => {
    const path = onDisk(directory({ a: directory({ b: file(new Uint8Array(5_000_000)) }) }));
    for await (const _ of dumpPath(path)) break;
    await failureOf('/proc/self/status');
    expect(openFiles().filter((file) => file.startsWith(path) || file.endsWith('/status'))).toEqual([]);
  });
});

/** Where this process's descriptors lead to. */
function openFiles(): string[] {
  const list = `ls -l /proc/${process.pid}/fd | sed 's/.* -> //'`;
  return execFileSync('sh', ['-c', list], { encoding: 'utf8' }).split('\n');
}

describe('the case hack', () => {
  test('is cut off, and the order is that of the names without it', async () => {
    const path = onDisk(
      directory({
        'a~nix~case~hack~1': file('1'),
        A: file('2'),
        b: directory({ 'X~nix~case~hack~12junk': file('3') }),
      }),
    );
    const expected = directory({ A: file('2'), a: file('1'), b: directory({ X: file('3') }) });
    expect(await collect(dumpPath(path, { useCaseHack: true }))).toEqual(await narOf(expected));
    expect(await collect(dumpPath(path, { useCaseHack: false }))).not.toEqual(await narOf(expected));
  });

  test('that gives two entries one name is a collision', async () => {
    const path = onDisk(directory({ a: file('1'), 'a~nix~case~hack~1': file('2') }));
    const failure = await failureOf(path, { useCaseHack: true });
    expect(failure.code).toBe('file-name-collision');
    expect(failure.message).toBe(`file name collision between '${path}/a' and '${path}/a~nix~case~hack~1'`);
  });
});

test('a name that is all case-hack suffix is refused', async () => {
  for (const name of ['~nix~case~hack~1', '..~nix~case~hack~1']) {
    const failure = await failureOf(onDisk(directory({ [name]: file('x') })), { useCaseHack: true });
    expect(failure.message).toContain('has no name left without its case-hack suffix');
  }
});

test('a file that was never flushed is read as it stands', async () => {
  const path = freshPath();
  writeFileSync(path, 'x'.repeat(100_000));
  expect((await collect(dumpPath(path))).length).toBe(100_112);
});
