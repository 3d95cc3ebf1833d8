/**
 * gzip where there is no Node: written by fflate, read by the platform's `DecompressionStream` (fflate checks no checksums).
 *
 * @module
 */
import type { GzipOptions } from 'fflate';
import type { Codec } from './codec.ts';
import { CompressionError } from './compression-error.ts';
import { guarded } from './guarded.ts';
import { resolveLevel } from './level.ts';
import { takingTurns } from './turns.ts';
import { throughWebStream } from './web-stream.ts';

/** gzip. Archives of more than one member are refused: `DecompressionStream` takes the second for garbage. */
export const gzip: Codec = {
  name: 'gzip',
  extension: '',
  compress(source, { level, signal } = {}) {
    const gzipLevel = resolveLevel('gzip', level, { lowest: 0, highest: 9, byDefault: 6 });
    return guarded('gzip', takingTurns(writeGzip(source, gzipLevel as NonNullable<GzipOptions['level']>)), { signal });
  },
  decompress: (source, options = {}) => guarded('gzip', readGzip(source), options),
};

async function* writeGzip(
  source: AsyncIterable<Uint8Array>,
  level: NonNullable<GzipOptions['level']>,
): AsyncGenerator<Uint8Array> {
  const { Gzip } = await import('fflate');
  let output: Uint8Array[] = [];
  const encoder = new Gzip({ level, mtime: 0 }, (chunk) => output.push(chunk));
  for await (const chunk of source) {
    encoder.push(chunk);
    yield* output;
    output = [];
  }
  encoder.push(new Uint8Array(0), true);
  yield* output;
}

function readGzip(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const decoder = (archive: ReadableStream<Uint8Array>) =>
    archive.pipeThrough(new DecompressionStream('gzip') as ReadableWritablePair<Uint8Array, Uint8Array>);
  return throughWebStream(source, decoder, (cause) => {
    const message =
      'the gzip archive is damaged or cut short, has more than one member, or bytes that do not belong to it follow its end';
    return new CompressionError('compression-corrupt', 'gzip', message, { cause });
  });
}
