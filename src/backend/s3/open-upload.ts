/**
 * Uploads in parts, as long as they are no objects: how they are opened, and taken away.
 *
 * S3 keeps the parts of an upload that nobody completes, and charges for them. So whatever goes wrong, the upload is aborted
 * before the error comes out. What a process that was killed left is taken away by who knows for what keys it was
 * (`abortUploads`), or by a rule of the bucket (`AbortIncompleteMultipartUpload`).
 *
 * @module
 */
import type { MultipartUpload } from '@aws-sdk/client-s3';
import { BackendError } from '../backend.ts';
import { onAbort } from '../until-aborted.ts';
import type { ByteBudget } from './byte-budget.ts';
import { s3CodeOf, statusOf } from './s3-error.ts';
import type { S3Requests } from './s3-requests.ts';

/** How long clearing up may take: when it is time to stop, and when S3 is away (a server that is started again is there by then). */
const clearingMs = 10_000;
const outageMs = 30_000;
/** How it is tried in that time. */
const clearingRetry = {
  attempts: Number.POSITIVE_INFINITY,
  delayMs: 100,
  rateLimitedDelayMs: 500,
  maximumDelayMs: 1000,
};

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

/**
 * Open an upload. The signal does not cut the request off, for an upload whose id is not known cannot be aborted.
 *
 * @returns its id.
 */
export async function createUpload(target: MultipartTarget): Promise<string> {
  const { requests, address, attributes, key, signal } = target;
  const startedMs = Date.now();
  const grace = createGrace(signal);
  let answerLost = false;
  let uploadId: string | undefined;
  try {
    const answer = await requests.request({ doing: 'write', key }, signal, async ({ client, sdk }) => {
      const command = new sdk.CreateMultipartUploadCommand({ ...address, ...attributes });
      try {
        return await client.send(command, { abortSignal: grace.signal });
      } catch (error) {
        answerLost ||= statusOf(error) === undefined;
        throw error;
      }
    });
    uploadId = answer.UploadId;
    if (uploadId === undefined) throw strangeAnswer(target, 'an upload without an id');
    return uploadId;
  } finally {
    grace.release();
    if (answerLost) await abortLostUploads(target, uploadId, startedMs);
  }
}

/** Take an upload and its parts away. What made this necessary is what the user hears of, not that this failed too. */
export async function abortUpload(
  { requests, address, key, signal }: MultipartTarget,
  uploadId: string,
): Promise<void> {
  const grace = createGrace(signal, outageMs);
  const what = { doing: 'delete', key, retry: clearingRetry } as const;
  await requests
    .request(what, grace.signal, ({ client, sdk }, options) =>
      client.send(new sdk.AbortMultipartUploadCommand({ ...address, UploadId: uploadId }), options),
    )
    .catch(() => undefined)
    .finally(grace.release);
}

/**
 * Take away all uploads of a key, whoever began them.
 *
 * @throws {@link BackendError}
 */
export async function abortUploads(
  requests: S3Requests,
  { address, key, signal }: Pick<MultipartTarget, 'address' | 'key' | 'signal'>,
): Promise<void> {
  const { Uploads = [] } = await requests.request({ doing: 'list', key }, signal, ({ client, sdk }, options) =>
    client.send(new sdk.ListMultipartUploadsCommand({ Bucket: address.Bucket, Prefix: address.Key }), options),
  );
  for (const { Key, UploadId } of Uploads) {
    if (Key !== address.Key) continue;
    await requests
      .request({ doing: 'delete', key }, signal, ({ client, sdk }, options) =>
        client.send(new sdk.AbortMultipartUploadCommand({ ...address, UploadId }), options),
      )
      .catch((error: unknown) => {
        if (s3CodeOf(error) !== 'NoSuchUpload') throw error;
      });
  }
}

/**
 * An upload was asked for, and the connection broke before its id came: it may be there. Those of the same key that began
 * since are aborted; another writer's among them would be begun again by that writer.
 */
async function abortLostUploads(target: MultipartTarget, ours: string | undefined, sinceMs: number): Promise<void> {
  const { requests, address, key } = target;
  const grace = createGrace(target.signal, outageMs);
  const what = { doing: 'list', key, retry: clearingRetry } as const;
  const found = await requests
    .request(what, grace.signal, async ({ client, sdk }, options) => {
      const about = { Bucket: address.Bucket, Prefix: address.Key };
      const { Uploads = [] } = await client.send(new sdk.ListMultipartUploadsCommand(about), options);
      // By the clock of the server, which tells whole seconds.
      const since = sinceMs + client.config.systemClockOffset - 1000;
      const isLost = ({ Key, UploadId, Initiated }: MultipartUpload): boolean =>
        Key === address.Key && UploadId !== ours && Number(Initiated) >= since;
      return Uploads.filter(isLost);
    })
    .catch(() => [])
    .finally(grace.release);
  await Promise.all(found.map(({ UploadId }) => abortUpload(target, UploadId!)));
}

/** A signal that leaves time to clear up: aborted `clearingMs` after the caller's, and after `limitMs` in any case. */
function createGrace(
  signal: AbortSignal | undefined,
  limitMs?: number,
): { readonly signal: AbortSignal; release(): void } {
  const stop = new AbortController();
  const timers: NodeJS.Timeout[] = [];
  const stopAfter = (delayMs: number): void => {
    timers.push(setTimeout(() => stop.abort(), delayMs));
  };
  if (limitMs !== undefined) stopAfter(limitMs);
  if (signal?.aborted) stopAfter(clearingMs);
  const forget = onAbort(signal, () => stopAfter(clearingMs));
  return {
    signal: stop.signal,
    release() {
      forget();
      for (const timer of timers) clearTimeout(timer);
    },
  };
}

/** The error for an answer that says it is done and lacks what it must say then. */
export function strangeAnswer({ requests, key, address }: MultipartTarget, what: string): BackendError {
  return new BackendError(
    'backend-response',
    `cannot write '${key}' in '${address.Bucket}': S3 answered with ${what}`,
    {
      uri: requests.uri,
      key,
    },
  );
}
