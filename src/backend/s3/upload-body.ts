/**
 * The bytes of one request that puts something, with their hash in its signature.
 *
 * S3 refuses a body that has not the hash that was signed, so no upload is corrupted on its way; every server knows this check,
 * and not every one the SDK's checksum trailers.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { PutObjectCommand, UploadPartCommand } from '@aws-sdk/client-s3';
import type { AbortOptions } from '../../abort.ts';
import { NarkitError } from '../../errors.ts';
import type { ByteRange, Content } from '../backend.ts';
import { readContent } from '../content.ts';
import { cutRange } from '../range.ts';
import type { S3Connection } from './s3-client.ts';
import type { S3Requests } from './s3-requests.ts';

/** What is larger is not held in memory: it is read once for its hash, and again for each try. */
export const largestBuffer: number = 16 * 1024 * 1024;

/** The content, or a part of it, on its way to a key of the backend. */
export interface UploadSource extends AbortOptions {
  readonly key: string;
  readonly content: Content;
  readonly range?: ByteRange;
}

/** The body of one try. */
export interface UploadBody {
  readonly bytes: Uint8Array | Readable;
  readonly size: number;
  /** In base16, where the SDK cannot tell it from the bytes. */
  readonly sha256: string | undefined;
}

/** One try with a fresh body. */
type SendBody<Answer> = (
  connection: S3Connection,
  body: UploadBody,
  options: { readonly abortSignal: AbortSignal },
) => Promise<Answer>;

/**
 * Send the content until it goes through.
 *
 * @throws {@link BackendError} when S3 does not take it; what the content throws, as it is; the signal's reason.
 */
export async function sendContent<Answer>(
  requests: S3Requests,
  source: UploadSource,
  send: SendBody<Answer>,
): Promise<Answer> {
  const what = { doing: 'write', key: source.key } as const;
  const { start, end } = cutRange(source.range, source.content.size);
  const size = end - start;
  if (size <= largestBuffer) {
    const bytes = await readBytes(requests.uri, source, size);
    const body = { bytes, size, sha256: undefined };
    return requests.request(what, source.signal, (connection, options) => send(connection, body, options));
  }
  const sha256 = await hashContent(requests.uri, source);
  try {
    return await requests.request(what, source.signal, (connection, { abortSignal }) =>
      withStream(requests.uri, { ...source, signal: abortSignal }, (bytes, options) =>
        send(connection, { bytes, size, sha256 }, options),
      ),
    );
  } catch (error) {
    throw error instanceof ContentFailure ? error.error : error;
  }
}

/** Let the request say what its body's hash is. Without it, S3 would not check a stream. */
export function signBodyHash(command: PutObjectCommand | UploadPartCommand, sha256: string | undefined): void {
  if (sha256 === undefined) return;
  const stack = command.middlewareStack as PutObjectCommand['middlewareStack'];
  stack.add(
    (next) => (args) => {
      (args.request as { headers: Record<string, string> }).headers['x-amz-content-sha256'] = sha256;
      return next(args);
    },
    { step: 'build', name: 'signBodyHash' },
  );
}

/** Carries what the content threw past what makes errors of S3's of everything else. */
class ContentFailure extends NarkitError {
  readonly error: unknown;

  constructor(error: unknown) {
    super('content', 'the content failed', { cause: error });
    this.error = error;
  }
}

async function readBytes(uri: string, source: UploadSource, size: number): Promise<Uint8Array> {
  let bytes: Uint8Array | undefined;
  let filled = 0;
  for await (const chunk of readContent(source.content, { ...source, uri }).chunks) {
    if (chunk.length === size) return chunk;
    bytes ??= Buffer.allocUnsafeSlow(size);
    bytes.set(chunk, filled);
    filled += chunk.length;
  }
  return bytes ?? new Uint8Array(0);
}

async function hashContent(uri: string, source: UploadSource): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of readContent(source.content, { ...source, uri }).chunks) hash.update(chunk);
  return hash.digest('hex');
}

/** The SDK pipes a stream into its request, and would wait for ever where the stream fails. */
async function withStream<Answer>(
  uri: string,
  source: UploadSource & { readonly signal: AbortSignal },
  send: (stream: Readable, options: { readonly abortSignal: AbortSignal }) => Promise<Answer>,
): Promise<Answer> {
  const reading = readContent(source.content, { ...source, uri });
  const stream = Readable.from(reading.chunks, { objectMode: false });
  const stop = new AbortController();
  source.signal.addEventListener('abort', () => stop.abort(), { once: true });
  stream.on('error', () => stop.abort());
  try {
    return await send(stream, { abortSignal: stop.signal });
  } catch (error) {
    const failure = source.signal.aborted ? undefined : reading.failure();
    throw failure === undefined ? error : new ContentFailure(failure.error);
  } finally {
    stream.destroy();
  }
}
