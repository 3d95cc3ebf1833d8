/**
 * Conversations with real daemons: recorded between client and daemon, and played back where no Nix is.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashBytes } from '../../../src/hash/index.ts';
import { formatPathInfosJson } from '../../../src/path-info-json.ts';
import { openDaemonStore } from '../../../src/store/daemon/index.ts';
import { parseStorePathBaseName, type StorePath } from '../../../src/store-path.ts';
import type { NixVersion } from '../../peers/peers.ts';
import { bytesOf } from '../closure-of-nix.ts';

/** What the client sent, and what the daemon sent back before the client went on; both base64. */
export interface Turn {
  client: string;
  daemon: string;
}

/** Connections in the order in which they were opened, what was talked about, and what came of it. */
export interface Recording {
  readonly name: string;
  /** The newest protocol, 1.x, that the client spoke. */
  readonly protocolMinor: number;
  readonly paths: readonly string[];
  readonly connections: readonly (readonly Turn[])[];
  readonly result: unknown;
}

const absent: StorePath = parseStorePathBaseName('g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-absent');
const imported = parseStorePathBaseName('h1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-imported');
const missing = parseStorePathBaseName('i1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-missing');

/** The recordings that are kept; `NARKIT_RECORD=1` and the peers make them anew. */
export const recordings: readonly { name: string; nixVersion: NixVersion; protocolMinor: number }[] = [
  { name: 'nix-2.8-protocol-1.21', nixVersion: '2.8', protocolMinor: 21 },
  { name: 'nix-2.8', nixVersion: '2.8', protocolMinor: 38 },
  { name: 'nix-2.26', nixVersion: '2.26', protocolMinor: 38 },
  { name: 'nix-2.34', nixVersion: '2.34', protocolMinor: 38 },
];

export function recordingFile(name: string): string {
  return new URL(`../../../fixtures/daemon/${name}.json`, import.meta.url).pathname;
}

export function readRecording(name: string): Recording {
  return JSON.parse(readFileSync(recordingFile(name), 'utf8'));
}

/** Ask for one thing after the other, of every kind, and say what came of it. */
export async function holdSession(
  socketPath: string,
  names: readonly string[],
  options: { readonly protocolMinor: number; readonly silenceTimeoutMs?: number | undefined },
): Promise<unknown> {
  const paths = names.map(parseStorePathBaseName);
  const [first] = paths as [StorePath];
  const storeOptions = { socketPath, storeDir: '/nix/store', ...options };
  const store = await openDaemonStore({ ...storeOptions, dontCheckSigs: true });
  try {
    const infos = await store.queryPathInfos([...paths, absent]);
    const nars: string[] = [];
    let nar: Buffer = Buffer.alloc(0);
    for (const path of infos.keys()) {
      nar = await bytesOf(store.narFromPath(path));
      nars.push(Buffer.from(hashBytes('sha256', nar).digest).toString('hex'));
    }
    const info = infos.get([...infos.keys()].at(-1)!);
    const allValid: string[] = [];
    for await (const path of store.queryAllValidPaths()) allValid.push(path);
    const result = {
      daemon: store.daemon,
      infos: JSON.parse(formatPathInfosJson(infos)),
      nars,
      allValid,
      valid: [...(await store.queryValidPaths([...paths, absent]))],
      found: await store.queryPathFromHashPart(first.slice(0, 32)),
      notFound: (await store.queryPathFromHashPart(absent.slice(0, 32))) ?? null,
      signed: await store.addSignatures(first, ['recorded-1:AAAA']),
      noNar: await failsWith('path-absent', bytesOf(store.narFromPath(absent))),
    };
    await store.addTempRoot(first);
    if (info === undefined) return result;
    const publication = await store.prepare({ ...info, path: imported, references: [] }, async function* () {
      yield nar.subarray(0, 50);
      yield nar.subarray(50);
    });
    await publication.publish();
    const dangling = await store.prepare({ ...info, path: absent, references: [missing] }, async function* () {
      yield nar.subarray(0);
    });
    return { ...result, dangling: await failsWith('daemon-refused', dangling.publish()) };
  } finally {
    await store.close();
  }
}

