/**
 * The objects of a bucket, page by page.
 *
 * @module
 */
import type { AbortOptions } from '../../abort.ts';
import { type BackendEntry, BackendError, isKey } from '../backend.ts';
import type { S3Requests } from './s3-requests.ts';

/** What to list. */
export interface ListRequest extends AbortOptions {
  readonly requests: S3Requests;
  /** Bucket and prefix of the backend, as the SDK takes them. */
  readonly folder: { readonly Bucket: string; readonly Prefix: string };
  /** What the keys begin with. */
  readonly start: string;
}

/** @throws {@link BackendError} `backend-response` when the pages do not lead on. */
export async function* listObjects({ requests, folder, start, signal }: ListRequest): AsyncGenerator<BackendEntry> {
  signal?.throwIfAborted();
  const about = { Bucket: folder.Bucket, Prefix: folder.Prefix + start, EncodingType: 'url' } as const;
  let token: string | undefined;
  do {
    const page = await requests.request({ doing: 'list' }, signal, ({ client, sdk }, request) =>
      client.send(new sdk.ListObjectsV2Command({ ...about, ContinuationToken: token }), request),
    );
    for (const { Key = '', Size = 0 } of page.Contents ?? []) {
      signal?.throwIfAborted();
      const key = (page.EncodingType === 'url' ? decodeKey(Key) : Key).slice(folder.Prefix.length);
      // What others put there under names that are no keys, a folder's marker for one, is not this backend's.
      if (isKey(key)) yield { key, size: Size };
    }
    const next = page.IsTruncated ? page.NextContinuationToken : undefined;
    if (page.IsTruncated && (next === undefined || next === token))
      throw new BackendError('backend-response', `cannot list '${folder.Bucket}': its pages do not lead on`, {
        uri: requests.uri,
      });
    token = next;
  } while (token !== undefined);
  signal?.throwIfAborted();
}

/** S3 percent-encodes keys for XML's sake, a space as `+`. */
function decodeKey(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}
