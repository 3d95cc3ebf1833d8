import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { hashBytes } from '../../../src/hash/index.ts';
import { connectError } from '../../../src/store/daemon/daemon-error.ts';
import { type DaemonMessage, type DaemonStore, openDaemonStore } from '../../../src/store/daemon/index.ts';
import { clientMagic, daemonMagic, message, operation } from '../../../src/store/daemon/protocol.ts';
import type { WireReader } from '../../../src/store/daemon/wire-reader.ts';
import { parseStorePathBaseName } from '../../../src/store-path.ts';
import { bytesOf } from '../closure-of-nix.ts';
import { withServer } from './conversation.ts';
import { readerOfSocket, wire } from './wire-bytes.ts';

const path = parseStorePathBaseName('g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-path');
const nar = wire('nix-archive-1', '(', 'type', 'regular', 'contents', 'hello\n', ')');
const info = { path, narHash: hashBytes('sha256', nar), narSize: nar.length, references: [], signatures: [] };
const error = (text: string): Uint8Array => wire(message.error, 'Error', 0, 'Error', text, 0, 0);
const infoOf = wire('', '15e3c560894cbb27085cf65b5a2ecb18488c999497f4531b6907a7581ce6d527', 0, 0, 1, 0, 0, '');

/** A daemon of which a test says all. */
interface Script {
  /** What it answers to the client's hello. */
  readonly hello?: Uint8Array;
  readonly minor?: number;
  /** What it answers to an operation; the operation's number is read. Nothing ends the conversation. */
  readonly answer?:
    | ((asked: number, reader: WireReader, client: Socket) => Promise<Uint8Array | undefined>)
    | undefined;
}

function withDaemon(script: Script, talk: (socketPath: string) => Promise<void>): Promise<void> {
  const { minor = 38 } = script;
  const serve = async (client: Socket): Promise<void> => {
    const reader = readerOfSocket(client);
    expect(await reader.readUint64()).toBe(clientMagic);
    await reader.readUint64();
    client.write(script.hello ?? wire(daemonMagic, 256 + minor));
    if (minor >= 38) {
      client.write(wire(await reader.readUint64()));
    }
    await reader.readUint64();
    await reader.readUint64();
    if (minor >= 33) client.write(wire('fake'));
    if (minor >= 35) client.write(wire(1));
    client.write(wire(message.last));
    while (true) {
      const said = await script.answer?.(await reader.readUint64(), reader, client);
      if (said === undefined) break;
      client.write(said);
    }
    client.end();
  };
  return withServer((client) => {
    client.on('error', () => {});
    serve(client).catch(() => client.destroy());
  }, talk);
}

function withStore(
  script: Script,
  talk: (store: DaemonStore) => Promise<void>,
  options: { silenceTimeoutMs?: number; onMessage?: (message: DaemonMessage) => void; protocolMinor?: number } = {},
): Promise<void> {
  return withDaemon(script, async (socketPath) => {
    const store = await openDaemonStore({ socketPath, silenceTimeoutMs: 5000, ...options });
    try {
      await talk(store);
    } finally {
      await store.close();
    }
  });
}

/** Answer each operation on a path with these bytes. */
const always =
  (...bytes: readonly Uint8Array[]): Script['answer'] =>
  async (_, reader) => {
    await reader.readString();
    return Buffer.concat(bytes);
  };