/** That it fails, and so. */
async function failsWith(code: string, promise: Promise<unknown>): Promise<string> {
  const outcome = await promise.catch((error: { readonly code?: unknown }) => {
    if (error.code !== code) throw error;
    return code;
  });
  return outcome === code ? code : 'nothing went wrong';
}

/** Stand between a client and a daemon, and write down what both say. */
export async function record(
  daemonSocketPath: string,
  talk: (socketPath: string) => Promise<unknown>,
): Promise<Pick<Recording, 'connections' | 'result'>> {
  const connections: { client: Buffer; daemon: Buffer }[][] = [];
  const result = await withServer((client) => {
    const daemon = connect(daemonSocketPath);
    const turns: { client: Buffer; daemon: Buffer }[] = [];
    connections.push(turns);
    client.on('data', (chunk: Buffer) => {
      if (turns.at(-1)?.daemon.length !== 0) turns.push({ client: Buffer.alloc(0), daemon: Buffer.alloc(0) });
      const turn = turns.at(-1)!;
      turn.client = Buffer.concat([turn.client, chunk]);
      daemon.write(chunk);
    });
    daemon.on('data', (chunk: Buffer) => {
      const turn = turns.at(-1)!;
      turn.daemon = Buffer.concat([turn.daemon, chunk]);
      client.write(chunk);
    });
    client.on('close', () => daemon.destroy()).on('error', () => {});
    daemon.on('close', () => client.end()).on('error', () => {});
  }, talk);
  const encoded = connections.map((turns) =>
    turns.map(({ client, daemon }) => ({ client: client.toString('base64'), daemon: daemon.toString('base64') })),
  );
  return { connections: encoded, result };
}

/** What may go wrong with what a recorded daemon says: its bytes before and after. Hang up where it gives fewer. */
export type Distortion = (bytes: Buffer, connection: number, offset: number) => Buffer;

/**
 * Be the daemon of a recording.
 *
 * @returns what `talk` returns.
 * @throws when the client says other things than the recorded one, or what `talk` throws.
 */
export async function replay(
  recording: Pick<Recording, 'connections'>,
  talk: (socketPath: string) => Promise<unknown>,
  distort: Distortion = (bytes) => bytes,
): Promise<unknown> {
  let opened = 0;
  return withServer((client) => {
    const connection = opened++;
    const turns = [...(recording.connections[connection] ?? [])];
    let offset = 0;
    let heard = Buffer.alloc(0);
    client.on('error', () => {});
    client.on('data', (chunk: Buffer) => {
      heard = Buffer.concat([heard, chunk]);
      for (let [turn] = turns; turn !== undefined; [turn] = turns) {
        const expected = Buffer.from(turn.client, 'base64');
        const length = Math.min(heard.length, expected.length);
        if (!heard.subarray(0, length).equals(expected.subarray(0, length))) {
          client.destroy();
          return;
        }
        if (length < expected.length) return;
        heard = heard.subarray(length);
        const said = Buffer.from(turn.daemon, 'base64');
        const distorted = distort(said, connection, offset);
        offset += said.length;
        client.write(distorted);
        turns.shift();
        if (distorted.length < said.length) client.end();
      }
    });
  }, talk);
}

/** A server on a socket of its own for as long as someone talks. */
export async function withServer<T>(
  serve: (client: Socket) => void,
  talk: (socketPath: string) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'narkit-daemon-'));
  const socketPath = join(folder, 'socket');
  const clients = new Set<Socket>();
  const server: Server = createServer((client) => {
    clients.add(client);
    serve(client);
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  try {
    return await talk(socketPath);
  } finally {
    for (const client of clients) client.destroy();
    await new Promise((resolve) => server.close(resolve));
    await rm(folder, { recursive: true });
  }
}
