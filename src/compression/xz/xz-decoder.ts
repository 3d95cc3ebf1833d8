/**
 * xz decoding by `xz-decompress`.
 *
 * @module
 */
import { CompressionError } from '../compression-error.ts';
import { throughWebStream } from '../web-stream.ts';

/** How many memories of archives that are read are kept for those to come; each has a dictionary's size. */
const maximumIdleInstances = 4;

/**
 * The content of an xz archive of one or more streams and blocks.
 *
 * @throws CompressionError `compression-corrupt` for what is no xz archive, damaged, cut short, or followed by something
 *   else; `compression-unsupported` for the features that `xz-decompress` lacks; the source's errors as they are.
 */
export async function* decodeXz(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  decoder ??= loadDecoder();
  const { takeInstance, decode, giveBack } = await decoder;
  const instance = await takeInstance();
  yield* throughWebStream(source, (archive) => decode(archive, instance), decoderError);
  giveBack(instance);
}

/** Of WebAssembly: the decoder, and the memory that it works in. */
interface Instance {
  readonly exports: unknown;
}

/** `XzReadableStream`, with the parts of it that are not for others. */
interface XzReadableStreamConstructor {
  new (archive: ReadableStream<Uint8Array>): ReadableStream<Uint8Array>;
  /** Makes an instance, and assigns it to `_moduleInstance`. */
  _getModuleInstance(): Promise<void>;
}

interface Decoder {
  /** One whose memory nobody uses. */
  takeInstance(): Promise<Instance>;
  /** Decode in the memory of this instance. */
  decode(archive: ReadableStream<Uint8Array>, instance: Instance): ReadableStream<Uint8Array>;
  /** After the end of an archive. Where one was broken off, its dictionary is still there, and the instance is forgotten. */
  giveBack(instance: Instance): void;
}

let decoder: Promise<Decoder> | undefined;

/**
 * The package reads all archives with one instance, one at a time since 0.2.3: then a download that stalls stops all others. Side by side
 * in one instance they break: what one archive makes grow, its memory, moves away from under the others. So each gets an instance.
 */
async function loadDecoder(): Promise<Decoder> {
  const module = await import('xz-decompress');
  // A CommonJS module: Node gives its exports as `default`, bundlers by name.
  const exported = 'XzReadableStream' in module ? module : (module as { default: typeof module }).default;
  const XzReadableStream = exported.XzReadableStream as unknown as XzReadableStreamConstructor;
  const idle: Instance[] = [];
  const made: Instance[] = [];
  /** For the streams that were constructed, in their order: each asks once, some microtasks later. */
  const assigned: Instance[] = [];
  Object.assign(XzReadableStream, { _contextMutex: { acquire: async () => undefined, release: () => undefined } });
  Object.defineProperty(XzReadableStream, '_moduleInstance', {
    set: (instance: Instance) => made.push(instance),
    get: () => ({
      get exports() {
        return assigned.shift()!.exports;
      },
    }),
  });
  return {
    async takeInstance() {
      const known = idle.pop();
      if (known !== undefined) return known;
      await XzReadableStream._getModuleInstance();
      return made.shift()!;
    },
    decode(archive, instance) {
      assigned.push(instance);
      return new XzReadableStream(archive);
    },
    giveBack(instance) {
      if (idle.length < maximumIdleInstances) idle.push(instance);
    },
  };
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
