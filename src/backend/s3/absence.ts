/**
 * Whether S3 says that there is no such object.
 *
 * It says 404 to those who may list the bucket, and 403 to those who may not: to them, what is not there and what they may not
 * read look alike. Nix takes every 403 for absence, but of `nix-cache-info`. So does narkit where the bucket cannot be listed;
 * where it can, a 403 is what it says.
 *
 * @module
 */
import { BackendError } from '../backend.ts';
import { s3CodeOf } from './s3-error.ts';
import type { S3Requests } from './s3-requests.ts';

/** Was this error about an object that is not there? */
export type SaysAbsent = (error: unknown, key: string, signal: AbortSignal | undefined) => Promise<boolean>;

/** @param folder bucket and prefix, as the SDK takes them. */
export function createAbsence(
  requests: S3Requests,
  folder: { readonly Bucket: string; readonly Prefix: string },
): SaysAbsent {
  let listable: boolean | undefined;

  const mayList = async (signal: AbortSignal | undefined): Promise<boolean> => {
    try {
      await requests.request({ doing: 'list' }, signal, ({ client, sdk }, options) =>
        client.send(new sdk.ListObjectsV2Command({ ...folder, MaxKeys: 1 }), options),
      );
      return true;
    } catch (error) {
      if (s3CodeOf(error) === 'AccessDenied') return false;
      throw error;
    }
  };

  return async (error, key, signal) => {
    if (!(error instanceof BackendError)) return false;
    const code = s3CodeOf(error);
    if (code === 'NoSuchKey') return true;
    if (code !== 'AccessDenied' || key === 'nix-cache-info') return false;
    listable ??= await mayList(signal);
    return !listable;
  };
}
