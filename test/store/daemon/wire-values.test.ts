import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ContentAddress, parseContentAddress } from '../../../src/content-address.ts';
import { parseHash } from '../../../src/hash/index.ts';
import type { PathInfo } from '../../../src/path-info.ts';
import { pathInfoFromJson } from '../../../src/path-info-json.ts';
import { clientMagic, daemonMagic } from '../../../src/store/daemon/protocol.ts';
import { WireEndError, WireError } from '../../../src/store/daemon/wire-error.ts';
import { maximumListLength, maximumStringLength, type WireReader } from '../../../src/store/daemon/wire-reader.ts';
import {
  readDaemonInfo,
  readOptionalContentAddress,
  readOptionalStorePath,
  readOptionalTrusted,
  readPathInfo,
  readStorePath,
  readUnkeyedPathInfo,
  writeOptionalContentAddress,
  writeOptionalStorePath,
  writePathInfo,
  writeStorePath,
  writeStorePaths,
  writeUnkeyedPathInfo,
} from '../../../src/store/daemon/wire-values.ts';
import type { WireWriter } from '../../../src/store/daemon/wire-writer.ts';
import { defaultStoreDir, parseStorePathBaseName, type StorePath } from '../../../src/store-path.ts';
import { describePeer, needPeer } from '../../peers/peers.ts';
import { readerOf, wire, written } from './wire-bytes.ts';

const storeDir = defaultStoreDir;
const parseBaseName = (baseName: string): StorePath => parseStorePathBaseName(baseName);

