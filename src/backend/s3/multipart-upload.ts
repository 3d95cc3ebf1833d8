/**
 * Large objects, put in parts side by side.
 *
 * @module
 */
import type { CompletedPart } from '@aws-sdk/client-s3';
import { BackendError, type ByteRange, type Content } from '../backend.ts';
import { onAbort } from '../until-aborted.ts';
import { abortUpload, createUpload, type MultipartTarget, strangeAnswer } from './open-upload.ts';
import { s3CodeOf } from './s3-error.ts';
import { defaultPartSize } from './s3-settings.ts';
import { largestBuffer, sendContent, signBodyHash } from './upload-body.ts';

/** How many parts of one object are on their way at a time. */
const partsAtATime = 4;
/**
 * When an upload fails, parts that are with the server already are waited for: one that arrives behind the abort would stay for ever.
 * Whoever wants to stop waits less for them.
 */
const settleMs = { afterFailure: 2000, afterAbort: 300 };
/** S3's bound on the parts of an object. */
export const maximumPartCount = 10_000;
/** Services may have lower bounds (Swift's is this one): kept where it does not take too large parts. */
const comfortablePartCount = 1000;
const comfortablePartSize = 64 * 1024 * 1024;

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

/** All parts, or the first error when none is on its way any more. */
async function putParts(target: MultipartTarget, uploadId: string, content: Content): Promise<CompletedPart[]> {
  const partSize = choosePartSize(content.size, target.partSize);
  const partCount = Math.ceil(content.size / partSize);
  const parts = new Array<CompletedPart>(partCount);
  const stop = new AbortController();
  const cut = new AbortController();
  let cutting: NodeJS.Timeout | undefined;
  const end = (reason: unknown, waitMs: number): void => {
    clearTimeout(cutting);
    cutting = setTimeout(() => cut.abort(reason), waitMs);
    stop.abort(reason);
  };
  const release = onAbort(target.signal, () => end(target.signal!.reason, settleMs.afterAbort));
  let next = 0;
  let arrived = 0;
  const put = async (index: number): Promise<void> => {
    // The last is read to the end of the content, wherever that is: more than was said must not go unseen.
    const range = { offset: index * partSize, ...(index < partCount - 1 && { length: partSize }) };
    const task = (): Promise<CompletedPart> =>
      putPart({ ...target, signal: cut.signal }, uploadId, content, { number: index + 1, range });
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
  const worker = (): Promise<void> =>
    work().catch((error: unknown) => {
      if (!stop.signal.aborted) end(error, settleMs.afterFailure);
    });
  await Promise.all(Array.from({ length: Math.min(partsAtATime, partCount) }, worker));
  release();
  clearTimeout(cutting);
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
