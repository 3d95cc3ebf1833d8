/**
 * The settings of an S3 bucket, by Nix's names for them.
 *
 * Rules: Nix `src/libstore/s3-url.cc` and `include/nix/store/s3-binary-cache-store.hh`.
 *
 * @module
 */
import { NarkitError } from '../../errors.ts';
import type { RetrySettings } from '../retry.ts';

const MiB = 1024 * 1024;
/** S3's bounds on a part; the upper one is also that of an object put in one piece. */
const minimumPartSize = 5 * MiB;
export const maximumPartSize: number = 5 * 1024 * MiB;
export const defaultPartSize: number = 8 * MiB;
export const defaultRegion = 'us-east-1';

/** Where the bucket's name goes: into the host (`virtual`), into the path, or where Nix would put it. */
export type S3AddressingStyle = 'auto' | 'path' | 'virtual';

/** What a backend in S3 can be told. */
export interface S3Settings {
  readonly bucket: string;
  /** The folder in the bucket that all keys lie under, without `/` at its ends. Default: none. */
  readonly prefix?: string | undefined;
  /** The profile of the AWS configuration that has the credentials. Default: the SDK's choice (`AWS_PROFILE`, `default`). */
  readonly profile?: string | undefined;
  /** Default `us-east-1`, as in Nix: `AWS_REGION` is not asked. */
  readonly region?: string | undefined;
  /** The URL of an S3 compatible service. Default: `AWS_ENDPOINT_URL_S3` or `AWS_ENDPOINT_URL` where set, else AWS. */
  readonly endpoint?: string | undefined;
  /** Default `auto`: `virtual` on AWS, `path` with an endpoint of one's own and for a bucket with a dot in its name. */
  readonly addressingStyle?: S3AddressingStyle | undefined;
  /** The storage class of what is put, such as `STANDARD_IA`. Default: the bucket's. */
  readonly storageClass?: string | undefined;
  /** Put large objects in parts, side by side. Default `true`, other than in Nix: without it nothing over 5 GiB goes up. */
  readonly multipartUpload?: boolean | undefined;
  /** Bytes of a part, 5 MiB to 5 GiB; raised for an object that would have too many parts. Default 8 MiB. */
  readonly multipartChunkSize?: number | undefined;
  /** Objects with more bytes than this go up in parts. Default: the size of a part, other than in Nix. */
  readonly multipartThreshold?: number | undefined;
  /** A PEM file with the client's TLS certificate. */
  readonly tlsCertificate?: string | undefined;
  /** A PEM file with the private key of the certificate. */
  readonly tlsPrivateKey?: string | undefined;
  /** How often and how patiently a request is tried. */
  readonly retry?: RetrySettings | undefined;
}

/** @throws {@link NarkitError} `setting` when these are settings of no bucket. */
export function checkS3Settings(settings: S3Settings): void {
  const { bucket, prefix, region, endpoint, addressingStyle, multipartChunkSize: partSize } = settings;
  // Not S3's rule (there are old buckets, and other services), but what can stand as the name of a host or of a folder.
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$/.test(bucket) || bucket.includes('..'))
    throw settingError('bucket', bucket, 'the name of a bucket');
  if (prefix?.split('/').some((part) => ['', '.', '..'].includes(part)))
    throw settingError('prefix', prefix, `a folder without empty, '.' or '..' parts`);
  if (region !== undefined && !/^[A-Za-z0-9][A-Za-z0-9-]{0,62}$/.test(region))
    throw settingError('region', region, `the name of a region, such as 'eu-central-1'`);
  if (endpoint !== undefined && !isEndpoint(endpoint))
    throw settingError('endpoint', endpoint.replace(/\/\/.*@/, '//…@'), `a URL such as 'https://s3.example.org'`);
  if (addressingStyle === 'virtual' && bucket.includes('.'))
    throw settingError('addressing-style', 'virtual', `'path' or 'auto' for a bucket with a dot in its name`);
  if (partSize !== undefined && !(partSize >= minimumPartSize && partSize <= maximumPartSize))
    throw settingError('multipart-chunk-size', String(partSize), 'a number of bytes from 5 MiB to 5 GiB');
}

/** Does Nix put the bucket's name into the path? */
export function usesPathStyle({ addressingStyle = 'auto', bucket, endpoint }: S3Settings): boolean {
  return addressingStyle === 'auto' ? endpoint !== undefined || bucket.includes('.') : addressingStyle === 'path';
}

/** The URI for messages, with the settings that say which bucket is meant. */
export function formatS3Uri(settings: S3Settings): string {
  const { bucket, prefix, addressingStyle, endpoint, profile, region } = settings;
  const query = Object.entries({ 'addressing-style': addressingStyle, endpoint, profile, region })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${encodeURIComponent(value!).replaceAll('%3A', ':').replaceAll('%2F', '/')}`);
  return `s3://${bucket}${prefix === undefined ? '' : `/${encodeURI(prefix)}`}${query.length > 0 ? '?' : ''}${query.join('&')}`;
}

/** The same error as for the settings of the cache that lies in the bucket. */
export function settingError(name: string, value: string, wanted: string): NarkitError {
  return new NarkitError('setting', `the setting '${name}' has the value '${value}', but it takes ${wanted}`);
}

function isEndpoint(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, search, hash } = new URL(text);
  return /^https?:$/.test(protocol) && username + password + search + hash === '';
}