describePeer('vectors', 'vectors of Nix', () => {
  const folder = join(needPeer('vectors'), 'nix');
  // biome-ignore lint/suspicious/noExplicitAny: what the file says
  const json = (name: string): any => JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'));
  const bytes = (name: string): Buffer => readFileSync(join(folder, `${name}.bin`));

  /** The file has these values one behind the other, however the chunks are cut; and they are written so. */
  async function expectValues<T>(
    name: string,
    values: readonly T[],
    read: (reader: WireReader, index: number) => Promise<T>,
    write: (writer: WireWriter, value: T, index: number) => void,
  ): Promise<void> {
    for (const chunkLength of [1, 7, 8, 9, 1_000_000]) {
      const reader = readerOf(bytes(name), chunkLength);
      for (const [index, value] of values.entries()) expect(await read(reader, index)).toEqual(value);
      expect(await reader.takeChunk()).toBeUndefined();
    }
    expect(
      Buffer.from(written((writer) => values.forEach((value, index) => void write(writer, value, index)))),
    ).toEqual(bytes(name));
  }

  describe.each(['common-protocol', 'worker-protocol'])('%s', (protocol) => {
    test('strings', () =>
      expectValues(
        `${protocol}/string`,
        json(`${protocol}/string`) as string[],
        (reader) => reader.readString(),
        (writer, text) => writer.writeString(text),
      ));

    // The first three are lists of strings, the fourth is a list of lists.
    test.each(['set', 'vector'])('%s', (kind) => {
      const readStrings = (reader: WireReader): Promise<unknown[]> => reader.readList(() => reader.readString());
      const writeStrings = (writer: WireWriter, texts: readonly unknown[]): void =>
        void writer.writeList(texts, (_, text) => writer.writeString(text as string));
      return expectValues(
        `${protocol}/${kind}`,
        json(`${protocol}/${kind}`) as unknown[][],
        (reader, index) => (index < 3 ? readStrings(reader) : reader.readList(() => readStrings(reader))),
        (writer, list, index) =>
          index < 3 ? writeStrings(writer, list) : writer.writeList(list as unknown[][], writeStrings),
      );
    });

    test('store paths', () =>
      expectValues(
        `${protocol}/store-path`,
        json(`${protocol}/store-path`).map(parseBaseName) as StorePath[],
        (reader) => readStorePath(reader, storeDir),
        (writer, path) => writeStorePath(writer, path, storeDir),
      ));

    test('store paths that may be absent', () =>
      expectValues(
        `${protocol}/optional-store-path`,
        json(`${protocol}/optional-store-path`).map((path: string | null) =>
          path === null ? undefined : parseBaseName(path),
        ) as (StorePath | undefined)[],
        (reader) => readOptionalStorePath(reader, storeDir),
        (writer, path) => writeOptionalStorePath(writer, path, storeDir),
      ));

    test.each(['content-address', 'optional-content-address'])('%s', (kind) =>
      expectValues(
        `${protocol}/${kind}`,
        json(`${protocol}/${kind}`).map((value: { method: string; hash: string } | null) =>
          value === null ? undefined : { method: value.method, hash: parseHash(value.hash) },
        ) as (ContentAddress | undefined)[],
        readOptionalContentAddress,
        writeOptionalContentAddress,
      ),
    );
  });

  const infos = (name: string): PathInfo[] =>
    json(name).map((value: { path?: string }) => ({
      ultimate: false,
      ...pathInfoFromJson(parseBaseName(value.path ?? 'g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-any'), value),
    }));

  test('path infos', () =>
    expectValues(
      'worker-protocol/valid-path-info-1.16',
      infos('worker-protocol/valid-path-info-1.16'),
      (reader) => readPathInfo(reader, storeDir),
      (writer, info) => writePathInfo(writer, info, storeDir),
    ));

  test.each(['valid-path-info-1.15', 'unkeyed-valid-path-info-1.15'])(
    '%s: those of 1.15, which no daemon of ours speaks, are the beginnings of ours',
    (name) => {
      const write = name.startsWith('unkeyed') ? writeUnkeyedPathInfo : writePathInfo;
      const added = wire(0, 0, '');
      const beginnings = infos(`worker-protocol/${name}`).map((info) => {
        const whole = Buffer.from(written((writer) => write(writer, info, storeDir)));
        expect(whole.subarray(-added.length)).toEqual(added);
        return whole.subarray(0, -added.length);
      });
      expect(Buffer.concat(beginnings)).toEqual(bytes(`worker-protocol/${name}`));
    },
  );

  test('trust', async () => {
    const reader = readerOf(bytes('worker-protocol/optional-trusted-flag'));
    for (const value of json('worker-protocol/optional-trusted-flag'))
      expect(await readOptionalTrusted(reader)).toBe(value ?? undefined);
    expect(await reader.takeChunk()).toBeUndefined();
  });

  test.each([
    [30, {}, {}],
    [33, { nixVersion: 'foo' }, { nixVersion: 'bar' }],
    [35, { nixVersion: 'foo', trusted: false }, { nixVersion: 'bar', trusted: true }],
  ])('what a daemon of 1.%i tells of itself', async (protocolMinor, first, second) => {
    const reader = readerOf(bytes(`worker-protocol/client-handshake-info_1_${protocolMinor}`));
    expect(await readDaemonInfo(reader, protocolMinor)).toEqual(first);
    expect(await readDaemonInfo(reader, protocolMinor)).toEqual(second);
    expect(await reader.takeChunk()).toBeUndefined();
  });

  test("a daemon's first words", async () => {
    const reader = readerOf(bytes('worker-protocol/handshake-to-client'));
    expect([await reader.readUint64(), await reader.readUint64()]).toEqual([daemonMagic, (1 << 8) | 10]);
    expect(clientMagic).toBe(Buffer.from('nixc').readUInt32BE());
  });
});

