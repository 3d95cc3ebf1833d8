/**
 * Bytes as a daemon sends them, for tests that have them all.
 *
 * @module
 */
import type { Socket } from 'node:net';
import { WireReader } from '../../../src/store/daemon/wire-reader.ts';
import { WireWriter } from '../../../src/store/daemon/wire-writer.ts';

/** A reader over bytes that come in chunks of `chunkLength`. */
export function readerOf(bytes: Uint8Array, chunkLength: number = bytes.length): WireReader {
  let position = 0;
  return new WireReader({
    async read() {
      if (position >= bytes.length) return undefined;
      const chunk = bytes.slice(position, position + chunkLength);
      position += chunkLength;
      return chunk;
    },
  });
}

/** A reader of what a client of ours says. */
export function readerOfSocket(socket: Socket): WireReader {
  const chunks = socket[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  return new WireReader({ read: async () => (await chunks.next()).value });
}

/** What a writer writes. */
export function written(write: (writer: WireWriter) => void): Uint8Array {
  const writer = new WireWriter();
  write(writer);
  return writer.finish();
}

/** Integers (numbers) and strings, one behind the other. */
export function wire(...values: readonly (number | string | Uint8Array)[]): Uint8Array {
  return Buffer.concat(
    values.map((value) =>
      typeof value === 'number'
        ? written((writer) => writer.writeUint64(value))
        : typeof value === 'string'
          ? written((writer) => writer.writeString(value))
          : value,
    ),
  );
}
