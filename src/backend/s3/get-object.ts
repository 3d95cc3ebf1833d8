/**
 * Reading an object, whole or a part of it.
 *
 * @module
 */
import type { Readable } from 'node:stream';
import type { GetObjectCommandOutput } from '@aws-sdk/client-s3';
import type { AbortOptions } from '../../abort.ts';
import { BackendError, type BackendObject, type ByteRange } from '../backend.ts';
import { formatRangeHeader } from '../range.ts';
import type { RetrySettings } from '../retry.ts';
import { readBody } from './object-body.ts';
import { s3CodeOf } from './s3-error.ts';
import type { S3Requests } from './s3-requests.ts';

/** Bodies up to this size are read at once, and their connection is free for others. */
const smallBodySize = 64 * 1024;

/** What to read. */
export interface GetObjectRequest extends AbortOptions {
  readonly requests: S3Requests;
  readonly key: string;
  /** Bucket and key, as the SDK takes them. */
  readonly address: { readonly Bucket: string; readonly Key: string };
  readonly range?: ByteRange | undefined;
  readonly retry: RetrySettings | undefined;
}

/** @throws {@link BackendError} also when there is no such object. */
export async function getObject(request: GetObjectRequest): Promise<BackendObject> {
  const { requests, key, range, signal, retry } = request;
  const first = await askForRange(request, range);
  if (first === undefined) return { key, size: undefined, body: readBytes(new Uint8Array(0), signal) };
  const { answer, stream } = first;
  const { ETag, ContentRange, ContentLength } = answer;
  const total = ContentRange === undefined ? ContentLength : Number(/\/(\d+)$/.exec(ContentRange)?.[1] ?? Number.NaN);
  const object = {
    key,
    size: Number.isSafeInteger(total) ? total : undefined,
    contentEncoding: readContentEncoding(answer.ContentEncoding),
  };
  if (first.bytes !== undefined) return { ...object, body: readBytes(first.bytes, signal) };

  const size = ContentLength;
  const start = range?.offset ?? 0;
  const reopen = async (position: number): Promise<Readable> => {
    const rest = {
      offset: start + position,
      length: size === undefined ? undefined : size - position,
    };
    const again = ETag === undefined ? undefined : await askForRange(request, rest, ETag);
    if (again !== undefined) return again.stream;
    throw requests.explain(new Error('the connection broke, and it cannot be gone on with'), { doing: 'read', key });
  };
  const explain = (error: unknown): Error => requests.explain(error, { doing: 'read', key });
  return { ...object, body: readBody(stream, { size, reopen, explain, attempts: retry?.attempts ?? 5, signal }) };
}

/** `undefined` when there are no bytes in the range. */
async function askForRange(
  { requests, key, address, signal }: GetObjectRequest,
  range: ByteRange | undefined,
  etag?: string,
): Promise<{ answer: GetObjectCommandOutput; stream: Readable; bytes: Uint8Array | undefined } | undefined> {
  const what = { doing: 'read', key } as const;
  const whole = range === undefined || (range.offset === 0 && range.length === undefined);
  try {
    return await requests.request(what, signal, async ({ client, sdk }, options) => {
      const about = { ...address, Range: whole ? undefined : formatRangeHeader(range), IfMatch: etag };
      const answer = await client.send(new sdk.GetObjectCommand(about), options);
      const stream = answer.Body as Readable;
      if (!whole && !answer.ContentRange?.startsWith(`bytes ${range.offset}-`)) {
        stream.destroy();
        throw new Error(`it gives '${answer.ContentRange}' for the range '${about.Range}'`);
      }
      const isSmall = answer.ContentLength !== undefined && answer.ContentLength <= smallBodySize;
      return { answer, stream, bytes: isSmall ? Buffer.concat(await stream.toArray()) : undefined };
    });
  } catch (error) {
    const code = s3CodeOf(error);
    if (code === 'InvalidRange') return undefined;
    if (code !== 'PreconditionFailed') throw error;
    throw new BackendError('backend-response', `'${key}' in '${address.Bucket}' was replaced while it was read`, {
      uri: requests.uri,
      key,
      retryable: true,
    });
  }
}

/** Without the framing of uploads, which some services keep. */
function readContentEncoding(value: string | undefined): string | undefined {
  const codings = value?.split(',').map((coding) => coding.trim()) ?? [];
  return codings.filter((coding) => coding !== '' && coding !== 'aws-chunked').join(', ') || undefined;
}

async function* readBytes(bytes: Uint8Array, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  signal?.throwIfAborted();
  if (bytes.length > 0) yield bytes;
  signal?.throwIfAborted();
}
