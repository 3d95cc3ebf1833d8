/**
 * What lies in a bucket of the test server, seen and unseen.
 *
 * @module
 */
import {
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  ListPartsCommand,
} from '@aws-sdk/client-s3';
import type { S3Server } from '../peers/s3-server.ts';

/** The keys of all objects. */
export async function listKeys({ client }: S3Server, bucket: string): Promise<string[]> {
  const keys: string[] = [];
  let token: string | undefined;
  do {
    const page = await client.send(new ListObjectsV2Command({ Bucket: bucket, ContinuationToken: token }));
    for (const { Key } of page.Contents ?? []) keys.push(Key!);
    token = page.NextContinuationToken;
  } while (token !== undefined);
  return keys.sort();
}

/** The bytes of an object. */
export async function readObject({ client }: S3Server, bucket: string, key: string): Promise<Buffer> {
  const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
  return Buffer.from(await Body!.transformToByteArray());
}

/** Multipart uploads that nobody has completed or aborted: the keys that they are for. */
export async function listOpenUploads({ client }: S3Server, bucket: string): Promise<string[]> {
  const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
  return Uploads.map(({ Key }) => Key!);
}

/** Resolves when an upload is open and has at least one part. */
export async function untilPartsArrive({ client }: S3Server, bucket: string): Promise<void> {
  for (;;) {
    const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
    for (const { Key, UploadId } of Uploads) {
      const { Parts = [] } = await client
        .send(new ListPartsCommand({ Bucket: bucket, Key, UploadId }))
        .catch(() => ({ Parts: [] }));
      if (Parts.length > 0) return;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