describe('a socket with no daemon behind it', () => {
  test('is not there, or nobody listens, or is no socket', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'narkit-socket-'));
    try {
      const open = (name: string): Promise<DaemonStore> => openDaemonStore({ socketPath: join(folder, name) });
      const none = open('none');
      await expect(none).rejects.toThrow(/^cannot connect to nix-daemon at '.*\/none': there is no such socket; start/);
      await expect(none).rejects.toMatchObject({ code: 'daemon-unreachable', uri: `unix://${folder}/none` });
      await expect(open('none/below')).rejects.toThrow('there is no such socket');

      await writeFile(join(folder, 'file'), '');
      await expect(open('file')).rejects.toMatchObject({ code: 'daemon-unreachable' });
      await expect(open('file/below')).rejects.toThrow('there is no such socket');
      await expect(open('x'.repeat(200))).rejects.toThrow(
        /its path has \d+ bytes, more than the \d+ that a socket may have/,
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test.each([
    ['ECONNREFUSED', 'nobody listens there; start nix-daemon'],
    ['EACCES', 'this user may not open it; see the modes of the socket and of the directories above it'],
    ['EAGAIN', 'too many wait for it already'],
    ['EIO', 'some words'],
  ])('%s', (code, words) => {
    const cause = Object.assign(new Error('some words'), { code });
    const connect = connectError(cause, { uri: 'daemon', socketPath: '/nix/socket' });
    expect(connect).toMatchObject({ code: 'daemon-unreachable', cause });
    expect(connect.message).toMatch(`cannot connect to nix-daemon at '/nix/socket': ${words}`);
  });

  test('is given up when the signal says so', async () => {
    const reason = new Error('enough');
    await expect(openDaemonStore({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    await withServer(
      () => {},
      async (socketPath) => {
        const controller = new AbortController();
        setTimeout(() => controller.abort(reason), 20);
        await expect(openDaemonStore({ socketPath, signal: controller.signal })).rejects.toBe(reason);
      },
    );
  });
});

describe('a handshake', () => {
  const open = (script: Script, silenceTimeoutMs = 5000): Promise<void> =>
    withDaemon(script, async (socketPath) => {
      await openDaemonStore({ socketPath, silenceTimeoutMs });
    });

  test.each<[string, Uint8Array, string, string]>([
    [
      'with a web server',
      Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'),
      'daemon-protocol',
      'what listens there is no nix-daemon',
    ],
    ['with zeros', new Uint8Array(100), 'daemon-protocol', 'what listens there is no nix-daemon'],
    ['with ones', new Uint8Array(100).fill(255), 'daemon-protocol', 'what listens there is no nix-daemon'],
    [
      'with 1.10',
      wire(daemonMagic, 256 + 10),
      'daemon-version',
      'speaks version 1.10 of the worker protocol, and narkit 1.21 (Nix 2.3) to 1.38',
    ],
    ['with 1.20', wire(daemonMagic, 256 + 20), 'daemon-version', 'speaks version 1.20'],
    ['with 2.0', wire(daemonMagic, 512), 'daemon-version', 'speaks version 2.0'],
    [
      'with too many features',
      wire(daemonMagic, 256 + 38, 2 ** 40),
      'daemon-protocol',
      'a list of 1099511627776 items',
    ],
    [
      'with a version of 2^40 bytes',
      wire(daemonMagic, 256 + 34, 2 ** 40),
      'daemon-protocol',
      'a string of 1099511627776 bytes',
    ],
    ['with an error', wire(daemonMagic, 256 + 33, 'x', error('no room')), 'daemon-refused', 'says: no room'],
  ])('%s', async (_, hello, code, words) => {
    await expect(open({ hello, minor: 33 })).rejects.toMatchObject({ code, message: expect.stringContaining(words) });
  });

  test('that never comes', async () => {
    const silent = withServer(
      () => {},
      async (socketPath) => void (await openDaemonStore({ socketPath, silenceTimeoutMs: 50 })),
    );
    await expect(silent).rejects.toMatchObject({
      code: 'daemon-silent',
      message: expect.stringContaining('for 50 ms'),
    });
  });

  test('that is refused without a word, as a user is who is not among the allowed-users', async () => {
    const closed = withServer(
      (client) => void client.end(),
      async (socketPath) => void (await openDaemonStore({ socketPath })),
    );
    await expect(closed).rejects.toMatchObject({
      code: 'daemon-disconnected',
      message: expect.stringContaining('hung up without a word; perhaps this user is not among its allowed-users'),
    });
  });
});

describe('an answer', () => {
  test.each<[string, Uint8Array, string, string]>([
    [
      'that is an error',
      error('\u001b[31;1merror:\u001b[0m it \u001b[35;1mbroke\u001b[0m\n'),
      'daemon-refused',
      'says: it broke',
    ],
    [
      'that is an error of another type',
      wire(message.error, 'Mistake'),
      'daemon-protocol',
      "an error of type 'Mistake'",
    ],
    [
      'that is an error with a position',
      wire(message.error, 'Error', 0, 'Error', '', 1),
      'daemon-protocol',
      'a position in an error',
    ],
    ['with too many traces', wire(message.error, 'Error', 0, 'Error', '', 0, 2 ** 50), 'daemon-protocol', 'a list of'],
    [
      'with too long an error',
      wire(message.error, 'Error', 0, 'Error', 2 ** 31),
      'daemon-protocol',
      'a string of 2147483648 bytes',
    ],
    ['that asks for data', wire(message.read, 10), 'daemon-protocol', 'an unknown message 0x64617461'],
    ['that is unknown', wire(12345), 'daemon-protocol', 'an unknown message 0x3039'],
    [
      'with a field of an unknown type',
      wire(message.result, 1, 1, 1, 7),
      'daemon-protocol',
      'a field of unknown type 7',
    ],
    ['with neither yes nor no', wire(message.last, 7), 'daemon-protocol', 'expected 0 or 1, got 7'],
    [
      'with too many references',
      wire(message.last, 1, '', 'hash', 2 ** 52),
      'daemon-protocol',
      'a list of 4503599627370496 items',
    ],
    ['with a hash that is none', wire(message.last, 1, '', 'hash', 0, 0, 0, 0, 0, ''), 'path-info', 'makes no sense'],
    ['that ends too early', wire(message.last, 1, ''), 'daemon-silent', 'said nothing for 100 ms'],
  ])('%s', async (_, bytes, code, words) => {
    const talk = async (store: DaemonStore): Promise<void> => {
      const asked = store.queryPathInfo(path);
      await expect(asked).rejects.toMatchObject({ code, message: expect.stringContaining(words), uri: store.uri });
    };
    await withStore({ answer: always(bytes) }, talk, { silenceTimeoutMs: 100 });
  });

  test('with an error of before 1.26', () =>
    withStore({ minor: 25, answer: always(wire(message.error, 'error: it broke\n', 1)) }, async (store) => {
      await expect(store.queryPathInfo(path)).rejects.toMatchObject({ level: undefined, traces: [] });
      await expect(store.queryPathInfo(path)).rejects.toThrow(/says: it broke$/);
    }));

  test('with an error and what the daemon was doing', () =>
    withStore(
      {
        answer: always(wire(message.error, 'Error', 1, 'Error', 'it broke', 0, 2, 0, 'while doing', 0, 'while asking')),
      },
      async (store) => {
        const expected = { code: 'daemon-refused', level: 1, traces: ['while doing', 'while asking'] };
        await expect(store.queryPathInfo(path)).rejects.toMatchObject({ ...expected, path: `/nix/store/${path}` });
      },
    ));

  test('behind all kinds of messages', async () => {
    const messages: DaemonMessage[] = [];
    const said = [
      wire(message.log, '\u001b[31;1merror:\u001b[0m a line\n'),
      wire(message.startActivity, 7, 3, 100, 'copying', 2, 0, 42, 1, 'a field', 6),
      wire(message.result, 7, 105, 1, 0, 1),
      wire(message.stopActivity, 7),
    ];
    await withStore(
      { answer: always(...said, wire(message.last, 0)) },
      async (store) => expect(await store.queryPathInfo(path)).toBeUndefined(),
      { onMessage: (told) => messages.push(told) },
    );
    expect(messages).toEqual([
      { type: 'log', text: 'error: a line' },
      {
        type: 'start-activity',
        id: 7,
        parent: 6,
        level: 3,
        activityType: 100,
        text: 'copying',
        fields: [42, 'a field'],
      },
      { type: 'result', id: 7, resultType: 105, fields: [1] },
      { type: 'stop-activity', id: 7 },
    ]);
  });

  test('that never comes for all the messages', () => {
    const line = wire(message.log, 'x'.repeat(100_000));
    const endless: Script['answer'] = async (_, _reader, client) => {
      const closed = new Promise((resolve) => client.once('close', resolve));
      while (!client.destroyed)
        if (!client.write(line)) await Promise.race([closed, new Promise((resolve) => client.once('drain', resolve))]);
      return undefined;
    };
    return withStore({ answer: endless }, async (store) => {
      await expect(store.queryPathInfo(path)).rejects.toMatchObject({
        code: 'daemon-protocol',
        message: expect.stringContaining('more than 67108864 bytes of messages and no answer'),
      });
    });
  });

  test('with a broken path info does not keep the others', async () => {
    const broken = wire('', 'hash', 0, 0, 0, 0, 0, '');
    const answer: Script['answer'] = async (_, reader) => {
      const asked = await reader.readString();
      if (asked.endsWith('-refused')) return error('no');
      return asked.endsWith('-broken') ? wire(message.last, 1, broken) : wire(message.last, 1, infoOf);
    };
    await withStore({ answer }, async (store) => {
      const names = ['one', 'broken', 'two', 'refused', 'three'];
      const paths = names.map((name) => parseStorePathBaseName(`g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-${name}`));
      const errors = new Map<string, unknown>();
      const infos = await store.queryPathInfos(paths, { onError: (failed, reason) => errors.set(failed, reason) });
      expect([...infos.keys()]).toEqual([paths[0], paths[2], paths[4]]);
      expect(errors.get(paths[1]!)).toMatchObject({ code: 'path-info', path: `/nix/store/${paths[1]}` });
      expect(errors.get(paths[3]!)).toMatchObject({ code: 'daemon-refused', path: `/nix/store/${paths[3]}` });
      await expect(store.queryPathInfos(paths)).rejects.toMatchObject({ code: 'path-info' });
    });
  });

  test('cut into single bytes is an answer', () => {
    const answer: Script['answer'] = async (_, reader, client) => {
      await reader.readString();
      for (const byte of wire(message.log, 'so it goes', message.last, 1, infoOf)) {
        client.write(Uint8Array.of(byte));
        await delay(0);
      }
      return new Uint8Array(0);
    };
    return withStore({ answer }, async (store) =>
      expect(await store.queryPathInfo(path)).toMatchObject({ narSize: 1 }),
    );
  });
});

/** Answers operations on a path by their numbers, each connection with a number of its own. */
function countingDaemon(answers: Readonly<Record<number, Uint8Array>>, hangUpAfter = Number.POSITIVE_INFINITY) {
  const connections = new Map<Socket, number>();
  const answer: NonNullable<Script['answer']> = async (asked, reader, client) => {
    const answered = (connections.get(client) ?? 0) + 1;
    connections.set(client, answered);
    await reader.readString();
    if (answered < hangUpAfter) return answers[asked];
    client.end(answers[asked]!);
    return undefined;
  };
  return { connections, answer };
}

const allOk = {
  [operation.isValidPath]: wire(message.last, 1),
  [operation.queryPathInfo]: wire(message.last, 1, infoOf),
  [operation.narFromPath]: wire(message.last, nar),
};

describe('a connection', () => {
  test('is used again', async () => {
    const daemon = countingDaemon(allOk);
    await withStore(daemon, async (store) => {
      for (let round = 0; round < 5; round++) {
        await store.queryPathInfo(path);
        expect(await bytesOf(store.narFromPath(path))).toEqual(nar);
      }
    });
    expect([...daemon.connections.values()]).toEqual([5, 10]);
  });

  test('that the daemon closed is not', async () => {
    const daemon = countingDaemon(allOk, 1);
    await withStore(daemon, async (store) => {
      for (let round = 0; round < 5; round++) {
        expect(await store.queryPathInfo(path)).toBeDefined();
        await delay(20);
      }
    });
    expect([...daemon.connections.values()]).toEqual([1, 1, 1, 1, 1]);
  });

  test('on which the daemon refused something is not', async () => {
    const daemon = countingDaemon({ [operation.queryPathInfo]: error('no') });
    await withStore(daemon, async (store) => {
      for (let round = 0; round < 3; round++) {
        await expect(store.queryPathInfo(path)).rejects.toThrow('says: no');
        await store.queryPathInfos([path], { onError: () => {} });
      }
    });
    expect([...daemon.connections.values()]).toEqual([1, 1, 1, 1, 1, 1]);
  });

  test('on which a consumer had enough is not', async () => {
    const daemon = countingDaemon(allOk);
    await withStore(daemon, async (store) => {
      for (let round = 0; round < 3; round++) for await (const _ of store.narFromPath(path)) break;
    });
    expect([...daemon.connections.values()]).toEqual([2, 2, 2]);
  });

  test('is one of a few', async () => {
    const daemon = countingDaemon(allOk);
    await withStore(daemon, async (store) => {
      const many = Array.from({ length: 100 });
      await Promise.all(many.map(() => store.queryPathInfo(path)));
      expect(daemon.connections.size).toBe(4);
      await Promise.all(many.map(() => bytesOf(store.narFromPath(path))));
      expect(daemon.connections.size).toBe(4 + 8);
    });
  });

  test('that is waited for can be given up', async () => {
    const daemon = countingDaemon(allOk);
    await withStore(daemon, async (store) => {
      const open = await Promise.all(
        Array.from({ length: 8 }, async () => {
          const iterator = store.narFromPath(path)[Symbol.asyncIterator]();
          await iterator.next();
          return iterator;
        }),
      );
      const reason = new Error('enough');
      const controller = new AbortController();
      const waiting = bytesOf(store.narFromPath(path, { signal: controller.signal }));
      controller.abort(reason);
      await expect(waiting).rejects.toBe(reason);
      const next = bytesOf(store.narFromPath(path));
      await open[0]!.return?.();
      expect(await next).toEqual(nar);
      const last = bytesOf(store.narFromPath(path));
      await store.close();
      await expect(last).rejects.toMatchObject({ code: 'store-closed' });
    });
  });

  test('that is lost takes its temporary roots along: the next gets them, too', async () => {
    const roots: string[][] = [];
    const seen = new Map<Socket, string[]>();
    const answer: Script['answer'] = async (asked, reader, client) => {
      expect(asked).toBe(operation.addTempRoot);
      if (!seen.has(client)) roots.push(seen.set(client, []).get(client)!);
      seen.get(client)!.push(await reader.readString());
      if (seen.get(client)!.length < 2) return wire(message.last, 1);
      client.end(wire(message.last, 1));
      return undefined;
    };
    const names = ['a', 'b', 'c'].map((name) => parseStorePathBaseName(`g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-${name}`));
    await withStore({ answer }, async (store) => {
      await Promise.all(names.slice(0, 2).map((root) => store.addTempRoot(root)));
      await delay(20);
      await expect(store.addTempRoot(names[2]!)).rejects.toMatchObject({ code: 'daemon-disconnected' });
    });
    const [a, b] = names.map((root) => `/nix/store/${root}`);
    expect(roots).toEqual([[a, b], [a, b]]); // biome-ignore format: a table
  });
});

test('an idle store keeps no process alive', async () => {
  const activePipes = (): number => process.getActiveResourcesInfo().filter((name) => name === 'PipeWrap').length;
  const answers = { ...allOk, [operation.addTempRoot]: wire(message.last, 1) };
  await withStore(countingDaemon(answers), async (store) => {
    const before = activePipes();
    const working = [store.queryPathInfo(path), store.addTempRoot(path), bytesOf(store.narFromPath(path))];
    await Promise.all(working);
    // The sockets of the two connections that are new, on the daemon's side, which is this process, too.
    expect(activePipes() - before).toBe(2);
  });
});

describe('a NAR', () => {
  const daemonOf = (...bytes: readonly Uint8Array[]): Script => {
    const answers: Record<number, Uint8Array> = { ...allOk, [operation.narFromPath]: wire(message.last, ...bytes) };
    return countingDaemon(answers, 2);
  };
  const read = (script: Script, options: { silenceTimeoutMs?: number } = {}): Promise<void> =>
    withStore(script, async (store) => void (await bytesOf(store.narFromPath(path))), options);

  const broken = {
    code: 'daemon-refused',
    path: `/nix/store/${path}`,
    message: expect.stringMatching(/says: it broke$/),
  };

  test('with an error in it, wherever it is', async () => {
    const largeFile = wire('nix-archive-1', '(', 'type', 'regular', 'contents', 100_000, new Uint8Array(50_000));
    // Real daemons say it twice.
    for (const begun of [nar.subarray(0, 0), nar.subarray(0, 24), nar.subarray(0, 40), nar.subarray(0, -16), largeFile])
      await expect(read(daemonOf(begun, error('it broke'), error('it broke')))).rejects.toMatchObject(broken);
    const old = { ...daemonOf(nar.subarray(0, 24), wire(message.error, 'error: it broke', 1)), minor: 25 };
    await expect(read(old)).rejects.toMatchObject(broken);
  });

  test('with an error about files that are gone', async () => {
    const gone = daemonOf(nar.subarray(0, 24), error('reading it: No such file or directory'));
    await expect(read(gone)).rejects.toMatchObject({ code: 'path-absent', path: `/nix/store/${path}` });
  });

  test('that holds what looks like an error', async () => {
    const contents = error('it broke');
    const bytes = wire('nix-archive-1', '(', 'type', 'regular', 'contents', contents.length, contents, ')');
    await withStore(daemonOf(bytes), async (store) => {
      expect(await bytesOf(store.narFromPath(path))).toEqual(bytes);
    });
  });

  test.each<[string, Uint8Array, string, string]>([
    ['cut off', nar.subarray(0, -9), 'daemon-disconnected', 'hung up before it had answered'],
    ['that is none', new Uint8Array(100), 'daemon-protocol', 'broke the protocol: bad archive:'],
    [
      'with an error cut off',
      Buffer.concat([nar.subarray(0, 24), error('it broke').subarray(0, -20)]),
      'daemon-protocol',
      'bad archive',
    ],
    [
      'with more behind it',
      Buffer.concat([nar, new Uint8Array(1)]),
      'daemon-protocol',
      'broke the protocol: more than a NAR',
    ],
  ])('%s', async (_, bytes, code, words) => {
    await expect(read(daemonOf(bytes))).rejects.toMatchObject({ code, message: expect.stringContaining(words) });
  });

  test('that stops', async () => {
    const answers = { ...allOk, [operation.narFromPath]: wire(message.last, nar.subarray(0, 50)) };
    await expect(read(countingDaemon(answers), { silenceTimeoutMs: 50 })).rejects.toMatchObject({
      code: 'daemon-silent',
    });
  });

  test('that a consumer takes slowly', async () => {
    const size = 8 * 1024 * 1024;
    const large = wire('nix-archive-1', '(', 'type', 'regular', 'contents', size, new Uint8Array(size), ')');
    const talk = async (store: DaemonStore): Promise<void> => {
      let length = 0;
      for await (const chunk of store.narFromPath(path)) {
        if (length === 0) await delay(200);
        length += chunk.length;
      }
      expect(length).toBe(large.length);
    };
    await withStore(daemonOf(large), talk, { silenceTimeoutMs: 100 });
  });
});

describe('an import', () => {
  async function* endless(): AsyncGenerator<Uint8Array> {
    while (true) yield new Uint8Array(65_536);
  }
  async function* slowly(): AsyncGenerator<Uint8Array> {
    yield nar.subarray(0, 30);
    await delay(200);
    yield nar.subarray(30);
  }
  const endlessInfo = { ...info, narSize: Number.MAX_SAFE_INTEGER };
  const publish = async (
    store: DaemonStore,
    source: AsyncIterable<Uint8Array>,
    of = info,
    signal?: AbortSignal,
  ): Promise<void> => (await store.prepare(of, () => source)).publish({ signal });

  /** Reads what is imported until the frame that ends it. */
  async function readToLastFrame(reader: WireReader): Promise<void> {
    let tail = Buffer.alloc(0);
    while (tail.length < 300 || !tail.subarray(-8).equals(Buffer.alloc(8)))
      tail = Buffer.concat([tail, (await reader.takeChunk())!]);
  }
  const importer = (take: (reader: WireReader, client: Socket) => Promise<Uint8Array | undefined>): Script => ({
    async answer(asked, reader, client) {
      expect(asked).toBe(operation.addMultipleToStore);
      expect([await reader.readUint64(), await reader.readUint64()]).toEqual([0, 0]);
      return take(reader, client);
    },
  });

  test('may take longer than the daemon may keep silent', async () => {
    const taking = importer(async (reader) => {
      await readToLastFrame(reader);
      return wire(message.last);
    });
    await withStore(taking, (store) => publish(store, slowly()), { silenceTimeoutMs: 100 });
  });

  test('of which the daemon says nothing any more', async () => {
    const silent = importer(async (reader) => {
      await readToLastFrame(reader);
      return new Promise(() => {});
    });
    const imported = withStore(silent, (store) => publish(store, slowly()), { silenceTimeoutMs: 100 });
    await expect(imported).rejects.toMatchObject({ code: 'daemon-silent' });
  });

  test('that the daemon does not take', async () => {
    const deaf = importer(() => new Promise(() => {}));
    const imported = withStore(deaf, (store) => publish(store, endless(), endlessInfo), { silenceTimeoutMs: 100 });
    await expect(imported).rejects.toMatchObject({ code: 'daemon-silent' });
  });

  test('in the middle of which the daemon hangs up', async () => {
    const gone = importer(async (reader, client) => {
      await reader.takeChunk();
      client.destroy();
      return undefined;
    });
    const imported = withStore(gone, (store) => publish(store, endless(), endlessInfo));
    await expect(imported).rejects.toMatchObject({ code: 'daemon-disconnected' });
  });

  test('in the middle of which the daemon says no', async () => {
    const refusing = importer(async (reader, client) => {
      client.write(error('no'));
      while ((await reader.takeChunk()) !== undefined);
      return undefined;
    });
    const imported = withStore(refusing, (store) => publish(store, endless(), endlessInfo));
    await expect(imported).rejects.toMatchObject({ code: 'daemon-refused', path: `/nix/store/${path}` });
  });

  test('in the middle of which the daemon says that it is done', async () => {
    const hasty = importer(async (reader, client) => {
      client.write(wire(message.last));
      while ((await reader.takeChunk()) !== undefined);
      return undefined;
    });
    const imported = withStore(hasty, (store) => publish(store, endless(), endlessInfo));
    await expect(imported).rejects.toThrow('broke the protocol: an answer before all was sent');
  });

  test('is given up when the signal says so', async () => {
    const deaf = importer(() => new Promise(() => {}));
    const reason = new Error('enough');
    const controller = new AbortController();
    setTimeout(() => controller.abort(reason), 50);
    const imported = withStore(deaf, (store) => publish(store, endless(), endlessInfo, controller.signal));
    await expect(imported).rejects.toBe(reason);
  });

  test('asked for piece by piece, by one who asks for more than there is, and for nothing', async () => {
    const pulled: string[] = [];
    const asking: Script = {
      minor: 22,
      async answer(asked, reader, client) {
        expect(asked).toBe(operation.addToStoreNar);
        for (let strings = 0; strings < 3; strings++) await reader.readString();
        for (let numbers = 0; numbers < 5; numbers++) await reader.readUint64();
        await reader.readString();
        for (let numbers = 0; numbers < 2; numbers++) await reader.readUint64();
        for (const length of [5, 0, 2 ** 50, 2 ** 50, 1]) {
          client.write(wire(message.log, 'next', message.read, length));
          pulled.push(await reader.readString());
        }
        return wire(message.last);
      },
    };
    await withStore(asking, (store) => publish(store, slowly()), { silenceTimeoutMs: 100 });
    expect(pulled.map((piece) => piece.length)).toEqual([5, 0, 25, nar.length - 30, 0]);
    expect(Buffer.from(pulled.join(''))).toEqual(nar);
  });
});
