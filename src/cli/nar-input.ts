/**
 * The NAR that a command reads.
 *
 * @module
 */
import { createReadStream } from 'node:fs';
import { addAbortSignal } from 'node:stream';
import { concatBytes } from '../bytes/bytes.ts';
import { messageOf, NarkitError } from '../errors.ts';
import { createNarParser } from '../nar/parser.ts';
import type { Context } from './context.ts';

const readBytes = 256 * 1024;

/** What compressed files begin with, by the program that unpacks them. Brotli's begin with anything. */
const magics: Readonly<Record<string, readonly number[]>> = {
  gzip: [0x1f, 0x8b],
  bzip2: [0x42, 0x5a, 0x68],
  zstd: [0x28, 0xb5, 0x2f, 0xfd],
  xz: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00],
  lzip: [0x4c, 0x5a, 0x49, 0x50],
  lz4: [0x04, 0x22, 0x4d, 0x18],
};
const longestMagic = 6;

/**
 * The NAR in a file, or on standard input for `-`. What follows the NAR is not read, as with Nix.
 *
 * @throws {@link NarkitError} `nar-file` when it cannot be read, `nar-compressed` when it has to be unpacked first.
 */
export async function* readNarInput(context: Context, file: string): AsyncGenerator<Uint8Array, void, undefined> {
  const parser = createNarParser();
  let start: Uint8Array | undefined = new Uint8Array(0);
  for await (let chunk of readInput(context, file)) {
    if (start !== undefined) {
      chunk = concatBytes([start, chunk]);
      start = chunk.length < longestMagic ? chunk : undefined;
      if (start !== undefined) continue;
      refuseCompressed(chunk, file);
    }
    const length = parser.push(chunk);
    yield chunk.subarray(0, length);
    if (parser.done) return;
  }
  if (start !== undefined) yield start;
}

async function* readInput({ stdin, signal }: Context, file: string): AsyncGenerator<Uint8Array> {
  try {
    const stream =
      file === '-' ? addAbortSignal(signal, stdin) : createReadStream(file, { highWaterMark: readBytes, signal });
    for await (const chunk of stream) yield chunk as Uint8Array;
  } catch (error) {
    signal.throwIfAborted();
    throw new NarkitError('nar-file', `cannot read the NAR '${file}': ${messageOf(error)}`, { cause: error });
  }
}

function refuseCompressed(start: Uint8Array, file: string): void {
  const found = Object.entries(magics).find(([, magic]) => magic.every((byte, index) => start[index] === byte));
  if (found === undefined) return;
  const [program] = found;
  const message = `'${file}' is compressed, and no NAR before '${program} -dc' has unpacked it`;
  throw new NarkitError('nar-compressed', message);
}
