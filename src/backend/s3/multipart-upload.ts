/**
 * Large objects, put in parts side by side.
 *
 * Nothing of an upload is an object before it is completed, and S3 keeps (and charges for) the parts of one that nobody
 * completes. So whatever goes wrong, the upload is aborted before the error comes out. Against a process that is killed only a
 * rule of the bucket helps (`AbortIncompleteMultipartUpload`).
 *
 * @module
 */
import type { CompletedPart, MultipartUpload } from '@aws-sdk/client-s3';
import { BackendError, type ByteRange, type Content } from '../backend.ts';
import { retrying } from '../retry.ts';
import { onAbort } from '../until-aborted.ts';
import type { ByteBudget } from './byte-budget.ts';
import { s3CodeOf, statusOf } from './s3-error.ts';
import type { S3Requests } from './s3-requests.ts';
import { defaultPartSize } from './s3-settings.ts';
import { largestBuffer, sendContent, signBodyHash } from './upload-body.ts';

/** How many parts of one object are on their way at a time. */
const partsAtATime = 4;
/** S3's bound on the parts of an object. */
export const maximumPartCount = 10_000;
/** Services may have lower bounds (Swift's is this one): kept where it does not take too large parts. */
const comfortablePartCount = 1000;
const comfortablePartSize = 64 * 1024 * 1024;
/** How long clearing up may take when it is time to stop, and how it is tried in that time. */
const clearingMs = 10_000;
const clearingRetry = { attempts: 20, delayMs: 100, rateLimitedDelayMs: 200, maximumDelayMs: 2000 };
/** How long it may take when S3 itself failed: a server that is started again is there by then. */
const outageMs = 30_000;
const longestPauseMs = 1000;

/** Where the object goes. */
export interface MultipartTarget {
  readonly requests: S3Requests;
  readonly budget: ByteBudget;
  readonly key: string;
  /** Bucket and key, as the SDK takes them. */
  readonly address: { readonly Bucket: string; readonly Key: string };
  /** What the object is to be, as the SDK takes it: media type, storage class, … */
  readonly attributes: Readonly<Record<string, string>>;
  /** Bytes of a part, where somebody wants a certain number. */
  readonly partSize: number | undefined;
  readonly signal: AbortSignal | undefined;
}

/** The size of the parts of an object: what is wanted, or more where there would be too many. */
export function choosePartSize(size: number, wanted?: number): number {
  const needed = Math.ceil(size / maximumPartCount);
  if (wanted !== undefined) return Math.max(wanted, needed);
  const comfortable = Math.min(Math.ceil(size / comfortablePartCount), comfortablePartSize);
  return Math.max(defaultPartSize, needed, comfortable);
}

/**
 * Put content in parts.
 *
 * @throws {@link BackendError} when S3 does not take it; what the content throws; the signal's reason.
 */
export async function putInParts(target: MultipartTarget, content: Content): Promise<void> {
  try {
    await putOnce(target, content);
  } catch (error) {
    // The server lost the upload, or completed it and its answer got lost: once more, from the beginning.
    if (s3CodeOf(error) !== 'NoSuchUpload') throw error;
    await putOnce(target, content);
  }
}

async function putOnce(target: MultipartTarget, content: Content): Promise<void> {
  const uploadId = await createUpload(target);
  try {
    target.signal?.throwIfAborted();
    await completeUpload(target, uploadId, await putParts(target, uploadId, content));
  } catch (error) {
    await abortUpload(target, uploadId);
    throw error;
  }
}

/** The signal does not cut the request off, for an upload whose id is not known cannot be aborted. */
async function createUpload(target: MultipartTarget): Promise<string> {
  const { requests, address, attributes, key, signal } = target;
  const startedMs = Date.now();
  const stop = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let answerLost = false;
  let uploadId: string | undefined;
  const release = onAbort(signal, () => {
    timer = setTimeout(() => stop.abort(), clearingMs);
  });
  try {
    const answer = await requests.request({ doing: 'write', key }, signal, async ({ client, sdk }) => {
      const command = new sdk.CreateMultipartUploadCommand({ ...address, ...attributes });
      try {
        return await client.send(command, { abortSignal: stop.signal });
      } catch (error) {
        answerLost ||= statusOf(error) === undefined;
        throw error;
      }
    });
    uploadId = answer.UploadId;
    if (uploadId === undefined) throw strangeAnswer(target, 'an upload without an id');
    return uploadId;
  } finally {
    release();
    clearTimeout(timer);
    if (answerLost) await abortLostUploads(target, uploadId, startedMs);
  }
}

