/**
 * xz decoding by `xz-decompress`.
 *
 * @module
 */
import { CompressionError } from '../compression-error.ts';
import { throughWebStream } from '../web-stream.ts';

/**
 * The content of an xz archive of one or more streams and blocks.
 *
 * @throws CompressionError `compression-corrupt` for what is no xz archive, damaged, cut short, or followed by something
 *   else; `compression-unsupported` for the features that `xz-decompress` lacks; the source's errors as they are.
 */
export async function* decodeXz(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const XzReadableStream = await loadDecoder();
  yield* throughWebStream(source, (archive) => new XzReadableStream(archive), decoderError);
}

type XzReadableStreamConstructor = new (archive: ReadableStream<Uint8Array>) => ReadableStream<Uint8Array>;

let decoder: Promise<XzReadableStreamConstructor> | undefined;

function loadDecoder(): Promise<XzReadableStreamConstructor> {
  decoder ??= import('xz-decompress').then((module) => {
    // A CommonJS module: Node gives its exports as `default`, bundlers by name.
    const { XzReadableStream } = 'XzReadableStream' in module ? module : (module as { default: typeof module }).default;
    // Since 0.2.3 the package lets one archive at a time be read in the whole process, to bound memory; then a download that
    // stalls would stop all others. Each archive needs its dictionary, at most 64 MiB, and who reads bounds how many.
    Object.assign(XzReadableStream, { _contextMutex: { acquire: async () => undefined, release: () => undefined } });
    return XzReadableStream;
  });
  return decoder;
}

/** The decoder's errors have nothing but the return code of xz-embedded. */
function decoderError(cause: unknown, offset: number): CompressionError {
  const code = cause instanceof Error ? /error code (\d+)$/.exec(cause.message)?.[1] : undefined;
  const problem = problems[code ?? ''] ?? 'is damaged';
  const isUnsupported = code !== undefined && '2346'.includes(code);
  return new CompressionError(
    isUnsupported ? 'compression-unsupported' : 'compression-corrupt',
    'xz',
    `the xz archive ${problem}, at byte ${offset} or before`,
    { cause },
  );
}

const problems: Readonly<Record<string, string>> = {
  2: 'has a kind of check that xz-decompress does not read',
  3: 'needs more memory than there is: too many are read at once',
  4: 'has a dictionary of more than 64 MiB, which xz-decompress does not read',
  5: 'does not begin as one',
  6: 'uses a BCJ or delta filter or a SHA-256 check, which xz-decompress does not read',
  8: 'is cut short, or bytes that do not belong to it follow its end',
};
