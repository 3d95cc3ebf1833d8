/**
 * What there is least to do: the SDK puts a file into a bucket.
 *
 *   node put-file.mjs ENDPOINT REGION BUCKET FILE
 */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';

const [endpoint, region, Bucket, file] = process.argv.slice(2);
const client = new S3Client({ endpoint, region, forcePathStyle: true });
const { size } = await stat(file);
await client.send(new PutObjectCommand({ Bucket, Key: 'file', Body: createReadStream(file), ContentLength: size }));