/** All parts, or the first error when none is on its way any more. */
async function putParts(target: MultipartTarget, uploadId: string, content: Content): Promise<CompletedPart[]> {
  const partSize = choosePartSize(content.size, target.partSize);
  const partCount = Math.ceil(content.size / partSize);
  const parts = new Array<CompletedPart>(partCount);
  const stop = new AbortController();
  const release = onAbort(target.signal, () => stop.abort(target.signal!.reason));
  let next = 0;
  let arrived = 0;
  const put = async (index: number): Promise<void> => {
    // The last is read to the end of the content, wherever that is: more than was said must not go unseen.
    const range = { offset: index * partSize, ...(index < partCount - 1 && { length: partSize }) };
    const task = (): Promise<CompletedPart> =>
      putPart({ ...target, signal: stop.signal }, uploadId, content, { number: index + 1, range });
    for (;;) {
      const arrivedBefore = arrived;
      try {
        parts[index] = await target.budget(Math.min(partSize, largestBuffer), task, stop.signal);
        arrived++;
        return;
      } catch (error) {
        // While others get through, the whole upload is not given up for one that was tried often enough.
        if (!(error instanceof BackendError && error.retryable) || arrived === arrivedBefore) throw error;
      }
    }
  };
  const work = async (): Promise<void> => {
    for (let index = next++; index < partCount && !stop.signal.aborted; index = next++) await put(index);
  };
  const worker = (): Promise<void> => work().catch((error: unknown) => stop.abort(error));
  await Promise.all(Array.from({ length: Math.min(partsAtATime, partCount) }, worker));
  release();
  stop.signal.throwIfAborted();
  return parts;
}

async function putPart(
  target: MultipartTarget,
  uploadId: string,
  content: Content,
  part: { readonly number: number; readonly range: ByteRange },
): Promise<CompletedPart> {
  const { requests, address, key, signal } = target;
  const PartNumber = part.number;
  const source = { key, content, range: part.range, signal };
  const { ETag } = await sendContent(requests, source, ({ client, sdk }, { bytes, size, sha256 }, options) => {
    const about = { ...address, UploadId: uploadId, PartNumber, ContentLength: size };
    const command = new sdk.UploadPartCommand({ ...about, Body: bytes });
    signBodyHash(command, sha256);
    return client.send(command, options);
  });
  if (ETag === undefined) throw strangeAnswer(target, 'a part without an entity tag');
  return { PartNumber, ETag };
}

async function completeUpload(target: MultipartTarget, uploadId: string, Parts: CompletedPart[]): Promise<void> {
  const { requests, address, key, signal } = target;
  // The SDK takes a 200 whose body says `<Error>` for the error that it is.
  const { ETag } = await requests.request({ doing: 'write', key }, signal, ({ client, sdk }, options) => {
    const about = { ...address, UploadId: uploadId, MultipartUpload: { Parts } };
    return client.send(new sdk.CompleteMultipartUploadCommand(about), options);
  });
  if (ETag === undefined) throw strangeAnswer(target, 'an object without an entity tag');
}

/**
 * What made this necessary is what the user hears of, not that this failed too. It may be that S3 is away, so this is tried for
 * longer than other requests.
 */
async function abortUpload(target: MultipartTarget, uploadId: string): Promise<void> {
  const { requests, address, key } = target;
  const signal = AbortSignal.timeout(target.signal?.aborted ? clearingMs : outageMs);
  const attempt = (): Promise<unknown> =>
    requests.request({ doing: 'delete', key }, signal, ({ client, sdk }, options) =>
      client.send(new sdk.AbortMultipartUploadCommand({ ...address, UploadId: uploadId }), options),
    );
  const patience = { attempts: Number.POSITIVE_INFINITY, maximumDelayMs: longestPauseMs };
  await retrying(attempt, patience, { signal }).catch(() => undefined);
}

/**
 * An upload was asked for, and the connection broke before its id came: it may be there. Those of the same key that began
 * since are aborted; another writer's among them would be begun again by that writer.
 */
async function abortLostUploads(target: MultipartTarget, ours: string | undefined, sinceMs: number): Promise<void> {
  const { requests, address, key } = target;
  const found = await requests
    .request(
      { doing: 'list', key, retry: clearingRetry },
      AbortSignal.timeout(clearingMs),
      async ({ client, sdk }, options) => {
        const about = { Bucket: address.Bucket, Prefix: address.Key };
        const { Uploads = [] } = await client.send(new sdk.ListMultipartUploadsCommand(about), options);
        // By the clock of the server, which tells whole seconds.
        const since = sinceMs + client.config.systemClockOffset - 1000;
        const isLost = ({ Key, UploadId, Initiated }: MultipartUpload): boolean =>
          Key === address.Key && UploadId !== ours && Number(Initiated) >= since;
        return Uploads.filter(isLost);
      },
    )
    .catch(() => []);
  await Promise.all(found.map(({ UploadId }) => abortUpload(target, UploadId!)));
}

function strangeAnswer({ requests, key, address }: MultipartTarget, what: string): BackendError {
  return new BackendError(
    'backend-response',
    `cannot write '${key}' in '${address.Bucket}': S3 answered with ${what}`,
    {
      uri: requests.uri,
      key,
    },
  );
}
