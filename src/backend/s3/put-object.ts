/**
 * Putting an object, in one piece or in parts.
 *
 * @module
 */
import { BackendError, type Content, type PutOptions } from '../backend.ts';
import type { ByteBudget } from './byte-budget.ts';
import { maximumPartCount, putInParts } from './multipart-upload.ts';
import type { S3Requests } from './s3-requests.ts';
import { defaultPartSize, maximumPartSize, type S3Settings } from './s3-settings.ts';
import { largestBuffer, sendContent, signBodyHash } from './upload-body.ts';

/** Where to put an object, and how. */
export interface PutObjectRequest extends PutOptions {
  readonly requests: S3Requests;
  readonly budget: ByteBudget;
  readonly settings: S3Settings;
  readonly key: string;
  /** Bucket and key, as the SDK takes them. */
  readonly address: { readonly Bucket: string; readonly Key: string };
}

/** @throws {@link BackendError} when S3 does not take it; what the content throws; the signal's reason. */
export async function putObject(request: PutObjectRequest, content: Content): Promise<void> {
  const { requests, budget, key, address, signal } = request;
  const { multipartUpload = true, multipartChunkSize: partSize, multipartThreshold, storageClass } = request.settings;
  const attributes = {
    ...(request.contentType !== undefined && { ContentType: request.contentType }),
    ...(request.contentEncoding !== undefined && { ContentEncoding: request.contentEncoding }),
    ...(storageClass !== undefined && { StorageClass: storageClass as 'STANDARD' }),
  };
  checkSize(request, content.size, multipartUpload);
  const threshold = Math.min(multipartThreshold ?? partSize ?? defaultPartSize, maximumPartSize);
  if (multipartUpload && content.size > threshold)
    return putInParts({ requests, budget, key, address, attributes, partSize, signal }, content);

  const putWhole = async (): Promise<void> => {
    await sendContent(requests, { key, content, signal }, ({ client, sdk }, { bytes, size, sha256 }, options) => {
      const command = new sdk.PutObjectCommand({ ...address, ...attributes, Body: bytes, ContentLength: size });
      signBodyHash(command, sha256);
      return client.send(command, options);
    });
  };
  await budget(Math.min(content.size, largestBuffer), putWhole, signal);
}

/** Said before anything is sent: S3 says it when all has come. */
function checkSize({ requests, key, address }: PutObjectRequest, size: number, inParts: boolean): void {
  if (size <= (inParts ? maximumPartSize * maximumPartCount : maximumPartSize)) return;
  const limit = inParts ? 'S3 takes' : `S3 takes in one piece: write 'multipart-upload=true'`;
  throw new BackendError(
    'backend-refused',
    `cannot write '${key}' in '${address.Bucket}': ${size} bytes are more than ${limit}`,
    { uri: requests.uri, key },
  );
}
