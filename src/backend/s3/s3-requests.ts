/**
 * Requests to one bucket: connected on first use, tried again as the settings say, failing with one line that says why.
 *
 * @module
 */
import { type RetrySettings, retrying } from '../retry.ts';
import { onAbort } from '../until-aborted.ts';
import { createS3Connector, type S3ClientOptions, type S3Connection } from './s3-client.ts';
import { type S3Place, s3Error } from './s3-error.ts';
import { defaultRegion, formatS3Uri } from './s3-settings.ts';

/** One try of a request; `abortSignal` is for the SDK, and forgotten when the try is over. */
export type S3Attempt<Answer> = (
  connection: S3Connection,
  options: { readonly abortSignal: AbortSignal },
) => Promise<Answer>;

/** What is asked for, and how often where that is not up to the settings. */
export type S3Intent = Pick<S3Place, 'doing' | 'key'> & { readonly retry?: RetrySettings };

/** A bucket, as the other files ask it. */
export interface S3Requests {
  readonly uri: string;
  /** Ask until there is an answer or no hope of one. */
  request<Answer>(what: S3Intent, signal: AbortSignal | undefined, attempt: S3Attempt<Answer>): Promise<Answer>;
  /** What was caught outside of `request`, as the error to throw. */
  explain(error: unknown, what: Pick<S3Place, 'doing' | 'key'>): Error;
  close(): Promise<void>;
}

/** @param options are those of the backend, the defaults filled in. */
export function createS3Requests(options: S3ClientOptions): S3Requests {
  const connector = createS3Connector(options);
  const uri = formatS3Uri(options);
  const { bucket, region = defaultRegion, endpoint, profile } = options;
  const explain: S3Requests['explain'] = (error, what) =>
    s3Error(error, { uri, bucket, region, endpoint, profile, ...what });

  return {
    uri,
    explain,
    request: (what, signal, attempt) =>
      retrying(
        async () => {
          // Of its own, for the SDK listens to it with a listener for each request.
          const stop = new AbortController();
          const release = onAbort(signal, () => stop.abort());
          try {
            return await attempt(await connector.connect(signal), { abortSignal: stop.signal });
          } catch (error) {
            signal?.throwIfAborted();
            throw explain(error, what);
          } finally {
            release();
          }
        },
        what.retry ?? options.retry,
        { signal },
      ),
    close: connector.close,
  };
}