describe('reading', () => {
  const path = fc
    .tuple(fc.stringMatching(/^[0-9abcdfghijklmnpqrsvwxyz]{32}$/), fc.stringMatching(/^[0-9A-Za-z+\-_?=]{1,30}$/))
    .map(([hashPart, name]) => parseBaseName(`${hashPart}-${name}`));
  const pathInfo: fc.Arbitrary<PathInfo> = fc.record(
    {
      path,
      narHash: fc
        .uint8Array({ minLength: 32, maxLength: 32 })
        .map((digest) => ({ algorithm: 'sha256' as const, digest: Uint8Array.from(digest) })),
      narSize: fc.maxSafeNat(),
      references: fc.uniqueArray(path, { maxLength: 20 }).map((paths) => paths.sort()),
      deriver: path,
      signatures: fc.constantFrom([], ['a:AAAA'], ['a:AAAA', 'b:AAAB']),
      contentAddress: fc.constant(parseContentAddress('fixed:r:sha1:qpx2zfqk2sdwdz7gnzdzhv2sjvlkwm2g')),
      registrationTime: fc.maxSafeNat(),
      ultimate: fc.boolean(),
    },
    { requiredKeys: ['path', 'narHash', 'narSize', 'references', 'signatures', 'registrationTime', 'ultimate'] },
  );

  test('gives what was written, however the chunks are cut', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(pathInfo, { maxLength: 4 }),
        fc.integer({ min: 1, max: 100 }),
        async (infos, length) => {
          const bytes = written((writer) =>
            writer.writeList(infos, (_, info) => writePathInfo(writer, info, storeDir)),
          );
          const reader = readerOf(bytes, length);
          expect(await reader.readList(() => readPathInfo(reader, storeDir))).toEqual(infos);
          expect(reader.offset).toBe(bytes.length);
        },
      ),
    ));

  test('maps and truth values', async () => {
    const map = new Map([['out', true], ['dev', false]]); // biome-ignore format: a table
    const bytes = written((writer) => writer.writeMap(map, (_, value) => writer.writeBoolean(value)));
    const reader = readerOf(bytes, 3);
    expect(await reader.readMap(() => reader.readBoolean())).toEqual(map);
  });

  test('truncated at any byte, it ends in an error that says where', async () => {
    const info: PathInfo = {
      path: parseBaseName('g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-foo'),
      narHash: parseHash('sha256-FePFYIlMuycIXPZbWi7LGEiMmZSX9FMbaQenWBzm1Sc='),
      narSize: 34878,
      references: [parseBaseName('g1w7hyyyy1w7hy3qg1w7hy3qgqqqqy3q-bar')],
      signatures: ['a:AAAA'],
    };
    const bytes = written((writer) => writePathInfo(writer, info, storeDir));
    for (let length = 0; length < bytes.length; length++) {
      const error = await readPathInfo(readerOf(bytes.subarray(0, length)), storeDir).catch((reason) => reason);
      expect(error).toBeInstanceOf(WireEndError);
      expect(error.offset).toBe(length);
    }
  });

  test.each([
    ['a string that is too long', wire(maximumStringLength + 1), `a string of ${maximumStringLength + 1} bytes`],
    ['a string of 2^64 - 1 bytes', Buffer.alloc(8, 0xff), 'more than 2^53 - 1 bytes'],
    [
      'padding that is not zero',
      Buffer.from('0300000000000000666f6f0000010000', 'hex'),
      'non-zero padding (at byte 13',
    ],
    ['no UTF-8', Buffer.from('0100000000000000ff00000000000000', 'hex'), 'a string that is not UTF-8'],
  ])('refuses %s', async (_, bytes, message) => {
    for (const chunkLength of [1, 100]) {
      const error = await readerOf(bytes, chunkLength)
        .readString()
        .catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(WireError);
      expect(error).toMatchObject({ code: 'worker-protocol', message: expect.stringContaining(message) });
    }
  });

  test('refuses numbers, lists and truth values beyond their range', async () => {
    await expect(readerOf(Buffer.from('0000000000002000', 'hex')).readUint64()).rejects.toThrow('beyond 2^53 - 1');
    await expect(readerOf(wire(2)).readBoolean()).rejects.toThrow('expected 0 or 1, got 2');
    await expect(readOptionalTrusted(readerOf(wire(3)))).rejects.toThrow('expected 0, 1 or 2 for trust, got 3');
    const reader = readerOf(wire(maximumListLength + 1));
    await expect(reader.readList(() => reader.readString())).rejects.toThrow('a list of 1000001 items');
  });

  test('takes in a text for people what is not UTF-8', async () => {
    expect(await readerOf(Buffer.from('0200000000000000ff61000000000000', 'hex')).readText()).toBe('\ufffda');
  });

  test('stands behind a path info that makes no sense', async () => {
    const broken = wire('', 'no hash', 1, '/elsewhere/path', 0, 1, 0, 1, 'no signature', 'no address');
    const reader = readerOf(wire(broken, 'next'));
    const parse = await readUnkeyedPathInfo(reader, storeDir);
    expect(parse).toThrow('no address');
    expect(await reader.readString()).toBe('next');
  });

  test('sorts references and drops what is there twice', async () => {
    const [foo, bar] = ['g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-foo', 'g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-bar'].map(
      parseBaseName,
    );
    const hash = '15e3c560894cbb27085cf65b5a2ecb18488c999497f4531b6907a7581ce6d527';
    const references = written((writer) => writeStorePaths(writer, [foo!, bar!, foo!], storeDir));
    const parse = await readUnkeyedPathInfo(readerOf(wire('', hash, references, 0, 1, 0, 0, '')), storeDir);
    expect(parse().references).toEqual([bar, foo]);
  });
});
