/**
 * A binary cache in an S3 bucket, on AWS or a service that speaks the same protocol.
 *
 * @module
 */
import type { AbortOptions } from '../../abort.ts';
import { type Backend, type BackendEntry, BackendError, checkKey } from '../backend.ts';
import { contentOfBytes } from '../content.ts';
import { checkRange } from '../range.ts';
import { createAbsence } from './absence.ts';
import { createByteBudget } from './byte-budget.ts';
import { getObject } from './get-object.ts';
import { listObjects } from './list-objects.ts';
import { abortUploads } from './open-upload.ts';
import { putObject } from './put-object.ts';
import type { S3Credentials } from './s3-client.ts';
import { s3CodeOf } from './s3-error.ts';
import { createS3Requests } from './s3-requests.ts';
import { checkS3Settings, type S3Settings } from './s3-settings.ts';

/** What a backend holds of all bodies that are on their way at a time. */
const bufferBudget = 32 * 1024 * 1024;

/** What a backend in S3 is made of. */
export interface S3BackendOptions extends S3Settings {
  /** Default: the SDK's credential chain. */
  readonly credentials?: S3Credentials | undefined;
  /** A connection over which nothing goes for so long is given up. Default 300,000 as Nix's `stalled-download-timeout`. */
  readonly stallTimeoutMs?: number | undefined;
}

/** A backend in a bucket; it lists. */
export interface S3Backend extends Backend {
  list(prefix: string, options?: AbortOptions): AsyncIterable<BackendEntry>;
  close(): Promise<void>;
  /**
   * Take away the parts of uploads of this key that nobody completed, as processes leave them that are killed. An upload that is under
   * way fails by it; narkit begins such a one again.
   *
   * @throws {@link BackendError}
   */
  abortUploads(key: string, options?: AbortOptions): Promise<void>;
}

/**
 * Objects in a bucket.
 *
 * - The AWS SDK is loaded when the bucket is first asked for something. Credentials come from its whole chain: environment,
 *   profile (keys, SSO, a process, a role), web identity, container, EC2 instance. Without any, nothing is sent.
 * - What fails for a while is tried again, each request for itself, as the settings say. A body that breaks off goes on where it
 *   broke, from the same object.
 * - Large objects go up in parts. A `put` that fails or is aborted leaves no parts behind.
 * - A 403 is an error, but where the bucket may not be listed, for there S3 says it of what is absent: see `absence.ts`.
 *
 * @throws {@link NarkitError} `setting` when these are settings of no bucket.
 * @example
 * ```ts
 * import { createS3Backend } from 'narkit/backend/s3';
 *
 * const backend = createS3Backend({ bucket: 'my-cache', region: 'eu-central-1' });
 * if (backend.uri !== 's3://my-cache?region=eu-central-1') throw new Error('unexpected');
 * ```
 */
export function createS3Backend(options: S3BackendOptions): S3Backend {
  checkS3Settings(options);
  const { bucket, prefix, retry } = options;
  const { AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL } = process.env;
  const endpoint = options.endpoint ?? (AWS_ENDPOINT_URL_S3 || AWS_ENDPOINT_URL || undefined);
  const requests = createS3Requests({ ...options, endpoint });
  const { uri } = requests;
  const budget = createByteBudget(bufferBudget);
  const folder = { Bucket: bucket, Prefix: prefix === undefined ? '' : `${prefix}/` };
  const addressOf = (key: string): { Bucket: string; Key: string } => ({
    Bucket: bucket,
    Key: folder.Prefix + checkKey(key),
  });
  const saysAbsent = createAbsence(requests, folder);
  /** Has S3 said anything of an object in the bucket? Until then a 404 may mean the bucket. */
  let bucketSeen = false;

  const get: Backend['get'] = async (key, { signal, range } = {}) => {
    const address = addressOf(key);
    if (range !== undefined) checkRange(range);
    signal?.throwIfAborted();
    try {
      // There is no way to ask S3 for no bytes.
      if (range?.length === 0) return await emptyPart(key, signal);
      const object = await getObject({ requests, key, address, range, signal, retry });
      bucketSeen = true;
      return object;
    } catch (error) {
      bucketSeen ||= s3CodeOf(error) === 'NoSuchKey';
      if (await saysAbsent(error, key, signal)) return undefined;
      throw error;
    }
  };

  const head: Backend['head'] = async (key, { signal } = {}) => {
    const address = addressOf(key);
    signal?.throwIfAborted();
    try {
      const answer = await requests.request({ doing: 'look for', key }, signal, ({ client, sdk }, request) =>
        client.send(new sdk.HeadObjectCommand(address), request),
      );
      bucketSeen = true;
      return { size: answer.ContentLength };
    } catch (error) {
      const status = error instanceof BackendError ? error.status : undefined;
      if (status === 404 && bucketSeen) return undefined;
      if (status === undefined || status >= 500) throw error;
      // The answer to a HEAD has no body that would say why: that of a GET has.
      const object = await get(key, { signal, range: { offset: 0, length: 1 } });
      return object && { size: object.size };
    }
  };

  const emptyPart = async (key: string, signal: AbortSignal | undefined): ReturnType<Backend['get']> => {
    const found = await head(key, { signal });
    return found && { key, size: found.size, body: (async function* () {})() };
  };

  return {
    uri,
    get,
    head,
    async put(key, content, putOptions = {}) {
      const address = addressOf(key);
      putOptions.signal?.throwIfAborted();
      const source = content instanceof Uint8Array ? contentOfBytes(content) : content;
      await putObject({ ...putOptions, requests, budget, settings: options, key, address }, source);
    },
    async delete(key, { signal } = {}) {
      const address = addressOf(key);
      signal?.throwIfAborted();
      await requests
        .request({ doing: 'delete', key }, signal, ({ client, sdk }, request) =>
          client.send(new sdk.DeleteObjectCommand(address), request),
        )
        .catch((error: unknown) => {
          if (s3CodeOf(error) !== 'NoSuchKey') throw error;
        });
    },
    async abortUploads(key, { signal } = {}) {
      const address = addressOf(key);
      signal?.throwIfAborted();
      await abortUploads(requests, { address, key, signal });
    },
    list: (start, { signal } = {}) => listObjects({ requests, folder, start, signal }),
    close: requests.close,
  };
}
