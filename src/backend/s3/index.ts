/**
 * A binary cache in an S3 bucket.
 *
 * @module
 */
export { type ParsedS3Settings, parseS3Settings } from './parse-s3-settings.ts';
export { createS3Backend, type S3Backend, type S3BackendOptions } from './s3-backend.ts';
export type { S3Credentials } from './s3-client.ts';
export type { S3AddressingStyle, S3Settings } from './s3-settings.ts';
